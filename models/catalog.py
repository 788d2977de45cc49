"""Every network by name, collected from the families' tables."""

from __future__ import annotations

import fnmatch
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from types import MappingProxyType, ModuleType
from typing import Any, Literal

import keras

from models.classifiers import (
    alexnet,
    all_cnn,
    densenet,
    googlenet,
    lenet,
    nasnet,
    resnet,
    speed_net,
    vgg,
)
from models.generative import wavenet
from models.layers.heads import Pooling
from models.restoration import (
    context_encoder,
    context_encoder_227,
    edsr,
    espcn,
    fsrcnn,
    gated_unet,
    sesr,
    srcnn,
    srresnet,
    vdsr,
)
from models.sources import published
from models.spec import (
    SCALES,
    ClassifierSpec,
    InpainterSpec,
    ModelSpec,
    Shape,
    UpscalerSpec,
    WaveformSpec,
)
from models.weights import load_weights
from models.words import suggest

FAMILIES: Mapping[str, ModuleType] = MappingProxyType(
    {
        "lenet": lenet,
        "alexnet": alexnet,
        "vgg": vgg,
        "googlenet": googlenet,
        "all_cnn": all_cnn,
        "speed_net": speed_net,
        "resnet": resnet,
        "densenet": densenet,
        "nasnet": nasnet,
        "srcnn": srcnn,
        "vdsr": vdsr,
        "fsrcnn": fsrcnn,
        "espcn": espcn,
        "srresnet": srresnet,
        "edsr": edsr,
        "sesr": sesr,
        "context_encoder": context_encoder,
        "context_encoder_227": context_encoder_227,
        "gated_unet": gated_unet,
        "wavenet": wavenet,
    }
)

Task = Literal["image-classification", "super-resolution", "inpainting", "audio-generation"]

# What the networks of a task are for, where they do not classify.
_DOES: Mapping[Task, str] = MappingProxyType(
    {
        "super-resolution": "enlarges",
        "inpainting": "fills holes",
        "audio-generation": "generates sound",
    }
)
_TASK_OF: Mapping[type[ModelSpec], Task] = MappingProxyType(
    {
        ClassifierSpec: "image-classification",
        UpscalerSpec: "super-resolution",
        InpainterSpec: "inpainting",
        WaveformSpec: "audio-generation",
    }
)

# What the `build` of every family takes; the rest are the family's own options.
_COMMON = ("spec", "input_shape", "classes", "include_top", "pooling")


@dataclass(frozen=True)
class ModelInfo:
    """A network's name, its family, and its row in the family's table."""

    name: str
    family: str
    spec: ModelSpec

    @property
    def task(self) -> Task:
        """What the network is for."""
        return next(task for kind, task in _TASK_OF.items() if isinstance(self.spec, kind))


_INFOS = {
    name: ModelInfo(name, family, spec)
    for family, module in FAMILIES.items()
    for name, spec in module.SPECS.items()
}


def list_models(pattern: str = "*", *, task: Task | None = None) -> list[str]:
    """Return the names that match a shell pattern such as `lenet*`, in the catalog's order.

    Args:
        pattern: Which names.
        task: "image-classification", "super-resolution", "inpainting" or "audio-generation"; all
            when None.
    """
    return [
        name
        for name, info in _INFOS.items()
        if fnmatch.fnmatchcase(name, pattern) and task in (None, info.task)
    ]


def model_info(name: str) -> ModelInfo:
    """Return what the catalog states of `name`.

    Raises:
        ValueError: There is no such network; the message names the nearest.
    """
    if name not in _INFOS:
        raise ValueError(f"unknown model {name!r}; {suggest(name, _INFOS)}")
    return _INFOS[name]


def create_model(
    name: str,
    *,
    input_shape: Sequence[int | None] | None = None,
    classes: int | None = None,
    include_top: bool = True,
    pooling: Pooling = None,
    weights: str | PathLike[str] | None = None,
    **options: Any,
) -> keras.Model:
    """Return a new network.

    One that classifies maps images (B, *input_shape) to logits (B, classes); one that enlarges maps
    images (B, H, W, C) in [0, 1] to (B, scale H, scale W, C), or to (B, H, W, C) where its row says
    that the image is `enlarged` already; one that fills holes maps a dictionary of image (B, H, W,
    C) in [0, 1] and mask (B, H, W, 1), 1 where to fill, to the filled image; one that generates
    sound maps levels (B, T), and what conditions them, to logits (B, T, classes) of the levels that
    follow.

    Args:
        name: One of `list_models()`.
        input_shape: (H, W, C), or (T,) of sound; the catalog's own when None, which for a network
            that enlarges or fills holes is any height and width, and for sound any length. H and W
            may be None where the network takes images of any size.
        classes: Number of classes; the catalog's own when None.
        include_top: False leaves out what turns feature maps into logits: the network then ends
            with maps (B, H', W', C').
        pooling: Without a top, average (`avg`) or maximum (`max`) of the maps: (B, C').
        weights: A file, see `models.weights.load_weights`; "imagenet" for those that Keras
            publishes, which are fetched once; random weights when None.
        **options: `scale` of a network that enlarges: 2, which is the default, 3 or 4; and what the
            family's `build` takes besides.

    Raises:
        ValueError: Unknown name, sizes that the network cannot take, a classifier's argument for
            another, or weights that do not fit.
        FileNotFoundError, ConnectionError, ImportError: The weights cannot be had.
        TypeError: An option that the family does not have.
    """
    info = model_info(name)
    build = FAMILIES[info.family].build
    top: dict[str, Any] = {"classes": classes, "include_top": include_top, "pooling": pooling}
    _refuse_unknown(info, build, top, options)
    if isinstance(info.spec, ClassifierSpec):
        options |= _checked_top(info.spec, **top)
    elif isinstance(info.spec, UpscalerSpec):
        options = _checked_scale(info.spec, **options)
    if weights == published.IMAGENET:
        weights = published.fetch(name, classes=classes, include_top=include_top)
    shape = _checked_shape(name, info.spec, input_shape)
    model: keras.Model = build(info.spec, input_shape=shape, **options)
    model.name = name
    if weights is not None:
        load_weights(model, weights, family=info.family)
    return model


def features(model: keras.Model, names: Sequence[str] | None = None) -> keras.Model:
    """Return a network that maps images to a dictionary of intermediate outputs.

    It shares the weights of `model`.

    Args:
        model: A functional network.
        names: Layers of `model`; the ends of its stages, as its family names them, when None.

    Raises:
        ValueError: A layer that `model` does not have, or no names for a network that is not one
            of the catalog's.
    """
    if names is None:
        if model.name not in _INFOS:
            raise ValueError(
                f"{model.name!r} is not in the catalog: name the layers whose outputs are wanted"
            )
        info = _INFOS[model.name]
        names = FAMILIES[info.family].feature_names(info.spec)
    layers = {layer.name: layer for layer in model.layers}
    for name in names:
        if name not in layers:
            raise ValueError(f"{model.name} has no layer {name!r}; {suggest(name, list(layers))}")
    outputs = {name: layers[name].output for name in names}
    return keras.Model(model.input, outputs, name=f"{model.name}_features")


def _refuse_unknown(
    info: ModelInfo, build: Callable[..., Any], top: dict[str, Any], options: Mapping[str, Any]
) -> None:
    """Refuse what the network does not have: `top` is a classifier's."""
    allowed = [name for name in inspect.signature(build).parameters if name not in _COMMON]
    if isinstance(info.spec, UpscalerSpec):
        allowed = ["scale", *(name for name in allowed if name != "scale")]
    if info.task in _DOES:
        # What was left as it is was not asked for.
        untouched = {"classes": None, "include_top": True, "pooling": None}
        asked = {name: value for name, value in top.items() if value != untouched[name]}
        for option, value in asked.items():
            raise ValueError(
                f"{option} is for networks that classify; got {option}={value!r} for {info.name}, "
                f"which {_DOES[info.task]}; its options: {', '.join(allowed)}"
            )
    for option in options:
        if option not in allowed:
            raise TypeError(f"{info.name} has no option {option!r}; {suggest(option, allowed)}")


def _checked_top(
    spec: ClassifierSpec, *, classes: int | None, include_top: bool, pooling: Pooling
) -> dict[str, Any]:
    """Return what a classifier's `build` takes."""
    if pooling not in (None, "avg", "max"):
        raise ValueError(f"pooling must be None, 'avg' or 'max'; got {pooling!r}")
    if include_top and pooling:
        raise ValueError(f"pooling={pooling!r} needs include_top=False; the top pools by itself")
    if not include_top and classes is not None:
        raise ValueError(f"without a top there are no classes; got classes={classes!r}")
    if classes is None:
        classes = spec.classes
    elif not isinstance(classes, int) or classes < 1:
        raise ValueError(f"classes must be a whole number of at least 1; got {classes!r}")
    return {"classes": classes, "include_top": include_top, "pooling": pooling}


def _checked_scale(spec: UpscalerSpec, *, scale: int = SCALES[0], **options: Any) -> dict[str, Any]:
    """Return what an upscaler's `build` takes: no scale where one network serves them all."""
    if scale not in SCALES:
        raise ValueError(f"scale must be 2, 3 or 4; got {scale!r}")
    return options if spec.enlarged else {"scale": int(scale), **options}


def _checked_shape(
    name: str, spec: ModelSpec, input_shape: Sequence[int | None] | None
) -> tuple[int | None, ...]:
    if input_shape is None:
        return spec.default_shape
    shape: tuple[Any, ...] = tuple(input_shape)
    sizes = [n for n in shape[:2] if n is not None]
    if isinstance(spec, WaveformSpec):
        if len(shape) != 1 or any(not isinstance(n, int) or n < 1 for n in sizes):
            raise ValueError(f"input_shape of sound must be (samples,); got {input_shape!r}")
        return shape
    if len(shape) != 3 or any(not isinstance(n, int) or n < 1 for n in (*sizes, *shape[2:])):
        raise ValueError(f"input_shape must be (height, width, channels); got {input_shape!r}")
    if any(n < spec.smallest_px for n in sizes):
        raise ValueError(
            f"{name} takes {spec.smallest_px} x {spec.smallest_px} pixels or more; "
            f"got {input_shape!r}"
        )
    if isinstance(spec, InpainterSpec):
        return _checked_holed(name, spec, shape)
    if isinstance(spec, UpscalerSpec) and shape[2] not in (1, 3):
        raise ValueError(f"{name} takes images of 1 channel (luma) or 3 (RGB); got {input_shape!r}")
    return shape


def _checked_holed(name: str, spec: InpainterSpec, shape: tuple[int | None, ...]) -> Shape:
    """Return the shape of an image with holes."""
    height, width, channels = shape
    if spec.fixed and shape != spec.input_shape:
        raise ValueError(f"{name} takes images of {spec.input_shape} alone; got {shape!r}")
    if any(n is not None and n % spec.stride for n in (height, width)):
        raise ValueError(
            f"{name} takes heights and widths that are multiples of {spec.stride}; got {shape!r}"
        )
    return (height, width, int(channels or 0))

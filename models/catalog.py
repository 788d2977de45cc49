"""Every network by name, collected from the families' tables."""

from __future__ import annotations

import fnmatch
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from types import MappingProxyType, ModuleType
from typing import Any, cast

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
from models.layers.heads import Pooling
from models.sources import published
from models.spec import ModelSpec, Shape
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
    }
)


# What every `build` takes.
_COMMON = ("spec", "input_shape", "classes", "include_top", "pooling")


@dataclass(frozen=True)
class ModelInfo:
    """A network's name, its family, and its row in the family's table."""

    name: str
    family: str
    spec: ModelSpec


_INFOS = {
    name: ModelInfo(name, family, spec)
    for family, module in FAMILIES.items()
    for name, spec in module.SPECS.items()
}


def list_models(pattern: str = "*") -> list[str]:
    """Return the names that match a shell pattern such as `lenet*`, in the catalog's order."""
    return [name for name in _INFOS if fnmatch.fnmatchcase(name, pattern)]


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
    input_shape: Shape | None = None,
    classes: int | None = None,
    include_top: bool = True,
    pooling: Pooling = None,
    weights: str | PathLike[str] | None = None,
    **options: Any,
) -> keras.Model:
    """Return a new network: images (B, *input_shape) to logits (B, classes).

    Args:
        name: One of `list_models()`.
        input_shape: (H, W, C); the catalog's own when None. H and W may be None where the network
            takes images of any size.
        classes: Number of classes; the catalog's own when None.
        include_top: False leaves out what turns feature maps into logits: the network then ends
            with maps (B, H', W', C').
        pooling: Without a top, average (`avg`) or maximum (`max`) of the maps: (B, C').
        weights: A file, see `models.weights.load_weights`; "imagenet" for those that Keras
            publishes, which are fetched once; random weights when None.
        **options: What the family's `build` takes besides.

    Raises:
        ValueError: Unknown name, sizes that the network cannot take, or weights that do not fit.
        FileNotFoundError, ConnectionError, ImportError: The weights cannot be had.
        TypeError: An option that the family does not have.
    """
    info = model_info(name)
    build = FAMILIES[info.family].build
    allowed = [p for p in inspect.signature(build).parameters if p not in _COMMON]
    for option in options:
        if option not in allowed:
            raise TypeError(f"{name} has no option {option!r}; {suggest(option, allowed)}")
    if pooling not in (None, "avg", "max"):
        raise ValueError(f"pooling must be None, 'avg' or 'max'; got {pooling!r}")
    if include_top and pooling:
        raise ValueError(f"pooling={pooling!r} needs include_top=False; the top pools by itself")
    if not include_top and classes is not None:
        raise ValueError(f"without a top there are no classes; got classes={classes!r}")
    if weights == published.IMAGENET:
        weights = published.fetch(name, classes=classes, include_top=include_top)
    model: keras.Model = build(
        info.spec,
        input_shape=_checked_shape(name, info.spec, input_shape),
        classes=_checked_classes(info.spec, classes),
        include_top=include_top,
        pooling=pooling,
        **options,
    )
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


def _checked_shape(name: str, spec: ModelSpec, input_shape: Shape | None) -> Shape:
    if input_shape is None:
        return spec.input_shape
    shape: Any = tuple(input_shape)
    sizes = [n for n in shape[:2] if n is not None]
    if len(shape) != 3 or any(not isinstance(n, int) or n < 1 for n in (*sizes, *shape[2:])):
        raise ValueError(f"input_shape must be (height, width, channels); got {input_shape!r}")
    if any(n < spec.smallest_px for n in sizes):
        raise ValueError(
            f"{name} takes {spec.smallest_px} x {spec.smallest_px} pixels or more; "
            f"got {input_shape!r}"
        )
    return cast(Shape, shape)


def _checked_classes(spec: ModelSpec, classes: int | None) -> int:
    if classes is None:
        return spec.classes
    if not isinstance(classes, int) or classes < 1:
        raise ValueError(f"classes must be a whole number of at least 1; got {classes!r}")
    return classes

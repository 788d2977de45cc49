"""ImageNet's thousand labels, and presets whose weights are Keras's own, fetched when first used.

The pictures are prepared as the weights were trained: see `ImagePreprocessing.imagenet`. Nothing is
measured here: the validation pictures cannot be shipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pipelines.presets import Download, Preset, PresetError

if TYPE_CHECKING:
    import keras

    from pipelines.preprocessing import Convention

_LABELS = Path(__file__).with_name("imagenet_labels.txt")


@dataclass(frozen=True)
class Source:
    """Whose weights a network has.

    Attributes:
        convention: How they want pictures.
        licence: As Keras's documentation states it.
    """

    convention: Convention
    licence: str


_VGG = "CC BY (Visual Geometry Group, Oxford)"
_RESNET = "MIT (Kaiming He)"
_DENSENET = "BSD-3-Clause (Facebook)"
_NASNET = "Apache-2.0 (Google)"

SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        "vgg16": Source("caffe", _VGG),
        "vgg19": Source("caffe", _VGG),
        "resnet50": Source("caffe", _RESNET),
        "resnet101": Source("caffe", _RESNET),
        "resnet152": Source("caffe", _RESNET),
        "densenet121": Source("torch", _DENSENET),
        "densenet169": Source("torch", _DENSENET),
        "densenet201": Source("torch", _DENSENET),
        "nasnet_mobile": Source("tf", _NASNET),
        "nasnet_large": Source("tf", _NASNET),
    }
)
_SUFFIX = "_imagenet"
NAMES = tuple(f"{model}{_SUFFIX}" for model in SOURCES)


class ImageNetPreset(Preset):
    """A preset without a folder of its own: `path` is Keras's cache, where its weights go."""

    @property
    def preprocessor(self) -> Mapping[str, Any]:
        """How an input is prepared, as `ImagePreprocessing.to_dict` states it."""
        from models.catalog import model_info
        from pipelines.preprocessing import ImagePreprocessing

        height, width, _ = model_info(self.model).spec.input_shape
        return ImagePreprocessing.imagenet(SOURCES[self.model].convention, height, width).to_dict()

    def build(self) -> keras.Model:
        """Return the network with its weights; they are fetched if they are not in the cache.

        Raises:
            PresetError: They cannot be fetched, or are not what was published.
        """
        from models.catalog import create_model

        try:
            return create_model(self.model, weights="imagenet")
        except (ValueError, OSError) as error:
            raise PresetError(f"preset {self.name!r}: {error}") from error


def imagenet_preset(name: str, *, offline: bool = False) -> ImageNetPreset:
    """Return one of `NAMES`.

    Args:
        name: The network's name, and `_imagenet`.
        offline: Use Keras's cache only.

    Raises:
        PresetError: `offline`, and its weights are not in the cache.
    """
    from models.catalog import model_info
    from models.sources import published

    model = name.removesuffix(_SUFFIX)
    if offline and not published.is_cached(model):
        raise PresetError(f"preset {name!r} is not in Keras's cache (offline=True)")
    source, spec = SOURCES[model], model_info(model).spec
    metadata: dict[str, Any] = {
        "title": f"ImageNet's thousand kinds of things: {spec.title}",
        "description": "Weights published by Keras; their accuracy is not measured here.",
        "licence": f"weights {source.licence}, as Keras's documentation states it",
        "data": "ImageNet (ILSVRC 2012) train",
        "metrics": [],
        "labels": list(imagenet_labels()),
        "parameters": spec.params,
    }
    config = {"task": "image-classification", "model": model, "options": {}}
    return ImageNetPreset(name, published.cache() / "models", config, metadata)


DOWNLOADS: Mapping[str, Download] = MappingProxyType(dict.fromkeys(NAMES, imagenet_preset))


@cache
def imagenet_labels() -> tuple[str, ...]:
    """Return the thousand labels in the order in which everybody's networks give them.

    They are the usual short ones; the two cranes, the two maillots and the two Cardigans are told
    apart.
    """
    return tuple(_LABELS.read_text("utf-8").splitlines())

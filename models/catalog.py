"""Every network by name, collected from the families' tables."""

from __future__ import annotations

import fnmatch
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from types import MappingProxyType, ModuleType
from typing import Any

import keras

from models.classifiers import lenet
from models.spec import ModelSpec
from models.weights import load_weights
from models.words import suggest

FAMILIES: Mapping[str, ModuleType] = MappingProxyType({"lenet": lenet})


_COMMON = ("spec", "input_shape", "classes")  # what every `build` takes


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
    input_shape: tuple[int, int, int] | None = None,
    classes: int | None = None,
    weights: str | PathLike[str] | None = None,
    **options: Any,
) -> keras.Model:
    """Return a new network: images (B, *input_shape) to logits (B, classes).

    Args:
        name: One of `list_models()`.
        input_shape: (H, W, C); the catalog's own when None.
        classes: Number of classes; the catalog's own when None.
        weights: A file written by `models.weights.save_weights`; random weights when None.
        **options: What the family's `build` takes besides.

    Raises:
        ValueError: Unknown name, or sizes that the network cannot take.
        TypeError: An option that the family does not have.
    """
    info = model_info(name)
    build = FAMILIES[info.family].build
    allowed = [p for p in inspect.signature(build).parameters if p not in _COMMON]
    for option in options:
        if option not in allowed:
            raise TypeError(f"{name} has no option {option!r}; {suggest(option, allowed)}")
    shape = info.spec.input_shape if input_shape is None else tuple(input_shape)
    if len(shape) != 3 or any(not isinstance(n, int) or n < 1 for n in shape):
        raise ValueError(f"input_shape must be (height, width, channels); got {input_shape!r}")
    count = info.spec.classes if classes is None else classes
    if not isinstance(count, int) or count < 1:
        raise ValueError(f"classes must be a whole number of at least 1; got {classes!r}")
    model: keras.Model = build(info.spec, input_shape=shape, classes=count, **options)
    model.name = name
    if weights is not None:
        load_weights(model, weights)
    return model

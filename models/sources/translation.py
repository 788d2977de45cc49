"""Where the value of each of a network's variables lies in a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import keras
import numpy as np

from models.weight_files import Tensor, WeightFile

# A pattern of our layers' names, and what makes the other name of its groups.
Rules = tuple[tuple[str, Callable[..., str]], ...]

# What a network without a top or without auxiliary heads does not have; a file may.
HEADS = ("fc6", "fc7", "logits")
_HEADS = re.compile(rf"({'|'.join(HEADS)}|c5|f6|auxiliary\d)(_.*)?")


@dataclass(frozen=True)
class Origin:
    """An array in a file, and what makes our variable's value of it.

    Attributes:
        name: Its name in the file.
        tensor: The array.
        shape: What `convert` makes of the array's.
        convert: Maps the array to ours.
    """

    name: str
    tensor: Tensor
    shape: tuple[int, ...]
    convert: Callable[[np.ndarray], np.ndarray] = np.asarray


@dataclass(frozen=True)
class Translation:
    """How a file is read into a network.

    Attributes:
        naming: Whose names it was read with, for people.
        origins: By our variables' paths.
        missing: What the file lacks, for people.
        unknown: What the network has no place for.
    """

    naming: str
    origins: Mapping[str, Origin]
    missing: list[str]
    unknown: list[str]


def by_our_names(model: keras.Model, file: WeightFile) -> Translation:
    """Read what `models.weights.save_weights`, or `save_weights` of the network itself, wrote."""
    tensors = dict(file.tensors)
    parts = {layer.name: [variable.name for variable in layer.weights] for layer in model.layers}
    for layer, arrays in file.layers.items():
        tensors |= numbered(layer, parts.get(layer, ()), arrays)
    paths = [variable.path for variable in model.weights]
    unknown = [path for path in tensors if path not in paths]
    return Translation(
        naming="our own names",
        origins={
            path: Origin(path, tensors[path], tensors[path].shape)
            for path in paths
            if path in tensors
        },
        missing=[path for path in paths if path not in tensors],
        unknown=[path for path in unknown if not left_out(path.split("/")[0], parts)],
    )


def numbered(layer: str, parts: Iterable[str], arrays: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """Name a layer's arrays by its parts; those that are too many get their numbers."""
    names = [*parts, *map(str, range(len(arrays)))]
    return {f"{layer}/{name}": array for name, array in zip(names, arrays, strict=False)}


def left_out(layer: str, layers: Iterable[str]) -> bool:
    """Return whether `layer` belongs to a head, and the network, with its `layers`, has none."""
    return bool(_HEADS.fullmatch(layer)) and layer not in layers


def renamed(layers: Iterable[str], rules: Rules) -> dict[str, str]:
    """Return the other names of our layers, for those that have one."""
    names = {}
    for layer in layers:
        for pattern, name in rules:
            if match := re.fullmatch(pattern, layer):
                names[layer] = name(*match.groups())
                break
    return names

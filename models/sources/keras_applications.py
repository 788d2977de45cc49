"""Keras's own networks, keras.applications: what they call each of our layers.

Keras has renamed layers over the years (`probs`, `fc1000`, `conv1/conv`), and published files keep
the names of their time. As Keras does, we take the layers of such a file by their order, which a
network of Keras's, built for the purpose, tells. Files of Keras 3 are read by name.

Two differences are made up for, exactly: a convolution's bias before a normalisation, where ours
has none, is subtracted from the normalisation's mean; and 1.001e-5, which Keras adds to variances,
where we add 1e-5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

from models.sources.translation import (
    HEADS,
    Origin,
    Rules,
    Translation,
    left_out,
    numbered,
    renamed,
)
from models.weight_files import Tensor, WeightFile

_TOPS = ("fc1", "fc2", "predictions")

_KIND = {"conv": "conv", "norm": "bn"}

_VGG: Rules = (
    (r"conv(\d)_(\d)", lambda stage, number: f"block{stage}_conv{number}"),
    (r"fc([67])", lambda number: f"fc{int(number) - 5}"),
    (r"logits", lambda: "predictions"),
)
_RESNET: Rules = (
    (r"stem_(conv|norm)", lambda kind: f"conv1_{_KIND[kind]}"),
    (
        r"stage(\d)_block(\d+)_shortcut_(conv|norm)",
        lambda stage, block, kind: f"conv{int(stage) + 1}_block{block}_0_{_KIND[kind]}",
    ),
    (
        r"stage(\d)_block(\d+)_(conv|norm)(\d)",
        lambda stage, block, kind, number: (
            f"conv{int(stage) + 1}_block{block}_{number}_{_KIND[kind]}"
        ),
    ),
    (r"logits", lambda: "predictions"),
)
_DENSENET: Rules = (
    (r"stem_(conv|norm)", lambda kind: f"conv1_{_KIND[kind]}"),
    (r"transition(\d)_(conv|norm)", lambda number, kind: f"pool{int(number) + 1}_{_KIND[kind]}"),
    (
        r"block(\d)_layer(\d+)_(conv|norm)(\d)",  # theirs counts normalisations from 0
        lambda block, layer, kind, number: (
            f"conv{int(block) + 1}_block{layer}_{int(number) - (kind == 'norm')}_{_KIND[kind]}"
        ),
    ),
    (r"final_norm", lambda: "bn"),
    (r"logits", lambda: "predictions"),
)


def _nasnet(cells: int) -> Rules:
    """Return the names of a net with so many normal cells a stage."""

    def place(stage: str, kind: str, number: str) -> str:
        if stage == "stem":
            return f"stem_{number}"
        before = (int(stage[-1]) - 1) * cells
        if kind == "reduction":
            return f"reduce_{before}"
        # Counted from 0 through all stages; the first reduction takes a number as well.
        return str(before + int(number) - (stage == "stage1"))

    def current(stage: str, kind: str, number: str, part: str) -> str:
        cell = "reduction" if kind == "reduction" else "normal"
        return f"{cell}_{_KIND[part]}_1_{place(stage, kind, number)}"

    def previous(stage: str, kind: str, number: str, part: str, half: str) -> str:
        name = "bn" if part == "norm" else f"conv_{half or 'projection'}"
        return f"adjust_{name}_{place(stage, kind, number)}"

    def pair(stage: str, kind: str, number: str, *path: str) -> str:
        which, side, part, step = path
        cell = "reduction" if kind == "reduction" else "normal"
        if (cell, which, side) == ("reduction", "5", "left"):
            which = "4"  # so it is called there
        middle = "_bn" if part == "norm" else ""
        return f"separable_conv_{step}{middle}_{cell}_{side}{which}_{place(stage, kind, number)}"

    cell = r"(stem|stage\d)_(reduction|cell)(\d*)"
    return (
        (r"stem_(conv|norm)", lambda kind: f"stem_{_KIND[kind]}1"),
        (rf"{cell}_current_(conv|norm)", current),
        (rf"{cell}_previous_(conv|norm)(\d?)", previous),
        (rf"{cell}_pair(\d)_(left|right)_(conv|norm)(\d)", pair),
        (r"logits", lambda: "predictions"),
    )


@dataclass(frozen=True)
class Twin:
    """A network of keras.applications.

    Attributes:
        name: Its name there.
        rules: What it calls our layers.
        epsilon: What its normalisations add to the variance.
    """

    name: str
    rules: Rules
    epsilon: float


# Our networks, and their twins.
TWINS = MappingProxyType(
    {
        "vgg16": Twin("VGG16", _VGG, 0.0),
        "vgg19": Twin("VGG19", _VGG, 0.0),
        "resnet50": Twin("ResNet50", _RESNET, 1.001e-5),
        "resnet101": Twin("ResNet101", _RESNET, 1.001e-5),
        "resnet152": Twin("ResNet152", _RESNET, 1.001e-5),
        "densenet121": Twin("DenseNet121", _DENSENET, 1.001e-5),
        "densenet169": Twin("DenseNet169", _DENSENET, 1.001e-5),
        "densenet201": Twin("DenseNet201", _DENSENET, 1.001e-5),
        "nasnet_mobile": Twin("NASNetMobile", _nasnet(4), 1e-3),
        "nasnet_large": Twin("NASNetLarge", _nasnet(6), 1e-3),
    }
)


def by_keras_names(model: keras.Model, file: WeightFile) -> Translation:
    """Read a file that Keras published, or that a network of keras.applications wrote.

    Raises:
        ValueError: The network has no twin there.
    """
    if model.name not in TWINS:
        first = next(iter(file.layers), "")
        raise ValueError(
            f"{str(file.path)!r} holds Keras's layers, such as {first!r}, and {model.name} has no "
            f"twin in keras.applications; these have: {', '.join(TWINS)}"
        )
    twin = TWINS[model.name]
    ours = {layer.name: layer for layer in model.layers if layer.weights}
    theirs = renamed([*ours, *HEADS], twin.rules)
    tensors = _tensors(file, theirs, ours, _order(model) if file.form == "keras_legacy" else ())
    origins, missing, used = {}, [], set()
    for variable in model.weights:
        layer, _, part = variable.path.rpartition("/")
        name = f"{theirs.get(layer, layer)}/{part}"
        if name not in tensors:
            missing.append(f"{name} ({variable.path})")
            continue
        convert: Callable[[np.ndarray], np.ndarray] = np.asarray
        if part == "moving_variance" and twin.epsilon != ours[layer].epsilon:
            convert = partial(np.add, twin.epsilon - ours[layer].epsilon)
        if part == "moving_mean":
            bias = f"{theirs[layer].replace('_bn', '_conv')}/bias"
            if bias in tensors and tensors[bias].shape == tensors[name].shape:
                used.add(bias)
                convert = partial(_less, tensors[bias])
        used.add(name)
        origins[variable.path] = Origin(name, tensors[name], tensors[name].shape, convert)
    tops = {theirs[head] for head in HEADS if head in theirs and left_out(head, ours)}
    unknown = [name for name in tensors if name not in used and name.split("/")[0] not in tops]
    return Translation(f"the names of Keras's {twin.name}", origins, missing, unknown)


def _less(bias: Tensor, mean: np.ndarray) -> np.ndarray:
    less: np.ndarray = mean - bias.read()
    return less


def _order(model: keras.Model) -> list[str]:
    """Return the names of the layers of Keras's network, its top among them, in their order."""
    fixed = any(layer.name == "flatten" for layer in model.layers)  # then the image's size counts
    shape = (*model.input_shape[1:3], 3) if fixed else None
    twin = getattr(keras.applications, TWINS[model.name].name)(weights=None, input_shape=shape)
    return [layer.name for layer in twin.layers if layer.weights]


def _tensors(
    file: WeightFile, theirs: Mapping[str, str], ours: Mapping[str, Any], order: Sequence[str]
) -> dict[str, Tensor]:
    """Return the file's arrays by the names that Keras's variables have today."""
    layers = file.layers
    if not any(len(array.shape) == 2 for arrays in layers.values() for array in arrays):
        order = [name for name in order if name not in _TOPS]
    if len(order) == len(layers):  # else names tell what differs
        layers = dict(zip(order, layers.values(), strict=True))
    # A layer's arrays are in the order of ours; a convolution that has no bias here may have one.
    parts = {theirs[name]: [v.name for v in ours[name].weights] for name in ours if name in theirs}
    tensors: dict[str, Tensor] = {}
    for name, arrays in layers.items():
        known = parts.get(name, [])
        tensors |= numbered(name, [*known, "bias"] if known == ["kernel"] else known, arrays)
    return tensors

"""Weight files of the structure in which Keras published keras.applications' networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np


def unchanged(name: str) -> str:
    return name


def write_published(
    path: Path,
    model: keras.Model,
    *,
    top: bool = True,
    layer_name: Callable[[str], str] = unchanged,
    weight_name: str = "{layer}/{weight}:0",
) -> Path:
    """Write HDF5 as Keras 1 and 2 did: a group a layer, the order told by attributes.

    `layer_name` and `weight_name` give other spellings: names have changed, the order has not.
    """
    tops = ("avg_pool", "fc1", "fc2", "predictions")
    layers = [layer for layer in model.layers if top or layer.name not in tops]
    with h5py.File(path, "w") as file:
        names = [layer_name(layer.name) for layer in layers]
        file.attrs["layer_names"] = np.array([name.encode() for name in names])
        for name, layer in zip(names, layers, strict=True):
            group = file.create_group(name)
            weights = {
                weight_name.format(layer=name, weight=variable.name): np.asarray(variable)
                for variable in layer.weights
            }
            group.attrs["weight_names"] = np.array([weight.encode() for weight in weights])
            for weight, array in weights.items():
                group.create_dataset(weight, data=array)
    return path

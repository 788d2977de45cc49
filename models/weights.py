"""Weights to and from a file.

We write HDF5, one data set a variable, named by the variable's path (`conv1/kernel`): such a file
can be read by a person, is checked against a network name by name, and does not depend on the order
in which layers were made. Keras's and PyTorch's files are read as well (models.sources).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import h5py
import keras
import numpy as np

from models.sources.keras_applications import by_keras_names
from models.sources.pytorch import by_pytorch_names
from models.sources.translation import Translation, by_our_names
from models.weight_files import WeightFile, open_weights

Precision = Literal["float16", "float32"]


def save_weights(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    dtype: Precision = "float16",
    compress: bool = True,
) -> Path:
    """Write every weight of `model` to `path`, whole or not at all.

    Args:
        model: Whose weights.
        path: Where; an existing file is replaced.
        dtype: In what they are stored.
        compress: Whether to deflate them, which takes seconds for every hundred megabytes.

    Raises:
        ValueError: A weight is not finite in `dtype`; nothing is written.
    """
    path = Path(path)
    arrays = {v.path: np.asarray(v).astype(dtype) for v in model.weights}
    broken = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if broken:
        raise ValueError(f"weights must be finite as {dtype}; {', '.join(broken[:5])} are not")
    part = path.with_name(path.name + ".part")
    with h5py.File(part, "w", track_order=True) as file:
        for name, array in arrays.items():
            file.create_dataset(
                name, data=array, compression="gzip" if compress and array.size > 64 else None
            )
    part.replace(path)
    return path


def load_weights(model: keras.Model, path: str | os.PathLike[str], *, family: str = "") -> None:
    """Set every weight of `model` from `path`.

    Args:
        model: A network of the catalog.
        path: A file written by `save_weights`; by `keras.Model.save_weights`; published by Keras
            (`*.h5`); or PyTorch's, in safetensors, with torchvision's or timm's names. A top and
            auxiliary heads that `model` does not have are left out.
        family: Of the catalog; needed for PyTorch's names.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: It is a safetensors file, and the package that reads them is not installed.
        ValueError: The file is damaged, or its names or shapes are not the model's; the message
            lists what differs, and the model is left as it was.
    """
    with open_weights(Path(path)) as file:
        translation = _translate(model, file, family)
        values = _values(model, file.path, translation)
    for variable, value in values:
        variable.assign(value.astype(variable.dtype))


def _translate(model: keras.Model, file: WeightFile, family: str) -> Translation:
    match file.form:
        case "safetensors":
            return by_pytorch_names(model, file, family)
        case "keras" | "keras_legacy" if not {x.name for x in model.layers} & set(file.layers):
            return by_keras_names(model, file)
        case _:
            return by_our_names(model, file)


def _values(
    model: keras.Model, path: Path, translation: Translation
) -> list[tuple[keras.Variable, np.ndarray]]:
    """Read every value; nothing is read unless all names and sizes fit."""
    origins = translation.origins
    differences = [f"missing {name}" for name in translation.missing]
    differences += [f"unknown {name}" for name in translation.unknown]
    wanted = [variable for variable in model.weights if variable.path in origins]
    for variable in wanted:
        shape = origins[variable.path].shape
        if shape != tuple(variable.shape):
            differences.append(
                f"{variable.path} is {shape} in the file, {tuple(variable.shape)} in the model"
            )
    if differences:
        shown = "; ".join(differences[:5])
        more = f"; and {len(differences) - 5} more" if len(differences) > 5 else ""
        raise ValueError(
            f"{str(path)!r}, read with {translation.naming}, does not fit model {model.name!r}: "
            f"{shown}{more}"
        )
    return [(v, origins[v.path].convert(origins[v.path].tensor.read())) for v in wanted]

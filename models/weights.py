"""Weights to and from a file: HDF5, one data set a variable, named by its layer.

Names are the variables' paths (`conv1/kernel`), so a file can be read by a person, checked against
a network name by name, and does not depend on the order in which layers were made. Files hold
plain numbers only: links, external data and anything else that HDF5 can do are refused.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import h5py
import keras
import numpy as np

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


def load_weights(model: keras.Model, path: str | os.PathLike[str]) -> None:
    """Set every weight of `model` from `path`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, or its names or shapes are not the model's; the message
            lists what differs, and the model is left as it was.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights file {str(path)!r}")
    wanted = {v.path: v for v in model.weights}
    try:
        with h5py.File(path, "r") as file:
            found = _plain_datasets(file, path)
            _compare({name: tuple(d.shape) for name, d in found.items()}, wanted, model, path)
            arrays = {name: np.asarray(found[name]) for name in wanted}
    except OSError as error:
        raise ValueError(f"{str(path)!r} is not a readable HDF5 weights file: {error}") from error
    for name, variable in wanted.items():
        variable.assign(arrays[name].astype(variable.dtype))


def _plain_datasets(file: h5py.File, path: Path) -> dict[str, h5py.Dataset]:
    """Return the file's own numeric data sets; `visititems` follows no soft or external link."""
    found: dict[str, h5py.Dataset] = {}

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual or item.dtype.kind != "f":
                raise ValueError(f"{str(path)!r}: {name} must be plain floats stored in the file")
            found[name] = item

    file.visititems(visit)
    return found


def _compare(
    found: Mapping[str, tuple[int, ...]],
    wanted: Mapping[str, keras.Variable],
    model: keras.Model,
    path: Path,
) -> None:
    differences = [f"missing {name}" for name in wanted if name not in found]
    differences += [f"unknown {name}" for name in found if name not in wanted]
    differences += [
        f"{name} is {shape} in the file, {tuple(wanted[name].shape)} in the model"
        for name, shape in found.items()
        if name in wanted and shape != tuple(wanted[name].shape)
    ]
    if differences:
        shown = "; ".join(differences[:5])
        more = f"; and {len(differences) - 5} more" if len(differences) > 5 else ""
        raise ValueError(f"{str(path)!r} does not fit model {model.name!r}: {shown}{more}")

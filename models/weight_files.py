"""What a weights file holds, told by its content, not by its name.

    HDF5, ours      a data set a variable, named by the variable's path
    HDF5, Keras's   `*.weights.h5` (groups `layers/*/vars`), and the older `*.h5` that
                    keras.applications publishes (attributes `layer_names`, `weight_names`)
    safetensors     PyTorch's names and axes

Nothing but numbers is read: links, external data and pickles are refused, and an array is read
only after its shape was found to fit.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

HDF5_MAGIC, ZIP_MAGIC, PICKLE_MAGIC = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x80"
SAFETENSORS_BRACE_AT = 8  # its header is JSON, after eight bytes that tell how long it is
FLOATS = ("F16", "BF16", "F32", "F64")  # as safetensors calls them


@dataclass(frozen=True)
class Tensor:
    """An array in a file that is open; `read` returns it."""

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


@dataclass(frozen=True)
class WeightFile:
    """An open file.

    Attributes:
        path: Where it lies.
        form: "ours", "keras", "keras_legacy" or "safetensors".
        tensors: By name; empty for Keras's forms.
        layers: Keras's forms: the arrays of each layer that has any, in the layer's order. The
            layers of "keras_legacy" are in the network's order.
    """

    path: Path
    form: str
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    layers: Mapping[str, tuple[Tensor, ...]] = field(default_factory=dict)


@contextmanager
def open_weights(path: Path) -> Iterator[WeightFile]:
    """Open a weights file for reading.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: It is a safetensors file, and the package that reads them is not installed.
        ValueError: It is damaged, or of a kind that is not read; the message says what to do.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no weights file {str(path)!r}")
    with path.open("rb") as file:
        start = file.read(SAFETENSORS_BRACE_AT + 1)
    if start.startswith(HDF5_MAGIC):
        try:
            with h5py.File(path, "r") as hdf5:
                yield _hdf5(path, hdf5)
        except OSError as error:
            raise ValueError(
                f"{str(path)!r} is not a readable HDF5 weights file: {error}"
            ) from error
    elif start[SAFETENSORS_BRACE_AT:] == b"{":
        with _safetensors(path) as opened:
            yield opened
    else:
        raise ValueError(f"{str(path)!r} {_refusal(path, start)}")


def _refusal(path: Path, start: bytes) -> str:
    """Say what a file is that is neither HDF5 nor safetensors."""
    inside = []
    if start.startswith(ZIP_MAGIC):
        try:
            with zipfile.ZipFile(path) as archive:
                inside = archive.namelist()
        except (OSError, zipfile.BadZipFile):
            pass
    if "model.weights.h5" in inside:
        return (
            "is a whole Keras model, and weights are wanted; where you trust it: "
            "keras.saving.load_model(file).save_weights('model.weights.h5')"
        )
    if start.startswith(PICKLE_MAGIC) or any(name.endswith("data.pkl") for name in inside):
        return (
            "is a PyTorch pickle, which can run code and is not read; convert it to safetensors: "
            'python -c "import sys, torch, safetensors.torch as s; '
            's.save_file(torch.load(sys.argv[1], weights_only=True), sys.argv[2])" '
            f"{path.name} {path.stem}.safetensors"
        )
    return "is not a readable HDF5 or safetensors file, the two kinds that weights are read from"


def _hdf5(path: Path, file: h5py.File) -> WeightFile:
    items: dict[str, Any] = {}
    file.visititems(items.__setitem__)  # follows no soft or external link
    root = "" if _names(file, "layer_names") or "model_weights" not in items else "model_weights/"
    names = _names(items[root.rstrip("/")] if root else file, "layer_names")
    if names:
        return WeightFile(path, "keras_legacy", layers=_legacy_layers(path, items, root, names))
    if any(re.fullmatch(r"layers/[^/]+/vars", name) for name in items):
        return WeightFile(path, "keras", layers=_layers(path, items))
    arrays = {name: item for name, item in items.items() if isinstance(item, h5py.Dataset)}
    tensors = {name: _plain(path, name, item) for name, item in arrays.items()}
    return WeightFile(path, "ours", tensors=tensors)


def _layers(path: Path, items: Mapping[str, Any]) -> dict[str, tuple[Tensor, ...]]:
    """Read the form that `keras.Model.save_weights` writes."""
    layers = {}
    for group, item in items.items():
        if not re.fullmatch(r"layers/[^/]+/vars", group) or not len(item):
            continue
        if "name" not in item.attrs:
            raise ValueError(
                f"{str(path)!r} does not name its layers, as Keras 3 once wrote: load it into its "
                "own network and save it again"
            )
        places = [f"{group}/{number}" for number in range(len(item))]
        layers[str(item.attrs["name"])] = _tensors(path, items, places)
    return layers


def _legacy_layers(
    path: Path, items: Mapping[str, Any], root: str, names: list[str]
) -> dict[str, tuple[Tensor, ...]]:
    """Read the form of Keras 1 and 2, in which keras.applications' files are published."""
    layers = {}
    for name in names:
        group = items.get(root + name)
        weights = _names(group, "weight_names") if isinstance(group, h5py.Group) else []
        if weights:
            layers[name] = _tensors(path, items, [f"{root}{name}/{weight}" for weight in weights])
    return layers


def _tensors(path: Path, items: Mapping[str, Any], places: list[str]) -> tuple[Tensor, ...]:
    for place in places:
        if not isinstance(items.get(place), h5py.Dataset):
            raise ValueError(f"{str(path)!r}: {place} must be an array stored in the file")
    return tuple(_plain(path, place, items[place]) for place in places)


def _plain(path: Path, name: str, item: h5py.Dataset) -> Tensor:
    if item.external or item.is_virtual or item.dtype.kind != "f":
        raise ValueError(f"{str(path)!r}: {name} must be plain floats stored in the file")
    return Tensor(tuple(item.shape), partial(np.asarray, item))


def _names(group: Any, attribute: str) -> list[str]:
    """Return a list of names; HDF5 limits an attribute to 64 KB, so Keras numbers the parts."""
    parts = [attribute] if attribute in group.attrs else []
    while f"{attribute}{len(parts)}" in group.attrs:
        parts.append(f"{attribute}{len(parts)}")
    names = [name for part in parts for name in np.ravel(group.attrs[part])]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


@contextmanager
def _safetensors(path: Path) -> Iterator[WeightFile]:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise ImportError(
            f"{str(path)!r} needs the safetensors package; pip install 'sightsound[safetensors]'"
        ) from error
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {}
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                part = file.get_slice(name)
                if name.endswith("num_batches_tracked"):
                    continue  # PyTorch's count of training steps
                if part.get_dtype() not in FLOATS:
                    raise ValueError(
                        f"{str(path)!r}: {name} must be floats; got {part.get_dtype()}"
                    )
                tensors[name] = Tensor(tuple(part.get_shape()), partial(file.get_tensor, name))
            yield WeightFile(path, "safetensors", tensors=tensors)
    except SafetensorError as error:
        raise ValueError(f"{str(path)!r} is not a readable safetensors file: {error}") from error

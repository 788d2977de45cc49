"""Data sets as files of arrays: npz, idx, and CIFAR's binary distribution."""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from pipelines.classification.labelled_images import (
    SPLITS,
    DataError,
    LabelledImages,
    Split,
)

CIFAR_SIDE_PX = 32
CIFAR_PIXELS = 3 * CIFAR_SIDE_PX**2  # the red plane, the green, the blue, each row by row
# By the bytes of labels before each picture: CIFAR-10 has one, CIFAR-100 the coarse and the fine.
CIFAR_FILES: dict[int, dict[str, tuple[str, ...]]] = {
    1: {
        "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        "test": ("test_batch.bin",),
    },
    2: {"train": ("train.bin",), "test": ("test.bin",)},
}
CIFAR_NAMES = {1: "batches.meta.txt", 2: "fine_label_names.txt"}
PICKLES = {1: ("data_batch_1", "test_batch"), 2: ("train", "test")}
BINARIES = {1: "cifar-10-binary.tar.gz", 2: "cifar-100-binary.tar.gz"}


def read_npz(
    path: Path, split: Split, classes: tuple[str, ...] | None, title: str
) -> LabelledImages:
    """Read `x_SPLIT` and `y_SPLIT`, or `images` and `labels`; and `classes` if they are there.

    Raises:
        DataError: They are not there, or the file is damaged or holds pickled objects.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            wanted = {f"x_{split}", f"y_{split}", "images", "labels", "classes"}
            names = list(file.files)
            arrays = {name: file[name] for name in names if name in wanted}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path.name} must be an npz file of plain arrays: {error}") from error
    for x, y in ((f"x_{split}", f"y_{split}"), ("images", "labels")):
        if x in arrays and y in arrays:
            images, labels = arrays[x], arrays[y].reshape(-1)
            break
    else:
        raise DataError(f"{path.name} must hold x_{split} and y_{split}; has {names}")
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise DataError(
            f"{path.name}: images must be (N, H, W) or (N, H, W, C) uint8; "
            f"got {images.shape} {images.dtype}"
        )
    if labels.dtype.kind not in "iu":
        raise DataError(f"{path.name}: labels must be whole numbers; got {labels.dtype}")
    own = tuple(str(name) for name in arrays["classes"]) if "classes" in arrays else None
    counted = tuple(str(i) for i in range(int(labels.max()) + 1)) if len(labels) else ()
    return LabelledImages(images, labels.astype("int64"), classes or own or counted, title)


def splits_in_npz(path: Path) -> tuple[Split, ...]:
    """Return which of train, validation and test a file has arrays of its own for."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return tuple(split for split in SPLITS if f"x_{split}" in file.files)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path.name} must be an npz file of plain arrays: {error}") from error


def idx_file(folder: Path, split: Split, kind: str) -> Path | None:
    """Return MNIST's file of `images` or `labels`, under whichever of its names."""
    prefix = "t10k" if split == "test" else "train"
    return next(iter(sorted(folder.glob(f"{prefix}-{kind}*-ubyte*"))), None)


def read_idx_pair(
    folder: Path, split: Split, classes: tuple[str, ...], title: str
) -> LabelledImages:
    """Read the pictures and labels of a folder in MNIST's layout.

    Raises:
        DataError: A file is missing or damaged.
    """
    arrays = []
    for kind, rank in (("images", 3), ("labels", 1)):
        file = idx_file(folder, split, kind)
        if file is None:
            raise DataError(f"{str(folder)!r} lacks the {split} {kind} of an idx data set")
        arrays.append(_read_idx(file))
        if arrays[-1].ndim != rank:
            raise DataError(
                f"{file.name} must hold {kind}, {rank} axes; has shape {arrays[-1].shape}"
            )
    return LabelledImages(arrays[0], arrays[1].astype("int64"), classes, title)


def _read_idx(path: Path) -> np.ndarray:
    """Read an idx file of unsigned bytes: 0, 0, 8, rank, the sizes as big-endian, the data."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} is damaged: {error}") from error
    if len(data) < 8 or data[:3] != b"\0\0\x08" or len(data) < 4 + 4 * data[3]:
        raise DataError(f"{path.name} must be an idx file of unsigned bytes; starts {data[:4]!r}")
    rank = data[3]
    shape = struct.unpack_from(f">{rank}I", data, 4)
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * rank)
    if values.size != np.prod(shape):
        raise DataError(f"{path.name} must hold {shape} bytes; has {values.size}: truncated")
    return values.reshape(shape)


def cifar_label_bytes(folder: Path) -> int:
    """Return 1 where a folder holds CIFAR-10's binary files, 2 for CIFAR-100's, else 0.

    Raises:
        DataError: It holds the Python version, whose pickles can run code.
    """
    for label_bytes, files in CIFAR_FILES.items():
        if any((folder / name).is_file() for names in files.values() for name in names):
            return label_bytes
        if all((folder / name).is_file() for name in PICKLES[label_bytes]):
            raise DataError(
                f"{str(folder)!r} holds CIFAR's Python pickles, which are not read because they "
                f"can run code; take the binary version, {BINARIES[label_bytes]}"
            )
    return 0


def read_cifar(
    folder: Path, split: Split, classes: tuple[str, ...] | None, title: str
) -> LabelledImages:
    """Read CIFAR's binary files; of CIFAR-100 the fine labels.

    Raises:
        DataError: A file is missing or is not a whole number of records.
    """
    label_bytes = cifar_label_bytes(folder)
    parts = []
    for place in CIFAR_FILES[label_bytes]["test" if split == "test" else "train"]:
        path = folder / place
        if not path.is_file():
            raise DataError(f"{str(folder)!r} lacks {place} of CIFAR's binary version")
        data = np.fromfile(path, np.uint8)
        record = label_bytes + CIFAR_PIXELS
        if not data.size or data.size % record:
            raise DataError(
                f"{place} must be records of {record} bytes; has {data.size} bytes: truncated"
            )
        parts.append(data.reshape(-1, record))
    records = np.concatenate(parts)
    planes = records[:, label_bytes:].reshape(-1, 3, CIFAR_SIDE_PX, CIFAR_SIDE_PX)
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
    labels = records[:, label_bytes - 1].astype("int64")  # the last: CIFAR-100's fine one
    return LabelledImages(images, labels, classes or _cifar_names(folder, label_bytes), title)


def _cifar_names(folder: Path, label_bytes: int) -> tuple[str, ...]:
    path = folder / CIFAR_NAMES[label_bytes]
    if not path.is_file():
        raise DataError(f"{str(folder)!r} lacks {path.name}, the names of CIFAR's classes")
    lines = path.read_text("utf-8", errors="replace").splitlines()
    return tuple(line.strip() for line in lines if line.strip())

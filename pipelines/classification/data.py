"""Labelled pictures: the public data sets by name, and a person's own files.

mnist, fashion_mnist    downloaded and cached by Keras, or read from a folder that holds them
cifar10                 the same; `validation` is the last 5,000 of its 50,000 training pictures,
                        `train` the 45,000 before them
digits                  scikit-learn's 1,797 handwritten digits, 8 x 8, part of its package
FILE.npz                arrays x_train y_train x_test y_test, or images and labels
FOLDER                  idx files (*-ubyte.gz); or a folder a class, named by its label
"""

from __future__ import annotations

import gzip
import os
import struct
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from models.words import suggest
from pipelines.images import list_images

Split = Literal["train", "validation", "test"]

DIGITS = tuple("0123456789")
FASHION = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
CIFAR10 = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
CLASSES = {"mnist": DIGITS, "fashion_mnist": FASHION, "cifar10": CIFAR10}
CIFAR10_HELD_OUT = 5_000  # of the training pictures, the last ones
NAMED = (*CLASSES, "digits")


class DataError(ValueError):
    """Labelled data that is missing, damaged or does not fit."""


@dataclass(frozen=True)
class LabelledImages:
    """Pictures with their classes.

    Attributes:
        images: (N, H, W) or (N, H, W, C) uint8; or N paths.
        labels: (N,) int, indices into `classes`.
        classes: The classes' names.
        name: What the data is called in reports.
    """

    images: np.ndarray | tuple[Path, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    name: str

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.labels)

    def __post_init__(self) -> None:
        """Check that pictures, labels and classes belong together."""
        if len(self.images) != len(self.labels):
            raise DataError(f"{len(self.images)} images must have as many labels; got {len(self)}")
        if not len(self):
            raise DataError(f"{self.name}: there is nothing in it")
        if self.labels.min() < 0 or self.labels.max() >= len(self.classes):
            raise DataError(
                f"{self.name}: labels must be 0 to {len(self.classes) - 1}; "
                f"got {self.labels.min()} to {self.labels.max()}"
            )

    def take(self, count: int, *, start: int = 0) -> LabelledImages:
        """Return `count` pictures from number `start` on."""
        chosen = slice(start, start + count)
        return replace(self, images=self.images[chosen], labels=self.labels[chosen])


def load_data(
    source: str | os.PathLike[str], split: Split = "test", *, folder: str | None = None
) -> LabelledImages:
    """Return a named set or a person's own data.

    Args:
        source: A known set's name, or a path; see the module's docstring.
        split: `train` or `test`; of `cifar10` also `validation`. `digits` and a folder a class have
            no split, unless the folder holds `train` and `test` itself.
        folder: Where a named set lies as an ordinary download, instead of Keras's cache.

    Raises:
        DataError: Unknown name, or files that do not hold labelled pictures.
    """
    name = os.fspath(source)
    splits = ("train", "validation", "test") if name == "cifar10" else ("train", "test")
    if split not in splits:
        raise DataError(f"split must be one of {', '.join(splits)}; got {split!r}")
    if name == "cifar10":
        return _cifar10(split, Path(folder) if folder else None)
    if name in NAMED:
        return _named(name, split, Path(folder) if folder else None)
    path = Path(name)
    if path.is_file() and path.suffix == ".npz":
        return _from_npz(path, split, None, path.name)
    if path.is_dir():
        return _from_folder(path, split)
    raise DataError(f"data must be an npz file, a folder, or a known set; {suggest(name, NAMED)}")


def _named(name: str, split: Split, folder: Path | None) -> LabelledImages:
    title = f"{name} {split}"
    if name == "digits":
        return _sklearn_digits()
    classes = CLASSES[name]
    if folder is not None:
        for candidate in (folder, folder / name, folder / name.replace("_", "-")):
            if (candidate / f"{name}.npz").is_file():
                return _from_npz(candidate / f"{name}.npz", split, classes, title)
            if _idx_file(candidate, split, "labels") and (name == "mnist") == (
                "fashion" not in str(candidate.resolve())
            ):
                return _from_idx(candidate, split, classes, title)
        raise DataError(f"{str(folder)!r} holds neither {name}.npz nor the idx files of {name}")
    return _downloaded(name, split, title)


def _downloaded(name: str, split: Split, title: str) -> LabelledImages:
    from keras import datasets

    try:
        pairs = dict(zip(("train", "test"), getattr(datasets, name).load_data(), strict=True))
    except Exception as error:  # urllib, SSL and hash errors alike: the download failed
        raise DataError(
            f"cannot download {name}: {error}; give the folder that holds it instead (--data)"
        ) from error
    images, labels = pairs[split]
    return LabelledImages(images, labels.reshape(-1).astype("int64"), CLASSES[name], title)


def _cifar10(split: Split, folder: Path | None) -> LabelledImages:
    part: Split = "test" if split == "test" else "train"
    files = [folder / place for place in (f"cifar10_{part}.npz", "cifar10.npz")] if folder else []
    found = next((file for file in files if file.is_file()), None)
    if files and found is None:
        raise DataError(f"{str(folder)!r} holds neither {files[0].name} nor {files[1].name}")
    if found:
        whole = _from_npz(found, part, CIFAR10, f"cifar10 {split}")
    else:
        whole = _downloaded("cifar10", part, f"cifar10 {split}")
    first = len(whole) - CIFAR10_HELD_OUT
    if split == "test" or first <= 0:
        return whole
    return whole.take(first) if split == "train" else whole.take(CIFAR10_HELD_OUT, start=first)


def _sklearn_digits() -> LabelledImages:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError("digits needs scikit-learn; pip install scikit-learn") from error
    bunch = load_digits()
    images = np.round(bunch.images * (255 / 16)).astype("uint8")  # counts 0 to 16 of a 4 x 4 block
    return LabelledImages(images, bunch.target.astype("int64"), DIGITS, "digits (scikit-learn)")


def _from_npz(
    path: Path, split: Split, classes: tuple[str, ...] | None, title: str
) -> LabelledImages:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if not _other(name, split)}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path.name} must be an npz file of plain arrays: {error}") from error
    for x, y in ((f"x_{split}", f"y_{split}"), ("images", "labels")):
        if x in arrays and y in arrays:
            images, labels = arrays[x], arrays[y].reshape(-1).astype("int64")
            break
    else:
        raise DataError(f"{path.name} must hold x_{split} and y_{split}; has {list(arrays)}")
    names = tuple(str(name) for name in arrays["classes"]) if "classes" in arrays else None
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise DataError(
            f"{path.name}: images must be (N, H, W) or (N, H, W, C) uint8; "
            f"got {images.shape} {images.dtype}"
        )
    names = classes or names or tuple(str(i) for i in range(int(labels.max()) + 1))
    return LabelledImages(images, labels, names, title)


def _other(name: str, split: Split) -> bool:
    """Whether an array belongs to the other split, and need not be read."""
    return name.endswith("_test" if split == "train" else "_train")


def _from_folder(path: Path, split: Split) -> LabelledImages:
    if _idx_file(path, split, "labels"):
        fashion = "fashion" in str(path.resolve())
        return _from_idx(path, split, FASHION if fashion else DIGITS, f"{path.name} {split}")
    if (path / split).is_dir():
        path = path / split
    classes = sorted(p.name for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    pairs = [(file, i) for i, name in enumerate(classes) for file in list_images(path / name)]
    if not pairs:
        raise DataError(
            f"{str(path)!r} must hold a folder of pictures for each class, or idx files"
        )
    files, labels = zip(*pairs, strict=True)
    return LabelledImages(tuple(files), np.array(labels, "int64"), tuple(classes), path.name)


def _idx_file(folder: Path, split: Split, kind: str) -> Path | None:
    prefix = "train" if split == "train" else "t10k"
    return next(iter(sorted(folder.glob(f"{prefix}-{kind}*-ubyte*"))), None)


def _from_idx(folder: Path, split: Split, classes: tuple[str, ...], name: str) -> LabelledImages:
    arrays = []
    for kind in ("images", "labels"):
        file = _idx_file(folder, split, kind)
        if file is None:
            raise DataError(f"{str(folder)!r} lacks the {split} {kind} of an idx data set")
        arrays.append(_read_idx(file))
    return LabelledImages(arrays[0], arrays[1].astype("int64"), classes, name)


def _read_idx(path: Path) -> np.ndarray:
    """Read an idx file of unsigned bytes: 0, 0, 8, rank, the sizes as big-endian, the data."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise DataError(f"{path.name} is damaged: {error}") from error
    if len(data) < 8 or data[:3] != b"\0\0\x08":
        raise DataError(f"{path.name} must be an idx file of unsigned bytes; starts {data[:4]!r}")
    rank = data[3]
    shape = struct.unpack_from(f">{rank}I", data, 4)
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * rank)
    if values.size != np.prod(shape):
        raise DataError(f"{path.name} must hold {shape} bytes; has {values.size}: truncated")
    return values.reshape(shape)

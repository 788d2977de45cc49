"""Labelled pictures: the public data sets by name, and a person's own files.

mnist, fashion_mnist,   downloaded and cached by Keras, or read from a folder that holds them as
cifar10, cifar100       npz, idx files or CIFAR's binary version
digits                  scikit-learn's 1,797 handwritten digits, 8 x 8, part of its package
FILE.npz                arrays x_train y_train x_test y_test, or images and labels
FILE.csv                columns path, label and, if wanted, split; paths relative to the file
FOLDER                  a folder of pictures for each class, named by its label, or such folders in
                        train/, test/ and, if wanted, validation/; or idx files (*-ubyte.gz); or
                        CIFAR's binary files (*.bin)

Parts. A named set's `validation` is the last 5,000 pictures of its training set (of digits, whose
`test` is everything, the last 297). Own data that states no parts is parted by a hash of each
picture's name, see `pipelines.classification.parts`; where it has a training part and no validation
part, that is parted off the same way. `train` leaves the validation pictures out of CIFAR and of
own data; where a training part was given as such (mnist, fashion_mnist, digits, train/, x_train) it
is taken whole unless `held_out=True`. `held_out=False` takes in whatever is parted off here; a
validation part that the data states stays out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from models.words import suggest
from pipelines.classification.data_files import (
    cifar_label_bytes,
    idx_file,
    read_cifar,
    read_idx_pair,
    read_npz,
    splits_in_npz,
)
from pipelines.classification.labelled_files import list_csv, list_folder
from pipelines.classification.labelled_images import (
    SPLITS,
    DataError,
    Failure,
    LabelledImages,
    OnBad,
    Split,
    check_on_error,
    write_failures,
)
from pipelines.classification.named_sets import (
    CIFAR10,
    CIFAR100,
    CLASSES,
    DIGITS,
    FASHION,
    NAMED,
    load_named,
)
from pipelines.classification.parts import DEFAULT_PARTS, Parts, places_of

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "CLASSES",
    "DEFAULT_PARTS",
    "DIGITS",
    "FASHION",
    "NAMED",
    "DataError",
    "Failure",
    "LabelledImages",
    "OnBad",
    "Parts",
    "Split",
    "load_data",
    "write_failures",
]


def load_data(
    source: str | os.PathLike[str],
    split: Split | None = None,
    *,
    folder: str | os.PathLike[str] | None = None,
    held_out: bool | None = None,
    parts: Parts = DEFAULT_PARTS,
    on_error: OnBad = "raise",
) -> LabelledImages:
    """Return a named set or a person's own data.

    Args:
        source: A known set's name, or a path; see the module's docstring.
        split: The part. None is what may be measured on: the test part where the data has one of
            its own, else everything.
        folder: Where a named set lies as an ordinary download, instead of Keras's cache.
        held_out: Whether `train` leaves the pictures of `validation` out; see the module.
        parts: How own data that states no parts is parted.
        on_error: What a wrong line of a CSV file or a class without pictures does: `raise`, or
            `skip`, which names it in the result's `failures`.

    Raises:
        DataError: Unknown name, or files that do not hold labelled pictures.
    """
    check_on_error(on_error)
    name = os.fspath(source)
    if split not in (None, *SPLITS):
        raise DataError(f"split must be one of {', '.join(SPLITS)}; got {split!r}")
    if name in NAMED:
        place = Path(folder) if folder else None
        return load_named(name, split or "test", folder=place, held_out=held_out)
    path = Path(name)
    if path.is_file() and path.suffix.lower() == ".csv":
        return list_csv(path, on_error).part(split, held_out, parts)
    if path.is_file() and path.suffix == ".npz":
        read = partial(read_npz, path, classes=None)
        return _own_arrays(read, path.name, splits_in_npz(path), split, held_out, parts)
    if path.is_dir():
        if idx_file(path, "train", "labels") or idx_file(path, "test", "labels"):
            classes = FASHION if "fashion" in str(path.resolve()) else DIGITS
            read = partial(read_idx_pair, path, classes=classes)
            return _own_arrays(read, path.name, ("train", "test"), split, held_out, parts)
        if cifar_label_bytes(path):
            read = partial(read_cifar, path, classes=None)
            return _own_arrays(read, path.name, ("train", "test"), split, held_out, parts)
        return list_folder(path, on_error).part(split, held_out, parts)
    raise DataError(
        f"data must be an npz or CSV file, a folder, or a known set; {suggest(name, NAMED)}"
    )


def _own_arrays(
    read: Callable[..., LabelledImages],
    name: str,
    given: Collection[Split],
    split: Split | None,
    held_out: bool | None,
    parts: Parts,
) -> LabelledImages:
    """Return a part of arrays whose `given` parts `read` reads; the others are made."""
    title = name if not given and split is None else f"{name} {split or 'test'}"
    if not given:
        whole, own = read(split="test", title=title), None
    else:
        wanted = split or "test"
        made = wanted == "validation" and "validation" not in given and "train" in given
        whole = read(split="train" if made else wanted, title=title)
        own = ["train" if made else wanted] * len(whole)
    if own is None or "validation" not in given:
        keys = [str(number).encode() for number in range(len(whole))]
        places = places_of(split, keys, own, held_out=held_out, parts=parts)
        if not len(places):
            raise DataError(f"{title}: {len(whole)} pictures are too few to be parted; add some")
        return whole if len(places) == len(whole) else whole.at(places)
    return whole

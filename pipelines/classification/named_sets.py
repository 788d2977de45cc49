"""The public data sets by name: downloaded and cached by Keras, or read from a folder.

The last pictures of each training set are its `validation` part. `train` leaves them out of CIFAR,
whose shipped presets were measured on them; MNIST, Fashion-MNIST and digits are trained on whole
unless `held_out` is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from pipelines.classification.data_files import (
    cifar_label_bytes,
    idx_file,
    read_cifar,
    read_idx_pair,
    read_npz,
)
from pipelines.classification.labelled_images import DataError, LabelledImages, Split

DIGITS = tuple("0123456789")
# fmt: off
FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)
CIFAR10 = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)
# The fine labels, in the alphabetical order of the distribution's fine_label_names.txt.
CIFAR100 = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
    "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
    "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup",
    "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house",
    "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man",
    "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid",
    "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy",
    "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal",
    "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar",
    "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
    "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman",
    "worm",
)
# fmt: on
CLASSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"mnist": DIGITS, "fashion_mnist": FASHION, "cifar10": CIFAR10, "cifar100": CIFAR100}
)
NAMED = (*CLASSES, "digits")
# The last pictures of the training set; of digits, which has 1,797, a sixth.
HELD_OUT = MappingProxyType({**dict.fromkeys(CLASSES, 5_000), "digits": 297})
ALWAYS_HELD_OUT = ("cifar10", "cifar100")
# Where the archives unpack to: the binary version, and the one that is refused.
CIFAR_FOLDERS = {
    "cifar10": ("cifar-10-batches-bin", "cifar-10-batches-py"),
    "cifar100": ("cifar-100-binary", "cifar-100-python"),
}


def load_named(
    name: str, split: Split, *, folder: Path | None, held_out: bool | None
) -> LabelledImages:
    """Return a part of a named set.

    Args:
        name: One of `NAMED`.
        split: The part; `digits` has no test part of its own, and gives everything.
        folder: Where it lies as an ordinary download; None for Keras's cache.
        held_out: Whether `train` leaves the validation pictures out; see the module.

    Raises:
        DataError: It is not there, or is damaged.
    """
    part: Split = "test" if split == "test" else "train"
    title = f"{name} {split}"
    if name == "digits":
        whole = _scikit_learns_digits()
    elif folder is None:
        whole = _downloaded(name, part, title)
    else:
        whole = _from_folder(name, part, folder, title)
    leave_out = name in ALWAYS_HELD_OUT if held_out is None else held_out
    if split == "test" or (split == "train" and not leave_out):
        return whole
    first = len(whole) - HELD_OUT[name]
    if first <= 0:
        if split == "train" and not held_out:
            return whole
        raise DataError(
            f"{name}: split must be one of train, test where there are no more than "
            f"{HELD_OUT[name]:,} training pictures; got {split!r} of {len(whole):,}"
        )
    return whole.take(first) if split == "train" else whole.take(HELD_OUT[name], start=first)


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


def _from_folder(name: str, split: Split, folder: Path, title: str) -> LabelledImages:
    read = _from_cifar_folder if name in CIFAR_FOLDERS else _from_mnist_folder
    for candidate in (folder, folder / name, folder / name.replace("_", "-")):
        for file in (candidate / f"{name}_{split}.npz", candidate / f"{name}.npz"):
            if file.is_file():
                return read_npz(file, split, CLASSES[name], title)
        found = read(name, split, candidate, title)
        if found is not None:
            return found
    other = CIFAR_FOLDERS[name][0] if name in CIFAR_FOLDERS else "its idx files"
    raise DataError(f"{str(folder)!r} holds neither {name}_{split}.npz nor {name}.npz, nor {other}")


def _from_mnist_folder(name: str, split: Split, folder: Path, title: str) -> LabelledImages | None:
    # The two sets' files have the same names: the folder tells them apart.
    is_fashion = "fashion" in str(folder.resolve())
    if idx_file(folder, split, "labels") is None or is_fashion != (name == "fashion_mnist"):
        return None
    return read_idx_pair(folder, split, CLASSES[name], title)


def _from_cifar_folder(name: str, split: Split, folder: Path, title: str) -> LabelledImages | None:
    label_bytes = 1 if name == "cifar10" else 2
    for candidate in (folder, *(folder / place for place in CIFAR_FOLDERS[name])):
        if cifar_label_bytes(candidate) == label_bytes:
            return read_cifar(candidate, split, CLASSES[name], title)
    return None


def _scikit_learns_digits() -> LabelledImages:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError("digits needs scikit-learn; pip install scikit-learn") from error
    bunch = load_digits()
    images = np.round(bunch.images * (255 / 16)).astype("uint8")  # counts 0 to 16 of a 4 x 4 block
    return LabelledImages(images, bunch.target.astype("int64"), DIGITS, "digits (scikit-learn)")

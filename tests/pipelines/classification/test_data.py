"""Labelled pictures from every kind of source, and what is wrong with the others."""

from __future__ import annotations

import gzip
import pickle
import struct
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines.classification.data import (
    CIFAR10,
    CIFAR100,
    FASHION,
    DataError,
    LabelledImages,
    load_data,
)
from pipelines.classification.labelled_images import SPLITS

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 4), np.uint8)
LABELS = np.array([3, 1, 4, 1, 5, 9], np.uint8)


def idx(array: np.ndarray) -> bytes:
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return b"\0\0\x08" + bytes([array.ndim]) + sizes + array.tobytes()


@pytest.fixture
def idx_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    for split, count in (("train", 6), ("t10k", 3)):
        (folder / f"{split}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(IMAGES[:count])))
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(idx(LABELS[:count]))
    return folder


def test_idx_files(idx_folder: Path) -> None:
    for data in (
        load_data(idx_folder, "train"),
        load_data("fashion_mnist", "train", folder=str(idx_folder.parent)),
    ):
        np.testing.assert_array_equal(data.images, IMAGES)
        np.testing.assert_array_equal(data.labels, LABELS)
        assert data.classes == FASHION
    assert len(load_data(idx_folder, "test")) == 3


def test_npz_files(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "mnist.npz", x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:2], y_test=LABELS[:2]
    )
    assert len(load_data("mnist", "test", folder=str(tmp_path))) == 2
    assert load_data(tmp_path / "mnist.npz", "train").classes == tuple("0123456789")
    np.savez(tmp_path / "own.npz", images=IMAGES, labels=[0, 1, 0, 1, 0, 1], classes=["cat", "dog"])
    assert load_data(tmp_path / "own.npz").classes == ("cat", "dog")


def test_a_folder_a_class(tmp_path: Path) -> None:
    for place, name in enumerate(("dog", "cat", "cat")):
        (tmp_path / "train" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(IMAGES[place]).save(tmp_path / "train" / name / f"{place}.png")
    (tmp_path / "train" / "cat" / "notes.txt").write_text("not a picture")
    (tmp_path / "train" / ".hidden").mkdir()
    data = load_data(tmp_path, "train")
    assert data.classes == ("cat", "dog")
    assert data.labels.tolist() == [0, 0, 1]
    assert [Path(p).name for p in data.images] == ["1.png", "2.png", "0.png"]


def test_digits_are_scikit_learns(digits) -> None:
    assert digits.images.shape == (1797, 8, 8)
    assert digits.images.max() == 255
    assert digits.classes == tuple("0123456789")


def _truncated(folder: Path) -> str:
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(LABELS)[:-2])
    return str(folder)


def _broken_gzip(folder: Path) -> str:
    path = folder / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    return str(folder)


def _no_images(folder: Path) -> str:
    (folder / "t10k-images-idx3-ubyte.gz").unlink()
    return str(folder)


def _pickle(folder: Path) -> str:
    np.savez(folder / "evil.npz", images=np.array([print], object), labels=[0])
    return str(folder / "evil.npz")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_truncated, "truncated"),
        (_broken_gzip, "is damaged"),
        (_no_images, "lacks the test images"),
        (_pickle, "evil.npz"),
        (lambda _: "mnits", "did you mean 'mnist'"),
        (
            lambda folder: str(folder / "nowhere"),
            "must be an npz or CSV file, a folder, or a known set",
        ),
        (lambda folder: str(folder.parent / "empty"), "a folder of pictures for each class"),
    ],
)
def test_what_is_wrong_is_said(idx_folder: Path, make, says: str) -> None:
    (idx_folder.parent / "empty").mkdir()
    with pytest.raises(DataError, match=says):
        load_data(make(idx_folder))


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([0, 1], "as many labels"),
        ([0, 1, 2, 3, 4, 10], "labels must be 0 to 9"),
        ([-1] * 6, "got -1"),
    ],
)
def test_labels_must_fit(labels, says: str) -> None:
    with pytest.raises(DataError, match=says):
        LabelledImages(IMAGES, np.array(labels), tuple("0123456789"), "mine")


def test_cifar10_holds_its_last_five_thousand_out(tmp_path: Path) -> None:
    images = np.zeros((5_010, 2, 2, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(5_010) % 251
    labels = (np.arange(5_010) % 10).astype(np.uint8)[:, None]  # a column, as Keras has it
    np.savez(tmp_path / "cifar10_train.npz", x_train=images, y_train=labels)
    train = load_data("cifar10", "train", folder=str(tmp_path))
    held_out = load_data("cifar10", "validation", folder=str(tmp_path))
    np.testing.assert_array_equal(train.images, images[:10])
    np.testing.assert_array_equal(held_out.images, images[10:])
    np.testing.assert_array_equal(held_out.labels, labels[10:, 0])
    assert (train.name, held_out.name) == ("cifar10 train", "cifar10 validation")
    assert held_out.classes[:3] == ("airplane", "automobile", "bird")
    with pytest.raises(DataError, match=r"holds neither cifar10_test\.npz nor cifar10\.npz"):
        load_data("cifar10", "test", folder=str(tmp_path))


def test_mnist_is_trained_on_whole_unless_the_last_are_held_out(tmp_path: Path) -> None:
    images = np.arange(5_003, dtype=np.uint16).view(np.uint8).reshape(5_003, 1, 2)
    labels = np.arange(5_003) % 10
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=labels)
    load = partial(load_data, "mnist", folder=tmp_path)
    np.testing.assert_array_equal(load("train").images, images)
    np.testing.assert_array_equal(load("train", held_out=True).images, images[:3])
    np.testing.assert_array_equal(load("validation").images, images[3:])
    np.testing.assert_array_equal(load("validation").labels, labels[3:])
    np.savez(tmp_path / "mnist.npz", x_train=images[:20], y_train=labels[:20])
    with pytest.raises(DataError, match=r"one of train, test .* 5,000 .* got 'validation' of 20"):
        load("validation")
    with pytest.raises(DataError, match="got 'train' of 20"):
        load("train", held_out=True)


def test_digits_holds_a_sixth_out_for_who_trains_on_it(digits: LabelledImages) -> None:
    train, held_out = load_data("digits", "train", held_out=True), load_data("digits", "validation")
    assert (len(train), len(held_out)) == (1_500, 297)
    both = np.concatenate([train.images, held_out.images])
    np.testing.assert_array_equal(both, digits.images)
    assert len(load_data("digits", "train")) == len(load_data("digits", "test")) == 1_797


def cifar_binary(folder: Path, label_bytes: int, files: dict[str, int]) -> dict[str, np.ndarray]:
    """Write random records, and return each file's pictures (N, 32, 32, 3)."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    pictures = {}
    for name, count in files.items():
        pictures[name] = random.integers(0, 256, (count, 32, 32, 3), np.uint8)
        with (folder / name).open("wb") as file:
            for number, picture in enumerate(pictures[name]):
                fine = number % 10
                file.write(bytes([99, fine] if label_bytes == 2 else [fine]))
                for channel in range(3):
                    file.write(picture[:, :, channel].tobytes())
    return pictures


def test_cifar10s_binary_version(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    names = [f"data_batch_{i}.bin" for i in range(1, 6)]
    pictures = cifar_binary(folder, 1, {**dict.fromkeys(names, 2), "test_batch.bin": 3})
    (folder / "batches.meta.txt").write_text("\n".join(CIFAR10) + "\n\n")
    for place in (tmp_path, folder):  # the archive's folder, or the one around it
        train = load_data("cifar10", "train", folder=place)
        np.testing.assert_array_equal(train.images, np.concatenate([pictures[n] for n in names]))
        assert train.labels.tolist() == [0, 1] * 5
    test = load_data(folder)  # by its files, without the name
    np.testing.assert_array_equal(test.images, pictures["test_batch.bin"])
    assert (test.labels.tolist(), test.classes) == ([0, 1, 2], CIFAR10)
    (folder / "data_batch_3.bin").write_bytes(b"\0" * 3_000)
    with pytest.raises(DataError, match=r"data_batch_3\.bin must be records of 3073.*truncated"):
        load_data("cifar10", "train", folder=tmp_path)
    (folder / "data_batch_3.bin").unlink()
    with pytest.raises(DataError, match=r"lacks data_batch_3\.bin"):
        load_data("cifar10", "train", folder=tmp_path)


def test_cifar100s_binary_version_has_fine_labels(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-100-binary"
    pictures = cifar_binary(folder, 2, {"train.bin": 12, "test.bin": 2})
    data = load_data("cifar100", "test", folder=tmp_path)
    np.testing.assert_array_equal(data.images, pictures["test.bin"])
    assert data.labels.tolist() == [0, 1]  # not 99, the coarse one before it
    assert data.classes == CIFAR100
    assert len(set(CIFAR100)) == 100
    assert list(CIFAR100) == sorted(CIFAR100)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_cifars_pickles_are_refused_with_the_binary_versions_name(
    tmp_path: Path, name: str
) -> None:
    place, files = {
        "cifar10": ("cifar-10-batches-py", ("data_batch_1", "test_batch")),
        "cifar100": ("cifar-100-python", ("train", "test")),
    }[name]
    (tmp_path / place).mkdir()
    for file in files:
        (tmp_path / place / file).write_bytes(pickle.dumps({b"data": []}))
    for load in (
        partial(load_data, name, folder=tmp_path),
        partial(load_data, tmp_path / place),
    ):
        with pytest.raises(DataError, match=r"pickles.*can run code.*-binary\.tar\.gz"):
            load()


def numbers(*parts: LabelledImages) -> list[int]:
    """Return the numbers that pictures of 1 x 2 pixels spell, rising."""
    pixels = np.concatenate([np.asarray(part.images) for part in parts])
    return sorted(pixels.view(np.uint16).ravel().tolist())


def test_own_arrays_are_parted_by_their_numbers(tmp_path: Path) -> None:
    images = np.arange(400, dtype=np.uint16).view(np.uint8).reshape(400, 1, 2)
    labels = np.arange(400) % 2
    np.savez(tmp_path / "own.npz", images=images, labels=labels)
    parts = [load_data(tmp_path / "own.npz", split) for split in SPLITS]
    assert numbers(*parts) == list(range(400))
    assert len(load_data(tmp_path / "own.npz")) == 400
    whole_train = load_data(tmp_path / "own.npz", "train", held_out=False)
    assert len(whole_train) == len(parts[0]) + len(parts[1])
    np.savez(tmp_path / "own.npz", images=images[:300], labels=labels[:300])  # none moves
    for part, split in zip(parts, SPLITS, strict=True):
        fewer = load_data(tmp_path / "own.npz", split)
        np.testing.assert_array_equal(fewer.images, part.images[: len(fewer)])


def test_a_training_part_gives_a_validation_part(tmp_path: Path) -> None:
    images = np.arange(400, dtype=np.uint16).view(np.uint8).reshape(400, 1, 2)
    arrays: dict[str, Any] = {"x_train": images, "y_train": np.zeros(400, int)}
    np.savez(tmp_path / "own.npz", **arrays, x_test=images[:9], y_test=np.zeros(9, int))
    load = partial(load_data, tmp_path / "own.npz")
    assert (len(load("train")), len(load("test")), len(load())) == (400, 9, 9)
    assert numbers(load("train", held_out=True), load("validation")) == list(range(400))
    stated: dict[str, Any] = {"x_validation": images[:5], "y_validation": np.zeros(5, int)}
    np.savez(tmp_path / "own.npz", **arrays, **stated)
    assert (len(load("train", held_out=True)), len(load("validation"))) == (400, 5)
    with pytest.raises(DataError, match="must hold x_test and y_test"):
        load("test")

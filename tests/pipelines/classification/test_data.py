"""Labelled pictures from every kind of source, and what is wrong with the others."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.classification.data import FASHION, DataError, LabelledImages, load_data

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
        (lambda folder: str(folder / "nowhere"), "must be an npz file, a folder, or a known set"),
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
    with pytest.raises(DataError, match="split must be one of train, test"):
        load_data("mnist", "validation", folder=str(tmp_path))

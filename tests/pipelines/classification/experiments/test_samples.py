"""Few pictures for an experiment: from a known set, or from a person's own file."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pipelines.classification.data import DataError
from pipelines.classification.experiments.samples import load_sample


def test_digits_are_split_and_standardised(digits) -> None:
    sample = load_sample("digits", pictures=10_000, test_pictures=300)
    assert sample.images.shape == (1297, 8, 8, 1)
    assert sample.test_images.shape == (300, 8, 8, 1)
    np.testing.assert_array_equal(sample.test_images[..., 0], digits.images[1297:1597])
    np.testing.assert_array_equal(sample.test_labels, digits.labels[1297:1597])
    prepared = sample.prepare(sample.images / 255.0)
    assert prepared.mean() == pytest.approx(0.0, abs=1e-9)
    assert prepared.std() == pytest.approx(1.0)


def test_an_npz_file_gives_its_own_split(tmp_path) -> None:
    pixels = np.arange(12 * 5 * 4 * 3).reshape(12, 5, 4, 3).astype("uint8")
    labels = np.arange(12) % 3
    np.savez(
        tmp_path / "own.npz", x_train=pixels[:8], y_train=labels[:8], x_test=pixels[8:],
        y_test=labels[8:],
    )  # fmt: skip
    sample = load_sample(str(tmp_path / "own.npz"), pictures=6, test_pictures=6)
    np.testing.assert_array_equal(sample.images, pixels[:6])
    np.testing.assert_array_equal(sample.test_images, pixels[8:])
    assert (sample.shape, sample.classes) == ((5, 4, 3), 3)


def test_picture_files_of_any_size_are_refused(tmp_path) -> None:
    for name in ("train/cat", "train/dog", "test/cat", "test/dog"):
        (tmp_path / name).mkdir(parents=True)
        Image.new("RGB", (9, 9)).save(tmp_path / name / "1.png")
    with pytest.raises(DataError, match="takes pictures of one size, from a known set or an npz"):
        load_sample(str(tmp_path), pictures=2, test_pictures=2)

"""The sheet of an augmentation: originals at the left, changes as a training makes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.training.augmentation import Augmentation
from pipelines.training.augmentation_sheet import CELL_PX, GAP_PX, draw_augmentation

AUGMENT = Augmentation(rotation_deg=20, mirror="alternate", noise=0.05, cutmix=1.0)


def sheet(path: Path, images, **options) -> np.ndarray:
    draw_augmentation(options.pop("augment", AUGMENT), images, path, **options)
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image)


def test_the_left_column_holds_the_originals_and_the_rest_is_changed(
    photographs, tmp_path: Path
) -> None:
    images = np.stack([p[100:212, 200:312] for p in photographs.values()])  # 112 x 112, shown 1:1
    drawn = sheet(tmp_path / "a.png", images, variants=3)
    assert drawn.shape == (2 * (CELL_PX + GAP_PX) + GAP_PX, 4 * (CELL_PX + GAP_PX) + GAP_PX, 3)
    cells = [
        [drawn[GAP_PX + r * 116 :, GAP_PX + c * 116 :][:112, :112] for c in range(4)]
        for r in range(2)
    ]
    for row, image in zip(cells, images, strict=True):
        np.testing.assert_array_equal(row[0], image)
        for cell in row[1:]:
            assert (cell != image).mean() > 0.5
    np.testing.assert_array_equal(drawn, sheet(tmp_path / "b.png", images, variants=3))
    assert (drawn != sheet(tmp_path / "c.png", images, variants=3, seed=1)).any()


def test_grey_pictures_labels_and_no_change(digits, tmp_path: Path) -> None:
    images = digits.images[:3, :, :, None]
    drawn = sheet(
        tmp_path / "digits.png", images, augment=Augmentation(), labels=["0", "1", "2"], variants=2
    )
    first, last = drawn[4:116, 4:116], drawn[4:116, 4 + 2 * 116 : 4 + 2 * 116 + 112]
    np.testing.assert_array_equal(first, last)
    np.testing.assert_array_equal(first[7::14, 7::14, 0], images[0, :, :, 0])


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (np.zeros((2, 4, 4), np.uint8), None, r"images must be \(N, H, W, C\) uint8"),
        (np.zeros((2, 4, 4, 1), np.uint8), ["a"], "2 images must have as many labels; got 1"),
    ],
)
def test_wrong_arguments_are_refused(images, labels, says, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=says):
        draw_augmentation(AUGMENT, images, tmp_path / "a.png", labels=labels)

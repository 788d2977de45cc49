"""An enlarged picture beside bicubic, at the same place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.comparison import CAPTION_PX, GAP_PX
from pipelines.images import ImageError, read_image
from pipelines.picture import Picture
from pipelines.results import UpscaledImage

RANDOM = np.random.default_rng(0)
SMALL = RANDOM.integers(0, 256, (20, 30, 3), np.uint8)
LARGE = RANDOM.integers(0, 256, (40, 60, 3), np.uint8)


def result(
    pixels: np.ndarray = LARGE, alpha: np.ndarray | None = None, before: Picture | None = None
) -> UpscaledImage:
    return UpscaledImage(
        source="a.png",
        preset="tiny",
        timing_ms=1.0,
        scale=2,
        pixels=pixels,
        alpha=alpha,
        original=before or read_image(SMALL),
    )


def halves(sheet: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    width = (sheet.width - GAP_PX) // 2
    pixels = np.asarray(sheet)[CAPTION_PX:]
    return pixels[:, :width], pixels[:, width + GAP_PX :]


def test_bicubic_is_left_and_the_result_right() -> None:
    sheet = result().compare()
    bicubic, enlarged = halves(sheet)
    np.testing.assert_array_equal(enlarged, LARGE)
    expected = Image.fromarray(SMALL).resize((60, 40), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(bicubic, expected)
    assert np.asarray(sheet)[:CAPTION_PX].min() < 100  # the captions


def test_an_area_is_the_same_part_of_both() -> None:
    whole = halves(result().compare())
    parts = halves(result().compare(area=(4, 3, 11, 7)))
    for part, all_ in zip(parts, whole, strict=True):
        np.testing.assert_array_equal(part, all_[6:20, 8:30])


def test_what_is_transparent_is_white_paper() -> None:
    before = read_image(np.dstack((SMALL, np.zeros((20, 30), np.uint8))))
    alpha = np.zeros((40, 60), np.uint8)
    alpha[:20] = 255
    bicubic, enlarged = halves(result(alpha=alpha, before=before).compare())
    assert (bicubic == 255).all()
    assert (enlarged[20:] == 255).all()
    np.testing.assert_array_equal(enlarged[:20], LARGE[:20])


def test_deep_grey_is_shown_in_8_bits() -> None:
    before = read_image(np.full((20, 30), 257 * 90, np.uint16))
    bicubic, enlarged = halves(
        result(np.full((40, 60, 1), 257 * 80, np.uint16), None, before).compare()
    )
    assert (bicubic == 90).all()
    assert (enlarged == 80).all()


def test_it_is_written_where_wanted(tmp_path: Path) -> None:
    sheet = result().compare(tmp_path / "beside.png")
    np.testing.assert_array_equal(read_image(tmp_path / "beside.png").pixels, sheet)
    with pytest.raises(ImageError, match="the name must end in one of"):
        result().compare(tmp_path / "beside.txt")


@pytest.mark.parametrize(
    "area", [(0, 0, 31, 20), (-1, 0, 5, 5), (0, 18, 5, 3), (5, 5, 0, 3), (5, 5, 3, -1)]
)
def test_an_area_outside_is_refused(area: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"area must be .* within 30 x 20; got"):
        result().compare(area=area)

"""BT.601 by its own numbers, and beside an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pipelines.super_resolution.colour import (
    LUMA_OFFSET,
    LUMA_WEIGHTS,
    RGB_TO_YCBCR,
    YCBCR_OFFSET,
    YCBCR_TO_RGB,
    luma,
    rgb_to_ycbcr,
    to_8bit,
    unit,
    ycbcr_to_rgb,
)

# Colour bars, in 255ths, as the recommendation's formulas give them by hand.
BARS = {
    "black": ((0, 0, 0), (16.0, 128.0, 128.0)),
    "white": ((1, 1, 1), (235.0, 128.0, 128.0)),
    "red": ((1, 0, 0), (81.481, 90.203, 240.0)),
    "green": ((0, 1, 0), (144.553, 53.797, 34.214)),
    "blue": ((0, 0, 1), (40.966, 240.0, 109.786)),
    "yellow": ((1, 1, 0), (210.034, 16.0, 146.214)),
}
ONE_255TH = 1 / 255


@pytest.mark.parametrize("name", BARS)
def test_colour_bars(name) -> None:
    rgb, expected = BARS[name]
    found = rgb_to_ycbcr(np.array(rgb, np.float32)) * 255
    np.testing.assert_allclose(found, expected, atol=1e-4)  # float32 of numbers up to 240
    assert luma(np.array(rgb, np.float32)) * 255 == pytest.approx(expected[0], abs=1e-4)


def test_the_constants_for_a_graph_are_the_same_numbers() -> None:
    rgb = np.random.default_rng(0).random((5, 3))
    by_hand = rgb @ RGB_TO_YCBCR.T + YCBCR_OFFSET
    np.testing.assert_allclose(rgb_to_ycbcr(rgb), by_hand, atol=1e-6)
    np.testing.assert_allclose(luma(rgb), rgb @ LUMA_WEIGHTS + LUMA_OFFSET, atol=1e-6)
    np.testing.assert_allclose((by_hand - YCBCR_OFFSET) @ YCBCR_TO_RGB.T, rgb, atol=1e-12)


def test_every_8_bit_colour_comes_back(photographs) -> None:
    random = np.random.default_rng(0).integers(0, 256, (100_000, 3)).astype(np.uint8)
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    for pixels in (random, greys, photographs["flower"]):
        np.testing.assert_array_equal(to_8bit(ycbcr_to_rgb(rgb_to_ycbcr(pixels))), pixels)


def test_luma_is_pillows_in_studio_range(photographs) -> None:
    pixels = photographs["china"]
    full_range = np.asarray(Image.fromarray(pixels).convert("YCbCr"))[..., 0]  # JPEG's
    above = luma(pixels) * 255 - (16 + full_range * (219 / 255))
    # Pillow rounds down, to whole numbers of full range that are 219 / 255 of ours; the weights of
    # both are rounded to a few digits.
    assert -0.03 < above.min() < 0.1
    assert 0.75 < above.max() < 219 / 255 + 0.03
    assert np.abs(luma(pixels) * 255 - full_range).max() > 10  # so full range would show


def test_grey_has_no_chroma_and_keeps_its_order() -> None:
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    ycbcr = rgb_to_ycbcr(greys)
    np.testing.assert_allclose(ycbcr[:, 1:], 128 / 255, atol=1e-6)
    assert (np.diff(ycbcr[:, 0]) > 0).all()


def test_rounding_is_to_the_nearest_and_clips() -> None:
    values = np.array([-0.2, 0.0, 0.49 * ONE_255TH, 0.51 * ONE_255TH, 254.4 * ONE_255TH, 1.0, 1.7])
    assert to_8bit(values).tolist() == [0, 0, 0, 1, 254, 255, 255]
    assert unit(to_8bit(values)).dtype == np.float32
    np.testing.assert_array_equal(to_8bit(unit(np.arange(256, dtype=np.uint8))), np.arange(256))


def test_whole_numbers_of_another_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"uint8, or float in \[0, 1\]; got int64"):
        luma(np.zeros((2, 3), np.int64))

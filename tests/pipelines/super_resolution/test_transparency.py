"""Hidden colours give way to the visible ones around them."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.super_resolution.transparency import with_hidden_colours_filled

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_visible_pixels_stay_and_hidden_ones_take_their_colour(dtype, channels: int) -> None:
    white = np.iinfo(dtype).max
    pixels = RANDOM.integers(0, white, (23, 37, channels), dtype, endpoint=True)
    alpha = np.zeros((23, 37), dtype)
    alpha[5:18, 9:30] = RANDOM.integers(white // 2, white, (13, 21), dtype)
    pixels[5:18, 9:30] = [[list(range(100, 100 + channels))]]
    before = pixels.copy()
    filled = with_hidden_colours_filled(pixels, alpha)
    np.testing.assert_array_equal(pixels, before)
    assert filled.dtype == dtype
    assert (filled == np.arange(100, 100 + channels)).all()


def test_the_nearest_colours_count_by_how_visible_they_are() -> None:
    pixels = np.zeros((8, 64, 3), np.uint8)
    alpha = np.zeros((8, 64), np.uint8)
    pixels[:, 0], alpha[:, 0] = (200, 0, 0), 255
    pixels[:, 63], alpha[:, 63] = (0, 0, 200), 255
    pixels[:, 2], alpha[:, 2] = (0, 200, 0), 51  # a fifth as visible
    filled = with_hidden_colours_filled(pixels, alpha)
    assert filled[0, 1].tolist() == [200, 0, 0]  # alone in its block of two
    assert filled[0, 3].tolist() == [0, 200, 0]
    assert filled[0, 62].tolist() == [0, 0, 200]
    # A block of eight holds both reds and greens, five to one.
    assert filled[0, 5].tolist() == [round(200 * 5 / 6), round(200 / 6), 0]


def test_nearly_transparent_is_hidden() -> None:
    pixels = np.full((4, 4, 1), 90, np.uint8)
    alpha = np.full((4, 4), 255, np.uint8)
    pixels[1, 1], alpha[1, 1] = 0, 3
    pixels[2, 2], alpha[2, 2] = 0, 4
    filled = with_hidden_colours_filled(pixels, alpha)[..., 0]
    assert (filled[1, 1], filled[2, 2]) == (90, 0)


@pytest.mark.parametrize("alpha", [0, 255])
def test_where_there_is_nothing_to_fill_the_array_is_the_same(alpha: int) -> None:
    pixels = RANDOM.integers(0, 256, (3, 5, 3), np.uint8)
    assert with_hidden_colours_filled(pixels, np.full((3, 5), alpha, np.uint8)) is pixels


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (7, 13)])
def test_any_size(size: tuple[int, int]) -> None:
    pixels = RANDOM.integers(0, 256, (*size, 3), np.uint8)
    alpha = np.zeros(size, np.uint8)
    alpha[-1, -1] = 255
    filled = with_hidden_colours_filled(pixels, alpha)
    assert (filled == pixels[-1, -1]).all()

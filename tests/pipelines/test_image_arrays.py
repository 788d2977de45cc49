"""What arrays mean as pictures."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.image_arrays import picture_from_array
from pipelines.images import ImageError, read_image
from pipelines.picture import Limits, to_depth

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (6, 7, 3), dtype=np.uint8)
GREY = RGB[:, :, 0]
DEEP = RNG.integers(0, 65536, (6, 7, 3), dtype=np.uint16)


def test_rgb_is_taken_as_it_is() -> None:
    picture = read_image(RGB)
    np.testing.assert_array_equal(picture.pixels, RGB)
    assert (picture.grey, picture.alpha, picture.format) == (False, None, None)
    assert picture.source == "<array>"


@pytest.mark.parametrize("array", [GREY, GREY[:, :, None]], ids=["two axes", "one channel"])
def test_grey_becomes_three_equal_channels(array: np.ndarray) -> None:
    picture = read_image(array)
    assert picture.grey
    for channel in range(3):
        np.testing.assert_array_equal(picture.pixels[:, :, channel], GREY)


@pytest.mark.parametrize("array", [RGB, DEEP])
def test_the_fourth_channel_is_alpha(array: np.ndarray) -> None:
    picture = read_image(np.dstack((array, array[:, :, 0])))
    np.testing.assert_array_equal(picture.pixels, array)
    np.testing.assert_array_equal(picture.alpha, array[:, :, 0])


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_16_bits_are_kept_and_scaled_for_8(order: str) -> None:
    picture = read_image(DEEP.astype(order))
    np.testing.assert_array_equal(picture.pixels, DEEP)
    assert picture.pixels.dtype == np.uint16
    assert picture.bit_depth == 16
    np.testing.assert_array_equal(picture.rgb8, np.rint(DEEP / 257).astype(np.uint8))


def test_every_8_bit_value_survives_16_bits() -> None:
    values = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_depth(to_depth(values, 16), 8), values)
    assert to_depth(values, 16)[-1] == 65535
    every = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(to_depth(every, 8), np.rint(every / 257).astype(np.uint8))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "longdouble"])
def test_floats_from_0_to_1_are_scaled(dtype: str) -> None:
    floats = (RGB / 255).astype(dtype)
    picture = read_image(floats)
    assert picture.bit_depth == 16
    if dtype != "f2":  # whose eleven bits do not hold every 255th
        np.testing.assert_array_equal(picture.rgb8, RGB)
    np.testing.assert_array_equal(
        picture.pixels, np.rint(floats.astype("f4") * np.float32(65535)).astype("u2")
    )


def test_bool_is_black_and_white() -> None:
    np.testing.assert_array_equal(read_image(GREY > 99).pixels[:, :, 0], (GREY > 99) * 255)


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(RGB),
        np.asfortranarray(GREY),
        RGB[::-1, ::-1, ::-1],
        np.broadcast_to(RGB[:1], RGB.shape),
        RGB.view(type("Subclass", (np.ndarray,), {})),
    ],
    ids=["fortran", "fortran grey", "reversed", "broadcast", "subclass"],
)
def test_any_memory_layout_gives_rows_in_order(array: np.ndarray) -> None:
    picture = read_image(array)
    expected = array if array.ndim == 3 else np.dstack([array] * 3)
    np.testing.assert_array_equal(picture.pixels, expected)
    assert picture.pixels.flags.c_contiguous
    assert type(picture.pixels) is np.ndarray


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, bool])
def test_the_callers_array_is_neither_changed_nor_shared(channels: int, dtype: type) -> None:
    array: np.ndarray = np.ones((5, 4, channels), dtype)
    untouched = array.copy()
    picture = read_image(array)
    before = picture.pixels.copy()
    np.testing.assert_array_equal(array, untouched)
    array[:] = 0
    np.testing.assert_array_equal(picture.pixels, before)
    layers = [picture.pixels] if picture.alpha is None else [picture.pixels, picture.alpha]
    for layer in layers:
        assert not np.shares_memory(layer, array)
        assert not layer.flags.writeable
        assert layer.min() > 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (3, 5, 3), (3, 9, 4), (4, 4, 1)])
def test_small_pictures_are_not_taken_for_channels_first(shape: tuple[int, ...]) -> None:
    assert picture_from_array(np.zeros(shape, np.uint8)).size_px == shape[:2]


def test_the_limit_counts_pixels_not_values() -> None:
    assert read_image(RGB, limits=Limits(max_pixels=42)).size_px == (6, 7)
    with pytest.raises(ImageError, match="at most 41 pixels; got 6 x 7 = 42"):
        read_image(RGB, limits=Limits(max_pixels=41))


@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_the_ends_of_the_float_range_are_in_it(edge: float) -> None:
    assert read_image(np.full((2, 2), edge)).rgb8[0, 0, 0] == round(edge * 255)


@pytest.mark.parametrize("beyond", [np.nextafter(0, -1), np.nextafter(1, 2)])
def test_the_next_float_is_not(beyond: float) -> None:
    with pytest.raises(ImageError, match=r"must lie in \[0, 1\]"):
        read_image(np.full((2, 2), beyond))

"""Bicubic resampling against its formula, and against what MATLAB wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.super_resolution.data import load_pictures
from pipelines.super_resolution.resampling import bicubic, crop_to_multiple, enlarge, shrink

SIZES = [(24, 30), (16, 20), (13, 9), (96, 120), (70, 41), (48, 15), (1, 1)]


def keys(distance: np.ndarray, a: float = -0.5) -> np.ndarray:
    """Return the cubic convolution kernel as its paper writes it."""
    x = np.abs(distance)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def weights(before: int, after: int) -> np.ndarray:
    """Return the matrix (after, before) of one direction, pixels at the edge repeated outside."""
    ratio = before / after
    stretch = max(ratio, 1.0)
    outside = 2 * int(np.ceil(stretch)) + 2
    places = np.arange(-outside, before + outside)
    centres = (np.arange(after) + 0.5) * ratio - 0.5
    table = keys((places[None, :] - centres[:, None]) / stretch)
    table /= table.sum(axis=1, keepdims=True)
    matrix = np.zeros((after, before))
    for place, column in zip(np.clip(places, 0, before - 1), table.T, strict=True):
        matrix[:, place] += column
    return matrix


def round_half_up(values: np.ndarray) -> np.ndarray:
    return np.clip(np.floor(values + 0.5), 0, 255)


@pytest.fixture(scope="module")
def piece(photographs) -> np.ndarray:
    """A piece (48, 60, 3) uint8 of a photograph, with hard edges."""
    cut: np.ndarray = photographs["china"][120:168, 300:360]
    return cut


@pytest.mark.parametrize("size", SIZES)
def test_floats_follow_the_formula(piece, size) -> None:
    picture = piece.astype(np.float32)
    expected = np.einsum(
        "hy,yxc,wx->hwc", weights(48, size[0]), picture.astype(np.float64), weights(60, size[1])
    )
    # float32 results of numbers up to 300, stored between the two directions.
    np.testing.assert_allclose(bicubic(picture, *size), expected, atol=1e-4)


@pytest.mark.parametrize("size", SIZES)
def test_8_bits_are_rounded_after_each_direction_the_one_that_shrinks_most_first(
    piece, size
) -> None:
    expected = piece.astype(np.float64)
    for axis in sorted((0, 1), key=lambda axis: size[axis] / piece.shape[axis]):
        matrix = weights(piece.shape[axis], size[axis])
        moved = np.moveaxis(expected, axis, 0)
        expected = round_half_up(np.moveaxis(np.tensordot(matrix, moved, axes=1), 0, axis))
    got = bicubic(piece, *size)
    assert got.dtype == np.uint8
    # Pillow's weights are whole numbers of 22 bits: what lies on a half may fall either way, once
    # in each direction.
    difference = np.abs(got - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.005


def test_another_kernel_or_columns_first_would_show(piece) -> None:
    # The test above can fail: Pillow's own order differs in many values.
    pillow = np.asarray(Image.fromarray(piece).resize((30, 24), Image.Resampling.BICUBIC))
    assert (bicubic(piece, 24, 30) != pillow).mean() > 0.1
    sharper = np.abs(keys(np.linspace(0, 2, 9), a=-0.75) - keys(np.linspace(0, 2, 9)))
    assert sharper.max() > 0.03


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_each_channel_is_resampled_alone(channels, dtype) -> None:
    random = np.random.default_rng(channels)
    picture = random.integers(0, 256, (21, 17, channels)).astype(dtype)
    whole = bicubic(picture, 9, 30)
    assert whole.shape == (9, 30, channels)
    assert whole.dtype == dtype
    for channel in range(channels):
        np.testing.assert_array_equal(whole[..., channel], bicubic(picture[..., channel], 9, 30))


def test_the_same_size_is_a_copy_and_the_input_stays_as_it_is(piece) -> None:
    before = piece.copy()
    same = bicubic(piece, *piece.shape[:2])
    np.testing.assert_array_equal(same, piece)
    assert not np.shares_memory(same, piece)
    bicubic(piece[::-1, ::2], 20, 20)
    np.testing.assert_array_equal(piece, before)


@pytest.mark.parametrize("size", [(5, 5), (33, 80)])
def test_an_even_surface_stays_even(size) -> None:
    np.testing.assert_array_equal(bicubic(np.full((16, 20), 77, np.uint8), *size), 77)
    # Weights sum to 1 in double precision, results are float32.
    np.testing.assert_allclose(bicubic(np.full((16, 20), 0.3, np.float32), *size), 0.3, rtol=1e-6)


def test_floats_may_overshoot_where_8_bits_are_clipped() -> None:
    step = np.repeat(np.array([[0, 255]], np.uint8), 8, axis=1)
    assert bicubic(step.astype(np.float32), 2, 64).min() < -5
    assert bicubic(step, 2, 64).min() == 0


def test_shrinking_crops_the_bottom_and_the_right(piece) -> None:
    odd = piece[:47, :58]
    np.testing.assert_array_equal(crop_to_multiple(odd, 3), piece[:45, :57])
    np.testing.assert_array_equal(shrink(odd, 3), bicubic(piece[:45, :57], 15, 19))
    np.testing.assert_array_equal(enlarge(odd, 2), bicubic(odd, 94, 116))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: bicubic(p.astype(np.float64), 4, 4), "uint8 or float32; got float64"),
        (lambda p: bicubic(p[None], 4, 4), r"\(H, W\) or \(H, W, C\).*got \(1, 48, 60, 3\)"),
        (lambda p: bicubic(p[:0], 4, 4), r"none of them 0; got \(0, 60, 3\)"),
        (lambda p: bicubic(p, 0, 4), "at least one pixel; got 0 x 4"),
        (lambda p: shrink(p[:2], 3), "at least 3 x 3 pixels at a scale of 3; got 2 x 60"),
        (lambda p: enlarge(p, 0), "scale must be a whole number of at least 1; got 0"),
        (lambda p: shrink(p, 1.5), "got 1.5"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_done_is_refused(piece, call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call(piece)


@pytest.mark.data
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", ["Set5", "Set14"])
def test_it_equals_matlab_bit_for_bit(papers_sets: Path, name: str, scale: int) -> None:
    files = sorted((papers_sets / name / f"LR_matlab_x{scale}").glob("*.png"))
    differences, pillows_own = [], []
    for picture, file in zip(load_pictures(name, papers_sets), files, strict=True):
        with Image.open(file) as image:
            theirs = np.asarray(image.convert("RGB")).astype(int)
        cropped = Image.fromarray(crop_to_multiple(picture.pixels, scale))
        pillow = np.asarray(cropped.resize(theirs.shape[1::-1], Image.Resampling.BICUBIC))
        differences.append(np.abs(shrink(picture.pixels, scale) - theirs).ravel())
        pillows_own.append(np.abs(pillow - theirs).ravel())
    assert np.concatenate(differences).max() == 0
    # What Pillow alone gives, as the module states it.
    alone = np.concatenate(pillows_own)
    assert 0.15 < (alone > 0).mean() < 0.2
    assert 0.16 < alone.mean() < 0.21
    assert 4 < alone.max() <= 14

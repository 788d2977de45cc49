"""PSNR by hand, and structural similarity against its formula written out window by window."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipelines.super_resolution.colour import luma, to_8bit
from pipelines.super_resolution.metrics import cut_border, psnr, ssim


def ssim_window_by_window(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean of the published formula over all windows inside, in 255ths."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None, :] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for y in range(first.shape[0] - 10):
        for x in range(first.shape[1] - 10):
            a, b = first[y : y + 11, x : x + 11], second[y : y + 11, x : x + 11]
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            variance_a = (window * (a - mean_a) ** 2).sum()
            variance_b = (window * (b - mean_b) ** 2).sum()
            covariance = (window * (a - mean_a) * (b - mean_b)).sum()
            values.append(
                ((2 * mean_a * mean_b + c1) * (2 * covariance + c2))
                / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))
            )
    return float(np.mean(values))


@pytest.fixture(scope="module")
def pair(photographs) -> tuple[np.ndarray, np.ndarray]:
    """A piece (40, 33) uint8 of luma, and the same with noise."""
    clean = to_8bit(luma(photographs["china"][150:190, 300:333]))
    noise = np.random.default_rng(0).normal(0, 12, clean.shape)
    return clean, np.clip(clean + noise, 0, 255).astype(np.uint8)


def test_psnr_by_hand() -> None:
    reference, image = np.zeros((4, 5), np.uint8), np.full((4, 5), 5, np.uint8)
    assert psnr(reference, image) == pytest.approx(20 * math.log10(255 / 5))
    image[:, 1:] = 0  # an error in a fifth of the pixels
    assert psnr(reference, image) == pytest.approx(20 * math.log10(255 / 5) + 10 * math.log10(5))
    assert psnr(np.zeros((2, 2, 3)), np.full((2, 2, 3), 0.1)) == pytest.approx(20)


def test_psnr_of_8_bits_does_not_wrap_around() -> None:
    dark, light = np.full((3, 3), 3, np.uint8), np.full((3, 3), 250, np.uint8)
    assert psnr(dark, light) == psnr(light, dark) == pytest.approx(20 * math.log10(255 / 247))


def test_equal_pictures_have_an_infinite_psnr_and_an_ssim_of_1(pair) -> None:
    assert psnr(pair[0], pair[0].copy()) == math.inf
    assert ssim(pair[0], pair[0].copy()) == pytest.approx(1, abs=1e-12)


def test_ssim_equals_the_formula_window_by_window(pair) -> None:
    first, second = (image.astype(np.float64) for image in pair)
    expected = ssim_window_by_window(first, second)
    assert 0.3 < expected < 0.95
    # Variances as differences of two sums of squares lose some digits of 16.
    assert ssim(*pair) == pytest.approx(expected, abs=1e-9)
    assert ssim(*reversed(pair)) == pytest.approx(expected, abs=1e-9)


def test_ssim_sees_structure_where_psnr_sees_none() -> None:
    random = np.random.default_rng(0)
    picture = random.uniform(0.3, 0.6, (40, 40))
    lighter = picture + 0.05
    noisy = picture + 0.05 * random.choice([-1.0, 1.0], picture.shape)
    assert psnr(picture, lighter) == pytest.approx(psnr(picture, noisy))
    assert ssim(picture, lighter) > ssim(picture, noisy) + 0.05


def test_floats_in_0_to_1_and_8_bits_agree(pair) -> None:
    floats = tuple(image / 255 for image in pair)
    assert psnr(*floats) == pytest.approx(psnr(*pair), abs=1e-9)
    assert ssim(*floats) == pytest.approx(ssim(*pair), abs=1e-9)


def test_the_border_is_cut_on_each_side() -> None:
    image = np.arange(42).reshape(6, 7)
    np.testing.assert_array_equal(cut_border(image, 2), image[2:4, 2:5])
    np.testing.assert_array_equal(cut_border(image, 0), image)
    with pytest.raises(ValueError, match="a border of 3 pixels leaves nothing of 6 x 7"):
        cut_border(image, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: psnr(np.zeros((3, 3)), np.zeros((3, 4))), r"one shape; got \(3, 3\) and \(3, 4\)"),
        (lambda: psnr(np.zeros((3, 3), int), np.zeros((3, 3), int)), "got int64"),
        (lambda: ssim(np.zeros((10, 40)), np.zeros((10, 40))), "at least 11 x 11.*got"),
        (lambda: ssim(np.zeros((20, 20, 3)), np.zeros((20, 20, 3))), r"got \(20, 20, 3\)"),
    ],
)
def test_what_does_not_fit_is_refused(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()

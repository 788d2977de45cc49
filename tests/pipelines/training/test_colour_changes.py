"""Changes of colour: what they leave as it is, and how far they go."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipelines.training.augmentation import Augmentation
from pipelines.training.colour_changes import IMAGENET_AXES

# Away from 0 and 1, so that nothing is clipped.
BATCH = np.random.default_rng(0).uniform(0.4, 0.6, size=(64, 8, 9, 3)).astype("float32")
LUMA = np.array([0.299, 0.587, 0.114])


def change(batch=BATCH, **limits) -> np.ndarray:
    augment = Augmentation(**limits)
    return np.asarray(augment(tf.constant(batch), tf.constant([3, 0])))


def test_brightness_adds_one_number_to_a_picture() -> None:
    added = change(brightness=0.3) - BATCH
    np.testing.assert_allclose(added, np.broadcast_to(added[:, :1, :1, :1], added.shape), atol=1e-6)
    assert 0.25 < np.abs(added).max() <= 0.3 + 1e-6


def test_contrast_keeps_the_mean_grey() -> None:
    out = change(contrast=0.5)
    mean = (BATCH @ LUMA).mean(axis=(1, 2))
    np.testing.assert_allclose((out @ LUMA).mean(axis=(1, 2)), mean, atol=1e-4)  # luma in 5 digits
    factor = out.std(axis=(1, 2, 3)) / BATCH.std(axis=(1, 2, 3))
    assert 0.5 <= factor.min() < 0.6
    assert 1.4 < factor.max() <= 1.51  # the three channels' means are not quite alike


def test_saturation_keeps_each_pixels_grey() -> None:
    out = change(saturation=0.9)
    np.testing.assert_allclose(out @ LUMA, BATCH @ LUMA, atol=1e-4)  # luma in 5 digits
    spread = np.ptp(out, axis=-1).mean(axis=(1, 2)) / np.ptp(BATCH, axis=-1).mean(axis=(1, 2))
    assert 0.1 - 1e-3 <= spread.min() < 0.3
    assert 1.7 < spread.max() <= 1.9 + 1e-3


def test_hue_keeps_lightest_and_darkest_channel_and_turns_no_further_than_its_limit() -> None:
    out = change(hue=0.1)
    np.testing.assert_allclose(out.max(axis=-1), BATCH.max(axis=-1), atol=1e-5)
    np.testing.assert_allclose(out.min(axis=-1), BATCH.min(axis=-1), atol=1e-5)
    before, after = (np.asarray(tf.image.rgb_to_hsv(x))[..., 0] for x in (BATCH, out))
    turned = (after - before + 0.5) % 1 - 0.5
    np.testing.assert_allclose(turned, turned[:, :1, :1] + 0 * turned, atol=1e-4)  # one a picture
    assert 0.08 < np.abs(turned).max() <= 0.1 + 1e-4


@pytest.mark.parametrize("axes", [IMAGENET_AXES, ((0.2, 0.0, 0.0), (0.0, 0.1, 0.0))])
def test_lighting_shifts_all_pixels_along_the_axes(axes) -> None:
    many = np.repeat(BATCH, 16, axis=0)
    shift = change(many, lighting=0.1, lighting_axes=axes) - many
    np.testing.assert_allclose(shift, shift[:, :1, :1] + 0 * shift, atol=1e-6)
    covariance = np.cov(shift[:, 0, 0], rowvar=False)
    expected = 0.1**2 * np.array(axes).T @ np.array(axes)
    # 1,024 draws: a variance is known to 4.4 %; four times that.
    np.testing.assert_allclose(covariance, expected, atol=0.18 * expected.max())


def test_noise_has_its_deviation_and_multiplicative_noise_goes_with_the_pixel() -> None:
    flat = np.full_like(BATCH, 0.5)
    flat[:, :, :4] = 0.25
    added = change(flat, noise=0.05) - flat
    # 13,824 numbers: a deviation is known to 0.6 %; five times that.
    assert added.std() == pytest.approx(0.05, rel=0.03)
    assert added.mean() == pytest.approx(0, abs=0.002)
    factors = change(flat, multiplicative_noise=0.1) / flat
    for side in (factors[:, :, :4], factors[:, :, 4:]):
        assert side.std() == pytest.approx(0.1, rel=0.04)
    pixels = added.reshape(-1, 3)
    assert abs(np.corrcoef(pixels, rowvar=False)[0, 1]) < 0.06  # four standard errors of 4,608


@pytest.mark.parametrize("name", ["saturation", "hue", "lighting"])
def test_grey_pictures_have_no_colours_to_change(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} must have pictures of 3 channels; got 1"):
        change(BATCH[..., :1], **{name: 0.1})


def test_grey_pictures_keep_one_channel() -> None:
    out = change(BATCH[..., :1], brightness=0.1, contrast=0.2, noise=0.1, rand_augment=(2, 5))
    assert out.shape == (64, 8, 9, 1)

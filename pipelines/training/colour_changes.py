"""Changes of colour and noise, for a whole batch at once: pixels in [0, 1] stay in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from pipelines.preprocessing import LUMA
from pipelines.training.draws import Draws, Purpose

Axes = tuple[tuple[float, float, float], ...]

# Eigenvectors of the colours of ImageNet's training pictures times the figures that everybody
# multiplies them with, 0.2175, 0.0188 and 0.0045 for pixels in [0, 1]; from fb.resnet.torch,
# datasets/imagenet.lua, and many copies of it.
IMAGENET_AXES: Axes = (
    (-0.5675 * 0.2175, -0.5808 * 0.2175, -0.5836 * 0.2175),
    (0.7192 * 0.0188, -0.0045 * 0.0188, -0.6948 * 0.0188),
    (0.4009 * 0.0045, -0.8140 * 0.0045, 0.4203 * 0.0045),
)


def change_colours(
    pixels: tf.Tensor,
    draws: Draws,
    *,
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
) -> tf.Tensor:
    """Change brightness, contrast, saturation and hue, in this order, each within its limit."""
    drawn = draws.uniform(Purpose.COLOUR, 4, -1.0, 1.0)[:, :, None, None, None]
    if brightness:
        pixels = _clipped(pixels + brightness * drawn[0])
    if contrast:
        pixels = blend(mean_grey(pixels), pixels, 1 + contrast * drawn[1])
    if saturation:
        pixels = blend(grey(pixels), pixels, 1 + saturation * drawn[2])
    if hue:
        pixels = _turn_hue(pixels, hue * drawn[3])
    return pixels


def blend(plain: tf.Tensor, pixels: tf.Tensor, factor: Any) -> tf.Tensor:
    """Go from a plain version to the picture (factor 1) and beyond."""
    return _clipped(plain + factor * (pixels - plain))


def grey(pixels: tf.Tensor) -> tf.Tensor:
    """Return the luma (N, H, W, 1)."""
    if pixels.shape[-1] == 1:
        return pixels
    return tf.add_n([pixels[..., c : c + 1] * LUMA[c] for c in range(3)])


def mean_grey(pixels: tf.Tensor) -> tf.Tensor:
    """Return the mean luma of each picture (N, 1, 1, 1)."""
    return tf.reduce_mean(grey(pixels), axis=(1, 2, 3), keepdims=True)


def _turn_hue(pixels: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    hsv = tf.image.rgb_to_hsv(pixels)
    hue = tf.math.floormod(hsv[..., :1] + turns, 1.0)
    return tf.image.hsv_to_rgb(tf.concat([hue, hsv[..., 1:]], axis=-1))


def light(
    pixels: tf.Tensor, draws: Draws, deviation: float, axes: Sequence[Sequence[float]]
) -> tf.Tensor:
    """Shift all colours of a picture along the principal axes (AlexNet, section 4.1).

    The paper multiplies by eigenvalues of the covariance, whose size depends on the unit of pixels;
    the axes here hold deviations, as the published figures do.
    """
    shift = deviation * draws.normal(Purpose.LIGHTING, (len(axes),)) @ tf.constant(axes)
    return _clipped(pixels + shift[:, None, None, :])


def add_noise(pixels: tf.Tensor, draws: Draws, deviation: float) -> tf.Tensor:
    """Add Gaussian noise to each pixel and channel on its own."""
    noise = draws.normal(Purpose.NOISE, pixels.shape[1:].as_list())
    return _clipped(pixels + deviation * noise)


def multiply_noise(pixels: tf.Tensor, draws: Draws, deviation: float) -> tf.Tensor:
    """Multiply each pixel and channel by its own Gaussian number about 1."""
    noise = draws.normal(Purpose.MULTIPLICATIVE_NOISE, pixels.shape[1:].as_list())
    return _clipped(pixels * (1 + deviation * noise))


def _clipped(pixels: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(pixels, 0.0, 1.0)

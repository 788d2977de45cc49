"""Changes of place: warps, crops and holes, for a whole batch at once."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from pipelines.training.draws import Draws, Purpose


def warp(
    pixels: tf.Tensor,
    draws: Draws,
    *,
    rotation_deg: float,
    log_scale: float,
    shear: float,
    shift_px: float,
    mirror: bool,
) -> tf.Tensor:
    """Rotate, scale, shear, move and mirror in one go, each uniform within its limit."""
    drawn = draws.uniform(Purpose.WARP, 7, -1.0, 1.0)
    angle = drawn[0] * math.radians(rotation_deg)
    across, down = tf.exp(drawn[1] * log_scale), tf.exp(drawn[2] * log_scale)
    slant = drawn[3] * shear
    right, below = drawn[4] * shift_px, drawn[5] * shift_px
    if mirror:
        across = across * tf.sign(drawn[6])
    cosine, sine = tf.cos(angle), tf.sin(angle)
    # Output pixel -> input pixel: rotation x shear x scale about the picture's centre.
    a, b = cosine * across, (slant * cosine - sine) * down
    c, d = sine * across, (slant * sine + cosine) * down
    return affine(pixels, a, b, c, d, right=right, below=below)


def affine(
    pixels: tf.Tensor,
    a: Any,
    b: Any,
    c: Any,
    d: Any,
    *,
    right: Any,
    below: Any,
    fill: float | None = 0.0,
) -> tf.Tensor:
    """Take each output pixel (x, y) from (a x + b y + right, c x + d y + below).

    Args:
        pixels: (N, H, W, C).
        a: (N,), as all the others; x and y are counted from the picture's centre.
        b: See `a`.
        c: See `a`.
        d: See `a`.
        right: In pixels.
        below: In pixels.
        fill: What is outside; None for the nearest pixel.
    """
    height, width = pixels.shape[1], pixels.shape[2]
    x, y = (width - 1) / 2, (height - 1) / 2
    zero = tf.zeros_like(a)
    rows = [a, b, x - a * x - b * y + right, c, d, y - c * x - d * y + below, zero, zero]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pixels,
        transforms=tf.stack(rows, axis=1),
        output_shape=(height, width),
        interpolation="BILINEAR",
        fill_mode="CONSTANT" if fill is not None else "NEAREST",
        fill_value=fill or 0.0,
    )


def crop(pixels: tf.Tensor, draws: Draws, most_px: int) -> tf.Tensor:
    """Move by whole pixels along each axis; the border is reflected."""
    height, width = pixels.shape[1], pixels.shape[2]
    edge = [[0, 0], [most_px, most_px], [most_px, most_px], [0, 0]]
    wide = tf.pad(pixels, edge, mode="REFLECT")
    start = draws.uniform(Purpose.CROP, 2, 0, 2 * most_px + 1, tf.int32)
    wide = tf.gather(wide, start[0][:, None] + tf.range(height), axis=1, batch_dims=1)
    wide = tf.transpose(wide, (0, 2, 1, 3))
    wide = tf.gather(wide, start[1][:, None] + tf.range(width), axis=1, batch_dims=1)
    return tf.ensure_shape(tf.transpose(wide, (0, 2, 1, 3)), pixels.shape)


def resized_crop(
    pixels: tf.Tensor, draws: Draws, area: tuple[float, float], aspect: tuple[float, float]
) -> tf.Tensor:
    """Enlarge a part of the picture to the whole (arXiv:1409.4842, section 6).

    The part's area is uniform, and so is the logarithm of its aspect. A part that would be wider or
    higher than the picture is cut to it; the usual code draws again, up to ten times.
    """
    height, width = float(pixels.shape[1]), float(pixels.shape[2])
    drawn = draws.uniform(Purpose.RESIZED_CROP, 4)
    size = tf.sqrt(height * width * (area[0] + drawn[0] * (area[1] - area[0])))
    low, high = math.log(aspect[0]), math.log(aspect[1])
    root = tf.exp((low + drawn[1] * (high - low)) / 2)  # of the width over the height
    across, down = tf.minimum(size * root / width, 1.0), tf.minimum(size / root / height, 1.0)
    right = (drawn[2] - 0.5) * (1 - across) * width
    below = (drawn[3] - 0.5) * (1 - down) * height
    zero = tf.zeros_like(across)
    return affine(pixels, across, zero, zero, down, right=right, below=below, fill=None)


def cut_out(pixels: tf.Tensor, draws: Draws, side_px: int) -> tf.Tensor:
    """Set a square to black (arXiv:1708.04552), anywhere: it may lie partly outside."""
    height, width = pixels.shape[1], pixels.shape[2]
    centre = draws.uniform(Purpose.CUTOUT, 2)[..., None]
    hole = rectangle(centre, (side_px, side_px), height, width)
    return tf.where(hole, 0.0, pixels)


def rectangle(centre: tf.Tensor, size_px: Any, height: int, width: int) -> tf.Tensor:
    """Return where a rectangle lies, (N, height, width, 1) bool.

    Args:
        centre: (2, N, 1), down and across, as a part of the picture.
        size_px: Height and width in pixels, numbers or (N, 1).
        height: Of the picture.
        width: Of the picture.
    """
    rows = tf.abs(tf.range(height, dtype=tf.float32) + 0.5 - centre[0] * height) < size_px[0] / 2
    columns = tf.abs(tf.range(width, dtype=tf.float32) + 0.5 - centre[1] * width) < size_px[1] / 2
    return tf.logical_and(rows[:, :, None], columns[:, None, :])[..., None]

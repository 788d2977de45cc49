"""Random changes to training pictures, a whole batch in one graph, reproducible by seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import tensorflow as tf


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far each picture may be changed; every change is uniform within plus or minus its limit.

    Attributes:
        rotation_deg: Rotation about the centre.
        log_scale: Logarithm of the magnification, along each axis on its own.
        shear: Horizontal shear, as a tangent.
        shift_px: Translation along each axis.
        mirror: Swap left and right in half of the pictures; `"alternate"`: of each picture in every
            second epoch, beginning at random (arXiv:2404.00498, section 3.6).
        crop_px: Whole pixels by which the picture is moved along each axis, its border reflected.
        cutout_px: Side of a square set to black, anywhere; 0 for none.
    """

    rotation_deg: float = 0.0
    log_scale: float = 0.0
    shear: float = 0.0
    shift_px: float = 0.0
    mirror: bool | Literal["alternate"] = False
    crop_px: int = 0
    cutout_px: int = 0

    def __call__(
        self, pixels: tf.Tensor, seed: tf.Tensor, *, swapped: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Return changed pictures.

        Args:
            pixels: (N, H, W, C) float; the outside of a picture counts as 0.
            seed: (2,) int; the same pixels with the same seed give the same result.
            swapped: (N,) bool: which pictures to mirror, where `mirror` is "alternate".
        """
        random_mirror = self.mirror is True
        if self.rotation_deg or self.log_scale or self.shear or self.shift_px or random_mirror:
            pixels = self._warp(pixels, seed)
        if self.mirror == "alternate" and swapped is not None:
            pixels = tf.where(swapped[:, None, None, None], pixels[:, :, ::-1], pixels)
        if self.crop_px:
            pixels = self._crop(pixels, seed + 2)
        return self._cut(pixels, seed + 1) if self.cutout_px else pixels

    def _crop(self, pixels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        most, height, width = self.crop_px, pixels.shape[1], pixels.shape[2]
        count = tf.shape(pixels)[0]
        edge = [[0, 0], [most, most], [most, most], [0, 0]]
        wide = tf.pad(pixels, edge, mode="REFLECT")
        start = tf.random.stateless_uniform((2, count), seed, 0, 2 * most + 1, tf.int32)
        wide = tf.gather(wide, start[0][:, None] + tf.range(height), axis=1, batch_dims=1)
        wide = tf.transpose(wide, (0, 2, 1, 3))
        wide = tf.gather(wide, start[1][:, None] + tf.range(width), axis=1, batch_dims=1)
        return tf.ensure_shape(tf.transpose(wide, (0, 2, 1, 3)), pixels.shape)

    def _warp(self, pixels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        count = tf.shape(pixels)[0]
        draws = tf.random.stateless_uniform((7, count), seed, -1.0, 1.0)
        angle = draws[0] * math.radians(self.rotation_deg)
        across, down = tf.exp(draws[1] * self.log_scale), tf.exp(draws[2] * self.log_scale)
        slant = draws[3] * self.shear
        right, below = draws[4] * self.shift_px, draws[5] * self.shift_px
        if self.mirror is True:
            across = across * tf.sign(draws[6])
        cosine, sine = tf.cos(angle), tf.sin(angle)
        # Output pixel -> input pixel: rotation x shear x scale about the picture's centre.
        a, b = cosine * across, (slant * cosine - sine) * down
        c, d = sine * across, (slant * sine + cosine) * down
        height, width = pixels.shape[1], pixels.shape[2]
        x, y = (width - 1) / 2, (height - 1) / 2
        zero = tf.zeros_like(a)
        rows = [a, b, x - a * x - b * y + right, c, d, y - c * x - d * y + below, zero, zero]
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=pixels,
            transforms=tf.stack(rows, axis=1),
            output_shape=(height, width),
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
            fill_value=0.0,
        )

    def _cut(self, pixels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        count, height, width = tf.shape(pixels)[0], pixels.shape[1], pixels.shape[2]
        centre = tf.random.stateless_uniform((2, count, 1), seed)
        half = self.cutout_px / 2
        rows = tf.abs(tf.range(height, dtype=tf.float32) + 0.5 - centre[0] * height) < half
        columns = tf.abs(tf.range(width, dtype=tf.float32) + 0.5 - centre[1] * width) < half
        hole = tf.logical_and(rows[:, :, None], columns[:, None, :])[..., None]
        return tf.where(hole, 0.0, pixels)

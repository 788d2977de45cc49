"""RandAugment (arXiv:1909.13719): N changes drawn for each picture from 14, of one strength M.

M goes from 0, nothing, to 10, the ends of AutoAugment's ranges (arXiv:1805.09501, table 6). Where
we depart from the authors' code: posterize, solarize, colour, contrast, brightness and sharpness
grow with M too (there M = 0 leaves no bits and no colour); shears keep the centre, not the top left
corner, where it is; pixels are interpolated bilinearly. What comes into a picture from outside is
middle grey, as there.

Each picture goes through its own change only: a batch is divided by change and put together again.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from pipelines.training.colour_changes import blend, grey, mean_grey
from pipelines.training.draws import Draws, Purpose
from pipelines.training.geometry import affine

STRONGEST = 10.0
LEVELS = 256  # of an 8-bit picture
GREY = 0.5
# AutoAugment's ranges.
ROTATION_DEG = 30.0
SHEAR = 0.3
SHIFT = 150 / 331  # of the side: 150 pixels of a picture of 331
ENHANCEMENT = 0.9  # a factor of 0.1 to 1.9
POSTERIZED_BITS = 4  # of 8 that are taken away

# Pictures (n, H, W, C) and their strengths (n,) in [-1, 1], all of one magnitude; n may be 0.
Change = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def rand_augment(pixels: tf.Tensor, draws: Draws, layers: int, magnitude: float) -> tf.Tensor:
    """Change each picture `layers` times.

    Args:
        pixels: (N, H, W, C) in [0, 1].
        draws: Of this step.
        layers: The paper's N.
        magnitude: The paper's M, 0 to 10.
    """
    shape = pixels.shape
    drawn = draws.uniform(Purpose.RAND_AUGMENT, 2 * layers)
    for layer in range(layers):
        choice = tf.cast(drawn[2 * layer] * len(CHANGES), tf.int32)
        sign = tf.where(drawn[2 * layer + 1] < 0.5, -1.0, 1.0)
        strength = sign * (magnitude / STRONGEST)
        groups = tf.dynamic_partition(pixels, choice, len(CHANGES))
        strengths = tf.dynamic_partition(strength, choice, len(CHANGES))
        places = tf.dynamic_partition(tf.range(draws.count), choice, len(CHANGES))
        changed = [
            change(tf.ensure_shape(group, (None, *shape[1:])), its_strength)
            for change, group, its_strength in zip(CHANGES.values(), groups, strengths, strict=True)
        ]
        pixels = tf.ensure_shape(tf.dynamic_stitch(places, changed), shape)
    return pixels


def _rotate(pixels: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    angle = strength * math.radians(ROTATION_DEG)
    return _moved(pixels, tf.cos(angle), -tf.sin(angle), tf.sin(angle), tf.cos(angle))


def _shear_x(pixels: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    one = tf.ones_like(strength)
    return _moved(pixels, one, strength * SHEAR, 0 * one, one)


def _shear_y(pixels: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    one = tf.ones_like(strength)
    return _moved(pixels, one, 0 * one, strength * SHEAR, one)


def _translate_x(pixels: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    one = tf.ones_like(strength)
    return _moved(pixels, one, 0 * one, 0 * one, one, right=strength * SHIFT * pixels.shape[2])


def _translate_y(pixels: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    one = tf.ones_like(strength)
    return _moved(pixels, one, 0 * one, 0 * one, one, below=strength * SHIFT * pixels.shape[1])


def _moved(
    pixels: tf.Tensor,
    a: tf.Tensor,
    b: tf.Tensor,
    c: tf.Tensor,
    d: tf.Tensor,
    *,
    right: tf.Tensor | float = 0.0,
    below: tf.Tensor | float = 0.0,
) -> tf.Tensor:
    return affine(pixels, a, b, c, d, right=right, below=below, fill=GREY)


def _brightness(pixels: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    return blend(tf.zeros_like(pixels), pixels, _factor(strength))


def _contrast(pixels: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    return blend(mean_grey(pixels), pixels, _factor(strength))


def _colour(pixels: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    return blend(grey(pixels), pixels, _factor(strength))


def _sharpness(pixels: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    return blend(_smooth(pixels), pixels, _factor(strength))


def _factor(strength: tf.Tensor) -> tf.Tensor:
    return 1 + ENHANCEMENT * strength[:, None, None, None]


def _smooth(pixels: tf.Tensor) -> tf.Tensor:
    """Weigh each pixel 5 and its eight neighbours 1; the border stays. It is Pillow's SMOOTH."""
    height, width = pixels.shape[1], pixels.shape[2]
    neighbours = [
        pixels[:, y : height - 2 + y, x : width - 2 + x] for y in range(3) for x in range(3)
    ]
    inner = pixels[:, 1:-1, 1:-1]
    difference = (tf.add_n(neighbours) + 4 * inner) / 13 - inner
    return pixels + tf.pad(difference, [[0, 0], [1, 1], [1, 1], [0, 0]])


def _solarize(pixels: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    threshold = 1 - tf.abs(strength)[:, None, None, None]
    return tf.where(pixels < threshold, pixels, 1 - pixels)


def _posterize(pixels: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    step = 2 ** tf.round(POSTERIZED_BITS * tf.abs(strength))[:, None, None, None]
    return tf.floor(tf.round(pixels * (LEVELS - 1)) / step) * step / (LEVELS - 1)


def _auto_contrast(pixels: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    del strength
    low = tf.reduce_min(pixels, axis=(1, 2), keepdims=True)
    high = tf.reduce_max(pixels, axis=(1, 2), keepdims=True)
    plain = high <= low
    return tf.where(plain, pixels, (pixels - low) / tf.where(plain, 1.0, high - low))


def _equalize(pixels: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    """Make each channel's histogram even, by the 8-bit rule of Pillow's `ImageOps.equalize`."""
    del strength
    shape = tf.shape(pixels)
    levels = tf.cast(tf.round(pixels * (LEVELS - 1)), tf.int32)
    levels = tf.reshape(tf.transpose(levels, (0, 3, 1, 2)), (shape[0] * shape[3], -1))
    planes = tf.range(tf.shape(levels)[0])[:, None]
    counts = tf.math.unsorted_segment_sum(
        tf.ones_like(levels), levels + LEVELS * planes, LEVELS * tf.shape(levels)[0]
    )
    counts = tf.reshape(counts, (-1, LEVELS))
    brightest = tf.gather(counts, tf.reduce_max(levels, axis=1), batch_dims=1)
    step = (tf.reduce_sum(counts, axis=1) - brightest) // (LEVELS - 1)
    step = step[:, None]
    before = tf.cumsum(counts, axis=1, exclusive=True)
    table = tf.minimum((before + step // 2) // tf.maximum(step, 1), LEVELS - 1)
    table = tf.where(step == 0, tf.range(LEVELS), table)
    even = tf.gather(table, levels, batch_dims=1)
    even = tf.reshape(even, (shape[0], shape[3], shape[1], shape[2]))
    even = tf.cast(tf.transpose(even, (0, 2, 3, 1)), tf.float32) / (LEVELS - 1)
    return tf.ensure_shape(even, pixels.shape)


CHANGES: dict[str, Change] = {
    "identity": lambda pixels, strength: pixels,  # noqa: ARG005 - it has the others' signature
    "auto_contrast": _auto_contrast,
    "equalize": _equalize,
    "rotate": _rotate,
    "solarize": _solarize,
    "colour": _colour,
    "posterize": _posterize,
    "contrast": _contrast,
    "brightness": _brightness,
    "sharpness": _sharpness,
    "shear_x": _shear_x,
    "shear_y": _shear_y,
    "translate_x": _translate_x,
    "translate_y": _translate_y,
}

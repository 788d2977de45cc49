"""`transparency` in a graph: colour where nothing is visible must not tint what is."""

from __future__ import annotations

import tensorflow as tf

from pipelines.super_resolution.transparency import VISIBLE

# Sides up to 2^17 pixels, more than any picture's that is decoded: as many times can it be halved.
HALVINGS = 17


def with_hidden_colours_filled(pixels: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    """Return the pixels with other colours where they are hidden, as `transparency` does, exactly.

    Args:
        pixels: (H, W, C) uint8 or uint16, not blended with alpha.
        alpha: (H, W, 1) of the same type, 0 where transparent.
    """
    visible = tf.cast(alpha, tf.float32) >= alpha.dtype.max * VISIBLE

    def filled() -> tf.Tensor:
        colours = _surroundings(tf.cast(pixels, tf.float32), tf.cast(alpha, tf.float32), visible)
        return tf.where(visible, pixels, tf.cast(colours, pixels.dtype))

    # Where all is visible there is nothing to do; where nothing is, nothing to be had.
    some = tf.logical_and(tf.reduce_any(visible), tf.logical_not(tf.reduce_all(visible)))
    return tf.cond(some, filled, lambda: pixels)


@tf.function(autograph=False)  # one, of many operations, for all types of pixels in a SavedModel
def _surroundings(pixels: tf.Tensor, alpha: tf.Tensor, visible: tf.Tensor) -> tf.Tensor:
    """Return for each pixel the mean colour of what is visible around, a whole number."""
    weights = tf.where(visible, alpha, 0.0)
    blocks = [(pixels * weights, weights)]
    for _ in range(HALVINGS):
        blocks.append((_halved(blocks[-1][0]), _halved(blocks[-1][1])))
    colours = tf.math.divide_no_nan(*blocks.pop())
    for sums, weights in reversed(blocks[1:]):
        own = tf.math.divide_no_nan(sums, weights)
        colours = tf.where(weights > 0, own, _doubled(colours, weights))
    return tf.round(_doubled(colours, alpha))


def _halved(values: tf.Tensor) -> tf.Tensor:
    """Return the sums of blocks of 2 x 2; what lies outside is 0."""
    size = tf.shape(values)
    even = tf.pad(values, [[0, size[0] % 2], [0, size[1] % 2], [0, 0]])
    pairs = even[:, 0::2] + even[:, 1::2]
    return pairs[0::2] + pairs[1::2]


def _doubled(colours: tf.Tensor, finer: tf.Tensor) -> tf.Tensor:
    """Return each block's colour for the up to 2 x 2 that it is made of, as many as in `finer`."""
    rows, columns = (tf.range(tf.shape(finer)[axis]) // 2 for axis in (0, 1))
    return tf.gather(tf.gather(colours, rows, axis=0), columns, axis=1)

"""The plain fill that networks start from: smooth within each hole, exact on its rim.

What is known is averaged to half the size, again and again, until no hole is left; on the way back
each size takes its holes from the smaller one, and a few sweeps, each a mean of a pixel and its
four neighbours, smooth them. That is a cascade of grids (Bornemann and Deuflhard, 1996,
doi:10.1007/s002110050234) for Laplace's equation, whose exact solution is the smoothest fill there
is: every pixel the mean of its neighbours. The picture's own border is mirrored.

One TensorFlow graph for pictures of any size, the same in Python and in an export.
"""

from __future__ import annotations

import tensorflow as tf

SWEEPS = 8  # at the full size, twice as many at each half, where they are cheap,
MOST_SWEEPS = 64  # up to this
LEVELS = 12  # halvings; after these 4,096 pixels are one
_GREY = 0.5  # where nothing at all is known


@tf.function(autograph=False)  # traced once a size, whoever calls it
def first_fill(image: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Return the image with its holes filled; what is known comes back as it is.

    Args:
        image: (B, H, W, C) float32; what lies in the holes is not looked at, if it is finite.
        mask: (B, H, W, 1) float32; a pixel is known where it is 0.

    Returns:
        (B, H, W, C) float32, in the holes between the least and the greatest known value; 0.5
        where an image has no known pixel.
    """
    known = tf.cast(mask <= 0.0, image.dtype)
    grids = [(image * known, known)]
    for _ in range(_levels(image)):
        grids.append(_halved(*grids[-1]))
    values, known = grids.pop()
    filled = values + (1.0 - known) * _GREY
    while grids:
        sweeps = tf.constant(min(SWEEPS * 2 ** (len(grids) - 1), MOST_SWEEPS))
        filled = _refined(filled, *grids.pop(), sweeps)
    return filled


def _levels(image: tf.Tensor) -> int:
    """Return how many halvings lead to a single pixel, where the size is known; else enough."""
    height, width = image.shape[1:3]
    if height is None or width is None:
        return LEVELS
    return min(LEVELS, (max(int(height), int(width)) - 1).bit_length())


@tf.function(autograph=False)  # traced once for all sizes that are unknown, as `_refined`
def _halved(values: tf.Tensor, known: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Average what is known of each 2 x 2 pixels; the result is known where one of them is."""
    size = tf.shape(values)[1:3]
    odd = size % 2
    edges = [[0, 0], [0, odd[0]], [0, odd[1]], [0, 0]]
    values, weights = (
        tf.nn.avg_pool2d(tf.pad(tensor, edges, "SYMMETRIC"), 2, 2, "VALID")
        for tensor in (values, known)
    )
    return tf.math.divide_no_nan(values, weights), tf.cast(weights > 0.0, values.dtype)


@tf.function(autograph=False)
def _refined(
    filled: tf.Tensor, values: tf.Tensor, known: tf.Tensor, sweeps: tf.Tensor
) -> tf.Tensor:
    """Return a grid whose holes come from the smaller one, smoothed."""
    filled = _doubled(filled, tf.shape(values)[1:3])
    return _smoothed(values + (1.0 - known) * filled, values, known, sweeps)


def _doubled(values: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Return a grid at the larger size, between its values in straight lines."""
    height, width = tf.unstack(2 * tf.shape(values)[1:3])
    twice = tf.image.resize(values, (height, width), "bilinear")
    return twice[:, : size[0], : size[1]]


def _smoothed(
    filled: tf.Tensor, values: tf.Tensor, known: tf.Tensor, sweeps: tf.Tensor
) -> tf.Tensor:
    """Make each pixel of the holes the mean of itself and its neighbours, `sweeps` times."""
    share = (1.0 - known) / 5.0

    def sweep(filled: tf.Tensor) -> tuple[tf.Tensor]:
        edged = tf.pad(filled, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
        across = edged[:, 1:-1, :-2] + filled + edged[:, 1:-1, 2:]
        return (values + share * (across + edged[:, :-2, 1:-1] + edged[:, 2:, 1:-1]),)

    shape = filled.shape
    (filled,) = tf.while_loop(lambda _: True, sweep, (filled,), maximum_iterations=sweeps)
    return tf.ensure_shape(filled, shape)

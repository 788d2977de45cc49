"""The tiles of `tiling`, in a graph: for SavedModels, which enlarge without Python.

They are of the usual size, and lie where the pipeline's do, so that the results have the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class GraphSpan(NamedTuple):
    """As `tiling.Span`: what a tile reads along one axis, and what is kept of it; scalars."""

    start: tf.Tensor
    stop: tf.Tensor
    kept_start: tf.Tensor
    kept_stop: tf.Tensor


class GraphSpans(NamedTuple):
    """How `tiling.cover` covers one axis: with how many spans, and which is the n-th."""

    count: tf.Tensor
    span: Callable[[tf.Tensor], GraphSpan]


def enlarge_in_tiles(
    picture: tf.Tensor,
    enlarge: Callable[[tf.Tensor], tf.Tensor],
    made: tf.TensorSpec,
    *,
    scale: int,
    overlap_px: int | None,
    side_px: int,
) -> tf.Tensor:
    """Enlarge a picture of any size, a tile at a time.

    Args:
        picture: (H, W, C).
        enlarge: Maps a tile (h, w, C) to (scale h, scale w, C').
        made: What `enlarge` makes: (None, None, C') and the type.
        scale: How many times larger.
        overlap_px: How far the result at a pixel depends on the picture around it; None where that
            is not known: the picture is then one tile.
        side_px: The most pixels along a side of a tile, more than twice the overlap.

    Returns:
        (scale H, scale W, C').
    """
    if overlap_px is None:
        return enlarge(picture)
    rows, columns = (spans(tf.shape(picture)[axis], side_px, overlap_px) for axis in (0, 1))

    def tile(row: GraphSpan, column: GraphSpan) -> tf.Tensor:
        whole = enlarge(picture[row.start : row.stop, column.start : column.stop])
        return whole[_kept(row, scale), _kept(column, scale)]

    def band(number: tf.Tensor) -> tf.Tensor:
        row = rows.span(number)
        # On their sides, because parts can only be put one under the other.
        turned = _joined(
            columns.count, lambda number: _turned(tile(row, columns.span(number))), made
        )
        return _turned(turned)

    return _joined(rows.count, band, made)


def spans(length: tf.Tensor, most: int, overlap: int) -> GraphSpans:
    """Cover `length` with spans of the one size that `tiling.Needs.usual_size` gives.

    Args:
        length: A scalar.
        most: The most pixels of a span, more than twice the overlap.
        overlap: How many lie around what is kept.
    """
    inner, most = length - 2 * overlap, tf.constant(most)
    shared = 2 * overlap + _ceil(inner, _count(length, most, overlap))
    size = tf.where(length <= most, length, shared)
    count = _count(length, size, overlap)

    def start(number: tf.Tensor) -> tf.Tensor:
        return tf.minimum(number * (size - 2 * overlap), length - size)

    def cut(number: tf.Tensor) -> tf.Tensor:
        """Return where what is kept of that span begins, and that of the one before it ends."""
        inside = tf.where(number < count, start(number) + overlap, length)
        return tf.where(number > 0, inside, 0)

    def span(number: tf.Tensor) -> GraphSpan:
        return GraphSpan(start(number), start(number) + size, cut(number), cut(number + 1))

    return GraphSpans(count, span)


def _count(length: tf.Tensor, size: tf.Tensor, overlap: int) -> tf.Tensor:
    """Return how many spans of `size` it takes."""
    step = tf.maximum(size - 2 * overlap, 1)  # of a length that is one span it may be less
    return tf.where(length <= size, 1, _ceil(length - 2 * overlap, step))


def _ceil(dividend: tf.Tensor, divisor: tf.Tensor) -> tf.Tensor:
    return -(-dividend // divisor)


def _kept(span: GraphSpan, scale: int) -> slice:
    """Return which part of an enlarged tile is kept."""
    return slice(scale * (span.kept_start - span.start), scale * (span.kept_stop - span.start))


def _turned(pixels: tf.Tensor) -> tf.Tensor:
    return tf.transpose(pixels, (1, 0, 2))


def _joined(
    count: tf.Tensor, part: Callable[[tf.Tensor], tf.Tensor], made: tf.TensorSpec
) -> tf.Tensor:
    """Return `count` parts (h, W, C), each of its own height, one under the other."""
    parts = tf.TensorArray(made.dtype, count, infer_shape=False, element_shape=made.shape)
    _, parts = tf.while_loop(
        lambda number, _: number < count,
        lambda number, done: (number + 1, done.write(number, part(number))),
        (tf.constant(0), parts),
        parallel_iterations=1,  # or several tiles would take memory at a time
    )
    return tf.ensure_shape(parts.concat(), made.shape)

"""Which parts of a picture are computed to fill its holes, as a TensorFlow graph.

A large picture costs no more than its holes: around each, a crop with some context is cut out, and
holes that are near each other are one. A small picture is one crop. A hole larger than a window is
cut into several, one after the other: what a window has filled is known to the next, so that a hole
whose middle sees no picture is filled from its rim on.

The same graph decides in Python and in an export.
"""

from __future__ import annotations

import tensorflow as tf

CELL_PX = 32  # holes in one cell, or in two that touch, are one
CONTEXT_PX = 128  # around a hole: networks learn on crops in which they seldom see further
WHOLE_PX = 512 * 512  # up to which a picture is looked at as a whole, as in training
WINDOW_PX = 768  # with its context a square of 1,024 pixels, whose maps take some 0.3 GB


def plan(mask: tf.Tensor) -> tf.Tensor:
    """Return what is filled, in order.

    Args:
        mask: (H, W) bool, True where to fill.

    Returns:
        (N, 2, 4) int32: top, left, bottom and right of what is filled, and of what is looked at
        for it. What is filled, taken together, covers the mask; it may overlap.
    """
    size = tf.shape(mask)
    whole = tf.size(mask) <= WHOLE_PX
    holes = _holes(mask)
    filled = _windows(tf.cond(whole, lambda: _as_one(holes), lambda: holes))
    context = tf.where(whole, tf.reduce_max(size), CONTEXT_PX)
    tops, bottoms = filled[:, :2] - context, filled[:, 2:] + context
    read = tf.concat([tf.maximum(tops, 0), tf.minimum(bottoms, size)], axis=1)
    return tf.stack([filled, read], axis=1)


def _as_one(holes: tf.Tensor) -> tf.Tensor:
    """Return the bounds of all holes together, or none where there are none."""
    start = tf.reduce_min(holes[:, :2], 0, keepdims=True)
    stop = tf.reduce_max(holes[:, 2:], 0, keepdims=True)
    return tf.concat([start, stop], axis=1)[: tf.shape(holes)[0]]


def _holes(mask: tf.Tensor) -> tf.Tensor:
    """Return (N, 4): the bounds of each hole, from the top down."""
    bounds, occupied = _cells(mask)
    labels = tf.boolean_mask(_labels(occupied), occupied)
    found = tf.boolean_mask(bounds, occupied)
    names, numbers = tf.unique(labels)
    count = tf.size(names)
    starts = tf.math.unsorted_segment_min(found[:, :2], numbers, count)
    stops = tf.math.unsorted_segment_max(found[:, 2:], numbers, count)
    return tf.concat([starts, stops], axis=1)


def _cells(mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the bounds (R, C, 4) of what is masked in each cell, and whether anything is."""
    size = tf.shape(mask)
    more = -size % CELL_PX
    rows, columns = tf.unstack((size + more) // CELL_PX)
    padded = tf.pad(mask, [[0, more[0]], [0, more[1]]])
    cells = tf.reshape(padded, (rows, CELL_PX, columns, CELL_PX))
    across = tf.transpose(tf.reduce_any(cells, 3), (0, 2, 1))  # (R, C, rows of a cell)
    down = tf.reduce_any(cells, 1)  # (R, C, columns of a cell)
    top = tf.range(rows)[:, None] * CELL_PX
    left = tf.range(columns)[None, :] * CELL_PX
    bounds = [top + _first(across), left + _first(down), top + _end(across), left + _end(down)]
    return tf.stack(bounds, axis=-1), tf.reduce_any(down, -1)


def _first(marked: tf.Tensor) -> tf.Tensor:
    """Return the first place of the last axis that is True."""
    return tf.argmax(tf.cast(marked, tf.int32), -1, output_type=tf.int32)


def _end(marked: tf.Tensor) -> tf.Tensor:
    """Return the place behind the last one that is True."""
    return CELL_PX - _first(tf.reverse(marked, [-1]))


def _labels(occupied: tf.Tensor) -> tf.Tensor:
    """Number the occupied cells (R, C) so that those that touch, over corners too, are alike.

    Each takes the least number around it, and then that number's own, until nothing changes.
    """
    none = tf.size(occupied)
    own = tf.reshape(tf.range(none), tf.shape(occupied))

    def kept(numbers: tf.Tensor) -> tf.Tensor:
        return tf.where(occupied, numbers, none)

    def spread(labels: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        around = tf.pad(labels, [[1, 1], [1, 1]], constant_values=none)
        around = tf.minimum(tf.minimum(around[:-2], around[1:-1]), around[2:])
        around = tf.minimum(tf.minimum(around[:, :-2], around[:, 1:-1]), around[:, 2:])
        least = kept(around)
        named = tf.concat([tf.reshape(least, (-1,)), [none]], 0)
        jumped = tf.gather(named, least)
        return jumped, tf.reduce_any(jumped != labels)

    begin = (kept(own), tf.constant(True))
    return tf.while_loop(lambda _, changed: changed, spread, begin)[0]


def _windows(holes: tf.Tensor) -> tf.Tensor:
    """Return the holes (N, 4), each that is larger than a window in parts of nearly one size."""
    start, side = holes[:, :2], holes[:, 2:] - holes[:, :2]
    parts = -(-side // WINDOW_PX)
    counts = parts[:, 0] * parts[:, 1]
    hole = tf.repeat(tf.range(tf.size(counts)), counts)
    number = tf.range(tf.reduce_sum(counts)) - tf.gather(tf.cumsum(counts, exclusive=True), hole)
    start, side, parts = (tf.gather(values, hole) for values in (start, side, parts))
    place = tf.stack([number // parts[:, 1], number % parts[:, 1]], axis=1)
    first, end = (start + side * at // parts for at in (place, place + 1))
    return tf.concat([first, end], axis=1)

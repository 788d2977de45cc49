"""`filler` and `masks` in a graph: a whole picture's holes filled, one after the other."""

from __future__ import annotations

import tensorflow as tf

from pipelines.graph_decoding import decode_rgba
from pipelines.inpainting.graph import Graphs, Network
from pipelines.inpainting.holes import plan
from pipelines.inpainting.masks import FULL, LUMA, LUMA_SUM, ONE_OF_255

# A graph of its own: of many operations, and pictures and masks share it.
_decoded = tf.function(decode_rgba, autograph=False, input_signature=[tf.TensorSpec((), tf.string)])
# What `fill_holes` takes, in order.
PICTURE = (
    tf.TensorSpec((None, None, 4), tf.uint16),
    tf.TensorSpec((None, None), tf.uint16),
    tf.TensorSpec((), tf.float32),
    tf.TensorSpec((), tf.bool),
    tf.TensorSpec((), tf.bool),
)


def decode_pair(files: tf.Tensor) -> tf.Tensor:
    """Decode a picture and its mask.

    It raises `InvalidArgumentError` where one of them cannot be decoded, where they differ in size,
    and of a mask of zeros and ones, where white is 255.

    Args:
        files: The bytes of the two, strings (2,).

    Returns:
        (H, W, 5) uint16: the layers of `decode_rgba`, and the mask as `masks` makes it.
    """
    rgba, mask = _decoded(files[0]), _mask(_decoded(files[1]))
    fits = tf.reduce_all(tf.equal(tf.shape(rgba)[:2], tf.shape(mask)))
    with tf.control_dependencies([tf.debugging.Assert(fits, ["a mask of another size"])]):
        return tf.concat([tf.identity(rgba), mask[..., None]], -1)


def _mask(rgba: tf.Tensor) -> tf.Tensor:
    """Return the mask (H, W) uint16 that a picture (H, W, 4) uint16 shows."""
    layers = tf.cast(rgba, tf.int32)
    red, green, blue = (layers[..., n] * weight for n, weight in enumerate(LUMA))
    luma = (red + green + blue + LUMA_SUM // 2) // LUMA_SUM
    weighed = tf.cast(luma, tf.int64) * tf.cast(layers[..., 3], tf.int64)
    mask = tf.cast((weighed + FULL // 2) // FULL, tf.int32)
    brightest = tf.reduce_max(mask)
    sound = tf.logical_or(brightest > ONE_OF_255, tf.equal(brightest, 0))
    with tf.control_dependencies([tf.debugging.Assert(sound, ["a mask of zeros and ones"])]):
        return tf.cast(mask, tf.uint16)


def fill_holes(
    rgba: tf.Tensor,
    mask: tf.Tensor,
    levels: tf.Tensor,
    grey: tf.Tensor,
    transparent: tf.Tensor,
    *,
    graphs: Graphs,
    network: Network,
) -> tf.Tensor:
    """Return a picture with its holes filled, as `filler.Filling` does.

    Args:
        rgba: (H, W, 4) uint16, of which `levels` is full.
        mask: (H, W) uint16, 65535 where to fill.
        levels: A scalar float32.
        grey: A scalar bool: whether the picture is.
        transparent: A scalar bool: whether it has an alpha.
        graphs: What computes a crop, besides the network.
        network: The network.
    """
    parts = plan(mask > tf.zeros((), mask.dtype))

    def fill(number: tf.Tensor, pixels: tf.Tensor, left: tf.Tensor) -> tuple[tf.Tensor, ...]:
        filled, read = parts[number, 0], parts[number, 1]
        begin = read[:2]
        around = tf.stack([filled[:2] - begin, read[2:] - filled[2:]], axis=1)
        own = tf.pad(_cut(left, filled), around)

        def made() -> tf.Tensor:
            crop, still = _cut(pixels, read), _cut(left, read)
            image = network(*graphs.begin(crop, still, levels))
            alpha = tf.cond(
                transparent,
                lambda: graphs.alpha(crop, still, levels),
                lambda: tf.ones_like(crop[..., :1], tf.float32),
            )
            return _put(pixels, graphs.end(image, alpha, crop, own, levels, grey), read)

        some = tf.reduce_any(tf.cast(own, tf.int32) > 0)
        done = _put(left, tf.zeros_like(_cut(left, filled)), filled)
        return number + 1, tf.cond(some, made, lambda: pixels), done

    shapes = (tf.TensorShape([]), tf.TensorShape([None, None, 4]), tf.TensorShape([None, None]))
    _, pixels, _ = tf.while_loop(
        lambda number, *_: number < tf.shape(parts)[0],
        fill,
        (tf.constant(0), rgba, mask),
        shape_invariants=shapes,
        parallel_iterations=1,  # what one part fills is known to the next
    )
    return pixels


def _cut(values: tf.Tensor, bounds: tf.Tensor) -> tf.Tensor:
    """Return what lies between top, left, bottom and right."""
    return values[bounds[0] : bounds[2], bounds[1] : bounds[3]]


def _put(values: tf.Tensor, part: tf.Tensor, bounds: tf.Tensor) -> tf.Tensor:
    """Return the values with a part of them replaced."""
    rows = values[bounds[0] : bounds[2]]
    rows = tf.concat([rows[:, : bounds[1]], part, rows[:, bounds[3] :]], axis=1)
    return tf.concat([values[: bounds[0]], rows, values[bounds[2] :]], axis=0)

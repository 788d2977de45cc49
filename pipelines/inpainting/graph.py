"""The TensorFlow graphs that fill one crop; Python and an export compute the same.

    begin    pixels and mask -> an image that the first fill has filled, its sides multiples of the
             network's stride
    network  image and mask -> the filled image
    end      the filled image -> pixels, those outside the mask as they were

A crop is (H, W, 4) uint16 whatever the picture's depth: RGB and alpha, whose full scale `levels`
tells, 255 or 65535. Of a crop, `left` (H, W) uint16 tells what is still to be filled and `own` what
of it is filled now, 65535 for wholly; pixels where it is 0 are given back to the bit.

Colour that cannot be seen is as good as none: what is transparent is not looked at, but filled as
if it were a hole, and kept all the same. Alpha is filled too, smoothly: a hole on a transparent
ground becomes transparent.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from pipelines.inpainting.first_fill import first_fill
from pipelines.inpainting.masks import FULL

if TYPE_CHECKING:
    import keras

# Maps an image (1, H, W, 3) in [0, 1] and its mask (1, H, W, 1) to the filled image.
Network = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

VISIBLE = 64  # a colour whose alpha is less than a 64th of full is not to be seen
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601

CROP = tf.TensorSpec((None, None, 4), tf.uint16)
MASK = tf.TensorSpec((None, None), tf.uint16)
LEVELS = tf.TensorSpec((), tf.float32)
GREY = tf.TensorSpec((), tf.bool)
IMAGE = tf.TensorSpec((1, None, None, 3), tf.float32)
HOLES = tf.TensorSpec((1, None, None, 1), tf.float32)
ALPHA = tf.TensorSpec((None, None, 1), tf.float32)
BEGIN = (CROP, MASK, LEVELS)
END = (IMAGE, ALPHA, CROP, MASK, LEVELS, GREY)


class Graphs:
    """The graphs, as a Python program calls them or as part of a larger graph.

    Attributes:
        begin: (crop, left, levels) -> image (1, H, W, 3), mask (1, H, W, 1).
        alpha: (crop, left, levels) -> the filled alpha (H, W, 1) in [0, 1].
        end: (filled image, filled alpha, crop, own, levels, grey) -> the crop, filled.
    """

    def __init__(self, stride: int) -> None:
        """Take what the sides of images must be multiples of."""
        self.begin = kept_apart(partial(_begin, stride=stride), *BEGIN)
        self.alpha = kept_apart(_alpha, *BEGIN)
        self.end = kept_apart(_end, *END)


def kept_apart(function: Callable[..., Any], *specs: tf.TensorSpec) -> Callable[..., Any]:
    """Return a graph, traced once for crops of any size, that is not merged with those around it.

    Merged, TensorFlow would round otherwise than where it stands alone.
    """
    graph: Callable[..., Any] = tf.function(
        function,
        autograph=False,
        input_signature=specs,
        experimental_attributes={"_noinline": True},
    )
    return graph


def as_network(model: keras.Model) -> Network:
    """Return the graph of a network of the catalog, with its weights as they are at each call."""
    return kept_apart(
        lambda image, mask: model({"image": image, "mask": mask}, training=False), IMAGE, HOLES
    )


def first_fill_alone(image: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
    """Be the network that adds nothing."""
    return image


def _begin(
    crop: tf.Tensor, left: tf.Tensor, levels: tf.Tensor, *, stride: int
) -> tuple[tf.Tensor, tf.Tensor]:
    visible = tf.cast(crop[..., 3], tf.float32) * VISIBLE >= levels
    known = tf.logical_and(tf.equal(tf.cast(left, tf.int32), 0), visible)
    mask = _mirrored(1.0 - tf.cast(known, tf.float32)[..., None], stride)[None]
    image = _mirrored(tf.cast(crop[..., :3], tf.float32) / levels, stride)[None]
    return first_fill(image, mask), mask


def _alpha(crop: tf.Tensor, left: tf.Tensor, levels: tf.Tensor) -> tf.Tensor:
    alpha = tf.cast(crop[..., 3:], tf.float32) / levels
    return first_fill(alpha[None], tf.cast(left, tf.float32)[None, ..., None])[0]


def _end(
    filled: tf.Tensor,
    alpha: tf.Tensor,
    crop: tf.Tensor,
    own: tf.Tensor,
    levels: tf.Tensor,
    grey: tf.Tensor,
) -> tf.Tensor:
    size = tf.shape(crop)
    colour = filled[0, : size[0], : size[1]]
    red, green, blue = (colour[..., n : n + 1] * weight for n, weight in enumerate(LUMA))
    colour = tf.where(grey, red + green + blue, colour)
    fill = tf.clip_by_value(tf.concat([colour, alpha], -1), 0.0, 1.0) * levels
    share = tf.cast(own, tf.float32)[..., None] / FULL
    # Exact at both ends: one of the two is 0 there.
    blended = tf.round(fill * share + tf.cast(crop, tf.float32) * (1.0 - share))
    # Through int32: a processor converts no float to uint16.
    return tf.where(share > 0.0, tf.cast(tf.cast(blended, tf.int32), tf.uint16), crop)


def _mirrored(values: tf.Tensor, multiple: int) -> tf.Tensor:
    """Mirror (H, W, C) at its lower and right edge, as often as it takes, up to a multiple."""
    for axis in (0, 1):
        length = tf.shape(values)[axis]
        place = tf.range(length + -length % multiple) % (2 * length)
        values = tf.gather(values, tf.minimum(place, 2 * length - 1 - place), axis=axis)
    return values

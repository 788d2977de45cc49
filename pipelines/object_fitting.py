"""Finding a drawn object on its plain ground, and putting it where a network expects it.

This is how MNIST was made: the digit scaled into a box and its centre of mass put in the middle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from pipelines.preprocessing import ImagePreprocessing

ENLARGED = 4  # times the target: an object is looked for at no less than this size
WORKING_SIZE_PX = 512  # and at no more than this many pixels a side
INK_THRESHOLD = 0.2  # of the strongest ink; below lie paper grain and JPEG noise
FAINTEST_INK = 0.05  # a picture with less contrast than this is blank


def resize(x: tf.Tensor, height: Any, width: Any) -> tf.Tensor:
    """Scale bilinearly with antialiasing, which is bounded by the input's range."""
    return tf.image.resize(x, [height, width], method="bilinear", antialias=True)


def place_object(plan: ImagePreprocessing, image: tf.Tensor) -> tf.Tensor:
    """Find the object on its plain ground, scale it, and centre it."""
    image = _to_working_size(plan, image)
    ink = _ink(image)
    drawn = ink > INK_THRESHOLD
    rows, columns = tf.where(tf.reduce_any(drawn, 1))[:, 0], tf.where(tf.reduce_any(drawn, 0))[:, 0]
    canvas = tf.constant((plan.height_px, plan.width_px))

    def place() -> tf.Tensor:
        cut = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        ink_cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, None]
        pixels = ink_cut if plan.channels == 1 else cut
        longest = plan.object_fraction * min(plan.height_px, plan.width_px)
        size = tf.cast(tf.shape(pixels)[:2], tf.float32)
        inner = tf.cast(tf.round(size * longest / tf.reduce_max(size)), tf.int32)
        inner = tf.clip_by_value(inner, 1, canvas)
        small = resize(pixels, inner[0], inner[1])
        centre = _centre(plan, tf.reduce_mean(small, axis=-1))
        top = tf.cast(tf.round(tf.cast(canvas, tf.float32) / 2.0 - centre), tf.int32)
        top = tf.clip_by_value(top, 0, canvas - inner)
        return tf.image.pad_to_bounding_box(small, top[0], top[1], plan.height_px, plan.width_px)

    blank = tf.zeros((plan.height_px, plan.width_px, plan.channels))
    return tf.cond(tf.size(rows) > 0, place, lambda: blank)


def _to_working_size(plan: ImagePreprocessing, image: tf.Tensor) -> tf.Tensor:
    """Bring a picture to a size at which an object's edge lies between two pixels, not inside one.

    A tiny picture, such as an 8 x 8 digit that touches its border, first gets a border of its
    ground; it is enlarged smoothly to `ENLARGED` times the target. A huge one is reduced.
    """
    image = tf.pad(image, [[1, 1], [1, 1], [0, 0]], constant_values=_ground(image))
    size = tf.cast(tf.shape(image)[:2], tf.float32)
    longest = tf.reduce_max(size)
    least = float(ENLARGED * max(plan.height_px, plan.width_px))
    wanted = tf.clip_by_value(longest, least, max(least, WORKING_SIZE_PX))
    to = tf.maximum(tf.cast(tf.round(size * wanted / longest), tf.int32), 1)

    def resized() -> tf.Tensor:
        large = tf.image.resize(image, to, method="bicubic", antialias=True)
        return tf.clip_by_value(large, 0.0, 1.0)

    return tf.cond(tf.reduce_all(tf.equal(to, tf.shape(image)[:2])), lambda: image, resized)


def _ground(image: tf.Tensor) -> tf.Tensor:
    """Return the median grey of the border, a scalar in [0, 1]."""
    border = tf.concat([image[0], image[-1], image[:, 0], image[:, -1]], axis=0)
    border = tf.sort(tf.reduce_mean(border, axis=-1))
    return border[tf.size(border) // 2]


def _ink(image: tf.Tensor) -> tf.Tensor:
    """Return how far each pixel is above the ground, (h, w) in [0, 1] with the strongest at 1."""
    grey = image[..., 0] if image.shape[-1] == 1 else tf.reduce_mean(image, axis=-1)
    above = tf.maximum(grey - _ground(image), 0.0)
    strongest = tf.reduce_max(above)
    return above / tf.where(strongest > FAINTEST_INK, strongest, 1.0)


def _centre(plan: ImagePreprocessing, grey: tf.Tensor) -> tf.Tensor:
    """Return the (row, column) that goes to the middle, in pixels from the top left corner."""
    size = tf.cast(tf.shape(grey), tf.float32)
    if plan.object_centre == "box":
        return size / 2.0
    mass = tf.maximum(tf.reduce_sum(grey), 1e-6)
    row = tf.reduce_sum(tf.reduce_sum(grey, 1) * (tf.range(size[0]) + 0.5)) / mass
    column = tf.reduce_sum(tf.reduce_sum(grey, 0) * (tf.range(size[1]) + 0.5)) / mass
    return tf.stack([row, column])

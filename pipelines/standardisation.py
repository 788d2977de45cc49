"""Means, deviations and whitening, measured on training pictures and kept with the preset.

    mean_channel   less each channel's mean
    mean_image     less the mean picture (AlexNet, section 2)
    standard       less each channel's mean, over its standard deviation
    pca            standard, less the mean picture, turned to the principal axes, each over its
                   deviation: the inputs are uncorrelated, the axes in falling order of variance
    zca            the same, turned back: the whitening that stays nearest the pictures
                   (Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009,
                   section 1.3)

With the covariance V diag(l) V' of the standardised pixels, pca is x V diag(l + e)^-1/2 and zca is
that times V'. Krizhevsky divides by the root of l alone, which makes noise out of directions that
hardly vary. Coates and Ng (Learning Feature Representations with K-means, 2012, section 2.1) add e,
for patches of unit contrast 0.01 at 16 x 16 pixels and 0.1 at 8 x 8; `EPSILON` is the former. A
direction of variance l comes out with l / (l + e), so with e = 0 the covariance is the identity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import tensorflow as tf

from models.words import suggest

Kind = Literal["mean_channel", "mean_image", "standard", "pca", "zca"]
KINDS: tuple[Kind, ...] = get_args(Kind)
KINDS_WITH_ARRAYS = ("mean_image", "pca", "zca")

EPSILON = 0.01
MOST_INPUTS = 4096  # a matrix of 4,096 x 4,096 float32 is 64 MiB; 32 x 32 x 3 needs 36 MiB
CHUNK = 2**22  # pixel values at a time, as float64 32 MiB: 1,365 pictures of 32 x 32 x 3
LEAST_DEVIATION = 0.5 / 255  # of a channel; below half a level there is nothing to divide by


@dataclass(frozen=True, eq=False)
class PixelMap:
    """The part of a preprocessing that is too large for JSON: a mean picture and a matrix.

    Attributes:
        kind: `mean_image`, `pca` or `zca`.
        mean: (H, W, C) float32, subtracted after scale and offset.
        matrix: (D, D) float32 with D = H W C, the flattened rest times which is the network's
            input; None for `mean_image`.
    """

    kind: Kind
    mean: np.ndarray
    matrix: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Check that the parts belong together."""
        if self.kind not in KINDS_WITH_ARRAYS:
            raise ValueError(f"a pixel map is one of {KINDS_WITH_ARRAYS}; got {self.kind!r}")
        size = self.mean.size
        if (self.matrix is None) != (self.kind == "mean_image"):
            raise ValueError("pca and zca have a matrix, mean_image has none")
        if self.matrix is not None and self.matrix.shape != (size, size):
            raise ValueError(f"the matrix must be ({size}, {size}); got {self.matrix.shape}")
        if not all(np.isfinite(part).all() for part in (self.mean, self.to_array())):
            raise ValueError("a pixel map must hold finite numbers")

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PixelMap)
            and self.kind == other.kind
            and self.mean.shape == other.mean.shape
            and np.array_equal(self.to_array(), other.to_array())
        )

    def __hash__(self) -> int:
        return hash((self.kind, self.mean.shape, self.mean.tobytes()))

    def __call__(self, pixels: tf.Tensor) -> tf.Tensor:
        """Map scaled pixels (N, H, W, C) to the network's input, of the same shape."""
        mean, matrix = self._tensors
        if matrix is None:
            return pixels - mean
        flat = tf.reshape(pixels - mean, (-1, self.mean.size))
        return tf.ensure_shape(tf.reshape(flat @ matrix, tf.shape(pixels)), pixels.shape)

    @cached_property
    def _tensors(self) -> tuple[tf.Tensor, tf.Tensor | None]:
        # Made outside of any graph: several graphs share one tensor, and none holds a copy of it.
        with tf.init_scope():
            matrix = None if self.matrix is None else tf.constant(self.matrix)
            return tf.constant(self.mean), matrix

    def to_array(self) -> np.ndarray:
        """Return all numbers as one array, (1, D) or (1 + D, D) float32: the mean comes first."""
        mean = self.mean.reshape(1, -1)
        return mean if self.matrix is None else np.concatenate([mean, self.matrix])

    @classmethod
    def from_array(cls, kind: Kind, array: np.ndarray, shape: tuple[int, int, int]) -> PixelMap:
        """Make it again from what `to_array` gave, for inputs of `shape`.

        The array may lie in a file (`np.load` with `mmap_mode`): its size is checked before it is
        read.

        Raises:
            ValueError: It does not fit.
        """
        size = int(np.prod(shape))
        expected = (1 if kind == "mean_image" else 1 + size, size)
        if array.shape != expected or array.dtype != np.float32 or expected[0] > 1 + MOST_INPUTS:
            raise ValueError(
                f"{kind} of {shape} must be float32 {expected}, of {MOST_INPUTS} inputs at most "
                f"for a matrix; got {array.dtype} {array.shape}"
            )
        values = np.array(array)
        return cls(kind, values[0].reshape(shape), values[1:] if len(values) > 1 else None)


@dataclass(frozen=True)
class Standardisation:
    """What was measured.

    Attributes:
        scale: One value a channel, in the network's channel order; pixels in [0, 1] times it ...
        offset: ... plus this,
        pixel_map: and then through this, if there is one.
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    pixel_map: PixelMap | None = None


def fit_standardisation(
    kind: Kind,
    images: np.ndarray,
    *,
    epsilon: float = EPSILON,
    margin_px: int = 0,
    channel_order: Literal["rgb", "bgr"] = "rgb",
) -> Standardisation:
    """Measure training pictures.

    The sums are of whole numbers in float64, and therefore exact up to 10^11 pictures: neither
    order nor chunks matter.

    Args:
        kind: What the network shall get, see the module.
        images: (N, H, W, C) uint8 RGB or grey, in memory or an `np.memmap`; it is read in chunks.
        epsilon: Added to the variances that `pca` and `zca` divide by, in units of a channel's
            variance.
        margin_px: Black border that the network gets with each picture; it counts as pixels.
        channel_order: How the network takes colours.

    Raises:
        ValueError: The kind is unknown, there are no pictures or too few, or a matrix would be too
            large.
    """
    _check(kind, images, epsilon, margin_px)
    total, squares, products = _sums(kind, images, margin_px, channel_order)
    mean = total / len(images)
    channel_mean = mean.mean(axis=(0, 1))
    if kind == "mean_image":
        return Standardisation((1.0,), (0.0,), PixelMap(kind, (mean / 255).astype(np.float32)))
    if kind == "mean_channel":
        return Standardisation((1.0,), tuple((-channel_mean / 255).tolist()))
    places = mean.size // mean.shape[-1]
    variance = squares / (len(images) * places) - channel_mean**2
    deviation = np.maximum(np.sqrt(np.maximum(variance, 0.0)), LEAST_DEVIATION * 255)
    pixel_map = None
    if products is not None:
        flat, each = mean.reshape(-1), np.tile(deviation, places)
        covariance = (products / len(images) - np.outer(flat, flat)) / np.outer(each, each)
        centre = ((mean - channel_mean) / deviation).astype(np.float32)
        matrix = _whitening(kind, covariance, epsilon).astype(np.float32)
        pixel_map = PixelMap(kind, centre, matrix)
    scale, offset = 255 / deviation, -channel_mean / deviation
    return Standardisation(tuple(scale.tolist()), tuple(offset.tolist()), pixel_map)


def _sums(
    kind: Kind, images: np.ndarray, margin_px: int, channel_order: Literal["rgb", "bgr"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the sums of pictures (H, W, C), of squares (C,), and of products (D, D) if needed."""
    height, width, channels = images.shape[1:]
    shape = (height + 2 * margin_px, width + 2 * margin_px, channels)
    total, squares = np.zeros(shape), np.zeros(channels)
    products = np.zeros((total.size, total.size)) if kind in ("pca", "zca") else None
    for chunk in _chunks(images, margin_px, channel_order):
        total += chunk.sum(axis=0)
        squares += np.square(chunk).sum(axis=(0, 1, 2))
        if products is not None:
            rows = chunk.reshape(len(chunk), -1)
            products += rows.T @ rows
    return total, squares, products


def _check(kind: Kind, images: np.ndarray, epsilon: float, margin_px: int) -> None:
    if kind not in KINDS:
        raise ValueError(f"unknown standardisation {kind!r}; {suggest(kind, KINDS)}")
    if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
        raise ValueError(f"images must be (N, H, W, C) uint8; got {images.shape} {images.dtype}")
    if kind not in ("pca", "zca"):
        return
    if not epsilon >= 0:
        raise ValueError(f"epsilon must be 0 or more; got {epsilon}")
    height, width, channels = images.shape[1:]
    size = (height + 2 * margin_px) * (width + 2 * margin_px) * channels
    if size > MOST_INPUTS:
        raise ValueError(
            f"{kind} takes at most {MOST_INPUTS} inputs a picture, for its matrix has their "
            f"square; got {size}; use smaller pictures, or standard"
        )
    if epsilon == 0 and len(images) <= size:
        raise ValueError(
            f"{kind} without epsilon needs more pictures than the {size} inputs of one; "
            f"got {len(images)}"
        )


def _chunks(
    images: np.ndarray, margin_px: int, channel_order: Literal["rgb", "bgr"]
) -> Iterator[np.ndarray]:
    """Yield the pictures as whole numbers in float64, as the network gets them."""
    margin = ((0, 0), (margin_px, margin_px), (margin_px, margin_px), (0, 0))
    count = max(1, CHUNK // int(np.prod(images.shape[1:])))
    for start in range(0, len(images), count):
        chunk = np.asarray(images[start : start + count])
        if channel_order == "bgr":
            chunk = chunk[..., ::-1]
        yield np.pad(chunk, margin).astype(np.float64)


def _whitening(kind: Kind, covariance: np.ndarray, epsilon: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]  # rounding leaves -1e-16
    # Without epsilon, a direction in which nothing ever changes has no deviation; it stays 0.
    still = values + epsilon <= values[0] * np.finfo(np.float64).eps * len(values)
    inverse: np.ndarray = np.where(still, 0.0, 1 / np.sqrt(np.where(still, 1.0, values + epsilon)))
    # An eigenvector has no direction of its own: its largest part is made positive.
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(len(values))])
    turned: np.ndarray = vectors * inverse
    return turned @ vectors.T if kind == "zca" else turned


def colour_axes(images: Any) -> tuple[tuple[float, float, float], ...]:
    """Return the principal axes of the colours of pictures, for `Augmentation.lighting_axes`.

    Args:
        images: (N, H, W, 3) uint8, in memory or an `np.memmap`.

    Returns:
        Three rows (R, G, B) for pixels in [0, 1], each an eigenvector of the covariance of all
        pixels times the standard deviation along it.
    """
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8 or not len(images):
        raise ValueError(f"images must be (N, H, W, 3) uint8; got {images.shape} {images.dtype}")
    total, products, count = np.zeros(3), np.zeros((3, 3)), 0
    for chunk in _chunks(images, 0, "rgb"):
        rows = chunk.reshape(-1, 3)
        total, products, count = (
            total + rows.sum(axis=0),
            products + rows.T @ rows,
            count + len(rows),
        )
    covariance = products / count - np.outer(total, total) / count**2
    values, vectors = np.linalg.eigh(covariance / 255**2)
    axes = (vectors * np.sqrt(np.maximum(values, 0.0))).T[::-1]
    return tuple((float(r), float(g), float(b)) for r, g, b in axes)

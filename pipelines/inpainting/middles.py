"""Training a context encoder as its paper does: the middle of a picture from what lies around it.

Pathak and others (arXiv:1604.07379), sections 3.2 and 5.1. Of pictures that are made smaller, crops
of the network's size; of each, the middle half of both sides is made, and all of that but a band of
4 pixels is hidden. `l2` is the mean squared difference of values in [-1, 1], ten times as much in
that band; `l2_adversarial` adds what a judge of middles says, 0.999 to 0.001.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from PIL import Image

from models.restoration.context_encoder import OVERLAP, build_discriminator
from pipelines.inpainting.classical import Method, kept
from pipelines.inpainting.crop_stream import Batch, CropStream, HeldOutCrops
from pipelines.inpainting.data import center_crop, cut
from pipelines.inpainting.first_fill import first_fill
from pipelines.training.adversarial import ADVERSARIAL, AdversarialLearner

BAND_WEIGHT = 10.0  # section 3.2
RANGE = 2.0  # of values in [-1, 1], over that of values in [0, 1]


def shrunk(pixels: np.ndarray, short_px: int) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 with a shorter side of `short_px` pixels."""
    height, width = pixels.shape[:2]
    factor = short_px / min(height, width)
    size = (max(short_px, round(width * factor)), max(short_px, round(height * factor)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def with_middle(pixels: tf.Tensor) -> Batch:
    """Return what a context encoder learns from.

    Args:
        pixels: (B, H, W, 3) uint8, H and W multiples of 4.

    Returns:
        `image` (B, H, W, 3) in [0, 1] and `mask` (B, H, W, 1), 1 in the middle but for the band;
        and the target (B, H/2, W/2, 3), the middle with the band.
    """
    image = tf.cast(pixels, tf.float32) / 255.0
    height, width = pixels.shape[1:3]
    mask = np.zeros((1, height, width, 1), np.float32)
    rows, columns = (slice(n // 4 + OVERLAP, n - n // 4 - OVERLAP) for n in (height, width))
    mask[:, rows, columns] = 1.0
    middle = image[:, height // 4 : height - height // 4, width // 4 : width - width // 4]
    masks = tf.repeat(tf.constant(mask), tf.shape(image)[0], axis=0)
    return {"image": image, "mask": masks}, middle


class MiddleStream(CropStream):
    """Random crops of random pictures, mirrored at random, whose middle is wanted.

    Crops are a multiple of 4 pixels a side.
    """

    axes = ((3,),)
    batch = staticmethod(with_middle)

    def cropped(self, step: int, first: int, end: int) -> Sequence[np.ndarray]:
        """Return pixels (B, side, side, 3)."""
        random = np.random.default_rng((self.seed, step))
        size = self.plan.batch_size
        chosen = random.integers(len(self.pictures), size=size)
        places = random.random((size, 2))
        mirrored = random.integers(2, size=size)
        crops = []
        for row in range(first, end):
            crop = cut(self.pictures[chosen[row]], places[row], self.side_px)
            crops.append(crop[:, ::-1] if mirrored[row] else crop)
        return (np.stack(crops),)


@dataclass(frozen=True, kw_only=True)
class HeldOutMiddles(HeldOutCrops):
    """The middle crop of each picture, whose own middle is wanted.

    Attributes:
        side_px: Of a crop.
    """

    side_px: int
    batch = staticmethod(with_middle)

    def cropped(self) -> Sequence[np.ndarray]:
        """Return pixels (N, side, side, 3)."""
        return (np.stack([center_crop(pixels, self.side_px) for pixels in self.pictures]),)


class BandedSquare(keras.losses.Loss):
    """The mean squared difference of middles, more in the band on their rim."""

    def __init__(self, name: str = "banded_square") -> None:
        super().__init__(name=name)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Map middles (B, H, W, 3) in [0, 1], wanted and made, to losses (B,)."""
        height, width = y_true.shape[1:3]
        weight = np.full((1, height, width, 1), BAND_WEIGHT, np.float32)
        weight[:, OVERLAP:-OVERLAP, OVERLAP:-OVERLAP] = 1.0
        squared = ops.square(RANGE * (y_true - y_pred))
        return ops.mean(squared * weight, axis=(1, 2, 3))


def hidden_decibels(wanted: Any, made: Any) -> Any:
    """Map middles (B, H, W, 3) to minus the PSNR (B,) of what was hidden, in dB."""
    inner = (slice(None), slice(OVERLAP, -OVERLAP), slice(OVERLAP, -OVERLAP))
    squared = ops.mean(ops.square(wanted[inner] - made[inner]), axis=(1, 2, 3))
    return 10.0 * ops.log10(squared + 1e-10)


class AdversarialMiddles(AdversarialLearner):
    """A context encoder as it learns against a judge of middles."""

    def __init__(
        self,
        middle: keras.Model,
        *,
        l2_weight: float,
        adversarial_weight: float,
        judge_widths: tuple[int, ...],
        judge_rate: float,
    ) -> None:
        """Take the network up to its middle, and make the judge."""
        super().__init__(
            middle,
            build_discriminator(side_px=middle.output_shape[1], widths=judge_widths),
            part_weights={"l2": l2_weight, ADVERSARIAL: adversarial_weight},
            judge_optimizer=keras.optimizers.Adam(judge_rate, beta_1=0.5),  # as DCGAN's
            name="adversarial_middles",
        )
        self.banded = BandedSquare()

    def differences(self, wanted: Any, made: Any) -> dict[str, Any]:
        """Return the squared difference."""
        return {"l2": self.banded(wanted, made)}

    def measured(self, wanted: Any, made: Any) -> Any:
        """Return the squared difference."""
        return self.banded(wanted, made)


def middle_method(network: keras.Model) -> Method:
    """Return what fills the middle half of a picture's sides by a context encoder.

    The picture is made smaller, so that its hole has the size that the network knows, and mirrored
    at its border to the network's size; what is made is enlarged again.
    """
    side = int(network.inputs[0].shape[1])
    hole = side // 2 - 2 * OVERLAP
    rim = (side - 2 * hole) // 2
    inner = slice(side // 2 - hole // 2, side // 2 + hole // 2)

    @tf.function(
        input_signature=[tf.TensorSpec((1, None, None, n), tf.float32) for n in (3, 1)],
        autograph=False,
    )
    def fill(image: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        small = tf.image.resize(
            first_fill(image, mask), (2 * hole, 2 * hole), "bicubic", antialias=True
        )
        edged = tf.pad(small, [[0, 0], [rim, rim], [rim, rim], [0, 0]], "SYMMETRIC")
        hidden = np.zeros((1, side, side, 1), np.float32)
        hidden[:, inner, inner] = 1.0
        made = network({"image": edged, "mask": tf.constant(hidden)}, training=False)
        return tf.image.resize(made[:, inner, inner], tf.shape(image)[1:3] // 2, "bicubic")

    def filled(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        height, width = mask.shape
        middle = (
            slice(height // 4, height // 4 + height // 2),
            slice(width // 4, width // 4 + width // 2),
        )
        if not mask[middle].all() or mask.sum() != mask[middle].size:
            raise ValueError("a context encoder fills the middle half of both sides, and no more")
        pixels = tf.constant(image[None], tf.float32) / 255.0
        made = np.asarray(fill(pixels, tf.constant(mask[None, ..., None], tf.float32))[0])
        whole = np.zeros(image.shape)
        whole[middle] = np.rint(made.clip(0.0, 1.0) * 255.0)
        return kept(image, mask, whole)

    return filled

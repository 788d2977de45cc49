"""Crops of photographs with holes, as a stream of batches that is a function of the seed alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from pipelines.inpainting.data import CROP_PX, center_crop, cut, facts_of
from pipelines.inpainting.first_fill import first_fill
from pipelines.inpainting.mask_sets import BOX, KINDS, draw_mask
from pipelines.training.batches import ALL_ROWS
from pipelines.training.plan import TrainingPlan
from pipelines.training.replicas import Share

TRAINING_KINDS = (*KINDS, BOX)
# Added to a training's seeds, so that no mask is one of a published set, whose seeds are small.
TRAINING_SEED = 1_000_003

Batch = tuple[dict[str, tf.Tensor], tf.Tensor]


@dataclass(frozen=True, kw_only=True)
class HoleStream:
    """Random crops of random pictures, turned and mirrored at random, each with a random mask.

    Masks are drawn for crops of 256 pixels a side, and cut to the crop's size at a random place: so
    lines are as broad as they are in what is measured.

    Attributes:
        pictures: (H, W, 3) uint8 each, none smaller than a crop.
        side_px: Of a crop, at most 256.
        plan: Batch size and epochs.
        steps: Batches an epoch.
        seed: Determines all crops: with the step, never with what came before.
    """

    pictures: Sequence[np.ndarray]
    side_px: int
    plan: TrainingPlan
    steps: int
    seed: int

    def facts(self) -> Mapping[str, Any]:
        """Return what tells these batches from others, in plain values."""
        return {
            **facts_of(self.pictures),
            "side_px": self.side_px,
            "steps": self.steps,
            "seed": self.seed,
        }

    def training(self, first_step: int = 0, share: Share = ALL_ROWS) -> tf.data.Dataset:
        """Return batches from a step on: inputs as `with_holes` makes them, and targets."""
        first, end = share.rows(self.plan.batch_size)
        shape = (end - first, self.side_px, self.side_px)

        def load(step: tf.Tensor) -> Batch:
            pixels, masks = tf.numpy_function(
                lambda n: self._batch(int(n), first, end), [step], (tf.uint8, tf.uint8)
            )
            return with_holes(tf.ensure_shape(pixels, (*shape, 3)), tf.ensure_shape(masks, shape))

        steps = tf.data.Dataset.range(first_step, self.plan.epochs * self.steps)
        return steps.map(load, num_parallel_calls=1).prefetch(4)

    def _batch(self, step: int, first: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng((self.seed, step))
        # All draws of the batch, whoever asks for which rows: a replica's are those of the whole.
        size = self.plan.batch_size
        chosen = random.integers(len(self.pictures), size=size)
        places = random.random((size, 4))
        turns = random.integers(8, size=size)
        kinds = random.integers(len(TRAINING_KINDS), size=size)
        crops, masks = [], []
        for row in range(first, end):
            crop = cut(self.pictures[chosen[row]], places[row, :2], self.side_px)
            crops.append(_turned(crop, turns[row]))
            seed = (TRAINING_SEED + self.seed, step, row)
            mask = draw_mask(TRAINING_KINDS[kinds[row]], CROP_PX, CROP_PX, seed)
            masks.append(cut(mask, places[row, 2:], self.side_px))
        return np.stack(crops), np.stack(masks).astype(np.uint8)


@dataclass(frozen=True, kw_only=True)
class HeldOutHoles:
    """The middle of each picture with a mask of the published sets, to measure on.

    Attributes:
        pictures: (H, W, 3) uint8 each, none smaller than 256 x 256 pixels.
    """

    pictures: Sequence[np.ndarray]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.pictures)

    def plain(self, share: Share = ALL_ROWS, batch_size: int | None = None) -> tf.data.Dataset:
        """Return batches in order, as `HoleStream` does: picture n has a mask of kind n mod 3."""
        crops = np.stack([center_crop(pixels) for pixels in self.pictures])
        masks = [
            draw_mask(KINDS[number % len(KINDS)], CROP_PX, CROP_PX, number)
            for number in range(len(self))
        ]
        arrays = (crops, np.stack(masks).astype(np.uint8))
        whole = tf.data.Dataset.from_tensor_slices(arrays).batch(batch_size or len(self))

        def load(pixels: tf.Tensor, masks: tf.Tensor) -> Batch:
            first, end = share.rows(tf.shape(pixels)[0])
            return with_holes(pixels[first:end], masks[first:end])

        return whole.map(load, num_parallel_calls=1)


def with_holes(pixels: tf.Tensor, masks: tf.Tensor) -> Batch:
    """Return what a network learns from.

    Args:
        pixels: (B, H, W, 3) uint8.
        masks: (B, H, W) uint8, 1 where to fill.

    Returns:
        `image` (B, H, W, 3) in [0, 1] whose holes the first fill has filled, `mask` (B, H, W, 1);
        and the target (B, H, W, 4), the whole image with the mask as its last channel.
    """
    image = tf.cast(pixels, tf.float32) / 255.0
    mask = tf.cast(masks, tf.float32)[..., None]
    filled = first_fill(image, mask)
    return {"image": filled, "mask": mask}, tf.concat([image, mask], axis=-1)


def _turned(crop: np.ndarray, turn: int) -> np.ndarray:
    """Return one of the eight ways in which a square can lie."""
    turned = np.rot90(crop, turn % 4)
    return turned[:, ::-1] if turn >= 4 else turned

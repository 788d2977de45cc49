"""Crops of photographs with holes: what a network that fills holes of any form learns from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from pipelines.inpainting.crop_stream import Batch, CropStream, HeldOutCrops
from pipelines.inpainting.data import CROP_PX, center_crop, cut
from pipelines.inpainting.first_fill import first_fill
from pipelines.inpainting.mask_sets import BOX, KINDS, draw_mask

TRAINING_KINDS = (*KINDS, BOX)
# Added to a training's seeds, so that no mask is one of a published set, whose seeds are small.
TRAINING_SEED = 1_000_003


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


class HoleStream(CropStream):
    """Random crops of random pictures, turned and mirrored at random, each with a random mask.

    Masks are drawn for crops of 256 pixels a side, the largest there may be, and cut to the crop's
    size at a random place: so lines are as broad as they are in what is measured.
    """

    axes = ((3,), ())
    batch = staticmethod(with_holes)

    def cropped(self, step: int, first: int, end: int) -> Sequence[np.ndarray]:
        """Return pixels (B, side, side, 3) and masks (B, side, side)."""
        random = np.random.default_rng((self.seed, step))
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


class HeldOutHoles(HeldOutCrops):
    """The middle 256 x 256 pixels of each picture with a mask of the published sets.

    Picture n has a mask of kind n mod 3.
    """

    batch = staticmethod(with_holes)

    def cropped(self) -> Sequence[np.ndarray]:
        """Return pixels (N, 256, 256, 3) and masks (N, 256, 256)."""
        masks = [
            draw_mask(KINDS[number % len(KINDS)], CROP_PX, CROP_PX, number)
            for number in range(len(self))
        ]
        crops = np.stack([center_crop(pixels) for pixels in self.pictures])
        return crops, np.stack(masks).astype(np.uint8)


def _turned(crop: np.ndarray, turn: int) -> np.ndarray:
    """Return one of the eight ways in which a square can lie."""
    turned = np.rot90(crop, turn % 4)
    return turned[:, ::-1] if turn >= 4 else turned

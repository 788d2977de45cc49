"""Patches of pictures in two sizes as a stream of batches that is a function of the seed alone."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from pipelines.training.batches import ALL_ROWS
from pipelines.training.plan import TrainingPlan
from pipelines.training.replicas import Share

WHITE = 65_535  # of the 16 bits in which pictures wait for their turn


@dataclass(frozen=True)
class Pair:
    """One picture in two sizes.

    Attributes:
        low: (H, W, C) uint16, full scale 65,535.
        high: (scale H, scale W, C) uint16.
    """

    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, kw_only=True)
class PatchStream:
    """Random patches of random pictures, turned and mirrored at random.

    Attributes:
        pairs: The pictures, none smaller than a patch.
        scale: How many times larger `high` is than `low`.
        side_px: Of a small patch.
        plan: Batch size and epochs.
        steps: Batches an epoch.
        seed: Determines all patches: with the step, never with what came before.
    """

    pairs: Sequence[Pair]
    scale: int
    side_px: int
    plan: TrainingPlan
    steps: int
    seed: int

    def facts(self) -> Mapping[str, Any]:
        """Return what tells these batches from others, in plain values."""
        checksum = 0
        for pair in self.pairs:
            checksum = zlib.crc32(np.ascontiguousarray(pair.low).tobytes(), checksum)
        return {
            "pictures": len(self.pairs),
            "pictures_crc32": checksum,
            "scale": self.scale,
            "side_px": self.side_px,
            "steps": self.steps,
            "seed": self.seed,
        }

    def training(self, first_step: int = 0, share: Share = ALL_ROWS) -> tf.data.Dataset:
        """Return batches of small and large patches, float32 in [0, 1], from a step on."""
        first, end = share.rows(self.plan.batch_size)
        small, large, channels = self.side_px, self.side_px * self.scale, self.pairs[0].low.shape[2]

        def load(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            low, high = tf.numpy_function(
                lambda n: self._batch(int(n), first, end), [step], (tf.uint16, tf.uint16)
            )
            low = tf.ensure_shape(low, (end - first, small, small, channels))
            high = tf.ensure_shape(high, (end - first, large, large, channels))
            return tf.cast(low, tf.float32) / WHITE, tf.cast(high, tf.float32) / WHITE

        steps = tf.data.Dataset.range(first_step, self.plan.epochs * self.steps)
        return steps.map(load, num_parallel_calls=1).prefetch(4)

    def _batch(self, step: int, first: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng((self.seed, step))
        # All draws of the batch, whoever asks for which rows: a replica's are those of the whole.
        chosen = random.integers(len(self.pairs), size=self.plan.batch_size)
        places = random.random((self.plan.batch_size, 2))
        turns = random.integers(8, size=self.plan.batch_size)
        rows = [self._patch(chosen[i], places[i], turns[i]) for i in range(first, end)]
        return np.stack([low for low, _ in rows]), np.stack([high for _, high in rows])

    def _patch(self, number: int, place: np.ndarray, turn: int) -> tuple[np.ndarray, np.ndarray]:
        pair, side, scale = self.pairs[number], self.side_px, self.scale
        room = np.array(pair.low.shape[:2]) - side + 1
        y, x = (place * room).astype(int)
        low, high = _cut(pair, y, x, side, scale)
        return _turned(low, turn), _turned(high, turn)


@dataclass(frozen=True, kw_only=True)
class CentrePatches:
    """The middle of each picture, to measure on.

    Attributes:
        pairs: The pictures, none smaller than a patch.
        scale: How many times larger `high` is than `low`.
        side_px: Of a small patch.
    """

    pairs: Sequence[Pair]
    scale: int
    side_px: int

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.pairs)

    def plain(self, share: Share = ALL_ROWS, batch_size: int | None = None) -> tf.data.Dataset:
        """Return batches of small and large patches, float32 in [0, 1], in order."""
        low, high = (
            np.stack(patches) for patches in zip(*map(self._centre, self.pairs), strict=True)
        )
        whole = tf.data.Dataset.from_tensor_slices((low, high)).batch(batch_size or len(low))

        def load(low: tf.Tensor, high: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            first, end = share.rows(tf.shape(low)[0])
            low, high = low[first:end], high[first:end]
            return tf.cast(low, tf.float32) / WHITE, tf.cast(high, tf.float32) / WHITE

        return whole.map(load, num_parallel_calls=1)

    def _centre(self, pair: Pair) -> tuple[np.ndarray, np.ndarray]:
        y, x = ((length - self.side_px) // 2 for length in pair.low.shape[:2])
        return _cut(pair, y, x, self.side_px, self.scale)


def _cut(pair: Pair, y: int, x: int, side: int, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the same part of both sizes of a picture."""
    low = pair.low[y : y + side, x : x + side]
    return low, pair.high[scale * y : scale * (y + side), scale * x : scale * (x + side)]


def _turned(patch: np.ndarray, turn: int) -> np.ndarray:
    """Return one of the eight ways in which a square can lie."""
    turned = np.rot90(patch, turn % 4)
    return turned[:, ::-1] if turn >= 4 else turned

"""Crops of photographs as a stream of batches that is a function of the seed alone.

What is hidden of a crop, and what a network is given and must give, the kinds of stream say: see
`holes_stream` and `middles`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from pipelines.inpainting.data import facts_of
from pipelines.training.batches import ALL_ROWS
from pipelines.training.plan import TrainingPlan
from pipelines.training.replicas import Share

Batch = tuple[dict[str, tf.Tensor], tf.Tensor]  # inputs and target


@dataclass(frozen=True, kw_only=True)
class CropStream(ABC):
    """Random crops of random pictures.

    Attributes:
        pictures: (H, W, 3) uint8 each, none smaller than a crop.
        side_px: Of a crop.
        plan: Batch size and epochs.
        steps: Batches an epoch.
        seed: Determines all crops: with the step, never with what came before.
        axes: What follows (B, side, side) in the shape of each array that `cropped` returns.
        batch: Makes inputs and target of these arrays.
    """

    pictures: Sequence[np.ndarray]
    side_px: int
    plan: TrainingPlan
    steps: int
    seed: int
    axes: ClassVar[tuple[tuple[int, ...], ...]]
    batch: ClassVar[Callable[..., Batch]]

    @abstractmethod
    def cropped(self, step: int, first: int, end: int) -> Sequence[np.ndarray]:
        """Return uint8 arrays of some rows of a step's batch.

        All numbers of the batch are drawn, whoever asks for which rows: a replica's are those of
        the whole.
        """

    def facts(self) -> Mapping[str, Any]:
        """Return what tells these batches from others, in plain values."""
        return {
            **facts_of(self.pictures),
            "side_px": self.side_px,
            "steps": self.steps,
            "seed": self.seed,
        }

    def training(self, first_step: int = 0, share: Share = ALL_ROWS) -> tf.data.Dataset:
        """Return batches from a step on, as `batch` makes them."""
        first, end = share.rows(self.plan.batch_size)
        shapes = [(end - first, self.side_px, self.side_px, *axes) for axes in self.axes]

        def load(step: tf.Tensor) -> Batch:
            types = [tf.uint8] * len(shapes)
            arrays = tf.numpy_function(lambda n: self.cropped(int(n), first, end), [step], types)
            return self.batch(*map(tf.ensure_shape, arrays, shapes))

        steps = tf.data.Dataset.range(first_step, self.plan.epochs * self.steps)
        return steps.map(load, num_parallel_calls=1).prefetch(4)


@dataclass(frozen=True, kw_only=True)
class HeldOutCrops(ABC):
    """The middle of each picture, to measure on.

    Attributes:
        pictures: (H, W, 3) uint8 each, none smaller than a crop.
        batch: Makes inputs and target of the arrays that `cropped` returns.
    """

    pictures: Sequence[np.ndarray]
    batch: ClassVar[Callable[..., Batch]]

    @abstractmethod
    def cropped(self) -> Sequence[np.ndarray]:
        """Return uint8 arrays of all pictures."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.pictures)

    def plain(self, share: Share = ALL_ROWS, batch_size: int | None = None) -> tf.data.Dataset:
        """Return batches in order, as `batch` makes them; all in one unless a size is given."""
        whole = tf.data.Dataset.from_tensor_slices(tuple(self.cropped()))

        def load(*arrays: tf.Tensor) -> Batch:
            first, end = share.rows(tf.shape(arrays[0])[0])
            return self.batch(*(array[first:end] for array in arrays))

        return whole.batch(batch_size or len(self)).map(load, num_parallel_calls=1)

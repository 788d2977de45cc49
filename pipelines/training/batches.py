"""Training pictures as a stream of batches that is a function of the seed alone.

The order is drawn anew for each epoch from (seed, epoch), and every random change from (seed,
step), so a stream that begins at any step is the rest of the stream that begins at 0.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from pipelines.training.augmentation import Augmentation
from pipelines.training.plan import TrainingPlan
from pipelines.training.replicas import Share

ALL_ROWS = Share()
LABEL_SEED = 1_000_003  # added to the seed, so that noise on labels is no picture's noise


class HeldOut(Protocol):
    """Pairs of input and target that a training is measured on, in order."""

    def __len__(self) -> int:
        """Return how many there are."""

    def plain(self, share: Share = ALL_ROWS, batch_size: int | None = None) -> tf.data.Dataset:
        """Return each once; a share of them has its rows of each batch alone."""


class Stream(Protocol):
    """Batches of input and target to train on: a function of seed and step.

    Attributes:
        plan: Batch size and epochs.
    """

    @property
    def plan(self) -> TrainingPlan:
        """How long and how fast."""

    @property
    def steps(self) -> int:
        """How many batches an epoch has."""

    def training(self, first_step: int = 0, share: Share = ALL_ROWS) -> tf.data.Dataset:
        """Return the batches from a step on; a share of them has its rows of each batch alone."""

    def facts(self) -> Mapping[str, Any]:
        """Return what tells these batches from others, in plain values."""


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Pictures with their classes, and what becomes of them on the way to the network.

    Attributes:
        images: (N, H, W, C) uint8, in memory or a memory map.
        labels: (N,) int.
        classes: How many there are.
        plan: Batch size, epochs, noise on labels.
        prepare: Maps pixels (B, H, W, C) in [0, 1] to the network's input.
        augment: Random changes, made before `prepare`.
        seed: Determines the order and the changes.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: int
    plan: TrainingPlan
    prepare: Callable[[tf.Tensor], tf.Tensor]
    augment: Augmentation | None
    seed: int

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self.images)

    def facts(self) -> Mapping[str, Any]:
        """Return what tells these batches from others, in plain values."""
        labels = np.ascontiguousarray(self.labels, dtype="int64")
        return {
            "augment": asdict(self.augment) if self.augment else None,
            "seed": self.seed,
            "pictures": list(self.images.shape),
            "labels_crc32": zlib.crc32(labels.tobytes()),
        }

    @property
    def steps(self) -> int:
        """How many whole batches an epoch has."""
        return len(self.images) // self.plan.batch_size

    def training(self, first_step: int = 0, share: Share = ALL_ROWS) -> tf.data.Dataset:
        """Return batches (B, H, W, C) float32 and targets (B, classes), from a step on.

        A share of them has its rows of each batch alone; they are as in the whole.
        """
        first, end = share.rows(self.plan.batch_size)
        # Where all rows are made here, nothing is said: one graph for all who train alone.
        rows = (first, self.plan.batch_size) if share.count > 1 else None
        read, targets = _reader(self.images), tf.constant(self.labels.astype("int32"))
        first_swapped = tf.random.stateless_uniform((len(self.images),), (self.seed, 0)) < 0.5

        def load(step: tf.Tensor, chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            chosen = chosen[first:end]
            x = tf.ensure_shape(read(chosen), (end - first, *self.images.shape[1:]))
            x = tf.cast(x, tf.float32) / 255.0
            if self.augment is not None:
                swapped = tf.gather(first_swapped, chosen) ^ (step // self.steps % 2 == 1)
                x = self.augment(x, self._seed(step), swapped=swapped, rows=rows)
            y = self._with_noise(tf.gather(targets, chosen), step, share)
            y = tf.one_hot(y, self.classes)
            if self.augment is not None:
                x, y = self.augment.mix(x, y, self._seed(step), rows=rows)
            return self.prepare(x), y

        first_epoch, skipped = divmod(first_step, self.steps)
        epochs = tf.data.Dataset.range(first_epoch, self.plan.epochs)
        chosen = epochs.flat_map(self._order).skip(skipped).enumerate(first_step)
        return chosen.map(load, num_parallel_calls=1).prefetch(4)

    def plain(self, share: Share = ALL_ROWS, batch_size: int | None = None) -> tf.data.Dataset:
        """Return every picture once, unchanged and in order; the last batch may be smaller.

        `batch_size` is the plan's unless given; a share of them has its rows of each batch alone.
        """
        read, targets = _reader(self.images), tf.constant(self.labels.astype("int32"))

        def load(chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            first, end = share.rows(tf.shape(chosen)[0])
            chosen = chosen[first:end]
            x = tf.ensure_shape(read(chosen), (None, *self.images.shape[1:]))
            x = self.prepare(tf.cast(x, tf.float32) / 255.0)
            return x, tf.one_hot(tf.gather(targets, chosen), self.classes)

        numbers = tf.data.Dataset.range(len(self.images)).batch(batch_size or self.plan.batch_size)
        return numbers.map(load, num_parallel_calls=1).prefetch(4)

    def _order(self, epoch: tf.Tensor) -> tf.data.Dataset:
        shuffled = tf.random.experimental.stateless_shuffle(
            tf.range(len(self.images)), seed=self._seed(epoch)
        )
        batch = self.plan.batch_size
        whole = tf.reshape(shuffled[: self.steps * batch], (self.steps, batch))
        return tf.data.Dataset.from_tensor_slices(whole)

    def _seed(self, step: tf.Tensor) -> tf.Tensor:
        return tf.stack([tf.cast(self.seed, tf.int64), step])

    def _with_noise(self, labels: tf.Tensor, step: tf.Tensor, share: Share) -> tf.Tensor:
        if not self.plan.label_noise:
            return labels
        seed = self._seed(step) + tf.constant((LABEL_SEED, 0), tf.int64)
        first, end = share.rows(self.plan.batch_size)
        draws = tf.random.stateless_uniform((2, self.plan.batch_size), seed)[:, first:end]
        others = tf.cast(draws[0] * self.classes, tf.int32)
        return tf.where(draws[1] < self.plan.label_noise, others, labels)


def _reader(images: np.ndarray) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return what maps numbers of pictures to their pixels."""
    if not isinstance(images, np.memmap):
        pixels = tf.constant(images)
        return lambda chosen: tf.gather(pixels, chosen)

    def read(chosen: tf.Tensor) -> tf.Tensor:
        return tf.numpy_function(lambda numbers: images[numbers], [chosen], tf.uint8)

    return read

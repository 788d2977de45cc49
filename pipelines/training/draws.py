"""Random numbers for a batch of pictures, the same however the batch is divided among processes.

A process that holds some rows of a batch draws the numbers of the whole batch and takes its own.
All come from TensorFlow's stateless generators: they are functions of a seed, so that a run can be
taken up again at any step, and of nothing else. Keras's Random* layers are not used for the same
reason: they keep a state that no checkpoint of ours holds, take no seed for a step, and stay active
in an exported model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import tensorflow as tf

Rows = tuple[int, int]  # the first row, and the rows of the whole batch


class Purpose(IntEnum):
    """What numbers are for, added to the seed. To change one changes every seeded run."""

    WARP = 0
    CUTOUT = 1
    CROP = 2
    RESIZED_CROP = 3
    COLOUR = 4
    LIGHTING = 5
    NOISE = 6
    MULTIPLICATIVE_NOISE = 7
    MIXUP = 8
    CUTMIX = 9
    CUTMIX_PLACE = 10
    MIXUP_OR_CUTMIX = 11
    RAND_AUGMENT = 12
    ADDONS = 13
    ELASTIC = 14


@dataclass(frozen=True)
class Draws:
    """Random numbers of the pictures that this process holds.

    Attributes:
        seed: (2,) int, of the step.
        count: How many pictures this process holds, N.
        rows: Which of the batch they are; None when they are all.
    """

    seed: tf.Tensor
    count: tf.Tensor
    rows: Rows | None = None

    def uniform(
        self,
        purpose: Purpose,
        kinds: int,
        low: float = 0.0,
        high: float = 1.0,
        dtype: tf.DType = tf.float32,
    ) -> tf.Tensor:
        """Return (kinds, N) numbers from `low` to below `high`."""
        shape = (kinds, self._total)
        drawn = tf.random.stateless_uniform(shape, self.seed + int(purpose), low, high, dtype)
        return drawn if self.rows is None else self._own(drawn, axis=1)

    def normal(self, purpose: Purpose, shape: Sequence[int]) -> tf.Tensor:
        """Return (N, *shape) numbers of mean 0 and deviation 1."""
        seed = self.seed + int(purpose)
        return self._own(tf.random.stateless_normal((self._total, *shape), seed), axis=0)

    def beta(self, purpose: Purpose, concentration: float) -> tf.Tensor:
        """Return (N,) numbers from the Beta distribution with both parameters alike."""
        seed = self.seed + int(purpose)
        gamma = tf.random.stateless_gamma((self._total, 2), seed, concentration)
        # Small parameters may round both to 0, with a probability of 1e-15 at 0.2.
        ratio = tf.math.divide_no_nan(gamma[:, 0], gamma[:, 0] + gamma[:, 1])
        return self._own(ratio, axis=0)

    @property
    def _total(self) -> tf.Tensor | int:
        return self.count if self.rows is None else self.rows[1]

    def _own(self, drawn: tf.Tensor, axis: int) -> tf.Tensor:
        if self.rows is None:
            return drawn
        first = self.rows[0]
        return tf.gather(drawn, tf.range(first, first + self.count), axis=axis)

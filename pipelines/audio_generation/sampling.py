"""Which level comes next: a draw from the network's probabilities, the same on every device.

The draw's number is a function of the clip's seed and of the sample's place in the clip, and of
nothing else: neither of what else is in the batch, nor of how the clip is cut into chunks. It is
made of integers alone (Threefry-2x32 of 20 rounds: Salmon, Moraes, Dror, Shaw: Parallel random
numbers: as easy as 1, 2, 3, doi:10.1145/2063384.2063405), so that it is the same bit for bit with
and without XLA, and in a SavedModel.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import tensorflow as tf

SEEDS = 2**64  # how many there are: the key of Threefry-2x32 has 64 bits

# Of the paper's reference implementation: the key's parity, and how far each round rotates.
_PARITY = 0x1BD11BDA
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_ROUNDS = 20

# A float32 has 24 bits, but u < 1 must also hold for u times a sum, rounded: so one less.
_BITS = 23

MOST_GUIDANCE = 10.0

Kind = Literal["greedy", "free", "restricted"]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How levels are drawn.

    Attributes:
        temperature: Logits are divided by it: below 1 likelier levels become more likely. 0 takes
            the likeliest level always, which mostly collapses to silence, and warns.
        top_k: Draw among the `top_k` likeliest levels only; all when None. Levels as likely as the
            last of them are in, too.
        top_p: Draw among the likeliest levels only, the fewest whose probabilities sum to `top_p`,
            counted after `top_k`. Levels as likely as the last of them are in, too.
        guidance: How strongly a network's first label is meant, see `led`: 1 as it learned, above 1
            more clearly, 0 not at all. 1 where it has no labels.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    guidance: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: A value is out of its range.
        """
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature must be 0 or more; got {self.temperature!r}")
        if self.top_k is not None and (not isinstance(self.top_k, int) or self.top_k < 1):
            raise ValueError(f"top_k must be a whole number of at least 1; got {self.top_k!r}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1; got {self.top_p!r}")
        if not 0 <= self.guidance <= MOST_GUIDANCE:
            raise ValueError(f"guidance must be 0 to {MOST_GUIDANCE:.0f}; got {self.guidance!r}")
        if self.temperature == 0:
            warnings.warn(
                "temperature 0 takes the likeliest level each time, which mostly collapses to "
                "silence or to a buzz; 1 draws as the network learned",
                stacklevel=3,  # who makes the Sampling
            )

    @property
    def kind(self) -> Kind:
        """Which of the computations of `draw` it needs."""
        if self.temperature == 0:
            return "greedy"
        return "free" if self.top_k is None and self.top_p == 1 else "restricted"

    @property
    def is_guided(self) -> bool:
        """Whether it needs the network's answer without the first label, too."""
        return self.guidance != 1

    def check(self, labels: Sized) -> None:
        """Refuse to be guided by the label of a network that has none.

        Args:
            labels: The network's.

        Raises:
            ValueError: It has none, and guidance is not 1.
        """
        if self.is_guided and not len(labels):
            raise ValueError(
                "guidance must be 1 for a network without labels, or left out; "
                f"got {self.guidance!r}"
            )

    def settings(self, classes: int) -> tf.Tensor:
        """Return (4,) temperature, top_k, top_p and guidance, as `draw` and `led` take them."""
        top_k = min(self.top_k or classes, classes)
        return tf.constant([self.temperature, top_k, self.top_p, self.guidance], tf.float32)


def keys_of(seeds: Sequence[int]) -> tf.Tensor:
    """Return seeds as uint32 (B, 2), the upper half first."""
    return tf.constant(np.array([divmod(seed, 2**32) for seed in seeds], np.uint32))


def uniforms(keys: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """Return float32 (N, B) in [0, 1): the numbers of N places in B clips.

    Args:
        keys: uint32 (B, 2).
        positions: int32 (N, B), at least 0.
    """
    counters = tf.cast(positions, tf.uint32)
    bits, _ = threefry(keys[:, 0], keys[:, 1], counters, tf.zeros_like(counters))
    shifted = tf.bitwise.right_shift(bits, tf.constant(32 - _BITS, tf.uint32))
    return tf.cast(shifted, tf.float32) * 2.0**-_BITS


def threefry(key0: Any, key1: Any, x0: Any, x1: Any) -> tuple[Any, Any]:
    """Return two random words for each counter (x0, x1), all uint32 and broadcast."""
    schedule = (key0, key1, key0 ^ key1 ^ tf.constant(_PARITY, tf.uint32))
    x0, x1 = x0 + key0, x1 + key1
    for block in range(_ROUNDS // 4):
        for distance in _ROTATIONS[block % 2]:
            x0 = x0 + x1
            x1 = _rotated(x1, distance) ^ x0
        x0 = x0 + schedule[(block + 1) % 3]
        x1 = x1 + schedule[(block + 2) % 3] + tf.constant(block + 1, tf.uint32)
    return x0, x1


def _rotated(words: Any, distance: int) -> Any:
    left = tf.bitwise.left_shift(words, tf.constant(distance, tf.uint32))
    return left | tf.bitwise.right_shift(words, tf.constant(32 - distance, tf.uint32))


def led(logits: tf.Tensor, settings: tf.Tensor) -> tf.Tensor:
    """Return logits (B, classes) that are led by the first label: any + guidance (told - any).

    It is classifier-free guidance (Ho, Salimans, arXiv:2207.12598), with a network that never
    learned without labels: in place of none it is told the mean of the label's classes.

    Args:
        logits: (2B, classes), of those told which class it is, then of those told the mean.
        settings: `Sampling.settings`.
    """
    told, of_any = tf.split(logits, 2)
    return of_any + settings[3] * (told - of_any)


def draw(kind: Kind, logits: tf.Tensor, numbers: tf.Tensor, settings: tf.Tensor) -> tf.Tensor:
    """Return levels, int32 (B,).

    Args:
        kind: `Sampling.kind`.
        logits: float32 (B, classes).
        numbers: float32 (B,) in [0, 1), of `uniforms`.
        settings: `Sampling.settings`.
    """
    if kind == "greedy":
        return tf.argmax(logits, axis=-1, output_type=tf.int32)
    scaled = logits / settings[0]
    weights = tf.exp(scaled - tf.reduce_max(scaled, axis=-1, keepdims=True))
    if kind == "restricted":
        weights = tf.where(scaled >= _least(scaled, settings[1], settings[2]), weights, 0.0)
    sums = tf.cumsum(weights, axis=-1)
    possible = weights > 0
    reached = possible & (sums > numbers[:, None] * sums[:, -1:])
    classes = logits.shape[-1]
    levels = tf.range(classes)
    # XLA sums in parts, so that the last sum may be a rounding below one before it; then none is
    # reached, and the last one possible is meant.
    first = tf.reduce_min(tf.where(reached, levels, classes), axis=-1)
    last = tf.reduce_max(tf.where(possible, levels, 0), axis=-1)
    return tf.minimum(first, last)


def _least(scaled: tf.Tensor, top_k: tf.Tensor, top_p: tf.Tensor) -> tf.Tensor:
    """Return the least logit (B, 1) that top_k and top_p leave."""
    ordered = tf.sort(scaled, axis=-1, direction="DESCENDING")
    among = tf.range(ordered.shape[-1]) < tf.cast(top_k, tf.int32)
    weights = tf.where(among, tf.exp(ordered - ordered[:, :1]), 0.0)
    before = tf.cumsum(weights, axis=-1, exclusive=True)
    total = tf.reduce_sum(weights, axis=-1, keepdims=True)
    kept = among & ((before < top_p * total) | (top_p >= 1.0))
    return tf.reduce_min(tf.where(kept, ordered, ordered[:, :1]), axis=-1, keepdims=True)

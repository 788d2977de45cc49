"""What is asked of an engine, checked once, before anything is generated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.audio_generation.sampling import SEEDS
from pipelines.audio_generation.stepping import Stepper

LONGEST = 2**30  # samples: places are int32; 37 hours at 8 kHz


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """What to generate.

    Attributes:
        samples: How many, beyond those of `prime`.
        seed: Determines all draws; 0 to 2^64 - 1. The same clip with the same seed is the same
            levels, whatever else is asked for.
        labels: One a label that the network was trained with, such as (digit, speaker).
        frames: (F, local_dim), what to say; F hop >= samples, those of `prime` included.
        prime: Levels (P,) to go on from, as if they had been generated; from silence when None.
    """

    samples: int
    seed: int = 0
    labels: tuple[int, ...] = ()
    frames: np.ndarray | None = None
    prime: np.ndarray | None = None

    @property
    def primed(self) -> np.ndarray:
        """The levels to go on from, int32 (P,)."""
        return np.zeros(0, np.int32) if self.prime is None else np.asarray(self.prime, np.int32)

    def check(self, stepper: Stepper) -> None:
        """Refuse what a network cannot generate.

        Raises:
            ValueError: It cannot generate this clip.
        """
        _check_whole("samples", self.samples, least=1, most=LONGEST)
        _check_whole("seed", self.seed, least=0, most=SEEDS - 1)
        self._check_prime(stepper.classes)
        self._check_labels(stepper.label_counts)
        self._check_frames(stepper.local_dim, stepper.hop)

    def _check_prime(self, classes: int) -> None:
        if self.prime is None:
            return
        prime = np.asarray(self.prime)
        if prime.ndim != 1 or prime.dtype.kind not in "iu":
            raise ValueError(
                f"prime must be whole numbers (P,), as mu-law makes them; got {prime.dtype} "
                f"{prime.shape}"
            )
        if ((prime < 0) | (prime >= classes)).any():
            raise ValueError(
                f"prime must be levels from 0 to {classes - 1}; got {prime.min()} to {prime.max()}"
            )

    def _check_labels(self, counts: tuple[int, ...]) -> None:
        if len(self.labels) != len(counts):
            raise ValueError(f"this network takes {len(counts)} labels; got {self.labels!r}")
        for label, count in zip(self.labels, counts, strict=True):
            _check_whole("a label", label, least=0, most=count - 1)

    def _check_frames(self, dim: int, hop: int) -> None:
        if not dim:
            if self.frames is not None:
                raise ValueError("this network takes no frames; leave them out")
            return
        length = len(self.primed) + self.samples
        shape = None if self.frames is None else np.shape(self.frames)
        if shape is None or shape[1:] != (dim,) or shape[0] * hop < length:
            raise ValueError(
                f"{length} samples, those of prime included, need {-(-length // hop)} frames of "
                f"{hop} samples, (frames, {dim}); got {shape}"
            )
        if not np.isfinite(np.asarray(self.frames)).all():
            raise ValueError("frames must be finite; some values are NaN or infinite")


def _check_whole(name: str, value: object, *, least: int, most: int) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not least <= value <= most:  # type: ignore[operator]
        raise ValueError(f"{name} must be a whole number from {least:,} to {most:,}; got {value!r}")

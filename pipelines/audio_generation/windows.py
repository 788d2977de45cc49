"""Windows of recordings as a stream of batches that is a function of the seed alone.

Most recordings of a word fit into one window whole, from their beginning, so that every sample of
it is learned from. A longer one has several, of which all but the first begin with a receptive
field of context: there nothing is learned, because what came before is cut off.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from pipelines.training.batches import ALL_ROWS
from pipelines.training.plan import TrainingPlan
from pipelines.training.replicas import Share

NOT_LEARNED = -1  # the target of context, and of what lies behind the end

PAUSE = (400, 1_600)  # samples of silence between two words that follow each other: 0.05 to 0.2 s
SHORT_TAIL = (
    400  # samples of silence behind a word, and more of it behind one of `LONG_TAIL_ONE_IN`
)
LONG_TAIL_ONE_IN = 8
LEAD = 1_200  # samples of silence before a word, at most; before half of them there is none


def longest_tail(field: int) -> int:
    """Return how much silence may follow a word: so much that nothing but it is heard at last."""
    return field + SHORT_TAIL


@dataclass(frozen=True, kw_only=True, eq=False)
class Sound:
    """One recording as the network sees it.

    Attributes:
        levels: (N,) int32.
        labels: Of the whole recording; empty for a network without.
        frames: (F, local_dim) float32, of the recording and of the longest silence behind it; None
            for a network without.
        voice: Recordings of one voice may follow each other.
    """

    levels: np.ndarray
    labels: tuple[int, ...] = ()
    frames: np.ndarray | None = None
    voice: int = 0


@dataclass(frozen=True, kw_only=True)
class WindowStream:
    """Windows in an order that is drawn anew for each epoch.

    Attributes:
        sounds: The recordings.
        samples: Of a window; a multiple of `hop`.
        field: The network's receptive field, below `samples`.
        hop: Samples that a frame lasts; 1 without frames.
        silence: The level of it.
        joined: Whether another recording of the same voice follows each, after a pause; silence
            does otherwise.
        plan: Batch size and epochs.
        seed: Determines order, pauses and silences: with the epoch and step, never with what came
            before.
    """

    sounds: Sequence[Sound]
    samples: int
    field: int
    hop: int = 1
    silence: int
    joined: bool
    plan: TrainingPlan
    seed: int

    def __post_init__(self) -> None:
        """Check that a window holds context and something to learn."""
        if self.samples % self.hop or self.samples <= self.field:
            raise ValueError(
                f"a window must be longer than the receptive field of {self.field} samples, and a "
                f"multiple of {self.hop}; got {self.samples}"
            )

    @cached_property
    def windows(self) -> list[tuple[int, int]]:
        """Which recording each window is of, and where in it the window starts."""
        # Each begins at a whole frame, so that the last may learn what the one before has.
        stride = (self.samples - self.field) // self.hop * self.hop or self.hop
        return [
            (number, start)
            for number, sound in enumerate(self.sounds)
            for start in range(0, max(1, len(sound.levels) - self.field), stride)
        ]

    @property
    def steps(self) -> int:
        """How many whole batches an epoch has."""
        return len(self.windows) // self.plan.batch_size

    def facts(self) -> Mapping[str, Any]:
        """Return what tells these batches from others, in plain values."""
        checksum = 0
        for sound in self.sounds:
            checksum = zlib.crc32(sound.levels.tobytes(), checksum)
        return {
            "recordings": len(self.sounds),
            "levels_crc32": checksum,
            "window_samples": self.samples,
            "joined": self.joined,
            "seed": self.seed,
        }

    def training(self, first_step: int = 0, share: Share = ALL_ROWS) -> tf.data.Dataset:
        """Return batches of the network's inputs and of the levels to say, from a step on.

        The levels (B, T) are `NOT_LEARNED` where nothing is.
        """
        first, end = share.rows(self.plan.batch_size)
        kinds = {"samples": tf.int32, **self._more_kinds(), "said": tf.int32}

        def load(step: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            parts = tf.numpy_function(
                lambda n: self._batch(int(n), first, end), [step], list(kinds.values())
            )
            batch = dict(zip(kinds, parts, strict=True))
            for name, part in batch.items():
                batch[name] = tf.ensure_shape(part, (end - first, *self._shape(name)))
            said = batch.pop("said")
            return batch, said

        steps = tf.data.Dataset.range(first_step, self.plan.epochs * self.steps)
        return steps.map(load, num_parallel_calls=1).prefetch(4)

    def _more_kinds(self) -> dict[str, Any]:
        """Return the inputs besides the samples, and their types."""
        one = self.sounds[0]
        labels = {"labels": tf.int32} if one.labels else {}
        return {**labels, **({} if one.frames is None else {"frames": tf.float32})}

    def _shape(self, name: str) -> tuple[int, ...]:
        one = self.sounds[0]
        if name == "labels":
            return (len(one.labels),)
        if name == "frames" and one.frames is not None:
            return (self.samples // self.hop, one.frames.shape[1])
        return (self.samples,)

    def _batch(self, step: int, first: int, end: int) -> tuple[np.ndarray, ...]:
        epoch, place = divmod(step, self.steps)
        order = np.random.default_rng((self.seed, 0, epoch)).permutation(len(self.windows))
        begin = place * self.plan.batch_size
        rows = []
        for row in range(first, end):
            number, start = self.windows[order[begin + row]]
            rows.append(self._row(number, start, np.random.default_rng((self.seed, step, row))))
        return tuple(np.stack(parts) for parts in zip(*rows, strict=True))

    def _row(self, number: int, start: int, random: np.random.Generator) -> list[np.ndarray]:
        """Return what the network sees, and what it has to say."""
        sound, length = self.sounds[number], self.samples
        said = self._with_what_follows(sound, start + length, random)[start:]
        if start == 0:
            said = np.concatenate([self._lead(sound, random), said])[:length]
        before = [self.silence] if start == 0 else sound.levels[start - 1 : start]
        seen = np.concatenate([before, said[:-1]])
        said = np.pad(said, (0, length - len(said)), constant_values=NOT_LEARNED)
        if start:
            said[: self.field - 1] = NOT_LEARNED
        row = [np.pad(seen, (0, length - len(seen)), constant_values=self.silence)]
        if sound.labels:
            row.append(np.array(sound.labels))
        row = [part.astype(np.int32) for part in row]
        if sound.frames is not None:
            row.append(self._frames(sound.frames, start // self.hop))
        return [*row, said.astype(np.int32)]

    def _lead(self, sound: Sound, random: np.random.Generator) -> np.ndarray:
        """Return the silence before a word.

        Were there none ever, a pause at the beginning would mean the end: of silence, the network
        had only heard what follows a word.
        """
        has_lead = not self.joined and sound.frames is None and random.integers(2) == 1
        return np.full(random.integers(LEAD) if has_lead else 0, self.silence, np.int32)

    def _with_what_follows(
        self, sound: Sound, most: int, random: np.random.Generator
    ) -> np.ndarray:
        """Return a recording and what follows it, at most so many samples."""
        parts = [sound.levels]
        if not self.joined:
            long = random.integers(LONG_TAIL_ONE_IN) == 0
            tail = longest_tail(self.field) if long else SHORT_TAIL
            parts.append(np.full(tail, self.silence, np.int32))
        while self.joined and sum(map(len, parts)) < most:
            pause = random.integers(*PAUSE, endpoint=True)
            others = self._of_one_voice[sound.voice]
            parts.append(np.full(pause, self.silence, np.int32))
            parts.append(self.sounds[others[random.integers(len(others))]].levels)
        return np.concatenate(parts)[:most]

    @cached_property
    def _of_one_voice(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for number, sound in enumerate(self.sounds):
            found.setdefault(sound.voice, []).append(number)
        return found

    def _frames(self, frames: np.ndarray, first: int) -> np.ndarray:
        chosen = frames[first : first + self.samples // self.hop]
        missing = self.samples // self.hop - len(chosen)
        return np.pad(chosen, ((0, missing), (0, 0)), mode="edge")

"""Generation in a graph, without Python: the XLA driver of `engine`, chunk after chunk."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from models.generative.wavenet import silence
from pipelines.audio_generation.graph_requests import KINDS
from pipelines.audio_generation.stepping import State, together

if TYPE_CHECKING:
    from pipelines.audio_generation.engine import Engine


class Going(NamedTuple):
    """A clip under way: all that its next chunk follows from.

    Attributes:
        rings: As in `stepping.State`, of one clip, like the three after it; where the network has
            labels, of two, as `Engine.run` takes one that is led by its first label.
        recent: Its newest levels.
        clock: Steps.
        positions: Which level comes next.
        keys: uint32 (1, 2), the seed.
        base: float32 (1 or 2, layers 2R), what the labels add before the gates.
        settings: float32 (4,), `Sampling.settings`.
        kind: int32 (), the place among `KINDS`.
    """

    rings: Any
    recent: Any
    clock: Any
    positions: Any
    keys: Any
    base: Any
    settings: Any
    kind: Any

    @property
    def state(self) -> State:
        """What the network remembers."""
        return State(*self[: len(State._fields)])


class GraphLoop:
    """An engine's clips, one at a time, in a graph that runs without it.

    Attributes:
        stepper: The engine's.
        chunk: The engine's.
    """

    def __init__(self, engine: Engine) -> None:
        """Take an engine, with the weights that it has taken."""
        self.stepper, self.chunk = engine.stepper, engine.chunk
        # XLA compiles each at its first chunk, so that what nobody asks for costs nothing.
        self._programs = [
            tf.function(partial(engine.run, kind, engine.chunk), autograph=False, jit_compile=True)
            for kind in KINDS
        ]
        first = self.stepper.started(silence(self.stepper.classes))
        self._ways = (False, True) if self.stepper.label_counts else (False,)
        self._first = together([first] * len(self._ways))

    def example(self) -> Going:
        """Return a clip, for its tensors' shapes and types."""
        labels = tf.zeros((len(self.stepper.label_counts),), tf.int32)
        return self.begin(labels, tf.constant(0, tf.int64), tf.ones((4,)), tf.constant(0))

    def begin(
        self, labels: tf.Tensor, seed: tf.Tensor, settings: tf.Tensor, kind: tf.Tensor
    ) -> Going:
        """Return a clip that starts from silence.

        Args:
            labels: int32 (n,).
            seed: int64 (); its 64 bits count, whatever their sign.
            settings: `Sampling.settings`.
            kind: The place among `KINDS` of `Sampling.kind`.
        """
        halves = [tf.bitwise.right_shift(seed, tf.constant(32, tf.int64)), seed]
        lower = tf.constant(2**32 - 1, tf.int64)
        keys = tf.cast(tf.stack([tf.bitwise.bitwise_and(half, lower) for half in halves]), "uint32")
        first = self._first
        return Going(
            *first._replace(rings=tf.zeros(first.rings.shape)),  # not stored: they are many
            keys=keys[None],
            base=tf.concat(
                [self.stepper.base(labels[None], of_any=way) for way in self._ways], axis=0
            ),
            settings=settings,
            kind=kind,
        )

    def go_on(self, going: Going, frames: tf.Tensor) -> tuple[tf.Tensor, Going]:
        """Return the next levels, int32 (chunk,), and the clip after them.

        Args:
            going: The clip.
            frames: `frames_from` its next level on.
        """
        branches = [
            partial(self._run, program, going, frames, lanes=lanes)
            for lanes in range(1, len(self._ways) + 1)
            for program in self._programs
        ]
        is_guided = tf.not_equal(going.settings[3], 1)
        branch = going.kind + tf.where(is_guided, len(KINDS), 0)
        levels, state = tf.switch_case(branch, branches)
        return tf.ensure_shape(levels, (self.chunk, 1))[:, 0], going._replace(**state._asdict())

    def _run(
        self, program: Callable[..., Any], going: Going, frames: tf.Tensor, *, lanes: int
    ) -> tuple[tf.Tensor, State]:
        """Run a chunk of a clip's first lanes; the other, if any, stays, which nobody reads."""
        rings, recent, clock, positions = going.state
        state = State(rings[:, :lanes], recent[:, :lanes], clock, positions[:lanes])
        frames = tf.repeat(frames, lanes, axis=0)
        levels, state = program(state, going.keys, going.settings, going.base[:lanes], frames)
        return levels, state._replace(
            rings=tf.concat([state.rings, rings[:, lanes:]], axis=1),
            recent=tf.concat([state.recent, recent[:, lanes:]], axis=1),
            positions=tf.concat([state.positions, positions[lanes:]], axis=0),
        )

    def frames_from(self, frames: tf.Tensor | None, start: tf.Tensor) -> tf.Tensor:
        """Return the frames that a chunk needs, (1, n, local_dim).

        Args:
            frames: The clip's, (F, local_dim); None where the network takes none.
            start: The place of the chunk's first level.
        """
        if frames is None:
            return tf.zeros((1, 0, 0))
        # As the engine chooses them; behind the end the last one goes on.
        places = start // self.stepper.hop + np.arange(self.chunk // self.stepper.hop + 2)
        return tf.gather(frames, tf.minimum(places, tf.shape(frames)[0] - 1))[None]

    def generate(
        self, going: Going, samples: tf.Tensor, frames: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Return levels, int32 (samples,).

        Args:
            going: The clip.
            samples: How many, int32 ().
            frames: (F, local_dim), F hop >= samples; None where the network takes none.
        """
        chunks = -(-samples // self.chunk)

        def step(place: Any, going: Going, parts: Any) -> tuple[Any, Going, Any]:
            levels, going = self.go_on(going, self.frames_from(frames, place * self.chunk))
            return place + 1, going, parts.write(place, levels)

        parts = tf.TensorArray(tf.int32, size=chunks, element_shape=(self.chunk,))
        *_, parts = tf.while_loop(
            lambda place, *_: place < chunks,
            step,
            (tf.constant(0), going, parts),
            parallel_iterations=1,
        )
        return tf.reshape(parts.stack(), (-1,))[:samples]

"""Generation by a WaveNet: clip by clip, or several side by side, in chunks of constant memory.

Two drivers run the step of `stepping`: a graph's loop, which starts at once, and a loop that XLA
compiles, which is several times as fast after seconds of compiling. Both compute the same to
rounding: a level differs only where the number drawn lies within some 1e-6 of the border of two. So
`auto` chooses by the clip's length alone. Neither driver's answer depends on the chunks, which only
say how often the state is handed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, get_args

import keras
import numpy as np
import tensorflow as tf

from models.generative.wavenet import silence
from models.words import suggest
from pipelines.audio_generation import sampling as drawing
from pipelines.audio_generation.clips import Clip
from pipelines.audio_generation.sampling import Kind, Sampling
from pipelines.audio_generation.stepping import State, Stepper, together

CHUNK = 2048  # a quarter of a second at 8 kHz: soon heard, and handing over costs nothing
AS_LEARNED = Sampling()

Driver = Literal["auto", "graph", "xla"]


class Engine:
    """Generates levels with a WaveNet.

    Its weights are taken once: after training the network further, make another engine.

    Attributes:
        stepper: The network, step by step.
        chunk: Samples that are generated at a time.
    """

    def __init__(self, model: keras.Model, *, chunk: int = CHUNK) -> None:
        """Take a network of `models.generative.wavenet`.

        Args:
            model: Which.
            chunk: Samples that are generated at a time; memory grows with it, and XLA compiles for
                it.

        Raises:
            ValueError: It is another network, or a chunk of nothing.
        """
        if not isinstance(chunk, int) or chunk < 1:
            raise ValueError(f"chunk must be a whole number of at least 1; got {chunk!r}")
        self.stepper, self.chunk = Stepper(model), chunk
        self._layer_inputs = _layer_inputs(model, len(self.stepper.dilations))
        self._programs: dict[tuple[Kind, bool], Callable[..., Any]] = {}

    def generate(
        self,
        clips: Sequence[Clip],
        sampling: Sampling = AS_LEARNED,
        *,
        driver: Driver = "auto",
        lanes: int = 1,
    ) -> list[np.ndarray]:
        """Return levels for each clip, int32 (samples,).

        Args:
            clips: Of any lengths.
            sampling: How levels are drawn.
            driver: "graph" or "xla"; "auto" is what `driver_for` the clip's length says.
            lanes: Clips that are computed side by side. More than one is faster, and sums in
                another order: a clip alone and in company is then the same to rounding only.

        Raises:
            ValueError: A clip is not one for this network, or its levels cannot be drawn so, or
                there is no such driver; nothing was generated.
        """
        if not isinstance(lanes, int) or lanes < 1:
            raise ValueError(f"lanes must be a whole number of at least 1; got {lanes!r}")
        _check_driver(driver)
        sampling.check(self.stepper.label_counts)
        for clip in clips:
            clip.check(self.stepper)
        generated: list[np.ndarray] = []
        for start in range(0, len(clips), lanes):
            group = list(clips[start : start + lanes])
            # The last group is filled up, so that XLA need not compile for its size.
            missing = min(lanes, len(clips)) - len(group)
            chunks = self._chunks([*group, *group[-1:] * missing], sampling, driver)
            levels = np.concatenate(list(chunks))
            generated += [levels[: clip.samples, place] for place, clip in enumerate(group)]
        return generated

    def stream(
        self, clip: Clip, sampling: Sampling = AS_LEARNED, *, driver: Driver = "auto"
    ) -> Iterator[np.ndarray]:
        """Return an iterator over a clip's levels, chunk by chunk, int32 (n,); the last is shorter.

        Together they are what `generate` returns, in the memory of one chunk.

        Args:
            clip: Of any length.
            sampling: How levels are drawn.
            driver: As `generate` takes it.

        Raises:
            ValueError: The clip is not one for this network, or its levels cannot be drawn so, or
                there is no such driver.
        """
        _check_driver(driver)
        sampling.check(self.stepper.label_counts)
        clip.check(self.stepper)
        return (levels[:, 0] for levels in self._chunks([clip], sampling, driver))

    def driver_for(self, samples: int) -> Driver:
        """Return the driver that "auto" is for so many samples: XLA's from half a chunk on."""
        return "xla" if 2 * samples >= self.chunk else "graph"

    def _chunks(
        self, clips: list[Clip], sampling: Sampling, driver: Driver
    ) -> Iterator[np.ndarray]:
        """Yield levels (n, B) until the longest clip is complete."""
        length = max(clip.samples for clip in clips)
        xla = (self.driver_for(length) if driver == "auto" else driver) == "xla"
        program = self._program(sampling.kind, xla=xla)
        settings = sampling.settings(self.stepper.classes)
        keys = drawing.keys_of([clip.seed for clip in clips])
        labels = tf.constant([clip.labels for clip in clips], tf.int32)
        ways = (False, True) if sampling.is_guided else (False,)  # told the first label, and not
        base = tf.concat([self.stepper.base(labels, of_any=way) for way in ways], axis=0)
        state = together([self._begin(clip, of_any=way) for way in ways for clip in clips])
        for start in range(0, length, self.chunk):
            count = min(self.chunk, length - start)
            steps = () if xla else (tf.constant(count),)  # XLA's loop always makes whole chunks
            frames = self._frames(clips * len(ways), start)
            levels, state = program(state, keys, settings, base, frames, *steps)
            yield levels.numpy()[:count]

    def _frames(self, clips: list[Clip], start: int) -> tf.Tensor:
        """Return the frames that the chunk from `start` on needs, (B, n, local_dim)."""
        dim, hop = self.stepper.local_dim, self.stepper.hop
        if not dim:
            return tf.zeros((len(clips), 0, 0))
        # A chunk may begin and end within a frame.
        places = np.arange(self.chunk // hop + 2)
        chosen = []
        for clip in clips:
            first = (len(clip.primed) + start) // hop
            frames = np.asarray(clip.frames, np.float32)
            # Behind the clip's end the last frame goes on; what comes of it is cut off.
            chosen.append(frames[np.minimum(first + places, len(frames) - 1)])
        return tf.constant(np.stack(chosen))

    def _begin(self, clip: Clip, *, of_any: bool) -> State:
        """Return the state from which a clip is generated: one pass over what it is primed with.

        Args:
            clip: Which.
            of_any: As for `Stepper.base`.
        """
        stepper, start = self.stepper, silence(self.stepper.classes)
        if not len(clip.primed):
            return stepper.started(start)
        levels = np.concatenate([[start], clip.primed]).astype(np.int32)
        read = levels[:-1]
        # What came earlier than this has left the rings; frames begin at whole ones.
        begin = max(0, len(read) - stepper.field) // stepper.hop * stepper.hop
        inputs: list[Any] = [read[None, begin:]]
        if stepper.label_counts:
            inputs.append(stepper.vector(clip.labels, of_any=of_any)[None])
        if stepper.local_dim:
            frames = np.asarray(clip.frames, np.float32)[begin // stepper.hop :]
            inputs.append(frames[None, : -(-(len(read) - begin) // stepper.hop)])
        layer_inputs = self._layer_inputs(inputs, training=False)
        return stepper.filled([np.asarray(x, np.float32)[0] for x in layer_inputs], levels)

    def _program(self, kind: Kind, *, xla: bool) -> Callable[..., Any]:
        """Return a driver, traced when it is first called."""
        if (kind, xla) not in self._programs:
            run = partial(self.run, kind, self.chunk) if xla else partial(self._run_steps, kind)
            self._programs[kind, xla] = tf.function(run, autograph=False, jit_compile=xla)
        return self._programs[kind, xla]

    def _run_steps(self, kind: Kind, *inputs: Any) -> tuple[Any, State]:
        """Run as many steps as the last of the inputs says."""
        *others, steps = inputs
        return self.run(kind, steps, *others)

    def run(
        self, kind: Kind, steps: Any, state: State, keys: Any, settings: Any, base: Any, frames: Any
    ) -> tuple[Any, State]:
        """Return the next levels of B clips, int32 (steps, B), and the state after them.

        It is what both drivers trace, and what an exported graph can. A state of 2B clips is of B
        that are led by their first label: as told it, then as not told it, see `sampling.led`.

        Args:
            kind: `Sampling.kind`.
            steps: How many; for XLA a number that is known when the graph is made.
            state: The clips'.
            keys: `sampling.keys_of` their seeds.
            settings: `Sampling.settings`.
            base: `Stepper.base` of their labels.
            frames: float32 (B, F, local_dim), of which the first is that of the next level. For the
                last level, too, there must be one; none where the network takes no frames.
        """
        stepper, first = self.stepper, state.positions
        clips, is_guided = keys.shape[0], first.shape[0] == 2 * keys.shape[0]
        numbers = drawing.uniforms(keys, first[:clips] + tf.range(steps)[:, None])
        bias_at = _bias_at(stepper, base, frames, first)

        def step(place: Any, state: State, levels: Any) -> tuple[Any, State, Any]:
            logits, state = stepper.advance(state, bias_at(state.positions))
            if is_guided:
                logits = drawing.led(logits, settings)
            chosen = drawing.draw(kind, logits, numbers[place], settings)
            heard = tf.tile(chosen, [2]) if is_guided else chosen
            return place + 1, stepper.push(state, heard), levels.write(place, chosen)

        levels = tf.TensorArray(tf.int32, size=steps, element_shape=(clips,))
        _, state, levels = tf.while_loop(
            lambda place, *_: place < steps, step, (tf.constant(0), state, levels)
        )
        return levels.stack(), state


def _layer_inputs(model: keras.Model, count: int) -> keras.Model:
    """Return what maps a WaveNet's inputs, as a list, to those of its layers, (B, T, R) each.

    In place of the labels it takes their vector, (B, global_dim).
    """
    given = model.input
    inputs = [given["samples"]]
    if "labels" in given:
        inputs.append(model.get_layer("labels_embed").output)
    if "frames" in given:
        inputs.append(given["frames"])
    outputs = [model.get_layer(f"layer{number}_conv").input for number in range(1, count + 1)]
    return keras.Model(inputs, outputs)


def _check_driver(driver: str) -> None:
    if driver not in get_args(Driver):
        raise ValueError(f"unknown driver {driver!r}; {suggest(driver, get_args(Driver))}")


def _bias_at(stepper: Stepper, base: Any, frames: Any, first: Any) -> Callable[[Any], Any]:
    """Return what tells, from positions (B,), what is added before the gates at a step.

    Frames are projected here, once each, and looked up by sample.
    """
    if not stepper.local_dim:
        return lambda _: base
    projected = stepper.project(frames) + base[:, None]  # (B, F, layers 2R)
    batch, count, wide = projected.shape
    rows = tf.reshape(projected, (batch * count, wide))
    starts = np.arange(batch, dtype=np.int32) * count - first // stepper.hop
    return lambda positions: tf.gather(rows, starts + positions // stepper.hop)

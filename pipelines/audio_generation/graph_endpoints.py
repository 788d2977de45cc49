"""What an exported generator computes; `export` says what goes in and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from pipelines.audio_features import log_mel
from pipelines.audio_generation.graph_audio import decode_wav, encode_wav, scaled_back, to_level
from pipelines.audio_generation.graph_generation import Going, GraphLoop
from pipelines.audio_generation.graph_requests import (
    DRAWING,
    GO_ON,
    GUIDANCE,
    LOG_MEL,
    START,
    VOCODE,
    Rule,
    drawing_of,
    first_broken,
    length_rule,
    places_of,
    samples_of,
    seed_rule,
)
from pipelines.audio_generation.sound_spec import SoundSpec
from pipelines.export import BYTES_ENDPOINT

if TYPE_CHECKING:
    from pipelines.audio_generation.engine import Engine

# What there is of an item. Levels of several are filled up to the longest.
ANSWER = {
    "wav_bytes": tf.TensorSpec((), tf.string),
    "levels": tf.RaggedTensorSpec((None,), tf.int32, ragged_rank=0),
    "samples": tf.TensorSpec((), tf.int32),
    "ok": tf.TensorSpec((), tf.bool),
    "message": tf.TensorSpec((), tf.string),
}

Answer = dict[str, tf.Tensor]
Endpoint = tuple[Callable[..., Answer], list[tf.TensorSpec]]


class GraphEndpoints:
    """The endpoints of one generator."""

    def __init__(self, engine: Engine, sound: SoundSpec) -> None:
        """Take what generates, and what its samples, labels and frames mean."""
        self._loop, self._sound = GraphLoop(engine), sound
        self._labels = sound.vocabulary.classes
        self._samples = tf.constant(sound.table)

    def all(self) -> dict[str, Endpoint]:
        """Return each endpoint's function, and what it takes."""
        going = [
            tf.TensorSpec(tensor.shape, tensor.dtype, name=name)
            for name, tensor in self._loop.example()._asdict().items()
        ]
        mel = self._sound.mel
        if mel is None:
            return {
                BYTES_ENDPOINT: (self.clips, self._inputs((None,), {"seconds": tf.float32})),
                START: (self.start, self._inputs(())),
                GO_ON: (self.go_on, going),
            }
        # One function for both of its users, so that its filters are stored once.
        self._log_mel = tf.function(partial(log_mel, spec=mel), autograph=False)
        frames = tf.TensorSpec((None, mel.mels), tf.float32, name="frames")
        return {
            BYTES_ENDPOINT: (self.recordings, self._inputs((None,), {"wav_bytes": tf.string})),
            VOCODE: (self.speak, [frames, *self._inputs(())]),
            START: (self.start, self._inputs(())),
            GO_ON: (self.go_on, [*going, frames]),
            LOG_MEL: (self.log_mel, [tf.TensorSpec((None,), tf.float32, name="waveform")]),
        }

    def clips(self, *inputs: tf.Tensor) -> Answer:
        """Generate clips (N,) of so many seconds."""
        return _one_by_one(self._clip, inputs)

    def recordings(self, *inputs: tf.Tensor) -> Answer:
        """Say the recordings in WAV files (N,) anew."""
        return _one_by_one(self._recording, inputs)

    def speak(self, frames: tf.Tensor, *inputs: tf.Tensor) -> Answer:
        """Say the frames (F, mels) of one clip."""
        going, rules = self._asked(*inputs)
        samples = tf.shape(frames)[0] * self._loop.stepper.hop
        finite = tf.reduce_all(tf.math.is_finite(frames))
        rules += [
            length_rule("frames", samples, self._sound.rate_hz),
            Rule(finite, tf.constant("frames must be finite; some values are NaN or infinite")),
        ]
        return self._answer(rules, samples, lambda: self._spoken(going, samples, frames))

    def start(self, *inputs: tf.Tensor) -> Answer:
        """Begin one clip; what is wrong is an error."""
        going, rules = self._begun(*inputs)
        message = first_broken(rules)
        with tf.control_dependencies([tf.debugging.Assert(tf.equal(message, ""), [message])]):
            return {name: tf.identity(tensor) for name, tensor in going._asdict().items()}

    def go_on(self, *inputs: tf.Tensor) -> Answer:
        """Generate a clip's next chunk, of frames if there are any."""
        count = len(Going._fields)
        going, (frames,) = Going(*inputs[:count]), inputs[count:] or (None,)
        levels, going = self._loop.go_on(going, self._loop.frames_from(frames, tf.constant(0)))
        waveform = tf.gather(self._samples, levels)
        return {"waveform": waveform, "levels": levels, **going._asdict()}

    def log_mel(self, waveform: tf.Tensor) -> Answer:
        """Map samples (N,) to the frames that say them."""
        return {"frames": self._log_mel(waveform[None])[0]}

    def _inputs(
        self, shape: tuple[int | None, ...], more: dict[str, tf.DType] | None = None
    ) -> list[tf.TensorSpec]:
        """Return what tells which clip is wanted: `more`, the labels, how levels are drawn."""
        labels = dict.fromkeys(self._labels, tf.string)
        types = {**(more or {}), **labels, **DRAWING, **(GUIDANCE if labels else {})}
        return [tf.TensorSpec(shape, dtype, name=name) for name, dtype in types.items()]

    def _clip(self, seconds: tf.Tensor, *inputs: tf.Tensor) -> Answer:
        going, rules = self._asked(*inputs)
        samples, rule = samples_of(seconds, self._sound.rate_hz)
        return self._answer([*rules, rule], samples, lambda: self._spoken(going, samples))

    def _recording(self, wav_bytes: tf.Tensor, *inputs: tf.Tensor) -> Answer:
        going, rules = self._asked(*inputs)
        wanted_hz = self._sound.rate_hz
        recording, rate_hz, decoded = decode_wav(wav_bytes)
        samples, channels = tf.unstack(tf.shape(recording))
        rules += [
            Rule(decoded, tf.constant("wav_bytes must be a whole WAV file of 16 bits; convert it")),
            Rule(
                tf.equal(rate_hz, wanted_hz),
                _joined(f"wav_bytes must have {wanted_hz} Hz; got ", rate_hz, "; resample it"),
            ),
            Rule(
                tf.equal(channels, 1),
                _joined("wav_bytes must have one channel; got ", channels, "; downmix it"),
            ),
            length_rule("wav_bytes", samples, wanted_hz),
        ]

        def said() -> tuple[tf.Tensor, tf.Tensor]:
            waveform, peaks = to_level(recording[:, 0], self._sound.level_db)
            return self._spoken(going, samples, self.log_mel(waveform)["frames"], peaks)

        return self._answer(rules, samples, said)

    def _asked(self, *inputs: tf.Tensor) -> tuple[Going, list[Rule]]:
        """Return `_begun`, with a rule for the seed, of which `start` takes all 64 bits."""
        going, rules = self._begun(*inputs)
        return going, [*rules, seed_rule(inputs[len(self._labels)])]

    def _begun(self, *inputs: tf.Tensor) -> tuple[Going, list[Rule]]:
        """Return a clip of which nothing is there yet, and what must hold."""
        count = len(self._labels)
        seed, *drawing = inputs[count:]
        if not self._labels:
            drawing.append(tf.constant(1.0))  # nothing to be guided by
        places, known = places_of(inputs[:count], self._labels)
        settings, kind, drawn = drawing_of(*drawing, classes=self._sound.levels)
        return self._loop.begin(places, seed, settings, kind), [*known, *drawn]

    def _spoken(
        self,
        going: Going,
        samples: tf.Tensor,
        frames: tf.Tensor | None = None,
        peaks: tuple[tf.Tensor, tf.Tensor] | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return a clip's WAV file and levels."""
        levels = self._loop.generate(going, samples, frames)
        waveform = tf.gather(self._samples, levels)
        if peaks is not None:
            waveform = scaled_back(waveform, peaks)
        return encode_wav(waveform, self._sound.rate_hz), levels

    def _answer(
        self,
        rules: Sequence[Rule],
        samples: tf.Tensor,
        make: Callable[[], tuple[tf.Tensor, tf.Tensor]],
    ) -> Answer:
        """Return an item's answer; where a rule does not hold, nothing is made."""
        message = first_broken(rules)
        ok = tf.equal(message, "")
        wav_bytes, levels = tf.cond(ok, make, lambda: (tf.constant(""), tf.zeros((0,), tf.int32)))
        return {
            "wav_bytes": wav_bytes,
            "levels": levels,
            "samples": tf.where(ok, samples, 0),
            "ok": ok,
            "message": message,
        }


def _one_by_one(function: Callable[..., Answer], inputs: Sequence[tf.Tensor]) -> Answer:
    """Answer items (N,) one after the other: each is what it is alone, and of its own length."""

    def of_one(item: Any) -> Answer:
        return function(*item)

    answer: Answer = tf.map_fn(
        of_one, tuple(inputs), fn_output_signature=ANSWER, parallel_iterations=1
    )
    return {**answer, "levels": answer["levels"].to_tensor()}


def _joined(before: str, value: tf.Tensor, behind: str) -> tf.Tensor:
    return tf.strings.join([before, tf.strings.as_string(value), behind])

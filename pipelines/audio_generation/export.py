"""A generator as a TensorFlow SavedModel, words or recordings in and WAV files out, and back.

Of a network without frames:

    serving_default   seconds (N,) float32; a string (N,) for each label, by its name; and
                      seed (N,) int64, temperature (N,) float32, top_k (N,) int32, 0 for all,
                      top_p (N,) float32, 1 for all; with labels guidance (N,) float32, 1 for none
        wav_bytes       (N,) strings: WAV files of one channel and 16 bits
        levels          (N, longest) int32, filled up with 0 behind each clip's own
        samples         (N,) int32: how many there are of each
        ok              (N,) whether there is a clip; if not, its `wav_bytes` are empty,
        message         (N,) and this says why: the rule, the value, the remedy

Of a vocoder, whose network takes frames:

    serving_default   wav_bytes (N,) strings: recordings, WAV files of one channel and 16 bits at
                      the network's rate; labels, seed and so on as above -> the same
    vocode            frames (F, mels) float32 of one clip; the rest as above, scalars -> the same
    log_mel           waveform (N,) float32 in [-1, 1] -> frames (F, mels)

Of both, a clip chunk by chunk, of which a server need remember nothing:

    start             labels, seed and so on, scalars; what is wrong is an error. All 64 bits of the
                      seed count, so that one below 0 stands for 2^64 more
        rings .. kind   the clip's memory, as `graph_generation.Going` names it
    go_on             the memory; for a vocoder also frames (F, mels), the first of them that of the
                      next level, positions[0] // hop: chunk // hop + 2 are read
        levels          (chunk,) int32
        waveform        (chunk,) float32, the samples that they stand for
        rings .. kind   the memory after them

An answer at once lasts `graph_requests.MOST_SECONDS` at most; chunk by chunk there is no end. The
levels are those of the engine's XLA driver on the same machine, whatever else is asked for. XLA
compiles within the SavedModel, at the first chunk.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from pipelines.audio_features import MelSpec
from pipelines.audio_generation.clips import Clip
from pipelines.audio_generation.generator import SoundGenerator
from pipelines.audio_generation.graph_requests import ALL, GO_ON, START
from pipelines.audio_generation.requests import Vocabulary
from pipelines.audio_generation.sampling import Sampling
from pipelines.audio_generation.sound_spec import SoundSpec
from pipelines.export import SavedModel, new_saved_model

if TYPE_CHECKING:
    import keras

    from pipelines.audio_generation.engine import Driver

TASK = "audio-generation"
OTHER_INPUTS = ("wav_bytes", "frames")  # the others no label can be called anyway


def export_generator(
    folder: str | os.PathLike[str],
    *,
    model: keras.Model,
    rate_hz: int,
    level_db: float | None,
    labels: Mapping[str, Sequence[str]],
    mel: MelSpec | None,
    guidance: float = 1.0,
    preset: str,
    metadata: Mapping[str, Any],
    overwrite: bool = False,
    chunk: int | None = None,
) -> Path:
    """Write `folder/1/`, whole or not at all, and return `folder`.

    Args:
        folder: Where.
        model: A network of `models.generative.wavenet`. Its weights are written as they are now.
        rate_hz: Samples a second.
        level_db: The peak of the recordings that it learned from, in dB of full scale, or None.
        labels: The classes of each label, by its name, in the network's order.
        mel: What its frames are made with; None where it takes none.
        guidance: What pipelines that load it take where nobody says.
        preset: What results call the generator.
        metadata: What its preset states of itself.
        overwrite: Whether a SavedModel may be replaced.
        chunk: Samples that are generated at a time; the engine's own when None.

    Raises:
        FileExistsError: `folder/1` exists and may not be replaced.
        ValueError: The network takes other labels or frames, or a label is called as another input.
    """
    from pipelines.audio_generation.engine import CHUNK, Engine
    from pipelines.audio_generation.graph_endpoints import GraphEndpoints

    engine = Engine(model, chunk=CHUNK if chunk is None else chunk)
    sound = SoundSpec(
        rate_hz=rate_hz,
        level_db=level_db,
        vocabulary=Vocabulary({name: tuple(words) for name, words in labels.items()}),
        mel=mel,
        levels=engine.stepper.classes,
        guidance=guidance,
    )
    sound.check(engine.stepper)
    if taken := [name for name in labels if name in OTHER_INPUTS]:
        raise ValueError(
            f"a label must not be called as another input of a SavedModel, such as "
            f"{' or '.join(OTHER_INPUTS)}; got {taken[0]!r}; rename it"
        )
    card = {
        "task": TASK,
        "preset": preset,
        "sound": sound.to_dict(),
        "levels": sound.levels,
        "receptive_field": engine.stepper.field,
        "chunk": engine.chunk,
        "metadata": metadata,
    }
    with new_saved_model(folder, card, overwrite=overwrite) as archive:
        for name, (function, inputs) in GraphEndpoints(engine, sound).all().items():
            archive.add_endpoint(name, function, inputs)
    return Path(folder)


class ExportedGenerator(SoundGenerator):
    """A SavedModel, called as the pipeline that it was written from.

    The SavedModel computes the network, chunk by chunk; all else is the pipeline's. It neither
    scores recordings nor goes on from them.

    Attributes:
        endpoints: The functions of the SavedModel by name, tensors in and out.
        receptive_field_s: How many seconds a prediction depends on.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Load a folder that `export_generator` wrote.

        Raises:
            ExportError: It is something else.
        """
        needs = ("sound", "levels", "receptive_field", "chunk")
        self._model = SavedModel(folder, TASK, needs=needs)
        card, self.endpoints = self._model.card, self._model.endpoints
        sound = SoundSpec.from_dict(card["sound"], levels=card["levels"])
        super().__init__(sound, str(card["preset"]), card["metadata"])
        self.receptive_field_s = card["receptive_field"] / sound.rate_hz
        self._chunk = int(card["chunk"])
        # What a clip is checked against.
        self._network: Any = SimpleNamespace(
            classes=sound.levels,
            label_counts=tuple(map(len, sound.vocabulary.classes.values())),
            local_dim=sound.mel.mels if sound.mel else 0,
            hop=sound.mel.hop_samples if sound.mel else 1,
        )

    @property
    def block_samples(self) -> int:
        """Samples that are generated at a time."""
        return self._chunk

    def blocks(
        self, clip: Clip, sampling: Sampling, driver: Driver = "auto"
    ) -> Iterator[np.ndarray]:
        """Return an iterator over a clip's levels, int32 (n,), block by block.

        Args:
            clip: From silence on.
            sampling: How levels are drawn.
            driver: "auto" or "xla", which is all that there is in a SavedModel.

        Raises:
            ValueError: It cannot generate the clip, or draw so, or has no such driver.
        """
        if driver not in ("auto", "xla"):
            raise ValueError(f"a SavedModel has the driver 'xla' only; got {driver!r}")
        sampling.check(self._network.label_counts)
        clip.check(self._network)
        if clip.prime is not None:
            raise ValueError("a SavedModel starts from silence; leave prime out")
        return self._run(clip, sampling)

    def _run(self, clip: Clip, sampling: Sampling) -> Iterator[np.ndarray]:
        words = {
            name: tf.constant(classes[place])
            for (name, classes), place in zip(self.labels.items(), clip.labels, strict=True)
        }
        guidance = {"guidance": tf.constant(sampling.guidance, tf.float32)} if words else {}
        memory: dict[str, Any] = dict(
            self.endpoints[START](
                **words,
                **guidance,
                seed=tf.constant(np.uint64(clip.seed).astype(np.int64)),  # its 64 bits
                temperature=tf.constant(sampling.temperature, tf.float32),
                top_k=tf.constant(min(sampling.top_k or ALL, self.spec.levels)),
                top_p=tf.constant(sampling.top_p, tf.float32),
            )
        )
        for start in range(0, clip.samples, self._chunk):
            if clip.frames is not None:
                hop = self._network.hop
                rest = clip.frames[start // hop :][: self._chunk // hop + 2]
                memory["frames"] = tf.constant(rest, tf.float32)
            memory = dict(self.endpoints[GO_ON](**memory))
            del memory["waveform"]
            yield memory.pop("levels").numpy()[: clip.samples - start]

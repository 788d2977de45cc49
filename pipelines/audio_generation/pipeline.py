"""Audio generation: words and a seed in, sound out; sound in, and how it goes on, or how likely."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from models.catalog import model_info
from pipelines.audio import AudioSource, describe_audio
from pipelines.audio_features import MelSpec
from pipelines.audio_generation.clips import Clip
from pipelines.audio_generation.engine import Driver, Engine
from pipelines.audio_generation.generator import OnBlock, SoundGenerator
from pipelines.audio_generation.jobs import requested_job
from pipelines.audio_generation.preparation import prepare
from pipelines.audio_generation.requests import Vocabulary
from pipelines.audio_generation.sampling import Sampling
from pipelines.audio_generation.scoring import Scorer
from pipelines.audio_generation.sound_spec import SoundSpec
from pipelines.audio_results import ScoredAudio
from pipelines.audio_waveform import DEFAULT_AUDIO_LIMITS, AudioLimits
from pipelines.preset_card import card, stated_metadata
from pipelines.presets import Preset, PresetError, load_preset, save_preset

if TYPE_CHECKING:
    import keras

TASK = "audio-generation"


class AudioGeneration(SoundGenerator):
    """A WaveNet that generates sound, called as every `SoundGenerator` is.

    Its weights are taken when it is made: after training the network further, make another.

    Attributes:
        model: The network.
        receptive_field_s: How far back it hears.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        rate_hz: int,
        level_db: float | None = None,
        labels: Mapping[str, Sequence[str]] | None = None,
        mel: MelSpec | None = None,
        guidance: float = 1.0,
        preset: str = "unnamed",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Take a network of `models.generative.wavenet`, and what it learned from.

        Args:
            model: The network.
            rate_hz: Samples a second.
            level_db: The peak of each recording, in dB of full scale; None where they were left as
                they had been recorded.
            labels: The classes of each label by its name, in the network's order; None for none.
            mel: What its frames are made with, where it takes frames.
            guidance: How strongly its first label is meant where nobody says, see `generate`.
            preset: What results call it.
            metadata: What is known of it.

        Raises:
            ValueError: They do not fit together.
        """
        self.model, self._engine = model, Engine(model)
        stepper = self._engine.stepper
        words = {name: tuple(classes) for name, classes in (labels or {}).items()}
        spec = SoundSpec(
            rate_hz=rate_hz,
            level_db=level_db,
            vocabulary=Vocabulary(words),
            mel=mel,
            levels=stepper.classes,
            guidance=guidance,
        )
        spec.check(stepper)
        super().__init__(spec, preset, dict(metadata or {}))
        self.receptive_field_s = stepper.field / rate_hz
        self._scorer = Scorer(model, stepper)

    @classmethod
    def from_preset(cls, name: str | os.PathLike[str], *, offline: bool = False) -> AudioGeneration:
        """Return the pipeline of a preset: shipped, a folder, or `hf://owner/name`.

        Args:
            name: Which.
            offline: Use caches only; never the network.

        Raises:
            PresetError: Unknown, damaged, or made for another task.
        """
        preset = load_preset(name, offline=offline)
        if preset.task != TASK:
            raise PresetError(f"preset {preset.name!r} must be for {TASK}; it is for {preset.task}")
        model = preset.build()
        try:
            spec = SoundSpec.from_dict(preset.preprocessor)
            return cls(
                model,
                rate_hz=spec.rate_hz,
                level_db=spec.level_db,
                labels=spec.vocabulary.classes,
                mel=spec.mel,
                guidance=spec.guidance,
                preset=preset.name,
                metadata=_checked_metadata(preset),
            )
        except PresetError:
            raise
        except ValueError as error:
            raise PresetError(f"preset {preset.name!r}: its preprocessor: {error}") from error

    def save(
        self,
        folder: str | os.PathLike[str],
        *,
        metadata: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write a preset folder that `from_preset` loads, and return its path.

        Args:
            folder: Where; its name becomes the preset's.
            metadata: Statements added to what is known: title, licence, data, metrics, ...
            overwrite: Whether an existing preset may be replaced.

        Raises:
            FileExistsError: The folder exists and may not be replaced.
        """
        name = Path(folder).name
        stated = stated_metadata(name, self.model, {**self.metadata, **(metadata or {})})
        return save_preset(
            folder,
            model=self.model,
            config={"task": TASK, "model": self.model.name, "options": self._options()},
            preprocessor=self.spec.to_dict(),
            metadata=stated,
            card=card(name, self.model.name, stated),
            overwrite=overwrite,
        )

    def _options(self) -> dict[str, Any]:
        """Return what `create_model` must be told to make the network."""
        stepper, spec = self._engine.stepper, model_info(self.model.name).spec
        options: dict[str, Any] = {"kernel": stepper.kernel}
        if stepper.label_counts:
            embeddings = self.model.get_layer("labels_embed").embeddings
            options["global_classes"] = list(stepper.label_counts)
            options["global_dim"] = int(embeddings.shape[-1])
        if stepper.local_dim:
            options |= {"local_dim": stepper.local_dim, "hop": stepper.hop}
        return {name: value for name, value in options.items() if value != getattr(spec, name)}

    def export(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write a SavedModel that does all of it to `folder/1/`, and return `folder`.

        Raises:
            FileExistsError: `folder/1` exists and may not be replaced.
        """
        from pipelines.audio_generation.export import export_generator

        return export_generator(
            folder,
            model=self.model,
            rate_hz=self.rate_hz,
            level_db=self.level_db,
            labels=self.labels,
            mel=self.mel,
            guidance=self.guidance,
            preset=self.preset,
            metadata=self.metadata,
            overwrite=overwrite,
        )

    @property
    def block_samples(self) -> int:
        """Samples that are generated at a time."""
        return self._engine.chunk

    def blocks(self, clip: Clip, sampling: Sampling, driver: Driver) -> Iterator[np.ndarray]:
        """Return an iterator over a clip's levels, int32 (n,), block by block.

        Raises:
            ValueError: The network cannot generate the clip, or there is no such driver.
        """
        return self._engine.stream(clip, sampling, driver=driver)

    def continue_from(
        self,
        source: AudioSource,
        seconds: Any = 1.0,
        *,
        seed: Any = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        guidance: float | None = None,
        convert: bool = False,
        limits: AudioLimits = DEFAULT_AUDIO_LIMITS,
        driver: Driver = "auto",
        on_block: OnBlock | None = None,
        progress: bool = False,
        **labels: Any,
    ) -> Any:
        """Generate how a recording goes on; several ways, where seconds, seed or a label is a list.

        The recording is taken as `read_audio` takes it, and brought to the network's level; with
        `convert`, its channels may be mixed and its rate changed; `limits` says what is refused
        unread. `seconds` is how long to go on. Other arguments as for `generate`.

        Returns:
            A `GeneratedAudio`, or a list of them: the recording, as levels of mu-law give it back,
            for `given_s` seconds; then what was generated.

        Raises:
            AudioError: The recording cannot be read, or needs converting and may not be converted.
            TypeError, ValueError: As by `generate`.
        """
        sampling = self._sampling(temperature, top_k, top_p, guidance)
        asked, several = self._requests(seconds, seed, labels)
        recording = prepare(source, self.spec, convert=convert, limits=limits)
        prime, name = recording.levels, describe_audio(source)
        jobs = [requested_job(request, self.spec, prime=prime, source=name) for request in asked]
        options = {"driver": driver, "on_block": on_block, "progress": progress}
        return self._answer(jobs, several, sampling, **options)

    def score(
        self,
        source: AudioSource,
        *,
        convert: bool = False,
        limits: AudioLimits = DEFAULT_AUDIO_LIMITS,
        **labels: str,
    ) -> ScoredAudio:
        """Return how many bits the network needs for each sample of a recording.

        Few, where it could foretell the sound; many, where the sound is unlike what it learned.

        Args:
            source: One recording, as `read_audio` takes it; it is brought to the network's level.
                A vocoder is also given its spectrogram.
            convert: Whether its channels may be mixed and its rate changed.
            limits: What is refused unread.
            **labels: The class of each label that the network has.

        Raises:
            AudioError: The recording cannot be read, or needs converting and may not be converted.
            TypeError: There is no such label, or one is left out.
            ValueError: A label has no such class.
        """
        vocabulary = self.spec.vocabulary
        vocabulary.check(labels)
        if missing := [name for name in vocabulary.classes if labels.get(name) is None]:
            example = ", ".join(f"{name}={vocabulary.classes[name][0]!r}" for name in missing)
            raise TypeError(f"to score, a label must be given: pass {example}, say")
        recording = prepare(source, self.spec, convert=convert, limits=limits)
        start = time.perf_counter()
        bits = self._scorer.bits(recording.levels, vocabulary.places(labels), recording.frames)
        bits.setflags(write=False)
        mean = float(bits.mean(dtype=np.float64))
        heard = self.metadata.get("score")
        return ScoredAudio(
            source=describe_audio(source),
            preset=self.preset,
            timing_ms=(time.perf_counter() - start) * 1000,
            bits_per_sample=mean,
            bits=bits,
            rate_hz=self.rate_hz,
            labels=MappingProxyType({name: labels[name] for name in vocabulary.classes}),
            deviations=(mean - heard["mean"]) / heard["deviation"] if heard else None,
        )

    def evaluate(
        self,
        data: Any,
        *,
        folder: str | os.PathLike[str] | None = None,
        progress: bool = False,
    ) -> Any:
        """Measure bits per sample on held-out recordings.

        Args:
            data: A set's name, such as "fsdd", a folder, or recordings.
            folder: Where a named set lies.
            progress: Whether to print progress on standard error.
        """
        from pipelines.audio_generation.evaluation import evaluate_generator

        return evaluate_generator(self, data, folder=folder, progress=progress)


def _checked_metadata(preset: Preset) -> Mapping[str, Any]:
    """Return a preset's metadata, whose `score` is two numbers, or is missing.

    Raises:
        PresetError: It is something else.
    """
    score = preset.metadata.get("score")
    if score is None:
        return preset.metadata
    figures = score if isinstance(score, dict) else {}
    mean, deviation = figures.get("mean"), figures.get("deviation")
    if not (isinstance(mean, int | float) and isinstance(deviation, int | float) and deviation > 0):
        raise PresetError(
            f"preset {preset.name!r}: the score of its metadata must state a mean, and a deviation "
            f"above 0; got {score!r:.80}"
        )
    return preset.metadata

"""What everything that generates sound does with what it is asked, whatever computes the levels."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from operator import length_hint
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.audio import AudioWriter
from pipelines.audio_encoding import Bits
from pipelines.audio_features import MelSpec
from pipelines.audio_generation.clips import LONGEST, Clip
from pipelines.audio_generation.jobs import (
    Job,
    finished,
    requested_job,
    source_name,
    title_of,
    vocoding_job,
)
from pipelines.audio_generation.requests import Request, requests, whole_seed
from pipelines.audio_generation.sampling import Sampling
from pipelines.audio_generation.sound_spec import SoundSpec
from pipelines.audio_results import GeneratedAudio
from pipelines.audio_waveform import DEFAULT_AUDIO_LIMITS, AudioLimits
from pipelines.calling import failure
from pipelines.mapping import OnError, map_batches, with_progress
from pipelines.picture import shown

if TYPE_CHECKING:  # Keras, which an exported generator does without
    from pipelines.audio_generation.engine import Driver

OnBlock = Callable[[int, int], None]


class SoundGenerator(ABC):
    """Words and seeds in, sound out; or, by a vocoder, spectrograms in.

    The same clip with the same seed is the same, alone and in any list.

    Attributes:
        spec: What its samples, labels and frames mean.
        preset: The preset's name.
        metadata: What the preset states of itself.
    """

    def __init__(self, spec: SoundSpec, preset: str, metadata: Mapping[str, Any]) -> None:
        """Take what is known of a network."""
        self.spec, self.preset, self.metadata = spec, preset, metadata

    @property
    def rate_hz(self) -> int:
        """Samples a second."""
        return self.spec.rate_hz

    @property
    def level_db(self) -> float | None:
        """The peak of what it learned from, in dB of full scale."""
        return self.spec.level_db

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        """The classes of each label, by the label's name; empty where there are none."""
        return self.spec.vocabulary.classes

    @property
    def mel(self) -> MelSpec | None:
        """What the frames of a vocoder are made with; None for every other network."""
        return self.spec.mel

    @property
    def guidance(self) -> float:
        """How strongly its first label is meant where nobody says."""
        return self.spec.guidance

    @property
    @abstractmethod
    def block_samples(self) -> int:
        """Samples that are generated at a time."""

    @abstractmethod
    def blocks(self, clip: Clip, sampling: Sampling, driver: Driver) -> Iterator[np.ndarray]:
        """Return an iterator over a clip's levels, int32 (n,), block by block.

        Raises:
            ValueError: It cannot generate the clip, or has no such driver; raised at once.
        """

    def __call__(self, seconds: Any = 1.0, **options: Any) -> Any:
        """Generate; see `generate`."""
        return self.generate(seconds, **options)

    def plan(self, seconds: Any = 1.0, *, seed: Any = None, **labels: Any) -> list[Request]:
        """Return what `generate` would make: each clip's length, its seed, and all its labels.

        Arguments as for `generate`.

        Raises:
            TypeError, ValueError: As by `generate`.
        """
        return self._requests(seconds, seed, labels)[0]

    def generate(
        self,
        seconds: Any = 1.0,
        *,
        seed: Any = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        guidance: float | None = None,
        driver: Driver = "auto",
        on_block: OnBlock | None = None,
        progress: bool = False,
        **labels: Any,
    ) -> Any:
        """Generate one clip; or several, where seconds, the seed or a label is a list.

        Args:
            seconds: How long.
            seed: 0 to 2^64 - 1; a new one when None. One for several clips counts up.
            temperature: Below 1, likelier levels become more likely.
            top_k: Draw among so many likeliest levels only; all when None.
            top_p: Draw among the likeliest levels only, whose probabilities sum to it.
            guidance: How strongly the network's first label, such as the word to say, is meant: 1
                as it learned, above 1 more clearly, for some more time; None for the preset's own.
            driver: "graph", "xla", or "auto", which is the faster of them for the length. They are
                the same to rounding: once in some millions of samples a level differs.
            on_block: Called after each block with the number of samples done and of all samples of
                the clip. To cancel, raise from it: that exception ends the call.
            progress: Whether to print progress on standard error once it takes over two seconds.
            **labels: A class of each label by its name, such as label="seven", speaker="theo"; one
                that is left out is drawn from the seed.

        Returns:
            A `GeneratedAudio`, or a list of them.

        Raises:
            TypeError: There is no such label.
            ValueError: An argument is out of range, a label has no such class (the nearest is
                named), there is no label to be guided by, or the network is a vocoder.
        """
        sampling = self._sampling(temperature, top_k, top_p, guidance)
        asked, several = self._requests(seconds, seed, labels)
        jobs = [requested_job(request, self.spec) for request in asked]
        options = {"driver": driver, "on_block": on_block, "progress": progress}
        return self._answer(jobs, several, sampling, **options)

    def vocode(
        self,
        source: Any,
        *,
        seed: int | None = 0,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        guidance: float | None = None,
        convert: bool = False,
        on_error: OnError = "raise",
        limits: AudioLimits = DEFAULT_AUDIO_LIMITS,
        driver: Driver = "auto",
        on_block: OnBlock | None = None,
        progress: bool = False,
        **labels: str | None,
    ) -> Any:
        """Return sound that has a given log-mel spectrogram.

        Args:
            source: The spectrogram (F, mels) of one clip, as `log_mel(..., pipeline.mel)` makes it,
                which gives F hop samples; or a recording, as `read_audio` takes it, whose
                spectrogram is computed: the answer is as long and as loud as it. A list of them for
                a list, an iterator for an iterator.
            seed: Of each clip; a new one for each when None.
            temperature: As for `generate`.
            top_k: Likewise.
            top_p: Likewise.
            guidance: Likewise.
            convert: Whether a recording's channels may be mixed and its rate changed.
            on_error: What a source that is refused does: `raise` its error, `skip` it, or `return`
                a `FailedResult` in its place.
            limits: What is refused unread.
            driver: As for `generate`.
            on_block: Likewise.
            progress: Likewise.
            **labels: Likewise, where a vocoder has labels.

        Returns:
            A `GeneratedAudio`, or None where it was skipped; a list, or an iterator.

        Raises:
            AudioError: A recording cannot be read, or needs converting and may not be converted.
            ValueError: An argument is out of range, or the network is no vocoder.
            TypeError: There is no such label.
        """
        if self.mel is None:
            raise ValueError(
                f"{self.preset} takes no spectrograms; call generate(), or open a vocoder"
            )
        sampling = self._sampling(temperature, top_k, top_p, guidance)
        self.spec.vocabulary.check(labels)
        prepared = partial(
            vocoding_job,
            spec=self.spec,
            seed=None if seed is None else whole_seed(seed),
            words=labels,
            convert=convert,
            limits=limits,
        )
        run = partial(
            self._result, sampling=sampling, driver=driver, on_block=on_block, progress=progress
        )

        def stream(sources: Iterable[Any]) -> Iterator[Any]:
            results = map_batches(
                ((source_name(source), _attempt(prepared, source)) for source in sources),
                lambda _, jobs: [run(job) for job in jobs],
                batch_size=1,
                on_error=on_error,
                failed=partial(failure, preset=self.preset),
            )
            total = length_hint(sources) or None  # a list's iterator knows
            return with_progress(results, total, "vocoded") if progress else results

        if isinstance(source, Iterator) and not hasattr(source, "read"):  # an open file is one, too
            return stream(source)
        if isinstance(source, list):
            return list(stream(source))
        results = list(stream([source]))
        return results[0] if results else None

    def stream(
        self,
        seconds: float | None = None,
        *,
        seed: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        guidance: float | None = None,
        driver: Driver = "auto",
        **labels: str | None,
    ) -> Iterator[np.ndarray]:
        """Return an iterator over one clip, block by block, float32 (n,): in constant memory.

        Arguments as for `generate`, but for lists; without `seconds`, it goes on until nobody asks
        for more, or for 2^30 samples.

        Raises:
            TypeError, ValueError: As by `generate`.
        """
        sampling = self._sampling(temperature, top_k, top_p, guidance)
        length = LONGEST / self.rate_hz if seconds is None else seconds
        job = requested_job(self._one(length, seed, labels), self.spec)
        return (self.spec.table[levels] for levels in self.blocks(job.clip, sampling, driver))

    def write(
        self,
        path: str | os.PathLike[str],
        seconds: float = 1.0,
        *,
        bits: Bits = 16,
        seed: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        guidance: float | None = None,
        driver: Driver = "auto",
        on_block: OnBlock | None = None,
        progress: bool = False,
        **labels: str | None,
    ) -> Path:
        """Generate one clip into a file, in constant memory, and return the path.

        The file is written whole or not at all; the path's ending chooses the format, .wav or
        .flac, of 16 or 24 bits. Arguments as for `generate`, but for lists.

        Raises:
            AudioError: The format does not hold it.
            TypeError, ValueError: As by `generate`.
            OSError: The disk is full, say.
        """
        sampling = self._sampling(temperature, top_k, top_p, guidance)
        job = requested_job(self._one(seconds, seed, labels), self.spec)
        blocks = self._watched(job, sampling, driver, on_block, progress)
        with AudioWriter(path, self.rate_hz, bits=bits) as file:
            for levels in blocks:
                file.write(self.spec.table[levels])
        return file.path

    def _sampling(
        self, temperature: float, top_k: int | None, top_p: float, guidance: float | None
    ) -> Sampling:
        return Sampling(
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            guidance=self.guidance if guidance is None else guidance,
        )

    def _requests(
        self, seconds: Any, seed: Any, labels: Mapping[str, Any]
    ) -> tuple[list[Request], bool]:
        if self.mel is not None:
            raise ValueError(
                f"{self.preset} is a vocoder, which needs a spectrogram; call vocode(recording)"
            )
        return requests(
            self.spec.vocabulary, self.rate_hz, seconds=seconds, seed=seed, words=labels
        )

    def _one(self, seconds: Any, seed: Any, labels: Mapping[str, Any]) -> Request:
        asked, several = self._requests(seconds, seed, labels)
        if several:
            raise ValueError("a stream or a file is one clip; got a list; call generate()")
        return asked[0]

    def _answer(self, jobs: list[Job], several: bool, sampling: Sampling, **options: Any) -> Any:
        """Return the result of the only job, or a list."""
        if not several:
            return self._result(jobs[0], sampling=sampling, **options)
        progress = options.pop("progress")
        results: Iterable[GeneratedAudio]
        results = (self._result(job, sampling=sampling, progress=False, **options) for job in jobs)
        return list(with_progress(results, len(jobs), "generated") if progress else results)

    def _result(
        self,
        job: Job,
        *,
        sampling: Sampling,
        driver: Driver,
        on_block: OnBlock | None,
        progress: bool,
    ) -> GeneratedAudio:
        start = time.perf_counter()
        blocks = list(self._watched(job, sampling, driver, on_block, progress))
        timing_ms = (time.perf_counter() - start) * 1000
        return finished(job, blocks, self.spec, sampling, preset=self.preset, timing_ms=timing_ms)

    def _watched(
        self,
        job: Job,
        sampling: Sampling,
        driver: Driver,
        on_block: OnBlock | None,
        progress: bool,
    ) -> Iterator[np.ndarray]:
        """Return a clip's blocks, which are reported as they pass; refusals are raised at once."""
        blocks = self.blocks(job.clip, sampling, driver)
        if progress:
            count = -(-job.clip.samples // self.block_samples)
            blocks = with_progress(blocks, count, f"{shown(title_of(job))}: blocks")
        return blocks if on_block is None else _reported(blocks, job.clip.samples, on_block)


def _reported(
    blocks: Iterable[np.ndarray], samples: int, on_block: OnBlock
) -> Iterator[np.ndarray]:
    done = 0
    for block in blocks:
        done += len(block)
        on_block(done, samples)
        yield block


def _attempt(prepared: Callable[[Any], Job], source: Any) -> Job | Exception:
    """Return the job of a source, or why there is none."""
    try:
        return prepared(source)
    except ValueError as error:
        return error

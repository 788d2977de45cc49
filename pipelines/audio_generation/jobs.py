"""Clips under way: from what was asked for to what an engine makes, and on to the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from pipelines.audio import describe_audio
from pipelines.audio_generation.clips import Clip
from pipelines.audio_generation.preparation import checked_frames, prepare, scaled_back
from pipelines.audio_generation.requests import Request, new_seed
from pipelines.audio_generation.sampling import Sampling
from pipelines.audio_generation.sound_spec import SoundSpec
from pipelines.audio_results import NO_LABELS, GeneratedAudio
from pipelines.audio_waveform import AudioLimits

SILENCE, FRAMES = "<silence>", "<frames>"  # what results call that from which a clip began


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """One clip to generate, and what its result says besides.

    Attributes:
        clip: What the engine is asked.
        source: What results call that from which it began.
        labels: The class of each label.
        peaks: Of a recording that is vocoded, as `preparation.Recording` has them.
    """

    clip: Clip
    source: str = SILENCE
    labels: Mapping[str, str] = field(default_factory=lambda: NO_LABELS)
    peaks: tuple[float, float] | None = None


def requested_job(
    request: Request, spec: SoundSpec, *, prime: np.ndarray | None = None, source: str = SILENCE
) -> Job:
    """Return the job that a request is.

    Args:
        request: Which.
        spec: The network's.
        prime: Levels to go on from.
        source: What they are called.
    """
    clip = Clip(
        samples=request.samples,
        seed=request.seed,
        labels=spec.vocabulary.places(request.words),
        prime=prime,
    )
    return Job(clip=clip, source=source, labels=request.words)


def vocoding_job(
    source: Any,
    *,
    spec: SoundSpec,
    seed: int | None,
    words: Mapping[str, str | None],
    convert: bool,
    limits: AudioLimits,
) -> Job:
    """Return the job of giving a spectrogram, or a recording's, its sound.

    Args:
        source: (F, mels), or a recording as `read_audio` takes it.
        spec: The vocoder's.
        seed: The clip's; a new one when None.
        words: The class of each label; what is None, or left out, is drawn.
        convert: Whether channels may be mixed and the rate changed.
        limits: What is refused unread.

    Raises:
        AudioError: The recording is refused.
        ValueError: The spectrogram is.
    """
    assert spec.mel is not None
    its_seed = new_seed() if seed is None else seed
    labels = spec.vocabulary.completed(words, its_seed)
    frames: np.ndarray | None
    if _are_frames(source):
        frames, peaks = checked_frames(source, spec.mel), None
        samples = len(frames) * spec.mel.hop_samples
    else:
        recording = prepare(source, spec, convert=convert, limits=limits)
        frames, peaks, samples = recording.frames, recording.peaks, len(recording.levels)
    clip = Clip(
        samples=samples, seed=its_seed, labels=spec.vocabulary.places(labels), frames=frames
    )
    return Job(clip=clip, source=source_name(source), labels=MappingProxyType(labels), peaks=peaks)


def finished(
    job: Job,
    blocks: Sequence[np.ndarray],
    spec: SoundSpec,
    sampling: Sampling,
    *,
    preset: str,
    timing_ms: float,
) -> GeneratedAudio:
    """Return a job's result.

    Args:
        job: Which.
        blocks: The levels that were generated.
        spec: The network's.
        sampling: How they were drawn.
        preset: Whose network it is.
        timing_ms: How long it took.
    """
    given = job.clip.primed
    levels = np.concatenate([given, *blocks]).astype(np.int32)
    waveform = spec.table[levels]
    if job.peaks is not None:
        waveform = scaled_back(waveform, job.peaks)
    for array in (levels, waveform):
        array.setflags(write=False)
    return GeneratedAudio(
        source=job.source,
        preset=preset,
        timing_ms=timing_ms,
        seed=job.clip.seed,
        waveform=waveform,
        levels=levels,
        rate_hz=spec.rate_hz,
        labels=job.labels,
        given_s=len(given) / spec.rate_hz,
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        guidance=sampling.guidance,
        mel=spec.mel,
    )


def source_name(source: object) -> str:
    """Return what results call a source."""
    return FRAMES if _are_frames(source) else describe_audio(source)


def title_of(job: Job) -> str:
    """Return what a progress line calls a clip."""
    return " ".join(job.labels.values()) if job.source == SILENCE and job.labels else job.source


def _are_frames(source: object) -> bool:
    return isinstance(source, np.ndarray) and source.ndim == 2

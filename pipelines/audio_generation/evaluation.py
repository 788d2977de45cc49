"""How well a generator foretells recordings that it has not heard, in bits per sample.

Minus log2 of the probability that it gives each sample's level, given all before it, is how many
bits a coder that knows the network would spend; the mean over all samples of all recordings is the
figure that is reported. It depends on how loud recordings are, and on how many levels there are:
only figures of the same recordings at the same level compare.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.words import suggest
from pipelines.audio import AudioError, AudioSource, describe_audio, list_audio
from pipelines.audio_generation.baselines import baselines
from pipelines.audio_generation.data import DIGITS, FSDD, SPEAKERS, DataError, Recording, fsdd
from pipelines.audio_mu_law import mu_compress
from pipelines.mapping import with_progress

if TYPE_CHECKING:
    from pipelines.audio_generation.pipeline import AudioGeneration


@dataclass(frozen=True)
class RecordingScore:
    """One recording: its name, how many samples it has, and the bits for each."""

    name: str
    samples: int
    bits_per_sample: float


@dataclass(frozen=True, kw_only=True)
class BitsReport:
    """A generator's figures on recordings, with those of simpler ways of foretelling.

    Attributes:
        preset: The generator's.
        data: The recordings' name.
        scores: Each recording's.
        baselines: Bits per sample of what is no network, see `baselines`; empty where there are no
            recordings to fit them to.
        failed: Sources that could not be measured, with their errors.
    """

    preset: str
    data: str
    scores: tuple[RecordingScore, ...]
    baselines: Mapping[str, float]
    failed: tuple[tuple[str, str], ...] = ()

    @property
    def bits_per_sample(self) -> float:
        """The mean over all samples of all recordings."""
        bits = sum(score.bits_per_sample * score.samples for score in self.scores)
        return bits / sum(score.samples for score in self.scores)

    @property
    def mean(self) -> float:
        """The mean over the recordings, each counting the same."""
        return statistics.fmean(score.bits_per_sample for score in self.scores)

    @property
    def deviation(self) -> float:
        """The standard deviation over the recordings; 0 of a single one."""
        return statistics.pstdev(score.bits_per_sample for score in self.scores)

    @property
    def title(self) -> str:
        """One line: what was measured, and the result."""
        count, samples = len(self.scores), sum(score.samples for score in self.scores)
        return (
            f"{self.preset} on {self.data}: {count} recordings, {samples:,} samples, "
            f"{self.bits_per_sample:.3f} bits per sample"
        )

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return a header and a row a way of foretelling, the generator's last."""
        rows = [*self.baselines.items(), (self.preset, self.bits_per_sample)]
        return ("foretold by", "bits per sample"), [(name, f"{bits:.3f}") for name, bits in rows]

    def to_markdown(self) -> str:
        """Return the figures as a Markdown table."""
        header, rows = self.table()
        lines = [header, ("---", "---:"), *rows]
        return "\n".join([self.title, "", *(f"| {' | '.join(line)} |" for line in lines)])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {
            "preset": self.preset,
            "data": self.data,
            "count": len(self.scores),
            "bits_per_sample": self.bits_per_sample,
            "mean": self.mean,
            "deviation": self.deviation,
            "baselines": dict(self.baselines),
            "recordings": [vars(score) for score in self.scores],
            "failed": [{"source": source, "error": error} for source, error in self.failed],
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON, in ASCII: a file name may hold any byte."""
        return json.dumps(self.to_dict())


def evaluate_generator(
    pipeline: AudioGeneration,
    data: str | os.PathLike[str] | Sequence[AudioSource] | Sequence[Recording],
    *,
    folder: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> BitsReport:
    """Measure how well a generator foretells recordings.

    Args:
        pipeline: The generator.
        data: "fsdd", the spoken digits that the shipped presets are measured on, baselines
            included; recordings of them; or, for a network that is told no labels, a folder of
            sound or a list of what `read_audio` takes.
        folder: Where "fsdd" lies.
        progress: Whether to print progress on standard error.

    Raises:
        DataError: There are no such recordings, or none could be measured.
    """
    beside: Mapping[str, float] = {}
    if data == FSDD:
        if folder is None:
            raise DataError(f"{FSDD} is not part of the package; give the folder that holds it")
        name, level_db = "Free Spoken Digit Dataset, takes 2 to 4", pipeline.level_db
        sounds: Sequence[Any] = fsdd(folder, "test", level_db=level_db)
        beside = _baselines(pipeline, fsdd(folder, "train", level_db=level_db), sounds)
    else:
        name, sounds = _sounds(data)
        _check_labels(pipeline, name, sounds)
    outcomes: Iterator[RecordingScore | Exception] = (_scored(pipeline, one) for one in sounds)
    if progress:
        outcomes = with_progress(outcomes, len(sounds), "evaluated")
    scores, failed = [], []
    for sound, outcome in zip(sounds, outcomes, strict=True):
        if isinstance(outcome, Exception):
            failed.append((describe_audio(sound), str(outcome)))
        else:
            scores.append(outcome)
    if not scores:
        raise DataError(f"{name}: no recording could be measured; the first: {failed[0][1]}")
    return BitsReport(
        preset=pipeline.preset,
        data=name,
        scores=tuple(scores),
        baselines=beside,
        failed=tuple(failed),
    )


def _sounds(data: Any) -> tuple[str, Sequence[Any]]:
    """Return what the recordings are called, and them.

    Raises:
        DataError: There are none.
        TypeError: It is none of what is taken.
    """
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        if not path.is_dir():
            raise DataError(
                f"data must be {FSDD!r}, a folder or a list; {suggest(str(data), [FSDD])}"
            )
        name, sounds = path.resolve().name, list_audio(path)
    elif isinstance(data, list | tuple):
        name, sounds = f"{len(data)} recordings", list(data)
    else:
        raise TypeError(f"data must be a name, a folder or a list; got {type(data).__name__}")
    if not sounds:
        raise DataError(f"{name} holds no recordings")
    return name, sounds


def _check_labels(pipeline: AudioGeneration, name: str, sounds: Sequence[Any]) -> None:
    """Refuse recordings whose labels nobody knows.

    Raises:
        DataError: The network is told labels, and they are such.
    """
    if pipeline.labels and not all(isinstance(sound, Recording) for sound in sounds):
        raise DataError(
            f"{pipeline.preset} is told labels ({', '.join(pipeline.labels)}), which {name} does "
            f"not have; pass {FSDD!r}, or score each recording with its labels"
        )


def _scored(pipeline: AudioGeneration, sound: Any) -> RecordingScore | Exception:
    """Return a recording's figure, or why there is none."""
    try:
        if isinstance(sound, Recording):
            spoken = {"label": DIGITS[sound.digit], "speaker": SPEAKERS[sound.speaker]}
            labels: dict[str, Any] = {name: spoken[name] for name in pipeline.labels}
            found = pipeline.score((sound.samples, sound.rate_hz), **labels)
            return RecordingScore(sound.name, len(found.bits), found.bits_per_sample)
        found = pipeline.score(sound)
        return RecordingScore(found.source, len(found.bits), found.bits_per_sample)
    except AudioError as error:
        return error


def _baselines(
    pipeline: AudioGeneration, train: Sequence[Recording], test: Sequence[Recording]
) -> Mapping[str, float]:
    classes = pipeline.spec.levels
    fitted, measured = (
        [mu_compress(one.samples, classes) for one in part] for part in (train, test)
    )
    return baselines(fitted, measured, classes)

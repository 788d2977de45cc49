"""Recordings to train on and to measure on: the Free Spoken Digit Dataset, or any folder of sound.

The set (Jackson and others, github.com/Jakobovski/free-spoken-digit-dataset) has the ten digits in
English, each said 50 times by each of six speakers, at 8,000 Hz. Its authors test on few takes and
train on the others; so is it done here: takes 2 to 4 are the test set, 5 and more are trained on,
and 0 and 1 are left out.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from models.words import suggest
from pipelines.audio import read_audio
from pipelines.audio_conversion import normalise_level
from pipelines.picture import shown

FSDD = "fsdd"  # the set's name
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
RATE_HZ = 8_000
TEST_TAKES = range(2, 5)
TRAINING_TAKES = range(5, 50)
PARTS = {"train": TRAINING_TAKES, "test": TEST_TAKES}
Part = Literal["train", "test"]

_NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<take>\d+)\.wav")


class DataError(ValueError):
    """Recordings that are missing, or are not those that were named."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """One word, said once.

    Attributes:
        name: Its file's name without the ending.
        samples: (N,) float32 in [-1, 1], read-only.
        digit: 0 to 9.
        speaker: Place among `SPEAKERS`.
        take: The how manieth time.
        rate_hz: Of the samples.
    """

    name: str
    samples: np.ndarray
    digit: int
    speaker: int
    take: int
    rate_hz: int = RATE_HZ

    @property
    def labels(self) -> tuple[int, int]:
        """What the recording is conditioned on: digit and speaker."""
        return self.digit, self.speaker


def fsdd(
    folder: str | os.PathLike[str], part: Part, *, level_db: float | None = None
) -> list[Recording]:
    """Return a part of the spoken digits, in the order of digit, speaker and take.

    Args:
        folder: Holds the set's files, or a folder `fsdd` or `recordings` that does.
        part: "train" or "test".
        level_db: What each recording's peak is brought to, of full scale; None leaves them as they
            were recorded, with peaks from -32 to -3 dB.

    Raises:
        ValueError: There is no such part.
        DataError: The folder holds no such files, or some are missing.
        AudioError: One cannot be read, or has another rate.
    """
    if part not in PARTS:
        raise ValueError(f"unknown part {part!r}; {suggest(part, PARTS)}")
    files = _files(Path(folder))
    wanted = [
        f"{digit}_{speaker}_{take}.wav"
        for digit in range(len(DIGITS))
        for speaker in SPEAKERS
        for take in PARTS[part]
    ]
    missing = [name for name in wanted if name not in files]
    if missing:
        raise DataError(
            f"the spoken digits need takes {PARTS[part][0]} to {PARTS[part][-1]} of each digit and "
            f"speaker; {shown(str(folder))} lacks {len(missing):,} of {len(wanted):,} files, such "
            f"as {missing[0]}"
        )
    return [_read(files[name], level_db) for name in wanted]


def _files(folder: Path) -> dict[str, Path]:
    """Return the set's files by name, from the first folder that has any."""
    for place in (folder, folder / "fsdd", folder / "recordings", folder / "fsdd" / "recordings"):
        if place.is_dir():
            found = {path.name: path for path in place.iterdir() if _NAME.fullmatch(path.name)}
            if found:
                return found
    raise DataError(
        f"{shown(str(folder))} holds no spoken digits; it must hold files such as 7_theo_3.wav, or "
        "a folder fsdd or recordings that does"
    )


def _read(path: Path, level_db: float | None) -> Recording:
    match = _NAME.fullmatch(path.name)
    assert match is not None, "only files of such names are read"
    audio = read_audio(path)
    if audio.rate_hz != RATE_HZ:
        raise DataError(f"{path.name} must have {RATE_HZ:,} Hz; it has {audio.rate_hz:,}")
    if level_db is not None:
        audio = normalise_level(audio, level_db)
    return Recording(
        name=path.stem,
        samples=audio.mono,
        digit=int(match["digit"]),
        speaker=SPEAKERS.index(match["speaker"]),
        take=int(match["take"]),
    )

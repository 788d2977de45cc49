"""A folder laid out like the Free Spoken Digit Dataset, of tiny tones in place of speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from pipelines.audio_generation.data import DIGITS, RATE_HZ, SPEAKERS, TEST_TAKES, TRAINING_TAKES

TAKES = (*TEST_TAKES, *TRAINING_TAKES)


def write_spoken_digits(folder: Path, *, samples: int = 80) -> Path:
    """Write each digit of each speaker and take: a tone that tells the digit, in some noise."""
    random = np.random.default_rng(0)
    for digit in range(len(DIGITS)):
        tone = 0.4 * np.sin(2 * np.pi * (200 + 100 * digit) * np.arange(samples + 50) / RATE_HZ)
        for speaker in SPEAKERS:
            for take in TAKES:
                sound = tone[: samples + take] + 0.01 * random.normal(size=samples + take)
                soundfile.write(folder / f"{digit}_{speaker}_{take}.wav", sound, RATE_HZ)
    return folder

"""Speech from log-mel spectrograms: our vocoder beside Griffin-Lim's iterations.

    python benchmarks/vocoder.py --data FOLDER [--preset wavenet_vocoder] [--clips 60]

No claim: whoever is best is named, column by column. The folder holds the Free Spoken Digit
Dataset; the clips are its test recordings, takes 2 to 4, which no preset of ours was trained on,
with their peak at -1 dB. All start from the same spectrograms, but for the original through the
mu-law, which is as a WaveNet hears it. `benchmarks/speech_measures.py` says how each column is
defined; PESQ and ESTOI need seconds of speech, so they are measured on the digits that a speaker
said in one take, joined. CPU-seconds are those of all threads, after a first clip that does not
count. It takes some five minutes with 60 clips, one of each digit by each speaker.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `make bench` runs this as a script
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks import speech_measures as measures
from benchmarks.timing import machine, table
from pipelines.audio import mu_compress, mu_expand
from pipelines.audio_features import MelSpec
from pipelines.audio_generation.data import RATE_HZ, Recording, fsdd
from pipelines.audio_generation.pipeline import AudioGeneration
from pipelines.audio_generation.recipes import MEL

PRESET, CLIPS, LEVEL_DB = "wavenet_vocoder", 60, -1.0
OURS, MU_LAW = "our vocoder", "the original, through the mu-law"
ITERATIONS = (32, 100)  # librosa's default, and more
PAUSE_S = 0.1  # between the digits of a string

# Maps samples (N,) and a seed to a copy of them, (N,).
Method = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class Column:
    """One thing that is measured.

    Attributes:
        title: What.
        digits: After the point.
        most: Whether more is better.
        package: What it needs beyond librosa.
    """

    title: str
    digits: int
    most: bool = False
    package: str | None = None


COLUMNS = (
    Column("log-mel L1", 3),
    Column("MCD, dB", 2),
    Column("PESQ-nb", 2, most=True, package="pesq"),
    Column("ESTOI", 3, most=True, package="pystoi"),
    Column("F0 over 20 % off, %", 2),
    Column("F0 off, cents", 1),
    Column("voiced in one alone, %", 2),
    Column("CPU-seconds a second", 3),
)


def main() -> int:
    """Measure, and print the table and who is best."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="holds the Free Spoken Digit Dataset")
    parser.add_argument("--preset", default=PRESET, help="a name, or a folder")
    parser.add_argument("--clips", type=int, default=CLIPS, help="how many, of 180")
    options = parser.parse_args()
    if options.data is None:
        print("left out: everything; give the folder of the spoken digits (--data)")
        return 0
    print(f"{machine()}\n")
    spec = MEL
    methods: dict[str, Method] = {MU_LAW: through_mu_law}
    try:
        vocoder = AudioGeneration.from_preset(options.preset)
        spec, methods[OURS] = of_vocoder(vocoder)
    except ValueError as error:
        print(f"left out: {OURS}; {error}")
    for iterations in ITERATIONS:
        methods[f"Griffin-Lim, {iterations} iterations"] = griffin_lim(spec, iterations)
    clips = chosen(fsdd(options.data, "test", level_db=LEVEL_DB), options.clips)
    print(report(clips, methods, spec))
    return 0


def chosen(recordings: Sequence[Recording], count: int) -> list[Recording]:
    """Return the first recordings by take, speaker and digit: whole strings of ten digits."""
    in_strings = sorted(recordings, key=lambda each: (each.take, each.speaker, each.digit))
    return in_strings[:count]


def through_mu_law(samples: np.ndarray, _: int) -> np.ndarray:
    """Return the samples in 256 levels."""
    return mu_expand(mu_compress(samples))


def of_vocoder(vocoder: AudioGeneration) -> tuple[MelSpec, Method]:
    """Return our vocoder, and what the spectrograms are made with that it starts from.

    Raises:
        ValueError: It starts from something else.
    """
    if vocoder.mel is None:
        raise ValueError(f"{vocoder.preset} takes no spectrograms; give a vocoder (--preset)")

    def copy(samples: np.ndarray, seed: int) -> np.ndarray:
        waveform: np.ndarray = vocoder.vocode((samples, RATE_HZ), seed=seed).waveform
        return waveform

    return vocoder.mel, copy


def griffin_lim(spec: MelSpec, iterations: int) -> Method:
    """Return librosa's: magnitudes by non-negative least squares, then phases, with momentum."""
    import librosa

    def copy(samples: np.ndarray, seed: int) -> np.ndarray:
        mel = np.exp(measures.spectrogram(samples, spec)).T
        magnitudes = librosa.feature.inverse.mel_to_stft(
            mel,
            sr=spec.rate_hz,
            n_fft=spec.fft_samples,
            power=1.0,
            fmin=spec.low_hz,
            fmax=spec.high_hz,
        )
        found = librosa.griffinlim(
            magnitudes,
            n_iter=iterations,
            hop_length=spec.hop_samples,
            win_length=spec.window_samples,
            n_fft=spec.fft_samples,
            length=len(samples),
            pad_mode="constant",
            random_state=seed,
        )
        clipped: np.ndarray = np.clip(found, -1, 1).astype(np.float32)
        return clipped

    return copy


@dataclass(frozen=True)
class Copies:
    """What a method made of all clips.

    Attributes:
        clips: One of each, as long as it.
        core_s: CPU-seconds that a second of sound took.
    """

    clips: list[np.ndarray]
    core_s: float


def copied(clips: Sequence[Recording], copy: Method) -> Copies:
    """Return copies of all clips, each with its place as the seed."""
    copy(clips[0].samples, 0)  # compiles
    start = time.process_time()
    copies = [copy(clip.samples, seed) for seed, clip in enumerate(clips)]
    core_s = time.process_time() - start
    return Copies(copies, core_s / sum(len(clip.samples) for clip in clips) * RATE_HZ)


def joined(clips: Sequence[Recording], sounds: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return sounds of one speaker and take, in a row, with pauses between and around them."""
    pause = np.zeros(round(PAUSE_S * RATE_HZ), np.float32)
    strings: dict[tuple[int, int], list[np.ndarray]] = {}
    for clip, sound in zip(clips, sounds, strict=True):
        strings.setdefault((clip.speaker, clip.take), [pause]).extend([sound, pause])
    return [np.concatenate(parts) for parts in strings.values()]


def measured(
    clips: Sequence[Recording], copies: Copies, spec: MelSpec, columns: Sequence[Column]
) -> dict[str, list[float]]:
    """Return the values of each column, by its title: one, or one of each clip or string."""
    originals = [clip.samples for clip in clips]
    pairs = list(zip(originals, copies.clips, strict=True))
    mels = [[measures.spectrogram(sound, spec) for sound in pair] for pair in pairs]
    off = measures.pitch_errors([(measures.pitch(a), measures.pitch(b)) for a, b in pairs])
    found: dict[str, list[float | None]] = {
        "log-mel L1": [measures.log_mel_l1(*pair) for pair in mels],
        "MCD, dB": [measures.mel_cepstral_distortion(*pair) for pair in mels],
        "F0 over 20 % off, %": [100 * off.gross],
        "F0 off, cents": [off.cents],
        "voiced in one alone, %": [100 * off.voicing],
        "CPU-seconds a second": [copies.core_s],
    }
    strings = list(zip(joined(clips, originals), joined(clips, copies.clips), strict=True))
    titles = [column.title for column in columns]
    if "PESQ-nb" in titles:
        found["PESQ-nb"] = [measures.pesq_narrow(*pair) for pair in strings]
    if "ESTOI" in titles:
        found["ESTOI"] = [measures.estoi(*pair) for pair in strings]
    return {title: [value for value in found[title] if value is not None] for title in titles}


def report(clips: Sequence[Recording], methods: Mapping[str, Method], spec: MelSpec) -> str:
    """Return what was measured as a table, and who is best in each column."""
    columns = [c for c in COLUMNS if c.package is None or find_spec(c.package)]
    lines = [
        f"left out: {column.title}; it needs: pip install {column.package}"
        for column in COLUMNS
        if column not in columns
    ]
    values = {
        name: measured(clips, copied(clips, copy), spec, columns) for name, copy in methods.items()
    }
    means = {
        name: {title: float(np.mean(found)) if found else np.nan for title, found in each.items()}
        for name, each in values.items()
    }
    strings = len({(clip.speaker, clip.take) for clip in clips})
    seconds = sum(len(clip.samples) for clip in clips) / RATE_HZ
    lines.append(f"{len(clips)} clips, {seconds:.1f} s; strings of digits: {strings}")
    for title in ("PESQ-nb", "ESTOI"):
        counts = {name: len(each[title]) for name, each in values.items() if title in each}
        lines += [
            f"{title} could be measured in {count} of them for {name}"
            for name, count in counts.items()
            if count < strings
        ]
    rows = [
        (name, *(f"{each[column.title]:.{column.digits}f}" for column in columns))
        for name, each in means.items()
    ]
    header = (f"{len(clips)} clips", *(column.title for column in columns))
    rivals = {name: each for name, each in means.items() if name != MU_LAW}
    return "\n".join(
        [*lines, "", table(header, rows), "", *(best(column, rivals) for column in columns)]
    )


def best(column: Column, means: Mapping[str, Mapping[str, float]]) -> str:
    """Return who wins a column, as a line; who has the same figure is as good."""
    names: dict[float, list[str]] = {}
    for name, each in means.items():
        if np.isfinite(each[column.title]):
            names.setdefault(round(each[column.title], column.digits), []).append(name)
    if not names:
        return f"- {column.title}: could not be measured"
    order = sorted(names, reverse=column.most)
    shown = [f"{' and '.join(names[value])} {value:.{column.digits}f}" for value in order]
    return f"- {column.title}: best is {'; then '.join(shown)}"


if __name__ == "__main__":
    sys.exit(main())

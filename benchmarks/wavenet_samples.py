"""Whether generated digits are what they claim to be: who hears which digit, and which speaker.

    python benchmarks/wavenet_samples.py --data FOLDER [--preset wavenet_digits] [--per-pair 5]
        [--temperature 1] [--guidance 1.5] [--first-seed 0]

Claims: a listener who learned from real recordings recognises at least 80 % of the generated digits
and another at least 80 % of the speakers. The folder holds the Free Spoken Digit Dataset. The
listeners learn from takes 5 to 49 and are first tried on takes 2 to 4. Then each digit is generated
by each speaker, so many clips of a second with the seeds 0, 1, 2 and so on, and every one of them
counts. A temperature or a guidance that was chosen on some seeds is to be measured on others. It
takes some three minutes for the listeners, and one for 300 clips.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `make bench` runs this as a script
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.listeners import CLIP_SAMPLES, WORDS, Listener, Subject, train_listener, truth
from benchmarks.timing import machine, table
from pipelines.audio_generation.data import DIGITS, RATE_HZ, SPEAKERS, fsdd
from pipelines.audio_generation.pipeline import AudioGeneration

LEAST = 0.80
PRESET, PER_PAIR = "wavenet_digits", 5


@dataclass(frozen=True)
class Heard:
    """What a listener heard.

    Attributes:
        subject: What he listens for.
        truth: (N,) what was said.
        answers: (N,) what he heard.
    """

    subject: Subject
    truth: np.ndarray
    answers: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Whether each was recognised, (N,) bool."""
        right: np.ndarray = self.truth == self.answers
        return right


def main() -> int:
    """Measure, and print the tables and which claims hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="holds the Free Spoken Digit Dataset")
    parser.add_argument("--preset", default=PRESET, help="a name, or a folder")
    parser.add_argument(
        "--per-pair", type=int, default=PER_PAIR, help="clips of each digit by each"
    )
    parser.add_argument("--temperature", type=float, default=1.0, help="see `AudioGeneration`")
    parser.add_argument("--guidance", type=float, help="likewise; the preset's own when left out")
    parser.add_argument("--first-seed", type=int, default=0, help="of the first clip")
    options = parser.parse_args()
    if options.data is None:
        print("left out: everything; give the folder of the spoken digits (--data)")
        return 0
    print(f"{machine()}\n")
    recordings = fsdd(options.data, "test")
    listeners = [train_listener(fsdd(options.data, "train"), subject) for subject in WORDS]
    clips = [recording.samples for recording in recordings]
    real = [listen(each, clips, truth(recordings, each.subject)) for each in listeners]
    try:
        generate = AudioGeneration.from_preset(options.preset)
    except ValueError as error:
        print(f"left out: what is generated; {error}\n")
        found = []
    else:
        said, clips = generated(
            generate,
            options.per_pair,
            first_seed=options.first_seed,
            temperature=options.temperature,
            guidance=options.guidance,
        )
        found = [listen(each, clips, said[each.subject]) for each in listeners]
    print(report(real, found))
    return 0


def listen(listener: Listener, clips: Sequence[np.ndarray], said: np.ndarray) -> Heard:
    """Return what a listener hears in clips."""
    return Heard(listener.subject, said, listener.answers(clips))


def generated(
    generate: AudioGeneration, per_pair: int, *, first_seed: int = 0, **drawing: Any
) -> tuple[dict[Subject, np.ndarray], list[np.ndarray]]:
    """Return what was asked for, and the clips: all that there are, in the order of their seeds.

    Args:
        generate: What is asked.
        per_pair: Clips of each digit by each speaker.
        first_seed: Of the first clip.
        **drawing: As the generator takes it.
    """
    pairs = np.repeat(np.argwhere(np.ones((len(DIGITS), len(SPEAKERS)))), per_pair, axis=0)
    digits, speakers = pairs.T
    results = generate(
        CLIP_SAMPLES / RATE_HZ,
        seed=[first_seed + number for number in range(len(pairs))],
        label=[DIGITS[digit] for digit in digits],
        speaker=[SPEAKERS[speaker] for speaker in speakers],
        progress=True,
        **drawing,
    )
    return {"digit": digits, "speaker": speakers}, [result.waveform for result in results]


def report(real: Sequence[Heard], found: Sequence[Heard]) -> str:
    """Return what was heard as tables, and which claims hold."""
    parts = []
    for place, of_real in enumerate(real):
        of_found = found[place] if found else None
        rows = [
            (
                word,
                *(count_right(heard, number) for heard in (of_real, of_found)),
                mistakes(of_found, number),
            )
            for number, word in enumerate(WORDS[of_real.subject])
        ]
        rows.append(("all", count_right(of_real), count_right(of_found), ""))
        header = (of_real.subject, "real, recognised", "generated, recognised", "taken for")
        parts.append(table(header, rows))
    if len(found) == 2:
        both = found[0].right & found[1].right
        parts.append(f"Digit and speaker at once: {part(both)}.")
    return "\n\n".join([*parts, "\n".join(verdicts(found))])


def count_right(heard: Heard | None, number: int | None = None) -> str:
    """Return how many were recognised, of one word or of all."""
    if heard is None:
        return "-"
    return part(heard.right if number is None else heard.right[heard.truth == number])


def part(right: np.ndarray) -> str:
    """Return how many of how many."""
    if not right.size:
        return "-"
    return f"{right.sum():,} of {right.size:,} ({right.mean():.1%})"


def mistakes(heard: Heard | None, number: int) -> str:
    """Return what a word was taken for, most often first."""
    if heard is None:
        return ""
    wrong = heard.answers[(heard.truth == number) & ~heard.right]
    counts = np.bincount(wrong, minlength=len(WORDS[heard.subject]))
    often = [place for place in np.argsort(-counts, kind="stable") if counts[place]]
    return ", ".join(f"{WORDS[heard.subject][place]} {counts[place]}" for place in often)


def verdicts(found: Sequence[Heard]) -> Iterator[str]:
    """Yield a line a claim."""
    shares = {heard.subject: heard.right.mean() for heard in found}
    for subject in WORDS:
        wanted = f"of the {subject}s generated at least {LEAST:.0%} are recognised"
        if subject not in shares:
            yield f"- not measured: {wanted}"
        else:
            holds = shares[subject] >= LEAST
            yield f"- {'holds' if holds else 'FAILS'}: {shares[subject]:.1%} ({wanted})"


if __name__ == "__main__":
    sys.exit(main())

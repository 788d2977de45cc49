"""What a visitor wants to hear, and how to have the same without these pages."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from apps.recordings import Recording

MOST_TAKES = 4  # of one wish
FILE = "recording.wav"  # in examples: a visitor's file may be called anything
IN_PYTHON = """\
import sightsound as ss

network = ss.pipeline("audio-generation", preset="{preset}")
{call}"""


class Aim(Enum):
    """What to do; the value is what the page calls it."""

    SPEAK = "New sound"
    CONTINUE = "Continue a recording"
    VOCODE = "Say a recording anew"
    SCORE = "Score a recording"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a visitor wants.

    Attributes:
        aim: What to do.
        seconds: How long new sound lasts; a vocoder's is as long as the recording.
        takes: How many clips.
        seed: Of the first of them, the next has the next; None for a new one each.
        labels: The class of each label; None to draw it.
        drawing: `temperature`, `top_k`, `top_p` and `guidance`, where they are not the preset's.
        recording: What to begin with.
    """

    aim: Aim
    seconds: float = 1.0
    takes: int = 1
    seed: int | None = None
    labels: Mapping[str, str | None] = field(default_factory=dict)
    drawing: Mapping[str, float] = field(default_factory=dict)
    recording: Recording | None = None

    @property
    def seeds(self) -> list[int | None]:
        """The seed of each take; None for a new one."""
        return [None if self.seed is None else self.seed + place for place in range(self.takes)]

    def loop(self, guidance: float) -> tuple[str, bool]:
        """Return which of a network's loops it needs; each is compiled when it first runs.

        Args:
            guidance: The preset's own.
        """
        drawn = "restricted" if {"top_k", "top_p"} & set(self.drawing) else "free"
        return drawn, self.drawing.get("guidance", guidance) != 1


@dataclass(frozen=True)
class Elsewhere:
    """How to make a clip without these pages; the command line is empty where it cannot.

    Attributes:
        python: A program.
        command_line: A line for a shell.
    """

    python: str
    command_line: str = ""

    @classmethod
    def of(
        cls, wish: Wish, preset: str, *, seed: int | None, labels: Mapping[str, str], name: str
    ) -> Elsewhere:
        """Say it of one clip.

        Args:
            wish: What was wanted.
            preset: Whose network it is.
            seed: The clip's; None for a score, which has none.
            labels: Its labels, complete.
            name: Its file's name.
        """
        needs = wish.recording is not None
        options: dict[str, object] = {} if seed is None else {"seed": seed}
        options |= {**wish.drawing, **labels}
        convert = {"convert": True} if needs else {}
        words = ", ".join(f"{key}={_literal(value)}" for key, value in (options | convert).items())
        file, target = _literal(FILE), _literal(name)
        flags = _flags(options | {"preset": preset})
        match wish.aim:
            case Aim.SPEAK:
                call = f"network({wish.seconds!r}, {words}).save({target})"
                line = ["generate", "audio", *_flags({"seconds": wish.seconds}), *flags]
                line += ["--out", name]
            case Aim.CONTINUE:
                call = f"network.continue_from({file}, {wish.seconds!r}, {words}).save({target})"
                line = ["generate", "audio", "--continue", FILE, "--convert"]
                line += [*_flags({"seconds": wish.seconds}), *flags, "--out", name]
            case Aim.VOCODE:
                call = f"network.vocode({file}, {words}).save({target})"
                line = ["vocode", FILE, "--convert", *flags, "--out", "said"]
            case Aim.SCORE:
                call, line = f"print(network.score({file}, {words}))", []
        program = IN_PYTHON.format(preset=preset, call=call)
        return cls(program, shlex.join(["sightsound", *line]) if line else "")


def _literal(value: object) -> str:
    """Return a value as Python writes it; words in double quotes, as the rest of the program."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _flags(options: Mapping[str, object]) -> Sequence[str]:
    """Return options as a shell's words."""
    return [
        word
        for name, value in options.items()
        for word in (f"--{name.replace('_', '-')}", f"{value}")
    ]

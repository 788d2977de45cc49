"""What a run says of itself while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

MOVING_S, STANDING_S = 0.5, 30.0  # between two lines on a terminal, and in a file


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes:
        epoch: The epoch that is being trained, from 1.
        epochs: How many there will be.
        step: Steps that are done in this epoch.
        steps: Steps an epoch.
        rows: A mapping for each finished epoch: `epoch`, `accuracy`, `loss`, `rate` and, where
            there is a validation set, `val_accuracy` and `val_loss`.
        running: Means over this epoch so far: `accuracy` and `loss`.
        seconds_left: To the end, at the pace so far.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    rows: Sequence[Mapping[str, float]]
    running: Mapping[str, float]
    seconds_left: float


# Asked after steps, at most every 0.1 s, and after each epoch; True stops the run.
Monitor = Callable[[Progress], bool]


class ProgressLines:
    """Writes a run's progress on standard error: a line an epoch, and one that moves meanwhile."""

    def __init__(self, stream: TextIO) -> None:
        """Take where to write; on a terminal the last line is written over."""
        self.stream, self.moves = stream, stream.isatty()
        self.written = time.monotonic()
        self.width = 0

    def show(self, progress: Progress) -> None:
        """Write what is new, if it is time."""
        ended = progress.step == progress.steps
        now = time.monotonic()
        if not ended and now - self.written < (MOVING_S if self.moves else STANDING_S):
            return
        self.written = now
        values = progress.rows[-1] if ended else progress.running
        text = f"epoch {progress.epoch}/{progress.epochs}"
        if not ended:
            text += f"  step {progress.step}/{progress.steps}"
        for name, value in values.items():
            if name != "epoch":
                text += f"  {name} {value:.2e}" if name == "rate" else f"  {name} {value:.4f}"
        text += f"  {_duration(progress.seconds_left)} left"
        if self.moves:
            text, self.width = "\r" + text.ljust(self.width), 0 if ended else len(text)
        self.stream.write(text + ("\n" if ended or not self.moves else ""))
        self.stream.flush()


def _duration(seconds: float) -> str:
    """Return a time as people say it: 40 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"

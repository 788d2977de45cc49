"""Learning rates over a training: each schedule is one formula of the step.

With t the step, E steps an epoch, e = t / E, W steps of warm-up, T steps in all, r the peak, f the
factor, l the last rate and u = (t - W) / (T - W):

    constant      r
    step          r f^k, where k milestones (in epochs) have been reached
    exponential   r f^e
    inverse       r / (1 + f e)                          ("1/t decay")
    linear        l + (r - l) (1 - u)
    cosine        l + (r - l) (1 + cos(pi u)) / 2        (arXiv:1608.03983, without restarts)
    one_cycle     r/10 to r by u = 0.45, back to r/10 by 0.9, to r/1000 at 1  (arXiv:1803.09820,
                  section 4, in straight lines; the momentum stays as it is)
    plateau       r f^k, after k times that the loss has not fallen for `patience` epochs

All but one_cycle, which has its own, may begin with a warm-up in a straight line from `start` r.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal, get_args

import keras
import numpy as np
from keras import ops

Kind = Literal[
    "constant", "step", "exponential", "inverse", "linear", "cosine", "one_cycle", "plateau"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
DRAWN_POINTS = 500

ONE_CYCLE_UP, ONE_CYCLE_DOWN = 0.45, 0.9
ONE_CYCLE_LOW, ONE_CYCLE_LAST = 0.1, 0.001  # of the peak


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A course of the learning rate, as data.

    Attributes:
        kind: The formula, see the module.
        warm_up: Part of all steps in which the rate rises in a straight line; 0 to below 1.
        start: Where the warm-up starts, as a part of the peak.
        milestones: Epochs at which `step` falls, rising.
        factor: What the formulas call f; `step` and `plateau`: below 1.
        last: The last rate of `linear` and `cosine`, as a part of the peak.
        patience: Epochs that `plateau` waits.
    """

    kind: Kind = "cosine"
    warm_up: float = 1 / 6
    start: float = 1 / 20
    milestones: tuple[float, ...] = ()
    factor: float = 0.1
    last: float = 0.0
    patience: int = 5

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.kind not in KINDS:
            raise ValueError(f"schedule must be one of {', '.join(KINDS)}; got {self.kind!r}")
        for name in ("warm_up", "start", "last"):
            most = 0.99 if name == "warm_up" else 1
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be a part, 0 to {most}; got {getattr(self, name)}")
        if self.factor <= 0 or (self.kind in ("step", "plateau") and self.factor >= 1):
            raise ValueError(f"factor must be above 0, and below 1 for steps; got {self.factor}")
        if self.kind == "step" and not self.milestones:
            raise ValueError("step needs milestones, in epochs; got none")
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones must rise; got {self.milestones}")
        if self.patience < 1:
            raise ValueError(f"patience must be at least 1 epoch; got {self.patience}")

    @classmethod
    def standard(cls, kind: Kind, epochs: int) -> Schedule:
        """Return a schedule of that kind whose parts suit a training of so many epochs.

        `step` falls at one half and at three quarters of the way, as in arXiv:1512.03385, section
        4.2; `exponential` and `inverse` end at a hundredth and at a tenth of the peak.
        """
        if kind == "step":
            return cls(kind=kind, milestones=(epochs / 2, epochs * 3 / 4))
        factors = {"exponential": 0.01 ** (1 / epochs), "inverse": 9 / epochs}
        return cls(kind=kind, factor=factors.get(kind, cls.factor))

    def rate(self, step: Any, *, peak: float, epochs: int, steps_per_epoch: int) -> Any:
        """Return the learning rate at `step`, a number or a tensor from 0 on, as float32.

        `plateau` answers for a loss that falls for ever.
        """
        total = epochs * steps_per_epoch
        warm = 0 if self.kind == "one_cycle" else int(total * self.warm_up)
        t = ops.cast(step, "float32")
        epoch = t / steps_per_epoch
        u = ops.clip((t - warm) / max(1, total - warm), 0.0, 1.0)
        factor = self._factor(epoch, u)
        if warm:
            rising = self.start + (1.0 - self.start) * t / warm
            factor = ops.where(t < warm, rising, factor)
        return peak * factor

    def _factor(self, epoch: Any, u: Any) -> Any:
        """Return the rate over the peak, `u` of the way from the warm-up to the end."""
        if self.kind == "step":
            reached = sum(ops.cast(epoch >= m, "float32") for m in self.milestones)
            return ops.power(self.factor, reached)
        if self.kind == "exponential":
            return ops.power(self.factor, epoch)
        if self.kind == "inverse":
            return 1.0 / (1.0 + self.factor * epoch)
        if self.kind == "linear":
            return self.last + (1.0 - self.last) * (1.0 - u)
        if self.kind == "cosine":
            return self.last + (1.0 - self.last) * 0.5 * (1.0 + ops.cos(np.pi * u))
        if self.kind == "one_cycle":
            low, last, up, down = ONE_CYCLE_LOW, ONE_CYCLE_LAST, ONE_CYCLE_UP, ONE_CYCLE_DOWN
            rising = low + (1 - low) * u / up
            falling = 1 - (1 - low) * (u - up) / (down - up)
            ending = low + (last - low) * (u - down) / (1 - down)
            return ops.where(u < up, rising, ops.where(u < down, falling, ending))
        return ops.ones_like(u)


@keras.saving.register_keras_serializable(package="sightsound")
class ScheduledRate(keras.optimizers.schedules.LearningRateSchedule):
    """A `Schedule` as Keras's optimizers take it.

    Attributes:
        fall: What the rate is multiplied with; `plateau` lowers it.
    """

    def __init__(self, schedule: Schedule, peak: float, epochs: int, steps_per_epoch: int) -> None:
        self.schedule, self.peak = schedule, peak
        self.epochs, self.steps_per_epoch = epochs, steps_per_epoch
        self.fall = keras.Variable(1.0, trainable=False, name="fall")

    def __call__(self, step: Any) -> Any:
        """Return the rate at a step."""
        rate = self.schedule.rate(
            step, peak=self.peak, epochs=self.epochs, steps_per_epoch=self.steps_per_epoch
        )
        return rate * self.fall if self.schedule.kind == "plateau" else rate

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {
            "schedule": vars(self.schedule).copy(),
            "peak": self.peak,
            "epochs": self.epochs,
            "steps_per_epoch": self.steps_per_epoch,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ScheduledRate:
        """Make it again."""
        values = dict(config["schedule"])
        values["milestones"] = tuple(values["milestones"])
        return cls(**{**config, "schedule": Schedule(**values)})


def draw_schedules(
    schedules: dict[str, Schedule],
    path: str | os.PathLike[str],
    *,
    peak: float,
    epochs: int,
    steps_per_epoch: int = 100,
) -> None:
    """Draw the learning rate over the epochs, a line a schedule, into a PNG or SVG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="epoch", ylabel="learning rate")
    steps = np.linspace(0, epochs * steps_per_epoch - 1, DRAWN_POINTS)
    for name, schedule in schedules.items():
        rates = schedule.rate(steps, peak=peak, epochs=epochs, steps_per_epoch=steps_per_epoch)
        axes.plot(steps / steps_per_epoch, ops.convert_to_numpy(rates), label=name)
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(os.fspath(path), dpi=120)

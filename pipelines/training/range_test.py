"""A learning-rate range test: the rate rises while the network trains, and the loss tells.

After Smith (arXiv:1506.01186, section 3.3; arXiv:1803.09820): the rate rises by the same factor a
step; the loss, smoothed, first stays, then falls, then explodes. The suggested peak is a tenth of
the rate at which the smoothed loss was lowest: a loss takes some steps to explode, and smoothing
hides it for some more.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipelines.training.batches import Examples
from pipelines.training.optimizers import make_optimizer
from pipelines.training.schedules import Schedule, ScheduledRate

LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 150
SMOOTHING = 0.9
EXPLODED = 4.0  # times the lowest smoothed loss: nothing is learnt from there on
SAFELY = 0.1


@dataclass(frozen=True)
class RangeTest:
    """What a range test found.

    Attributes:
        rates: The learning rate of each step.
        losses: Each step's loss, smoothed.
        suggested: The peak rate to try.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggested: float

    def draw(self, path: str | os.PathLike[str]) -> None:
        """Draw the loss over the rate into a PNG or SVG file."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 4), layout="constrained")
        axes = figure.add_subplot(xlabel="learning rate", ylabel="loss, smoothed", xscale="log")
        axes.plot(self.rates, self.losses)
        axes.axvline(self.suggested, linestyle="--", color="tab:orange")
        axes.annotate(
            f" suggested: {self.suggested:.2g}",
            (self.suggested, 0.95),
            xycoords=("data", "axes fraction"),
        )
        figure.savefig(os.fspath(path), dpi=120)


def range_test(
    model: keras.Model,
    examples: Examples,
    *,
    loss: keras.losses.Loss,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
    tell: Callable[[int, int], Any] | None = None,
) -> RangeTest:
    """Raise the rate from `lowest` to `highest`, and suggest a peak.

    The network's weights are afterwards what they were.

    Args:
        model: What to train.
        examples: On what, with what plan; its optimizer, decay and batch size are used.
        loss: Of one-hot targets and logits.
        lowest: The first rate.
        highest: The last, unless the loss explodes before.
        steps: How many; each is one batch.
        tell: Called with the number of steps done and of all.

    Raises:
        ValueError: The rates do not rise, or the loss fell nowhere.
    """
    if not 0 < lowest < highest or steps < 2:
        raise ValueError(f"rates must rise in 2 steps or more; got {lowest} to {highest}, {steps}")
    before = [np.asarray(v).copy() for v in model.variables]
    growth = (highest / lowest) ** (1 / (steps - 1))
    epochs = math.ceil(steps / examples.steps)
    # e = t with one step an epoch: r f^e rises by `growth` a step.
    rising = Schedule(kind="exponential", warm_up=0.0, factor=growth)
    plan = replace(examples.plan, epochs=epochs, average=0.0)
    optimizer = make_optimizer(model, plan, ScheduledRate(rising, lowest, steps, 1))
    model.compile(optimizer=optimizer, loss=loss)
    losses = _losses(model, replace(examples, plan=plan).training(), steps, tell)
    for variable, value in zip(model.variables, before, strict=True):
        variable.assign(value)
    rates = tuple(lowest * growth**i for i in range(len(losses)))
    lowest_at = int(np.argmin(losses))
    if lowest_at == 0:
        raise ValueError(
            f"the loss must fall somewhere between rates {lowest:g} and {highest:g}; it only rose; "
            "begin lower, or look at the data"
        )
    return RangeTest(rates, tuple(losses), rates[lowest_at] * SAFELY)


def _losses(
    model: keras.Model,
    batches: tf.data.Dataset,
    steps: int,
    tell: Callable[[int, int], Any] | None,
) -> list[float]:
    """Train until the loss explodes, and return it, smoothed, without the start's bias."""
    smoothed: list[float] = []
    mean = 0.0
    for step, (inputs, targets) in enumerate(batches.take(steps)):
        model.reset_metrics()
        value = float(model.train_on_batch(inputs, targets))
        mean = SMOOTHING * mean + (1 - SMOOTHING) * value
        now = mean / (1 - SMOOTHING ** (step + 1))
        if tell:
            tell(step + 1, steps)
        if not math.isfinite(now) or now > EXPLODED * min(smoothed, default=now):
            break
        smoothed.append(now)
    return smoothed

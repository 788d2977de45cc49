"""What a search may change of a training plan, and in which ranges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from models.words import suggest
from pipelines.training.plan import TrainingPlan

GRID_PART = 8  # a grid's step is this part of a range: a random search of 20 lies about as close


class Suggests(Protocol):
    """The part of an Optuna trial that a parameter needs."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Return the trial's value."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return the trial's value."""


@dataclass(frozen=True)
class Uniform:
    """A number between two, every one as likely."""

    low: float
    high: float

    def __post_init__(self) -> None:
        """Check that it is a range."""
        if not self.low < self.high < math.inf:
            raise ValueError(f"a range must rise; got {self.low} to {self.high}")

    def draw(self, random: np.random.Generator) -> float:
        """Return a random value."""
        return float(random.uniform(self.low, self.high))

    def suggested(self, trial: Suggests, name: str) -> float:
        """Return a trial's value."""
        return trial.suggest_float(name, self.low, self.high)

    def around(self, best: float, points: int) -> list[float]:
        """Return `points` values about `best`, a `GRID_PART` of the range apart, inside it."""
        step = (self.high - self.low) / GRID_PART
        return _unique(min(max(v, self.low), self.high) for v in _steps(best, step, points))


@dataclass(frozen=True)
class LogUniform(Uniform):
    """A positive number between two, every order of magnitude as likely."""

    def __post_init__(self) -> None:
        """Check that it is a range with a logarithm."""
        super().__post_init__()
        if not self.low > 0:
            raise ValueError(f"a logarithmic range must be above 0; got {self.low} to {self.high}")

    def draw(self, random: np.random.Generator) -> float:
        """Return a random value."""
        return float(np.exp(random.uniform(math.log(self.low), math.log(self.high))))

    def suggested(self, trial: Suggests, name: str) -> float:
        """Return a trial's value."""
        return trial.suggest_float(name, self.low, self.high, log=True)

    def around(self, best: float, points: int) -> list[float]:
        """Return `points` values about `best`, a `GRID_PART` of the magnitudes apart."""
        step = math.log(self.high / self.low) / GRID_PART
        values = (math.exp(v) for v in _steps(math.log(best), step, points))
        return _unique(min(max(v, self.low), self.high) for v in values)


@dataclass(frozen=True)
class Choice:
    """One of several values, each as likely."""

    values: tuple[str | int | float | bool, ...]

    def __post_init__(self) -> None:
        """Check that there is something to choose."""
        if not self.values:
            raise ValueError("a choice needs at least one value; got none")

    def draw(self, random: np.random.Generator) -> Any:
        """Return a random value."""
        return self.values[int(random.integers(len(self.values)))]

    def suggested(self, trial: Suggests, name: str) -> Any:
        """Return a trial's value."""
        return trial.suggest_categorical(name, self.values)

    def around(self, best: Any, points: int) -> list[Any]:
        """Return the value itself and those beside it, `points` in all."""
        middle = self.values.index(best)
        first = max(0, min(middle - points // 2, len(self.values) - points))
        return list(self.values[first : first + points])


Parameter = Uniform | Choice
Space = Mapping[str, Parameter]

# Wide enough for every optimizer of a plan. Decay is drawn for `adamw` and `muon`, whose step it is
# multiplied with; batches are those that a processor and a small card take.
SPACE: Space = MappingProxyType(
    {
        "peak_rate": LogUniform(1e-4, 1e-1),
        "weight_decay": LogUniform(1e-4, 1.0),
        "batch_size": Choice((32, 64, 128, 256)),
        "label_smoothing": Uniform(0.0, 0.2),
        "optimizer": Choice(("nesterov", "adamw", "muon")),
    }
)


def check_space(space: Space) -> None:
    """Refuse parameters that a plan does not have.

    Raises:
        ValueError: The message names the nearest.
    """
    known = [field.name for field in fields(TrainingPlan) if field.name != "epochs"]
    if not space:
        raise ValueError(f"a search needs at least one parameter; known: {', '.join(known)}")
    for name in space:
        if name not in known:
            raise ValueError(f"unknown parameter {name!r}; {suggest(name, known)}")


def chosen(space: Space, names: Sequence[str] | None) -> Space:
    """Return the named parameters of a space; all of them where none is named.

    Raises:
        ValueError: The space has no such parameter; the message names the nearest.
    """
    for name in names or ():
        if name not in space:
            raise ValueError(f"unknown parameter {name!r}; {suggest(name, space)}")
    return {name: space[name] for name in space if not names or name in names}


def draw(space: Space, seed: int, number: int) -> dict[str, Any]:
    """Return the configuration of a random search's trial; it depends on nothing else."""
    random = np.random.default_rng((seed, number))
    return {name: parameter.draw(random) for name, parameter in space.items()}


def grid(
    space: Space, best: Mapping[str, Any], refine: Sequence[str], points: int
) -> list[dict[str, Any]]:
    """Return the configurations around `best` that differ in the parameters `refine` only."""
    axes = [
        parameter.around(best[name], points) if name in refine else [best[name]]
        for name, parameter in space.items()
    ]
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*axes)]


def planned(plan: TrainingPlan, values: Mapping[str, Any], epochs: int) -> TrainingPlan:
    """Return a plan with these values, for so many epochs."""
    changes: dict[str, Any] = {**values, "epochs": epochs}
    return replace(plan, **changes)


def _steps(middle: float, step: float, points: int) -> list[float]:
    return [middle + step * (i - (points - 1) / 2) for i in range(points)]


def _unique(values: Any) -> list[float]:
    return list(dict.fromkeys(values))

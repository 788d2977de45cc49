"""A recipe's run: a training a seed, what is measured of each, one report of all, and the preset.

OUT/NAME/           the preset to ship: the first seed's, with its log and all figures
OUT/report.json     the figures of all seeds
OUT/seed_N/         a training, see `pipelines.training.run_folder`

`RecipeTraining` goes through these steps. What of them is a task's own - the data, the network, the
batches, the loss, what is measured, the preset - the task's `training` module adds.
"""

from __future__ import annotations

import json
import shutil
import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import keras
import tensorflow as tf

from pipelines.devices import HardwareError
from pipelines.fitting import fit_stream
from pipelines.training.batches import HeldOut, Stream
from pipelines.training.checkpoints import write_whole
from pipelines.training.plan import TrainingPlan
from pipelines.training.precision import computing_in
from pipelines.training.progress import Monitor
from pipelines.training.replicas import is_chief
from pipelines.training.run_folder import LOG

REPORT = "report.json"
WORDS = ("title", "expected", "licence")  # what of a recipe is for people, and decides nothing


class StatedRecipe(Protocol):
    """What every task's recipe states: a frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def title(self) -> str:
        """One line for people."""

    @property
    def plan(self) -> TrainingPlan:
        """How long and how fast."""

    @property
    def expected(self) -> str:
        """The figures to expect, and the cost."""

    @property
    def licence(self) -> str:
        """What the data's authors state."""


R = TypeVar("R", bound=StatedRecipe)


@dataclass(frozen=True, kw_only=True)
class RecipeRun(Generic[R]):
    """What is trained, where, and on what.

    Attributes:
        name: The recipe's, and its preset's.
        recipe: What is trained.
        out: The run's folder, see the module.
        data: Where the recipe's data lies.
        seeds: One training each.
        strategy: What to train on, see `pipelines.devices`; of several workers each has this same
            run, and the chief alone writes.
        progress: Whether to tell on standard error how far it is.
        monitor: Is told how far it is, and may stop it.
    """

    name: str
    recipe: R
    out: Path
    data: str | None
    seeds: Sequence[int]
    strategy: tf.distribute.Strategy
    progress: bool
    monitor: Monitor | None

    def __post_init__(self) -> None:
        """Check that there is something to train."""
        if not self.seeds:
            raise ValueError("seeds must name at least one training; got none")

    @property
    def preset(self) -> Path:
        """The folder of the preset to ship."""
        return self.out / self.name

    @property
    def report(self) -> Path:
        """The file of all figures."""
        return self.out / REPORT

    def seed_folder(self, seed: int) -> Path:
        """Return the folder of one training."""
        return self.out / f"seed_{seed}"

    def identity(self) -> dict[str, Any]:
        """Return what decides the result, besides the seed."""
        return {name: value for name, value in asdict(self.recipe).items() if name not in WORDS}

    def stated(self, data: str, trained: str) -> dict[str, str]:
        """Return what the preset states of itself, but for its figures.

        Args:
            data: What it was trained on.
            trained: By what command.
        """
        recipe = self.recipe
        return {
            "title": recipe.title,
            "description": f"{recipe.expected}. Trained by {trained}.",
            "data": data,
            "licence": f"weights Apache-2.0; data: {recipe.licence}",
        }

    def need_single_device(self, trained: str) -> None:
        """Refuse several replicas, between which this is not shared.

        Args:
            trained: What needs it, for the message.

        Raises:
            HardwareError: There are several.
        """
        replicas = self.strategy.num_replicas_in_sync
        if replicas > 1:
            raise HardwareError(
                f"{trained} needs a single device; there are {replicas} replicas; leave the "
                "strategy out"
            )


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What is fitted, on what, and by what.

    Attributes:
        learner: The network, or what has it as a part.
        stream: The batches.
        loss: What is made small.
        measures: What else is measured, by its name: what maps targets and outputs to values (B,).
        held_out: What each epoch's averaged weights are measured on.
    """

    learner: keras.Model
    stream: Stream
    loss: keras.losses.Loss
    measures: Mapping[str, Callable[[Any, Any], Any]] = field(default_factory=dict)
    held_out: HeldOut | None = None


@dataclass(frozen=True)
class Trained:
    """What came of one seed: the network, the log, and the steps that it took."""

    network: keras.Model
    rows: Sequence[Mapping[str, float]]
    steps: int


class RecipeTraining(ABC, Generic[R]):
    """The training of a recipe, once a seed.

    Attributes:
        run: What is trained, where, and on what.
        recipe: The run's.
        figure: What the report calls that which is measured of each seed.
    """

    figure: ClassVar[str]

    def __init__(self, run: RecipeRun[R]) -> None:
        """Take what to train. A task reads its data here, before anything is written."""
        self.run, self.recipe = run, run.recipe

    @property
    @abstractmethod
    def trained_on(self) -> str:
        """What the preset states of its data."""

    @abstractmethod
    def begin(self) -> keras.Model:
        """Return the network with its first weights."""

    @abstractmethod
    def lesson(self, network: keras.Model, seed: int) -> Lesson:
        """Return how the network learns."""

    @abstractmethod
    def measure(self, trained: Trained) -> float:
        """Return the report's figure of one seed."""

    @abstractmethod
    def publish(self, network: keras.Model, facts: Mapping[str, Any]) -> None:
        """Write the preset with all that was measured of it, as it comes back from half precision.

        Args:
            network: The one to ship, in the form that trained.
            facts: What the preset states of itself, but for its figures.
        """

    def train(self) -> dict[str, Any]:
        """Train once a seed, measure each, publish the first, and return the report.

        A training that was interrupted goes on where it stopped. A worker that is not the chief
        returns nothing.

        Raises:
            ValueError: A folder holds another run.
            TrainingError: The training failed, see `pipelines.fitting.fit`.
        """
        run, start = self.run, time.monotonic()
        trained = [self._train_once(seed) for seed in run.seeds]
        if not is_chief(run.strategy):
            return {}
        figures = [self.measure(each) for each in trained]
        steps = trained[0].steps
        report: dict[str, Any] = {
            "recipe": run.name,
            "seeds": list(run.seeds),
            "steps": steps,
            "minutes": round((time.monotonic() - start) / 60, 1),
            self.figure: figures,
            "mean": statistics.mean(figures),
            "preset": str(run.preset),
        }
        command = f"`sightsound train {run.name} --data FOLDER`: {steps:,} steps"
        self.publish(trained[0].network, run.stated(self.trained_on, command))
        shutil.copy(run.seed_folder(run.seeds[0]) / LOG, run.preset / LOG)
        write_report(report, run.report)
        return report

    def _train_once(self, seed: int) -> Trained:
        run, plan = self.run, self.recipe.plan
        keras.utils.set_random_seed(seed)
        with run.strategy.scope(), computing_in(plan.precision):
            network = self.begin()
            lesson = self.lesson(network, seed)
        identity = run.identity()
        del identity["plan"]  # which is told anyway
        rows = fit_stream(
            lesson.learner,
            lesson.stream,
            loss=lesson.loss,
            metrics=[keras.metrics.MeanMetricWrapper(f, n) for n, f in lesson.measures.items()],
            held_out=lesson.held_out,
            folder=run.seed_folder(seed),
            progress=run.progress,
            monitor=run.monitor,
            strategy=run.strategy,
            facts={"recipe": identity},
        )
        return Trained(network, rows, plan.epochs * lesson.stream.steps)


def write_report(report: Mapping[str, Any], path: Path) -> None:
    """Write figures, whole or not at all."""
    text = json.dumps(report, indent=2) + "\n"
    write_whole(path, lambda file: file.write(text.encode()))

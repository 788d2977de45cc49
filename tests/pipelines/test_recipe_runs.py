"""The steps of every recipe's run, by a recipe of its own: a line through the origin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipelines.devices import HardwareError
from pipelines.recipe_runs import Lesson, RecipeRun, RecipeTraining, Trained
from pipelines.training.batches import ALL_ROWS
from pipelines.training.plan import TrainingPlan
from pipelines.training.replicas import Share
from pipelines.training.stopping import TrainingStopped
from tests.pipelines.small_trainings import PLAN, logged

ADAM = replace(PLAN, optimizer="adam")


@dataclass(frozen=True, kw_only=True)
class LineRecipe:
    title: str = "A line"
    slope: float = 2.0
    plan: TrainingPlan = ADAM
    expected: str = "The slope"
    licence: str = "CC0"


@dataclass(frozen=True)
class Points:
    """Points of a line, other ones with another seed."""

    slope: float
    plan: TrainingPlan
    seed: int
    steps = 5

    def facts(self) -> Mapping[str, Any]:
        return {"seed": self.seed}

    def training(self, first_step: int = 0, share: Share = ALL_ROWS) -> tf.data.Dataset:
        count = self.plan.epochs * self.steps * self.plan.batch_size
        x = np.random.default_rng(self.seed).random((count, 1), np.float32)
        first, end = share.rows(self.plan.batch_size)
        points = tf.data.Dataset.from_tensor_slices((x, self.slope * x))
        batches = points.batch(self.plan.batch_size).skip(first_step)
        return batches.map(lambda x, y: (x[first:end], y[first:end]))


class LineTraining(RecipeTraining[LineRecipe]):
    figure = "slope"
    trained_on = "points"

    def begin(self) -> keras.Model:
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])

    def lesson(self, network: keras.Model, seed: int) -> Lesson:
        return Lesson(
            learner=network,
            stream=Points(self.recipe.slope, self.recipe.plan, seed),
            loss=keras.losses.MeanSquaredError(),
            measures={"off": keras.losses.mean_absolute_error},
        )

    def measure(self, trained: Trained) -> float:
        return slope(trained.network)

    def publish(self, network: keras.Model, facts: Mapping[str, Any]) -> None:
        self.run.preset.mkdir(exist_ok=True)
        text = json.dumps({**facts, "slope": slope(network)})
        (self.run.preset / "facts.json").write_text(text, "utf-8")


def slope(network: keras.Model) -> float:
    return float(network.get_weights()[0][0, 0])


def line_run(out: Path, recipe: LineRecipe | None = None, **options: Any) -> RecipeRun[LineRecipe]:
    known: dict[str, Any] = {
        "data": None,
        "seeds": (0,),
        "strategy": tf.distribute.get_strategy(),
        "progress": False,
        "monitor": None,
    }
    return RecipeRun(name="line", recipe=recipe or LineRecipe(), out=out, **(known | options))


def trained(out: Path, recipe: LineRecipe | None = None, **options: Any) -> dict[str, Any]:
    return LineTraining(line_run(out, recipe, **options)).train()


def test_each_seed_is_trained_and_the_first_is_published(tmp_path: Path) -> None:
    report = trained(tmp_path, seeds=(3, 1))
    assert report == json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert list(report) == ["recipe", "seeds", "steps", "minutes", "slope", "mean", "preset"]
    first, second = report["slope"]
    assert first != second
    assert report["mean"] == pytest.approx((first + second) / 2)
    assert (report["recipe"], report["seeds"], report["steps"]) == ("line", [3, 1], 10)
    assert report["preset"] == str(tmp_path / "line")
    assert json.loads((tmp_path / "line" / "facts.json").read_text("utf-8")) == {
        "title": "A line",
        "description": "The slope. Trained by `sightsound train line --data FOLDER`: 10 steps.",
        "data": "points",
        "licence": "weights Apache-2.0; data: CC0",
        "slope": first,
    }
    assert logged(tmp_path / "line") == logged(tmp_path / "seed_3") != logged(tmp_path / "seed_1")
    assert {"loss", "off"} <= {*logged(tmp_path / "line")[0]}


def test_an_interrupted_run_goes_on_and_reports_at_its_end(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole")
    with pytest.raises(TrainingStopped):
        trained(tmp_path / "parts", monitor=lambda now: now.epoch == 1)
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["seed_0"]
    # What is for people decides nothing: a run goes on by other words.
    parts = trained(tmp_path / "parts", LineRecipe(title="Line", expected="", licence="MIT"))
    assert parts["slope"] == whole["slope"]
    with pytest.raises(ValueError, match=r"holds another run: recipe.slope 2.0, now 3.0"):
        trained(tmp_path / "parts", LineRecipe(slope=3.0))


def test_what_cannot_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seeds must name at least one training; got none"):
        line_run(tmp_path, seeds=())
    two = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    message = "^a line needs a single device; there are 2 replicas; leave the strategy out$"
    with pytest.raises(HardwareError, match=message):
        line_run(tmp_path, strategy=two).need_single_device("a line")
    line_run(tmp_path).need_single_device("a line")

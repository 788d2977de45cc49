"""Trains a classifier by its recipe, measures what came of it, and writes the preset.

Besides what `pipelines.recipe_runs` names:

OUT/seed_N/preset/      the classifier of one training
OUT/seed_N/report.json  its figures
OUT/before/             of a recipe of several stages: all that of the stages before the last
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from models.catalog import create_model
from models.folding import fold_into
from pipelines.classification.data import LabelledImages, load_data
from pipelines.classification.ensemble import Ensemble
from pipelines.classification.network_training import fit_network, make_network, start_from
from pipelines.classification.picture_cache import cached_pictures
from pipelines.classification.pipeline import ImageClassification
from pipelines.classification.recipes import Recipe
from pipelines.preprocessing import ImagePreprocessing
from pipelines.recipe_runs import REPORT, RecipeRun, write_report
from pipelines.training.replicas import everyones, is_chief
from pipelines.training.run_folder import LOG, read_log, write_log

PRESET = "preset"


def train_classifiers(run: RecipeRun[Recipe]) -> dict[str, Any]:
    """Train a classifier a seed, measure each, publish the first, and return the report.

    A seed that is complete is not trained again; one that was interrupted goes on. Of several
    seeds, the ensemble is measured, too. A worker that is not the chief returns nothing.

    Raises:
        DataError: The data is not there.
        ValueError: A folder holds another run.
        TrainingError: The training failed, see `pipelines.fitting.fit`.
    """
    chosen = run.recipe
    others = [load_data(also) for also in chosen.also]  # what is missing is said before training
    trained = [_SeedRun(run, seed) for seed in run.seeds]
    for each in trained:
        each.complete()
    if not is_chief(run.strategy):
        return {}
    accuracies = [each.report["accuracy"] for each in trained]
    summary: dict[str, Any] = {
        "recipe": run.name,
        "data": f"{chosen.data} {chosen.measured}",
        "seeds": list(run.seeds),
        "accuracy": accuracies,
        "mean": statistics.mean(accuracies),
        "spread": max(accuracies) - min(accuracies),
        "preset": str(run.preset),
    }
    if len(trained) > 1:
        held_out = load_data(chosen.data, chosen.measured, folder=run.data)
        ensemble = Ensemble.from_presets([each.folder / PRESET for each in trained])
        summary["ensemble"] = ensemble.evaluate(held_out).accuracy
    _publish(trained[0], summary, others)
    write_report(summary, run.report)
    return summary


@dataclass(frozen=True)
class _SeedRun:
    """One training of a recipe, in its folder."""

    run: RecipeRun[Recipe]
    seed: int

    @property
    def recipe(self) -> Recipe:
        """What is trained."""
        return self.run.recipe

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.run.seed_folder(self.seed)

    @property
    def report(self) -> dict[str, Any]:
        """What came of it."""
        found: dict[str, Any] = json.loads((self.folder / REPORT).read_text("utf-8"))
        return found

    @property
    def before(self) -> _SeedRun | None:
        """The stages before the last, if there are some."""
        if not self.recipe.then:
            return None
        recipe = replace(self.recipe, then=self.recipe.then[:-1])
        return _SeedRun(replace(self.run, recipe=recipe, out=self.run.out / "before"), self.seed)

    @property
    def log(self) -> list[dict[str, float]]:
        """A row an epoch, of all stages."""
        rows = read_log(self.folder / LOG)
        before = self.before.log if self.before else []
        return [*before, *({**row, "epoch": row["epoch"] + len(before)} for row in rows)]

    def complete(self) -> None:
        """Train, measure and write, unless that is done.

        Raises:
            ValueError: The folder holds a training by another recipe.
        """
        if (self.folder / REPORT).is_file():
            if self.report["identity"] != self._identity():
                raise ValueError(
                    f"{str(self.folder)!r} holds a training by another recipe or plan; take "
                    "another folder, or remove that one"
                )
            return
        run, chosen, before, stage = self.run, self.recipe, self.before, self.recipe.stages[-1]
        seed = self.seed + len(chosen.then)  # in each stage another order and other changes
        if before is not None:
            before.complete()
            everyones(0, run.strategy)  # the chief has written it
        train = self._pictures("train")
        keras.utils.set_random_seed(seed)
        network = make_network(
            chosen.model,
            chosen.preprocessing,
            classes=len(train.classes),
            precision=stage.plan.precision,
            initialisation=chosen.initialisation,
            noise=chosen.noise,
            seed=seed,
            strategy=run.strategy,
        )
        if before is not None:
            start_from(network, ImageClassification.from_preset(before.folder / PRESET).model)
        fitted = cached_pictures(train, chosen.preprocessing, progress=run.progress)
        preprocessing = chosen.preprocessing
        if chosen.standardise:
            preprocessing = preprocessing.standardised(chosen.standardise, fitted.images)
        start = time.monotonic()
        fit_network(
            network,
            preprocessing,
            fitted.images,
            fitted.labels,
            plan=stage.plan,
            augment=stage.augment,
            loss=chosen.criterion(),
            seed=seed,
            folder=self.folder,
            progress=run.progress,
            monitor=run.monitor,
            strategy=run.strategy,
            facts={"recipe": self._identity()},
        )
        if is_chief(run.strategy):
            minutes = (time.monotonic() - start) / 60 + (before.report["minutes"] if before else 0)
            self._ship(network, preprocessing, train, minutes)

    def _identity(self) -> dict[str, Any]:
        """Return what decides the result, as JSON gives it back."""
        settings = {**self.run.identity(), "seed": self.seed}
        found: dict[str, Any] = json.loads(json.dumps(settings))
        return found

    def _pictures(self, split: Any) -> LabelledImages:
        return load_data(self.recipe.data, split, folder=self.run.data)

    def _classifier(
        self, network: keras.Model, preprocessing: ImagePreprocessing, train: LabelledImages
    ) -> ImageClassification:
        return ImageClassification(
            network, preprocessing=preprocessing, labels=train.classes, preset=self.run.name
        )

    def _ship(
        self,
        network: keras.Model,
        preprocessing: ImagePreprocessing,
        train: LabelledImages,
        minutes: float,
    ) -> None:
        """Write the preset and the report."""
        chosen = self.recipe
        shipped = create_model(
            chosen.folded_into or chosen.model,
            classes=len(train.classes),
            input_shape=preprocessing.input_shape,
        )
        if chosen.folded_into:
            fold_into(shipped, network)
        else:
            shipped.set_weights(network.get_weights())
        facts = self.run.stated(
            f"{chosen.data} train, {len(train):,} pictures",
            f"`sightsound train {self.run.name} --seeds {self.seed}`",
        )
        classifier = self._classifier(shipped, preprocessing, train)
        saved = classifier.save(self.folder / PRESET, metadata=facts, overwrite=True)
        # What is measured is what is shipped: the weights as they come back from half precision.
        classifier, held_out = (
            ImageClassification.from_preset(saved),
            self._pictures(chosen.measured),
        )
        measured = classifier.evaluate(held_out)
        report = {
            "recipe": self.run.name,
            "seed": self.seed,
            "epochs": sum(stage.plan.epochs for stage in chosen.stages),
            "minutes": round(minutes, 1),
            "accuracy": measured.accuracy,
            "ece": measured.ece,
            "loss": measured.loss,
            "identity": self._identity(),
        }
        if chosen.augment.mirror:
            report["accuracy_mirrored"] = classifier.evaluate(held_out, mirror=True).accuracy
        write_report(report, self.folder / REPORT)


def _publish(first: _SeedRun, summary: Mapping[str, Any], others: Sequence[LabelledImages]) -> None:
    """Write the first seed's preset under the recipe's name, with all that was measured."""
    classifier = ImageClassification.from_preset(first.folder / PRESET)
    name, data, seeds = summary["recipe"], summary["data"], summary["seeds"]
    report = first.report
    named, part = data.split()
    split = "" if part == "test" else f" --split {part}"
    evaluate = f"sightsound evaluate --preset {name} --data {named}{split}"
    train = f"sightsound train {name} --seeds {' '.join(map(str, seeds))}"
    rows = [
        ("accuracy", report["accuracy"], data, evaluate),
        ("calibration error", report["ece"], data, evaluate),
    ]
    if "accuracy_mirrored" in report:
        mirrored = report["accuracy_mirrored"]
        rows.append(("accuracy with mirror images", mirrored, data, f"{evaluate} --mirror"))
    for other in others:
        accuracy = classifier.evaluate(other).accuracy
        command = f"sightsound evaluate --preset {name} --data {other.name.split()[0]}"
        rows.append(("accuracy", accuracy, other.name, command))
    if len(seeds) > 1:
        rows.append((f"accuracy, mean of {len(seeds)} seeds", summary["mean"], data, train))
        rows.append(("accuracy, best less worst seed", summary["spread"], data, train))
        rows.append((f"accuracy, ensemble of {len(seeds)}", summary["ensemble"], data, train))
    keys = ("name", "value", "data", "command")
    metrics = [dict(zip(keys, row, strict=True)) for row in rows]
    published = classifier.save(summary["preset"], metadata={"metrics": metrics}, overwrite=True)
    write_log(published / LOG, first.log)

"""Trains a recipe, measures what came of it, and writes the preset.

OUT/NAME/           the preset to ship: the first seed's, with its log and all figures
OUT/report.json     the figures of all seeds
OUT/seed_N/         a training, see `pipelines.training.run_folder`
OUT/seed_N/preset/  its classifier
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from models.catalog import create_model
from models.folding import fold_into
from pipelines.classification.data import LabelledImages, load_data
from pipelines.classification.ensemble import Ensemble
from pipelines.classification.network_training import fit_network, make_network
from pipelines.classification.picture_cache import cached_pictures
from pipelines.classification.pipeline import ImageClassification
from pipelines.classification.recipes import Recipe, recipe
from pipelines.preprocessing import ImagePreprocessing
from pipelines.training.checkpoints import write_whole
from pipelines.training.progress import Monitor
from pipelines.training.replicas import is_chief
from pipelines.training.run_folder import LOG

REPORT, PRESET = "report.json", "preset"


def train_recipe(
    name: str,
    *,
    out: str | os.PathLike[str],
    instead: Recipe | None = None,
    data: str | None = None,
    seeds: Sequence[int] = (0,),
    epochs: int | None = None,
    changes: Mapping[str, Any] | None = None,
    strategy: tf.distribute.Strategy | None = None,
    progress: bool = False,
    monitor: Monitor | None = None,
) -> dict[str, Any]:
    """Train a recipe once a seed, evaluate each, and return the report.

    A seed that is complete is not trained again; one that was interrupted goes on. Of several
    seeds, the ensemble is measured, too.

    Args:
        name: One of `RECIPES`.
        out: The run's folder, see the module.
        instead: A recipe to train instead of the one of that name.
        data: Where the data set lies; None lets Keras download it.
        seeds: One training each.
        epochs: Instead of the recipe's.
        changes: What `TrainingPlan.changed` takes, such as `precision` and `jit`.
        strategy: What to train on, see `pipelines.devices`; of several workers each makes this same
            call, and the chief alone writes. The others return nothing.
        progress: Whether to tell on standard error how far it is.
        monitor: Is told how far it is, and may stop it.

    Raises:
        ValueError: There is no such recipe, or the folder holds another run.
        TrainingError: The training failed, see `pipelines.fitting.fit`.
    """
    strategy = strategy or tf.distribute.get_strategy()
    chosen = instead or recipe(name)
    if not seeds:
        raise ValueError("seeds must name at least one training; got none")
    changes = {**(changes or {}), **({} if epochs is None else {"epochs": epochs})}
    chosen = replace(chosen, plan=chosen.plan.changed(**changes))
    others = [load_data(also) for also in chosen.also]  # what is missing is said before training
    runs = [_SeedRun(name, chosen, Path(out) / f"seed_{seed}", data, seed) for seed in seeds]
    for each in runs:
        each.complete(strategy, progress=progress, monitor=monitor)
    if not is_chief(strategy):
        return {}
    accuracies = [each.report["accuracy"] for each in runs]
    summary: dict[str, Any] = {
        "recipe": name,
        "data": f"{chosen.data} {chosen.measured}",
        "seeds": list(seeds),
        "accuracy": accuracies,
        "mean": statistics.mean(accuracies),
        "spread": max(accuracies) - min(accuracies),
        "preset": str(Path(out) / name),
    }
    if len(runs) > 1:
        held_out = load_data(chosen.data, chosen.measured, folder=data)
        ensemble = Ensemble.from_presets([each.folder / PRESET for each in runs])
        summary["ensemble"] = ensemble.evaluate(held_out).accuracy
    _publish(runs[0], summary, others)
    _write(summary, Path(out) / REPORT)
    return summary


@dataclass(frozen=True)
class _SeedRun:
    """One training of a recipe, in its folder."""

    name: str
    recipe: Recipe
    folder: Path
    data: str | None
    seed: int

    @property
    def report(self) -> dict[str, Any]:
        """What came of it."""
        found: dict[str, Any] = json.loads((self.folder / REPORT).read_text("utf-8"))
        return found

    def complete(
        self, strategy: tf.distribute.Strategy, *, progress: bool, monitor: Monitor | None
    ) -> None:
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
        chosen, train = self.recipe, self._pictures("train")
        keras.utils.set_random_seed(self.seed)
        network = make_network(
            chosen.model,
            chosen.preprocessing,
            classes=len(train.classes),
            precision=chosen.plan.precision,
            initialisation=chosen.initialisation,
            noise=chosen.noise,
            seed=self.seed,
            strategy=strategy,
        )
        fitted = cached_pictures(train, chosen.preprocessing, progress=progress)
        preprocessing = chosen.preprocessing
        if chosen.standardise:
            preprocessing = preprocessing.standardised(chosen.standardise, fitted.images)
        start = time.monotonic()
        fit_network(
            network,
            preprocessing,
            fitted.images,
            fitted.labels,
            plan=chosen.plan,
            augment=chosen.augment,
            loss=chosen.criterion(),
            seed=self.seed,
            folder=self.folder,
            progress=progress,
            monitor=monitor,
            strategy=strategy,
            facts={"recipe": self._identity()},
        )
        if is_chief(strategy):
            minutes = (time.monotonic() - start) / 60
            self._ship(network, preprocessing, train, minutes)

    def _identity(self) -> dict[str, Any]:
        """Return what decides the result, as JSON gives it back."""
        settings = asdict(self.recipe)
        for words in ("title", "expected", "licence"):
            del settings[words]
        found: dict[str, Any] = json.loads(json.dumps({**settings, "seed": self.seed}))
        return found

    def _pictures(self, split: Any) -> LabelledImages:
        return load_data(self.recipe.data, split, folder=self.data)

    def _classifier(
        self, network: keras.Model, preprocessing: ImagePreprocessing, train: LabelledImages
    ) -> ImageClassification:
        return ImageClassification(
            network, preprocessing=preprocessing, labels=train.classes, preset=self.name
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
        command = f"sightsound train {self.name} --seeds {self.seed}"
        facts = {
            "title": chosen.title,
            "description": f"{chosen.expected}. Trained by `{command}`.",
            "data": f"{chosen.data} train, {len(train):,} pictures",
            "licence": f"weights Apache-2.0; data: {chosen.licence}",
        }
        classifier = self._classifier(shipped, preprocessing, train)
        saved = classifier.save(self.folder / PRESET, metadata=facts, overwrite=True)
        # What is measured is what is shipped: the weights as they come back from half precision.
        classifier, held_out = (
            ImageClassification.from_preset(saved),
            self._pictures(chosen.measured),
        )
        measured = classifier.evaluate(held_out)
        report = {
            "recipe": self.name,
            "seed": self.seed,
            "epochs": chosen.plan.epochs,
            "minutes": round(minutes, 1),
            "accuracy": measured.accuracy,
            "ece": measured.ece,
            "loss": measured.loss,
            "identity": self._identity(),
        }
        if chosen.augment.mirror:
            report["accuracy_mirrored"] = classifier.evaluate(held_out, mirror=True).accuracy
        _write(report, self.folder / REPORT)


def _write(report: Mapping[str, Any], path: Path) -> None:
    text = json.dumps(report, indent=2) + "\n"
    write_whole(path, lambda file: file.write(text.encode()))


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
    shutil.copy(first.folder / LOG, published / LOG)

"""A classifier of one's own pictures: from a folder to a preset.

    OUT/pictures/       the pictures as the network sees them; files that were skipped
    OUT/preset/         the classifier
    OUT/report.json     what came of it
    OUT/...             what every training keeps, see `pipelines.training.run_folder`

The validation part tells how good the result is; the test part is left for `sightsound evaluate`.
"""

from __future__ import annotations

import json
import math
import os
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.catalog import create_model
from pipelines.classification.data import (
    DEFAULT_PARTS,
    DataError,
    LabelledImages,
    OnBad,
    Parts,
    Split,
    load_data,
)
from pipelines.classification.network_training import fit_network, make_network, start_from
from pipelines.classification.own_recipe import OwnRecipe, check_classes, own_recipe
from pipelines.classification.picture_cache import CachedPictures, cached_pictures
from pipelines.classification.pipeline import ImageClassification
from pipelines.training.checkpoints import write_whole
from pipelines.training.progress import Monitor

__all__ = ["OwnRecipe", "own_recipe", "report_text", "train_own", "wilson_interval"]

PICTURES, PRESET, REPORT = "pictures", "preset", "report.json"
NORMAL_95 = 1.959964  # standard deviations of a normal distribution that hold 95 % of it


@dataclass(frozen=True)
class _Part:
    """A part of the pictures: where they are, and as the network sees them."""

    data: LabelledImages
    pictures: CachedPictures

    @property
    def readable(self) -> LabelledImages:
        """The pictures that could be read."""
        return self.data.at(self.pictures.places)


def train_own(
    source: str | os.PathLike[str],
    *,
    out: str | os.PathLike[str],
    network: str = "resnet20",
    size_px: int = 64,
    epochs: int | None = None,
    mirror: bool = True,
    start: str | os.PathLike[str] | None = None,
    head_only: bool = False,
    changes: Mapping[str, Any] | None = None,
    seed: int = 0,
    parts: Parts = DEFAULT_PARTS,
    on_error: OnBad = "raise",
    progress: bool = False,
    monitor: Monitor | None = None,
    strategy: tf.distribute.Strategy | None = None,
    tell: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Train a classifier on a person's own pictures and return the report.

    A run that was stopped goes on when it is started again; one that is complete is not trained
    again.

    Args:
        source: What `load_data` takes: a folder that has a folder of pictures a class, a CSV file.
        out: The run's folder, see the module.
        network: See `own_recipe`, as for `size_px`, `epochs` and `mirror`.
        size_px: See there.
        epochs: See there.
        mirror: See there.
        start: A preset to start from, one's own or `resnet50_imagenet`, say, whose weights are
            downloaded; layers of other shapes, such as the last, start at random.
        head_only: Whether all layers but the last stay as `start` has them.
        changes: What `TrainingPlan.changed` takes, such as `precision`.
        seed: Determines weights, order and random changes.
        parts: What is held out where the data does not say.
        on_error: What a picture that cannot be read does: `raise` its error, or `skip` it, which
            names it in the report and in a CSV file.
        progress: Whether to tell on standard error how far it is.
        monitor: Is told how far it is, and may stop it.
        strategy: Where to train; one process, one or more devices.
        tell: Is given each warning before the training begins.

    Returns:
        What `report.json` holds; `report_text` says it in words.

    Raises:
        DataError: There is nothing to learn from.
        ImageError: A picture cannot be read.
        ValueError: An argument does not fit, or `out` holds another run.
    """
    if head_only and start is None:
        raise ValueError("head_only keeps the layers of a preset; name the preset with start")
    out = Path(out)
    load = partial(load_data, source, parts=parts, on_error=on_error)
    train, validation = load("train", held_out=True), load("validation")
    first = ImageClassification.from_preset(start) if start is not None else None
    chosen = own_recipe(
        train, network=network, size_px=size_px, epochs=epochs, mirror=mirror, start=first
    )
    chosen = replace(chosen, plan=chosen.plan.changed(**(changes or {})))
    keras.utils.set_random_seed(seed)
    model = _network(chosen, len(train.classes), first, head_only, strategy)
    kept = partial(
        cached_pictures,
        preprocessing=chosen.preprocessing,
        folder=out / PICTURES,
        on_error=on_error,
        progress=progress,
    )
    training = _Part(train, kept(train, name="train"))
    watched = _Part(validation, kept(validation, name="validation"))
    check_classes(training.readable)  # some may have lost all their pictures
    warnings = [*chosen.warnings, *_unmeasured(load, watched)]
    if tell:
        for warning in warnings:
            tell(warning)
    if first is None:
        measured = chosen.preprocessing.standardised("standard", training.pictures.images)
        chosen = replace(chosen, preprocessing=measured)
    facts = _facts(chosen, training, watched, start, head_only)
    identity = json.loads(json.dumps({**facts, "recipe": asdict(chosen), "seed": seed}))
    report = _finished(out, identity)
    if report is None:
        begun = time.monotonic()
        fit_network(
            model,
            chosen.preprocessing,
            training.pictures.images,
            training.pictures.labels,
            plan=chosen.plan,
            augment=chosen.augment,
            seed=seed,
            folder=out,
            progress=progress,
            validation=(watched.pictures.images, watched.pictures.labels),
            monitor=monitor,
            strategy=strategy,
            facts=facts,
        )
        minutes = (time.monotonic() - begun) / 60
        report = {"minutes": round(minutes, 2), "warnings": warnings, "identity": identity}
        report |= _publish(model, chosen, source, out, training, watched)
        text = json.dumps(report, indent=2) + "\n"
        write_whole(out / REPORT, lambda file: file.write(text.encode()))
    return report


def report_text(report: dict[str, Any]) -> str:
    """Return a report in words, a line a fact."""
    low, high = report["interval"]
    baseline = report["baseline"]
    counts = report["pictures"]
    return "\n".join(
        (
            f"{counts['train']} pictures trained on, {counts['validation']} held out to validate",
            f"accuracy on the held-out pictures: {report['accuracy']:.1%} "
            f"(95 % interval {low:.1%} to {high:.1%})",
            f"always guessing {baseline['label']!r}: {baseline['accuracy']:.1%}",
            f"preset: {report['preset']}",
        )
    )


def wilson_interval(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a fraction, `right` of `count`.

    Wilson's (doi:10.1080/01621459.1927.10502953): unlike the fraction plus or minus two standard
    errors, it stays within 0 and 1 and holds for few pictures and for none that is wrong.
    """
    z, share = NORMAL_95, right / count
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def _network(
    chosen: OwnRecipe,
    classes: int,
    first: ImageClassification | None,
    head_only: bool,
    strategy: tf.distribute.Strategy | None,
) -> keras.Model:
    model = make_network(
        chosen.model,
        chosen.preprocessing,
        classes=classes,
        precision=chosen.plan.precision,
        strategy=strategy,
    )
    if first is not None:
        start_from(model, first.model)
    for layer in model.layers[:-1] if head_only else ():
        layer.trainable = False
    return model


def _facts(
    chosen: OwnRecipe,
    training: _Part,
    watched: _Part,
    start: str | os.PathLike[str] | None,
    head_only: bool,
) -> dict[str, Any]:
    """Return what the run is of, besides its plan: it is taken up again only with the same."""
    return {
        "network": chosen.model,
        "preprocessing": json.loads(chosen.preprocessing.to_json()),
        "classes": list(training.data.classes),
        "training_crc32": _checksum(training),
        "validation_crc32": _checksum(watched),
        "start": None if start is None else os.fspath(start),
        "head_only": head_only,
    }


def _checksum(part: _Part) -> int:
    labels = np.ascontiguousarray(part.pictures.labels, "int64")
    return zlib.crc32(labels.data, zlib.crc32(np.ascontiguousarray(part.pictures.images).data))


def _finished(out: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """Return the report of the same run, if it is complete.

    Raises:
        ValueError: The folder holds the report of another.
    """
    path = out / REPORT
    if not path.is_file():
        return None
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if report.get("identity") != identity:
        raise ValueError(
            f"{str(out)!r} holds a training on other pictures or with other settings; take another "
            "folder, or remove that one"
        )
    return report


def _publish(
    model: keras.Model,
    chosen: OwnRecipe,
    source: str | os.PathLike[str],
    out: Path,
    training: _Part,
    watched: _Part,
) -> dict[str, Any]:
    """Write the preset, measure it as it was written, and return the report's figures."""
    classes = training.data.classes
    shape = chosen.preprocessing.input_shape
    shipped = create_model(chosen.model, classes=len(classes), input_shape=shape)
    shipped.set_weights(model.get_weights())  # computes in float32, whatever trained
    classifier = ImageClassification(
        shipped, preprocessing=chosen.preprocessing, labels=classes, preset=PRESET
    )
    facts: dict[str, Any] = {
        "title": f"{len(classes)} classes of {training.data.name.removesuffix(' train')}",
        "description": f"Trained by `sightsound train --data {os.fspath(source)}`.",
        "data": f"{training.data.name}, {len(training.pictures.labels):,} pictures",
    }
    saved = classifier.save(out / PRESET, metadata=facts, overwrite=True)
    data = watched.readable
    measured = ImageClassification.from_preset(saved).evaluate(data)
    command = f"sightsound evaluate --preset {saved} --data {os.fspath(source)} --split validation"
    metric = {"name": "accuracy", "value": measured.accuracy, "data": data.name, "command": command}
    classifier.save(saved, metadata={**facts, "metrics": [metric]}, overwrite=True)

    label = int(np.bincount(training.pictures.labels, minlength=len(classes)).argmax())
    right = round(measured.accuracy * measured.count)
    failures = dict.fromkeys((*training.pictures.failures, *watched.pictures.failures))
    return {
        "data": data.name,
        "network": chosen.model,
        "epochs": chosen.plan.epochs,
        "pictures": {"train": len(training.pictures.labels), "validation": len(data)},
        "accuracy": measured.accuracy,
        "interval": list(wilson_interval(right, measured.count)),
        "baseline": {"label": classes[label], "accuracy": float((data.labels == label).mean())},
        "preset": str(saved),
        "skipped": [failure._asdict() for failure in failures],
    }


def _unmeasured(load: Callable[[Split], LabelledImages], watched: _Part) -> list[str]:
    """Return what the figures will not tell."""
    parts = {"validation": watched.readable}
    try:
        parts["test"] = load("test")
    except DataError:
        return ["there is no picture to test on; `sightsound evaluate --split test` will say so"]
    warnings = []
    for name, data in parts.items():
        unseen = [label for label, count in data.counts.items() if not count]
        if unseen:
            named = ", ".join(unseen[:5]) + (", ..." if len(unseen) > 5 else "")
            warnings.append(f"the {name} part has no picture of {named}: it cannot tell of these")
    return warnings

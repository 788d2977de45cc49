"""How the shipped classifiers were trained, as data; and the code that runs such a recipe."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import keras
import tensorflow as tf

from models.catalog import create_model
from models.folding import fold_into
from models.layers.whitening import PatchWhitening
from models.losses import MaximumAPosteriori
from models.words import suggest
from pipelines.classification.data import DataError, LabelledImages, Split, load_data
from pipelines.classification.pipeline import ImageClassification
from pipelines.fitting import TrainingPlan, fit
from pipelines.preprocessing import ImagePreprocessing, scale_pixels
from pipelines.training.augmentation import Augmentation
from pipelines.training.run_folder import LOG

ADAPTED_ON = 5_000  # pictures that a whitening layer is measured on (arXiv:2404.00498)
REPORT, PRESET = "report.json", "preset"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training: which network on which data, how, and what to expect.

    Attributes:
        title: One line for people.
        model: The network's name in the catalog.
        data: A named data set, see `pipelines.classification.data`.
        preprocessing: How a picture is prepared, in training and ever after.
        plan: How long and how fast.
        augment: Random changes of training pictures.
        loss: Softmax cross-entropy, or LeNet-5's own criterion.
        expected: The test accuracy to expect, and the cost.
        licence: What the data's authors state.
        also: Other named sets that the card reports, never trained on.
        measured: The split that the figures are of.
        folded_into: The network that is shipped, where it is another than the one that trains: the
            same without normalisation (`models.folding.fold_into`).
    """

    title: str
    model: str
    data: str
    preprocessing: ImagePreprocessing
    plan: TrainingPlan
    augment: Augmentation
    expected: str
    licence: str
    also: tuple[str, ...] = ()
    loss: Literal["cross_entropy", "map_criterion"] = "cross_entropy"
    measured: Split = "test"
    folded_into: str = ""


# MNIST's own preparation: the digit in a 20 x 20 box, its centre of mass in the middle of 28 x 28.
MNIST = ImagePreprocessing(
    height_px=28,
    width_px=28,
    channels=1,
    fit="object",
    polarity="light_on_dark",
    object_fraction=20 / 28,
    object_centre="mass",
)
# LeNet-5 of 1998 saw 32 x 32 pixels with white at -0.1 and black at 1.175 (section II.A).
MNIST_1998 = replace(MNIST, margin_px=2, scale=(1.275,), offset=(-0.1,))
# Fashion-MNIST's: trimmed, the longer side at 28, centred, light on dark (arXiv:1708.07747).
FASHION = replace(MNIST, object_fraction=1.0, object_centre="box")

# Mean and standard deviation of CIFAR-10's training pictures, a channel each.
CIFAR10_MEAN, CIFAR10_DEVIATION = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
CIFAR10 = ImagePreprocessing(
    height_px=32,
    width_px=32,
    scale=tuple(1 / d for d in CIFAR10_DEVIATION),
    offset=tuple(-m / d for m, d in zip(CIFAR10_MEAN, CIFAR10_DEVIATION, strict=True)),
)

HANDWRITING = Augmentation(rotation_deg=11.5, log_scale=0.12, shear=0.2, shift_px=2.0)
# Alternating mirror images and shifts of two pixels (arXiv:2404.00498, section 3.6).
SMALL_PHOTOGRAPHS = Augmentation(crop_px=2, mirror="alternate")
CLOTHES = Augmentation(shift_px=1.5, mirror=True)

MNIST_LICENCE = "not stated in the source used"
FASHION_LICENCE = "MIT (Zalando)"
CIFAR10_LICENCE = "none stated"

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "lenet_modern_mnist": Recipe(
            title="Handwritten digits: a modern net of 88,890 parameters",
            model="lenet_modern",
            data="mnist",
            preprocessing=MNIST,
            plan=TrainingPlan(epochs=15),
            augment=HANDWRITING,
            expected="99.6 % of MNIST's test images; 16 minutes on a busy core",
            licence=MNIST_LICENCE,
            also=("digits",),
        ),
        "lenet5_mnist": Recipe(
            title="Handwritten digits: LeNet-5 as everybody writes it",
            model="lenet5",
            data="mnist",
            preprocessing=MNIST,
            plan=TrainingPlan(epochs=20, batch_size=64, peak_rate=2e-3),
            augment=HANDWRITING,
            expected="99.5 % of MNIST's test images; 4 minutes on a busy core",
            licence=MNIST_LICENCE,
            also=("digits",),
        ),
        "lenet5_1998_mnist": Recipe(
            title="Handwritten digits: LeNet-5 exactly as published in 1998",
            model="lenet5_1998",
            data="mnist",
            preprocessing=MNIST_1998,
            plan=TrainingPlan(epochs=20, batch_size=64, peak_rate=2e-3, weight_decay=0.0),
            augment=HANDWRITING,
            loss="map_criterion",
            expected="99.4 % of MNIST's test images (paper: 99.2 %); 6 minutes on a busy core",
            licence=MNIST_LICENCE,
            also=("digits",),
        ),
        "lenet_modern_fashion_mnist": Recipe(
            title="Clothes and shoes: a modern net of 88,890 parameters",
            model="lenet_modern",
            data="fashion_mnist",
            preprocessing=FASHION,
            plan=TrainingPlan(epochs=30),
            augment=CLOTHES,
            expected="93 % of Fashion-MNIST's test images; about 40 minutes on a busy core",
            licence=FASHION_LICENCE,
        ),
        "lenet5_fashion_mnist": Recipe(
            title="Clothes and shoes: LeNet-5 as everybody writes it",
            model="lenet5",
            data="fashion_mnist",
            preprocessing=FASHION,
            plan=TrainingPlan(epochs=20, batch_size=64, peak_rate=2e-3),
            augment=CLOTHES,
            expected="91 % of Fashion-MNIST's test images; 4 minutes on a busy core",
            licence=FASHION_LICENCE,
        ),
        "speed_net_cifar10": Recipe(
            title="Ten kinds of animals and vehicles: the speed net, 1,971,352 parameters",
            model="speed_net",
            data="cifar10",
            measured="validation",
            preprocessing=CIFAR10,
            plan=TrainingPlan(
                epochs=30,
                batch_size=512,
                peak_rate=0.02,
                weight_decay=0.25,
                optimizer="muon",
                average=0.99,
                label_smoothing=0.1,
                precision="mixed_bfloat16",
            ),
            augment=replace(SMALL_PHOTOGRAPHS, crop_px=4, cutout_px=12),
            expected="93.5 % of CIFAR-10's 5,000 held-out pictures, 94.2 % with mirror images; "
            "73 minutes on a core",
            licence=CIFAR10_LICENCE,
        ),
        "resnet20_cifar10": Recipe(
            title="Ten kinds of animals and vehicles: ResNet-20, 269,722 parameters",
            model="resnet20",
            data="cifar10",
            measured="validation",
            preprocessing=CIFAR10,
            plan=TrainingPlan(
                epochs=36,
                batch_size=256,
                peak_rate=0.02,
                weight_decay=0.1,
                optimizer="muon",
                average=0.995,
                precision="mixed_bfloat16",
            ),
            augment=SMALL_PHOTOGRAPHS,
            expected="not trained to the end yet",
            licence=CIFAR10_LICENCE,
        ),
        "all_cnn_c_cifar10": Recipe(
            title="Ten kinds of animals and vehicles: All-CNN-C, 1,369,738 parameters",
            model="all_cnn_c_bn",
            folded_into="all_cnn_c",
            data="cifar10",
            measured="validation",
            preprocessing=CIFAR10,
            plan=TrainingPlan(
                epochs=8,
                batch_size=256,
                peak_rate=0.02,
                weight_decay=0.2,
                optimizer="muon",
                average=0.995,
                label_smoothing=0.1,
                precision="mixed_bfloat16",
            ),
            augment=SMALL_PHOTOGRAPHS,
            expected="not trained to the end yet",
            licence=CIFAR10_LICENCE,
        ),
    }
)


def recipe(name: str) -> Recipe:
    """Return the recipe of that name.

    Raises:
        ValueError: There is none; the message names the nearest.
    """
    if name not in RECIPES:
        raise ValueError(f"unknown recipe {name!r}; {suggest(name, RECIPES)}")
    return RECIPES[name]


def run(
    name: str,
    *,
    out: str | os.PathLike[str],
    data: str | None = None,
    seeds: Sequence[int] = (0,),
    epochs: int | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Train a recipe once a seed, evaluate each, and return the report.

    Each seed has a folder `out/seed_N` with its log, its report and its preset. A seed that is
    complete is not trained again; one that was interrupted goes on. The summary over all seeds is
    `out/report.json`; the preset to ship, the first seed's with its log, is `out/NAME`.

    Args:
        name: One of `RECIPES`.
        out: The run's folder.
        data: Where the data set lies; None lets Keras download it.
        seeds: One training each.
        epochs: Instead of the recipe's.
        progress: Whether to print a line an epoch on standard error.
    """
    chosen = recipe(name)
    if not seeds:
        raise ValueError("seeds must name at least one training; got none")
    if epochs is not None:
        chosen = replace(chosen, plan=replace(chosen.plan, epochs=epochs))
    out = Path(out)
    others = [load_data(also) for also in chosen.also]  # what is missing is said before training
    reports = [
        _run_seed(name, chosen, out / f"seed_{seed}", data, seed, progress) for seed in seeds
    ]
    accuracies = [report["accuracy"] for report in reports]
    summary = {
        "recipe": name,
        "data": f"{chosen.data} {chosen.measured}",
        "seeds": list(seeds),
        "accuracy": accuracies,
        "mean": statistics.mean(accuracies),
        "spread": max(accuracies) - min(accuracies),
        "preset": str(out / name),
    }
    _publish(out / f"seed_{seeds[0]}" / PRESET, summary, others)
    (out / REPORT).write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
    return summary


def _run_seed(
    name: str, chosen: Recipe, folder: Path, data: str | None, seed: int, progress: bool
) -> dict[str, Any]:
    if (folder / REPORT).is_file():
        report: dict[str, Any] = json.loads((folder / REPORT).read_text("utf-8"))
        return report
    train = load_data(chosen.data, "train", folder=data)
    test = load_data(chosen.data, chosen.measured, folder=data)
    keras.utils.set_random_seed(seed)
    plan = chosen.preprocessing
    sizes: dict[str, Any] = {"classes": len(train.classes), "input_shape": plan.input_shape}
    with _computing_in(chosen.plan.precision):
        network = create_model(chosen.model, **sizes)
    classifier = ImageClassification(network, preprocessing=plan, labels=train.classes, preset=name)
    start = time.monotonic()
    _fit(classifier, train, chosen.plan, chosen.augment, chosen.loss, seed, folder, progress)
    minutes = (time.monotonic() - start) / 60
    shipped = create_model(chosen.folded_into or chosen.model, **sizes)
    if chosen.folded_into:
        fold_into(shipped, network)
    else:
        shipped.set_weights(network.get_weights())
    facts = {
        "title": chosen.title,
        "description": f"{chosen.expected}. Trained by `sightsound train {name} --seeds {seed}`.",
        "data": f"{chosen.data} train, {len(train):,} pictures",
        "licence": f"weights Apache-2.0; data: {chosen.licence}",
    }
    classifier = ImageClassification(shipped, preprocessing=plan, labels=train.classes, preset=name)
    saved = classifier.save(folder / PRESET, metadata=facts, overwrite=True)
    # What is measured is what is shipped: the weights as they come back from half precision.
    shipped_classifier = ImageClassification.from_preset(saved)
    measured = shipped_classifier.evaluate(test)
    report = {
        "recipe": name,
        "seed": seed,
        "epochs": chosen.plan.epochs,
        "minutes": round(minutes, 1),
        "accuracy": measured.accuracy,
        "ece": measured.ece,
        "loss": measured.loss,
    }
    if chosen.augment.mirror:
        report["accuracy_mirrored"] = shipped_classifier.evaluate(test, mirror=True).accuracy
    (folder / REPORT).write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return report


def _publish(saved: Path, summary: Mapping[str, Any], others: Sequence[LabelledImages]) -> None:
    """Write the first seed's preset under the recipe's name, with all that was measured."""
    classifier = ImageClassification.from_preset(saved)
    name, data, seeds = summary["recipe"], summary["data"], summary["seeds"]
    first = json.loads((saved.parent / REPORT).read_text("utf-8"))
    evaluate = f"sightsound evaluate --preset {name} --data"
    split = "" if data.endswith(" test") else f" --split {data.split()[1]}"
    train = f"sightsound train {name} --seeds {' '.join(map(str, seeds))}"
    named = data.split()[0]
    rows = [
        ("accuracy", first["accuracy"], data, f"{evaluate} {named}{split}"),
        ("calibration error", first["ece"], data, f"{evaluate} {named}{split}"),
    ]
    if "accuracy_mirrored" in first:
        command = f"{evaluate} {named}{split} --mirror"
        rows.append(("accuracy with mirror images", first["accuracy_mirrored"], data, command))
    for other in others:
        accuracy = classifier.evaluate(other).accuracy
        rows.append(("accuracy", accuracy, other.name, f"{evaluate} {other.name.split()[0]}"))
    if len(seeds) > 1:
        rows.append((f"accuracy, mean of {len(seeds)} seeds", summary["mean"], data, train))
        rows.append(("accuracy, best less worst seed", summary["spread"], data, train))
    keys = ("name", "value", "data", "command")
    metrics = [dict(zip(keys, row, strict=True)) for row in rows]
    published = classifier.save(summary["preset"], metadata={"metrics": metrics}, overwrite=True)
    shutil.copy(saved.parent / LOG, published / LOG)


def fit_classifier(
    start: ImageClassification,
    data: LabelledImages,
    *,
    epochs: int,
    batch_size: int,
    peak_rate: float,
    augment: Augmentation | None,
    seed: int,
    name: str,
    folder: str | os.PathLike[str] | None,
    progress: bool,
) -> ImageClassification:
    """Train a copy of `start` on the data's classes; see `ImageClassification.fit`."""
    if len(data.classes) < 2:
        raise DataError(f"a classifier needs at least two classes; {data.name} has {data.classes}")
    keras.utils.set_random_seed(seed)
    shape = start.preprocessing.input_shape
    model = create_model(start.model.name, classes=len(data.classes), input_shape=shape)
    for new, old in zip(model.weights, start.model.weights, strict=True):
        if tuple(new.shape) == tuple(old.shape):
            new.assign(old)
    fitted = ImageClassification(
        model, preprocessing=start.preprocessing, labels=data.classes, preset=name
    )
    plan = TrainingPlan(
        epochs=epochs,
        batch_size=min(batch_size, len(data)),
        peak_rate=peak_rate,
        # Short runs have few steps to average over: a tenth of an epoch's worth at most.
        average=min(0.998, 1 - 10 / max(20, len(data) // batch_size * epochs)),
    )
    augment = augment or Augmentation(rotation_deg=8.0, log_scale=0.1, shift_px=shape[0] / 14)
    _fit(fitted, data, plan, augment, "cross_entropy", seed, folder, progress)
    return fitted


@contextmanager
def _computing_in(precision: str) -> Iterator[None]:
    """Build networks under another dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _fit(
    classifier: ImageClassification,
    data: LabelledImages,
    plan: TrainingPlan,
    augment: Augmentation,
    loss: str,
    seed: int,
    folder: str | os.PathLike[str] | None,
    progress: bool,
) -> None:
    preprocessing = classifier.preprocessing
    margin = preprocessing.margin_px

    def prepare(pixels: Any) -> Any:
        if margin:
            pixels = keras.ops.pad(pixels, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
        return scale_pixels(preprocessing, pixels)

    images = classifier.fitted_pictures(data.images)
    for layer in classifier.model.layers:
        if isinstance(layer, PatchWhitening):
            layer.adapt(prepare(tf.constant(images[:ADAPTED_ON], tf.float32) / 255.0))
    fit(
        classifier.model,
        images,
        data.labels,
        plan=plan,
        prepare=prepare,
        augment=augment,
        loss=MaximumAPosteriori() if loss == "map_criterion" else None,
        seed=seed,
        folder=folder,
        progress=progress,
    )


def card(name: str, model: str, facts: Mapping[str, Any]) -> str:
    """Return a preset's README."""
    rows = [
        f"| {m['name']} | {m['value']:.4f} | {m['data']} | `{m['command']}` |"
        for m in facts["metrics"]
    ]
    table = ["| figure | value | data | command |", "|---|---|---|---|", *rows] if rows else []
    labels = ", ".join(facts["labels"][:20]) + (", ..." if len(facts["labels"]) > 20 else "")
    lines = [
        f"# {name}",
        "",
        f"{facts['title']}.",
        "",
        facts["description"],
        "",
        f"- network: `{model}`, {facts['parameters']:,} trainable parameters",
        f"- trained on: {facts['data']}",
        f"- licence: {facts['licence']}",
        f"- labels: {labels}",
        "",
        *table,
    ]
    return "\n".join(lines).rstrip() + "\n"

"""Which learning rates train a network with batch normalisation, and which without?

Ioffe, Szegedy: Batch normalization (arXiv:1502.03167), section 4.2.1: with it, thirty times the
learning rate still trains. Bjorck, Gomes, Selman, Weinberger: Understanding batch normalization
(arXiv:1806.02375), figure 1: at small rates both networks do about as well; what it buys is rates
at which the other diverges.

A stack of six convolutions, trained for a fixed number of epochs at each rate, which stays as it
is: no warm-up, no decay. It takes about a minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
from keras import layers

from models.initialisation import initialise
from models.layers.heads import logits
from pipelines.classification.experiments.finding import (
    BLUE,
    VERMILION,
    Finding,
    Tell,
    blank_figure,
    silent,
)
from pipelines.classification.experiments.samples import (
    Sample,
    accuracy_on_test,
    load_sample,
    train,
)
from pipelines.fitting import TrainingError, TrainingStopped
from pipelines.training.plan import TrainingPlan
from pipelines.training.schedules import Schedule

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = {"with": True, "without": False}
COLOURS = {"with": BLUE, "without": VERMILION}
TRAINED = 0.9  # of the training set: such a rate is said to train


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The data, the networks and the rates.

    Attributes:
        data: A known set or a path.
        pictures: To train on.
        test_pictures: To measure on.
        width: Maps of the first two convolutions; each further two have twice as many.
        epochs: Passes over the pictures at each rate.
        batch_size: Pictures a step.
        rates: Learning rates, rising; momentum is 0.9.
    """

    data: str = "digits"
    pictures: int = 1200
    test_pictures: int = 500
    width: int = 8
    epochs: int = 6
    batch_size: int = 60
    rates: tuple[float, ...] = (0.003, 0.03, 0.1, 0.3, 1.0, 3.0)

    def __post_init__(self) -> None:
        """Check the rates."""
        if not self.rates or list(self.rates) != sorted(set(self.rates)) or self.rates[0] <= 0:
            raise ValueError(f"rates must be above 0 and rise; got {self.rates}")


def network(normalised: bool, width: int, sample: Sample) -> keras.Model:
    """Return six convolutions, the pictures' sides halved twice, and one dense layer."""
    image = keras.Input(sample.shape, name="image")
    x = image
    for number in range(6):
        name, stride = f"conv{number + 1}", 2 if number in (2, 4) else 1
        x = layers.Conv2D(
            width << number // 2,
            3,
            strides=stride,
            padding="same",
            use_bias=not normalised,
            name=name,
        )(x)
        if normalised:
            x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
        x = layers.Activation("relu", name=f"{name}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)  # (B, 4 width)
    return keras.Model(image, logits(x, sample.classes))


def run(settings: Settings, *, seed: int = 0, tell: Tell = silent) -> Finding:
    """Train both networks at every rate."""
    sample = load_sample(
        settings.data, pictures=settings.pictures, test_pictures=settings.test_pictures
    )
    runs = []
    for rate in settings.rates:
        for kind in KINDS:
            one = _train(kind, rate, settings, sample, seed)
            runs.append(one)
            left = "diverged" if one["diverged"] else f"loss {one['loss']:.3f}"
            tell(f"{kind} batch normalisation, rate {rate:g}: {left}")
    figures = {"data": sample.name, "classes": sample.classes, "runs": runs}
    return _finding(figures)


def _finding(figures: Mapping[str, Any]) -> Finding:
    runs = figures["runs"]
    of = {(one["kind"], one["rate"]): one for one in runs}
    rows = [
        (f"{rate:g}", *(cell for kind in KINDS for cell in _cells(of[kind, rate])))
        for rate in sorted({one["rate"] for one in runs})
    ]
    columns = [f"{what} {kind}" for kind in KINDS for what in ("loss", "test accuracy")]
    header = ("learning rate", *columns)
    return Finding(figures, header, rows, _conclude(runs), _draw(figures))


def _train(kind: str, rate: float, settings: Settings, sample: Sample, seed: int) -> dict[str, Any]:
    plan = TrainingPlan(
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        peak_rate=rate,
        optimizer="momentum",
        schedule=Schedule(kind="constant", warm_up=0.0),
        weight_decay=0.0,
        average=0.0,
    )
    model = network(KINDS[kind], settings.width, sample)
    initialise(model, "he", seed=seed)
    one: dict[str, Any] = {"kind": kind, "rate": rate, "diverged": False}
    try:
        last = train(model, sample, plan, seed=seed)[-1]
    except TrainingStopped:
        raise
    except TrainingError:  # its loss is no number any more
        return one | {"diverged": True, "loss": None, "accuracy": None, "test_accuracy": None}
    measured = {"loss": last["loss"], "accuracy": last["accuracy"]}
    return one | measured | {"test_accuracy": accuracy_on_test(model, sample)}


def _cells(one: Mapping[str, Any]) -> tuple[str, str]:
    if one["diverged"]:
        return "diverged", "-"
    return f"{one['loss']:.3g}", f"{one['test_accuracy']:.1%}"


def _conclude(runs: list[dict[str, Any]]) -> str:
    lines, highest = [], {}
    for kind in KINDS:
        trained = [r["rate"] for r in runs if r["kind"] == kind and (r["accuracy"] or 0) >= TRAINED]
        best = min(
            (r for r in runs if r["kind"] == kind and not r["diverged"]),
            default=None,
            key=lambda r: r["loss"],
        )
        if not trained or best is None:
            lines.append(f"{kind.capitalize()} batch normalisation no rate trains.")
            continue
        highest[kind] = max(trained)
        lines.append(
            f"{kind.capitalize()} batch normalisation, rates of {min(trained):g} to "
            f"{max(trained):g} reach {TRAINED:.0%} of the training set; the lowest loss is "
            f"{best['loss']:.2g}, at {best['rate']:g}."
        )
    if len(highest) == len(KINDS):
        factor = highest["with"] / highest["without"]
        lines.append(f"The highest rate that trains is {factor:.3g} times as high with it.")
    return " ".join(lines)


def _draw(figures: Mapping[str, Any]) -> Figure:
    figure = blank_figure(11, 4.6)
    figure.suptitle(f"Six convolutions on {figures['data']}", x=0.01, ha="left")
    loss_axes, accuracy_axes = figure.subplots(1, 2)
    for kind, colour in COLOURS.items():
        runs = [one for one in figures["runs"] if one["kind"] == kind]
        kept = [one for one in runs if not one["diverged"]]
        gone = [one["rate"] for one in runs if one["diverged"]]
        rates = [one["rate"] for one in kept]
        label = f"{kind} batch normalisation"
        loss_axes.loglog(rates, [one["loss"] for one in kept], "o-", color=colour, label=label)
        percent = [100 * one["test_accuracy"] for one in kept]
        accuracy_axes.semilogx(rates, percent, "o-", color=colour, label=label)
        for axes in (loss_axes, accuracy_axes) if gone else ():
            # Above the highest loss and the best accuracy, in parts of the axes' height.
            crosses = {"transform": axes.get_xaxis_transform(), "label": f"{kind}: diverged"}
            axes.plot(gone, [0.96] * len(gone), "x", color=colour, markersize=8, **crosses)
    loss_axes.margins(y=0.15)
    loss_axes.set(xlabel="learning rate", ylabel="training loss in the last epoch")
    accuracy_axes.set(xlabel="learning rate", ylabel="test accuracy, %", ylim=(0, 115))
    accuracy_axes.set_yticks(range(0, 101, 20))
    for axes in (loss_axes, accuracy_axes):
        axes.grid(alpha=0.3)
    figure.legend(*loss_axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure

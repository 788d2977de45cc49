"""Why do deeper plain networks train worse, and residual ones do not?

He, Zhang, Ren, Sun: Deep residual learning for image recognition (arXiv:1512.03385), figures 1 and
6: of networks with batch normalisation and without shortcuts, the deeper has the higher *training*
error: it does not overfit, it is harder to train. With shortcuts, more depth costs nothing.

These are section 4.2's networks, narrow and on small pictures, without augmentation, by momentum of
0.9 as there, for a fixed number of epochs. It takes some minutes; larger settings come nearer to
the paper: `data=cifar10 pictures=45000 width=16 epochs=180 batch_size=128 rate=0.1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import keras

from models.catalog import model_info
from models.classifiers import resnet
from models.initialisation import initialise
from pipelines.classification.experiments.finding import (
    COLOURS,
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
from pipelines.training.plan import TrainingPlan
from pipelines.training.schedules import Schedule

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = {"plain": "plain20", "residual": "resnet20"}  # the catalog's rows that they vary
STAGES = 3
LAYERS_A_BLOCK = 2
FIRST_AND_LAST = 2


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The networks and their training.

    Attributes:
        data: A known set or a path.
        pictures: To train on.
        test_pictures: To measure on.
        depths: Layers, of 6 n + 2.
        width: Maps of the first stage; the others have twice and four times as many. The paper's
            have 16.
        epochs: Passes over the pictures.
        batch_size: Pictures a step.
        rate: The learning rate after a warm-up; a cosine takes it to 0.
    """

    data: str = "digits"
    pictures: int = 1200
    test_pictures: int = 500
    depths: tuple[int, ...] = (8, 20, 32)
    width: int = 8
    epochs: int = 10
    batch_size: int = 60
    rate: float = 0.05

    def __post_init__(self) -> None:
        """Check the depths."""
        for depth in self.depths:
            if depth < 8 or (depth - FIRST_AND_LAST) % (STAGES * LAYERS_A_BLOCK):
                raise ValueError(f"depths must be 8, 14, 20, ... 6 n + 2; got {depth}")
        if list(self.depths) != sorted(set(self.depths)) or len(self.depths) < 2:
            raise ValueError(f"depths must be two or more, rising; got {self.depths}")


def network(kind: str, depth: int, width: int, sample: Sample) -> keras.Model:
    """Return a net of section 4.2, plain or residual, for a sample's pictures."""
    blocks = (depth - FIRST_AND_LAST) // (STAGES * LAYERS_A_BLOCK)
    spec = model_info(KINDS[kind]).spec
    assert isinstance(spec, resnet.ResNetSpec)
    spec = replace(spec, depths=(blocks,) * STAGES, widths=(width, 2 * width, 4 * width))
    return resnet.build(spec, input_shape=sample.shape, classes=sample.classes)


def run(settings: Settings, *, seed: int = 0, tell: Tell = silent) -> Finding:
    """Train each depth with and without shortcuts."""
    sample = load_sample(
        settings.data, pictures=settings.pictures, test_pictures=settings.test_pictures
    )
    plan = TrainingPlan(
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        peak_rate=settings.rate,
        optimizer="momentum",
        schedule=Schedule(kind="cosine", warm_up=0.1),
        weight_decay=0.0,
        l2=1e-4 / 2,  # section 4.2's decay of 0.0001, whose gradient is that of half the square
        average=0.0,
    )
    runs: list[dict[str, Any]] = []
    for depth in settings.depths:
        for kind in KINDS:
            model = network(kind, depth, settings.width, sample)
            initialise(model, "he", seed=seed)
            log = train(model, sample, plan, seed=seed)
            one: dict[str, Any] = {
                "kind": kind,
                "depth": depth,
                "errors": [1.0 - row["accuracy"] for row in log],
                "losses": [row["loss"] for row in log],
                "test_error": 1.0 - accuracy_on_test(model, sample),
            }
            runs.append(one)
            tell(f"{kind}, {depth} layers: training error {one['errors'][-1]:.2%}")
    figures = {"data": sample.name, "runs": runs}
    return _finding(figures, settings)


def _finding(figures: Mapping[str, Any], settings: Settings) -> Finding:
    runs = figures["runs"]
    rows = [
        (
            one["kind"],
            str(one["depth"]),
            f"{mean_error(one):.2%}",
            f"{one['errors'][-1]:.2%}",
            f"{one['test_error']:.2%}",
        )
        for one in sorted(runs, key=lambda one: (one["kind"], one["depth"]))
    ]
    header = (
        "network",
        "layers",
        "training error, mean of all epochs",
        "training error, last epoch",
        "test error",
    )
    return Finding(figures, header, rows, _conclude(runs, settings), _draw(figures, settings))


def mean_error(one: Mapping[str, Any]) -> float:
    """Return the mean over the epochs: how much a network erred while it learnt."""
    errors = one["errors"]
    return float(sum(errors) / len(errors))


def _conclude(runs: list[dict[str, Any]], settings: Settings) -> str:
    shallow, deep = settings.depths[0], settings.depths[-1]
    of = {(one["kind"], one["depth"]): one for one in runs}
    lines = []
    for kind in KINDS:
        first, last = of[kind, shallow], of[kind, deep]
        verb = "harder" if mean_error(last) > mean_error(first) else "no harder"
        lines.append(
            f"With {deep} layers instead of {shallow} the {kind} network is {verb} to train: a "
            f"training error of {mean_error(last):.1%} instead of {mean_error(first):.1%} on "
            f"average, {last['errors'][-1]:.1%} instead of {first['errors'][-1]:.1%} in the end."
        )
    lines.append(
        "It is the training error that rises, so this is not overfitting."
        if of["plain", deep]["errors"][-1] > of["plain", shallow]["errors"][-1]
        else "In the end the deep plain network fits its pictures as well: at this size the "
        "degradation is one of speed."
    )
    return " ".join(lines)


def _draw(figures: Mapping[str, Any], settings: Settings) -> Figure:
    figure = blank_figure(11, 4.6)
    figure.suptitle(f"{figures['data']}, first stage of {settings.width} maps", x=0.01, ha="left")
    for axes, kind in zip(figure.subplots(1, 2, sharey=True), KINDS, strict=True):
        for one in figures["runs"]:
            if one["kind"] != kind:
                continue
            number = settings.depths.index(one["depth"])
            colour = COLOURS[number % len(COLOURS)]
            epochs = range(1, len(one["errors"]) + 1)
            percent = [100 * error for error in one["errors"]]
            axes.plot(epochs, percent, color=colour, linewidth=1 + number, label=one["depth"])
        axes.set_title(f"{kind.capitalize()}", loc="left")
        axes.set(xlabel="epoch", ylabel="training error, %", ylim=(0, 100))
        axes.grid(alpha=0.3)
        axes.legend(title="layers")
    return figure

"""Can a network memorise labels that mean nothing?

Zhang, Bengio, Hardt, Recht, Vinyals: Understanding deep learning requires rethinking generalization
(arXiv:1611.03530), figure 1: the same network, trained in the same way, fits its training set to
the last picture when the labels are random, when the pixels of all pictures are shuffled alike, and
when each picture is shuffled by itself. What it can represent therefore does not explain why it
generalises from true labels.

A small convolutional network without augmentation, decay or dropout. It takes about a minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers

from models.initialisation import initialise
from models.layers.heads import logits
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

KINDS = ("true labels", "shuffled pixels", "random pixels", "random labels")
FITTED = 0.99  # of the training set; what is trained at each step still shakes the rest


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The data and the training.

    Attributes:
        data: A known set or a path.
        pictures: To train on.
        test_pictures: To measure on.
        width: Maps of the first convolution; the second has twice, the dense layer 16 times as
            many.
        epochs: Passes over the pictures.
        batch_size: Pictures a step.
        rate: The learning rate, Adam's.
    """

    data: str = "digits"
    pictures: int = 1200
    test_pictures: int = 500
    width: int = 16
    epochs: int = 40
    batch_size: int = 60
    rate: float = 2e-3


def run(settings: Settings, *, seed: int = 0, tell: Tell = silent) -> Finding:
    """Train the same network on the data as it is, and spoilt in three ways."""
    sample = load_sample(
        settings.data, pictures=settings.pictures, test_pictures=settings.test_pictures
    )
    plan = TrainingPlan(
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        peak_rate=settings.rate,
        optimizer="adam",
        schedule=Schedule(kind="cosine", warm_up=0.0),
        weight_decay=0.0,
        average=0.0,
    )
    figures: dict[str, Any] = {"data": sample.name, "classes": sample.classes, "runs": {}}
    for kind in KINDS:
        spoilt = spoil(sample, kind, seed)
        model = network(settings.width, spoilt)
        initialise(model, "he", seed=seed)
        log = train(model, spoilt, plan, seed=seed)
        accuracies = [row["accuracy"] for row in log]
        fitted = next((n for n, a in enumerate(accuracies, start=1) if a >= FITTED), None)
        figures["runs"][kind] = {
            "accuracies": accuracies,
            "losses": [row["loss"] for row in log],
            "fitted_in": fitted,
            "test_accuracy": accuracy_on_test(model, spoilt),
        }
        tell(f"{kind}: training accuracy {accuracies[-1]:.1%}")
    return _finding(figures)


def _finding(figures: Mapping[str, Any]) -> Finding:
    rows = [
        (
            kind,
            f"{one['accuracies'][-1]:.1%}",
            str(one["fitted_in"] or "-"),
            f"{one['test_accuracy']:.1%}",
        )
        for kind, one in figures["runs"].items()
    ]
    header = ("training set", "training accuracy", f"epochs to {FITTED:.0%}", "test accuracy")
    return Finding(figures, header, rows, _conclude(figures), _draw(figures))


def spoil(sample: Sample, kind: str, seed: int) -> Sample:
    """Return the sample with its labels or its pixels mixed up.

    The labels are drawn anew among all classes. Shuffled pixels go through one permutation, that
    of the test pictures too; random pixels through one a picture.
    """
    random = np.random.default_rng([seed, KINDS.index(kind)])
    if kind == "random labels":
        return replace(sample, labels=random.integers(0, sample.classes, len(sample.labels)))
    if kind == "true labels":
        return sample
    order = random.permutation(sample.images.shape[1] * sample.images.shape[2])

    def mixed(images: np.ndarray) -> np.ndarray:
        pixels = images.reshape(len(images), -1, images.shape[-1])  # (N, H W, C)
        if kind == "shuffled pixels":
            return pixels[:, order].reshape(images.shape)
        orders = random.permuted(np.tile(order, (len(images), 1)), axis=1)
        return np.take_along_axis(pixels, orders[..., None], axis=1).reshape(images.shape)

    return replace(sample, images=mixed(sample.images), test_images=mixed(sample.test_images))


def network(width: int, sample: Sample) -> keras.Model:
    """Return two convolutions and a dense layer, with many more weights than pictures."""
    image = keras.Input(sample.shape, name="image")
    x = layers.Conv2D(width, 3, padding="same", activation="relu", name="conv1")(image)
    x = layers.Conv2D(2 * width, 3, strides=2, padding="same", activation="relu", name="conv2")(
        x
    )  # (B, H/2, W/2, 2 width)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(16 * width, activation="relu", name="dense")(x)
    return keras.Model(image, logits(x, sample.classes))


def _conclude(figures: Mapping[str, Any]) -> str:
    runs = figures["runs"]
    chance = 1.0 / figures["classes"]
    random, true = runs["random labels"], runs["true labels"]
    fitted = random["fitted_in"] is not None
    return (
        f"The network {'fits' if fitted else 'does not yet fit'} random labels: "
        f"{random['accuracies'][-1]:.1%} of the training set"
        + (f", {FITTED:.0%} after {random['fitted_in']} epochs" if fitted else "")
        + (f" (true labels: after {true['fitted_in']})" if fitted and true["fitted_in"] else "")
        + f", with {random['test_accuracy']:.1%} on the test, where chance is {chance:.0%}. "
        f"From true labels it gets {true['test_accuracy']:.1%} on the test, from pixels shuffled "
        f"alike {runs['shuffled pixels']['test_accuracy']:.1%}, from pixels shuffled in each "
        f"picture by itself {runs['random pixels']['test_accuracy']:.1%}. The same network can "
        "memorise and can generalise: which of them it does lies in the data."
    )


def _draw(figures: Mapping[str, Any]) -> Figure:
    figure = blank_figure(9, 4.8)
    axes = figure.add_subplot()
    for number, (kind, one) in enumerate(figures["runs"].items()):
        percent = [100 * accuracy for accuracy in one["accuracies"]]
        label = f"{kind} (test: {one['test_accuracy']:.0%})"
        width = 6 - 1.5 * number  # lines that coincide are seen one in the other
        epochs = range(1, len(percent) + 1)
        axes.plot(epochs, percent, color=COLOURS[number], linewidth=width, label=label)
    chance = 100 / figures["classes"]
    axes.axhline(chance, color="#5f6a68", linestyle="--", linewidth=1, label="chance")
    axes.set_title(f"The same network on {figures['data']}", loc="left")
    axes.set(xlabel="epoch", ylabel="training accuracy, %", ylim=(0, 102))
    axes.grid(alpha=0.3)
    axes.legend(loc="center right")
    return figure

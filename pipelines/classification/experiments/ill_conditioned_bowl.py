"""How do optimisers go down a long, narrow valley?

The loss is a quadratic bowl, (u^2 + k v^2) / 2: a step that is small enough for the steep direction
v is far too small for the flat one u. Plain gradient descent then needs in the order of k steps,
momentum in the order of the root of k (Polyak 1964, doi:10.1016/0041-5553(64)90137-5; Goh 2017,
doi:10.23915/distill.00006). The bowl is measured twice, with its axes along the weights' and at 45
degrees to them: optimisers that scale each weight by itself see no longer which direction is steep.

Keras's own optimizers walk, each at the best of many learning rates, so that none is handicapped.
No training: it takes some fifteen seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from keras import optimizers

from pipelines.classification.experiments.finding import (
    BLUE,
    VERMILION,
    Finding,
    Tell,
    blank_figure,
    silent,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOWEST_RATE, HIGHEST_RATE = 1e-4, 10.0  # the rates tried, evenly spaced in their logarithm
SETTLED = 10  # steps at the end whose worst loss counts, so that no lucky swing does
FLOOR = 1e-12  # of the first loss: below, the picture shows nothing
SAME = 10.0  # losses within this factor count as alike

OPTIMIZERS: Mapping[str, Callable[[], Any]] = MappingProxyType(
    {
        "SGD": optimizers.SGD,
        "Momentum": lambda: optimizers.SGD(momentum=0.9),
        "Nesterov": lambda: optimizers.SGD(momentum=0.9, nesterov=True),
        "Adagrad": optimizers.Adagrad,
        "RMSprop": optimizers.RMSprop,
        "Adam": optimizers.Adam,
        "Lion": optimizers.Lion,
        "Lamb": optimizers.Lamb,
    }
)
ANGLES_DEG = {"aligned": 0.0, "turned": 45.0}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The bowl and the walk.

    Attributes:
        condition: How much steeper the steep direction is than the flat one.
        steps: Of each walk.
        rates: How many learning rates to try, 0.0001 to 10.
    """

    condition: float = 100.0
    steps: int = 100
    rates: int = 31

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not self.condition >= 1:
            raise ValueError(f"condition must be at least 1; got {self.condition}")
        if self.steps < SETTLED:
            raise ValueError(f"steps must be at least {SETTLED}; got {self.steps}")


def axes_of(angle_deg: float) -> np.ndarray:
    """Return (2, 2): the flat and the steep direction, as columns."""
    angle = math.radians(angle_deg)
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def walk(
    optimizer: Any, hessian: np.ndarray, start: np.ndarray, rates: np.ndarray, steps: int
) -> np.ndarray:
    """Return the places (rates, steps + 1, 2) that a Keras optimizer reaches from `start`."""
    place = keras.Variable(start, dtype="float32")
    optimizer.build([place])
    initial = [variable.numpy() for variable in optimizer.variables]
    slope = tf.constant(hessian, tf.float32)

    @tf.function
    def go() -> tf.Tensor:
        places = tf.TensorArray(tf.float32, steps + 1).write(0, place.value)
        for step in tf.range(1, steps + 1):
            optimizer.apply([tf.linalg.matvec(slope, place.value)], [place])
            places = places.write(step, place.value)
        return places.stack()

    walks = []
    for rate in rates:
        for variable, value in zip(optimizer.variables, initial, strict=True):
            variable.assign(value)
        optimizer.learning_rate = float(rate)
        place.assign(start)
        walks.append(go().numpy())
    return np.array(walks)


def run(settings: Settings, *, seed: int = 0, tell: Tell = silent) -> Finding:
    """Walk with every optimizer at every rate, and keep each one's best."""
    del seed  # nothing is random
    steepness = np.array([1.0, settings.condition])
    start = np.array([-math.sqrt(settings.condition), 1.0])  # both directions cost the same there
    rates = np.geomspace(LOWEST_RATE, HIGHEST_RATE, settings.rates)
    figures: dict[str, Any] = {}
    for name, make in OPTIMIZERS.items():
        figures[name] = {}
        for bowl, angle_deg in ANGLES_DEG.items():
            axes = axes_of(angle_deg)
            hessian = axes @ np.diag(steepness) @ axes.T
            walks = walk(make(), hessian, axes @ start, rates, settings.steps).astype("float64")
            with np.errstate(invalid="ignore", over="ignore"):  # a rate may be far too high
                walks = walks @ axes
                losses = 0.5 * np.square(walks) @ steepness
            worst = np.nan_to_num(losses, nan=np.inf)[:, -SETTLED:].max(axis=1)
            best = int(worst.argmin())
            figures[name][bowl] = {
                "rate": float(rates[best]),
                "loss": float(worst[best] / losses[best, 0]),
                "losses": (losses[best] / losses[best, 0]).tolist(),
                "places": walks[best].tolist(),
            }
        tell(f"{name}: loss {figures[name]['aligned']['loss']:.1e} of the first")
    return _finding(figures, settings)


def _finding(figures: Mapping[str, Any], settings: Settings) -> Finding:
    rows = [
        (name, *(c for one in of.values() for c in (f"{one['rate']:.2g}", _left(one["loss"]))))
        for name, of in figures.items()
    ]
    header = ("optimiser", "best rate", "loss left", "best rate, turned", "loss left, turned")
    conclusion = _conclude(figures, settings)
    return Finding(figures, header, rows, conclusion, _draw(figures, settings))


def _conclude(figures: Mapping[str, Any], settings: Settings) -> str:
    left = {name: (f["aligned"]["loss"], f["turned"]["loss"]) for name, f in figures.items()}
    turned = {name: max(b, FLOOR) / max(a, FLOOR) for name, (a, b) in left.items()}
    alike = [name for name, factor in turned.items() if 1 / SAME < factor < SAME]
    worse = [name for name in turned if turned[name] >= SAME]
    order = sorted(left, key=lambda name: left[name][1])
    lines = [
        f"After {settings.steps} steps in a bowl of condition {settings.condition:g}, SGD has "
        f"{left['SGD'][0]:.1g} of its loss left, with momentum {left['Momentum'][0]:.1g}, with "
        f"Nesterov's {left['Nesterov'][0]:.1g}.",
        f"Turning the bowl changes that by less than a factor of {SAME:g} for "
        f"{', '.join(alike) or 'none'}.",
    ]
    if worse:
        lines.append(
            f"{' and '.join(worse)} lose by it what they gained by scaling each weight by itself: "
            f"{_each(left[name][1] for name in worse)} is left, instead of "
            f"{_each(left[name][0] for name in worse)}."
        )
    lines.append(f"Least is then left by {order[0]} and {order[1]}, most by {order[-1]}.")
    return " ".join(lines)


def _each(losses: Iterable[float]) -> str:
    return " and ".join(_left(loss) for loss in losses)


def _left(loss: float) -> str:
    return f"{loss:.1g}" if loss >= FLOOR else f"below {FLOOR:g}"


def _draw(figures: Mapping[str, Any], settings: Settings) -> Figure:
    figure = blank_figure(13, 10)
    halves: Any = figure.subfigures(2, 1, height_ratios=(1.5, 1))
    top, bottom = halves
    top.suptitle(
        f"Walks down a bowl whose steep direction is {settings.condition:g} times as steep, "
        "each at its best learning rate",
        x=0.01,
        ha="left",
    )
    panels = top.subplots(2, 4, sharex=True, sharey=True)
    reach = math.sqrt(settings.condition) * 1.15
    for axes, (name, found) in zip(panels.flat, figures.items(), strict=True):
        _contours(axes, settings.condition, reach)
        for bowl, colour in zip(ANGLES_DEG, (BLUE, VERMILION), strict=True):
            places = np.array(found[bowl]["places"])
            # The lower of two lines that coincide is the wider.
            wide = {"linewidth": 4, "alpha": 0.45} if bowl == "aligned" else {"linewidth": 1}
            axes.plot(*places.T, ".-", color=colour, markersize=4, label=bowl, **wide)
        axes.plot(0, 0, "k+", markersize=9)
        axes.set_title(name, loc="left")
        axes.set(xlim=(-reach, reach * 0.6), ylim=(-2.3, 2.3))
    for axes in panels[-1]:
        axes.set_xlabel("along the flat direction")
    for axes in panels[:, 0]:
        axes.set_ylabel("along the steep direction")
    panels[0, 0].legend(loc="lower right", title="bowl's axes to the weights'")
    for axes, bowl in zip(bottom.subplots(1, 2, sharey=True), ANGLES_DEG, strict=True):
        for number, (name, found) in enumerate(figures.items()):
            losses = np.maximum(found[bowl]["losses"], FLOOR / 10)
            axes.semilogy(losses, color=f"C{number}", label=name)
        axes.set_title(f"Axes {bowl}", loc="left")
        axes.set(xlabel="step", ylabel="loss, part of the first", ylim=(FLOOR, 10))
        axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def _contours(axes: Any, condition: float, reach: float) -> None:
    u, v = np.meshgrid(np.linspace(-reach, reach, 120), np.linspace(-2.3, 2.3, 120))
    loss = 0.5 * (u**2 + condition * v**2)
    levels = 0.5 * condition * np.array([0.02, 0.1, 0.3, 0.7, 1.3, 2.0, 3.0, 4.5])
    axes.contour(u, v, loss, levels=levels, colors="#b0b8b6", linewidths=0.7)

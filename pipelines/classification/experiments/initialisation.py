"""What becomes of activations in a deep stack, by initialisation?

A layer multiplies the size of what goes through it by a factor that its weights' variance sets; a
deep stack multiplies the factors. Fixed at 0.01 (Krizhevsky, Sutskever, Hinton 2012,
doi:10.1145/3065386) the signal dies; at 1 / fan_in it keeps its size through linear units and tanh
near 0 (Glorot, Bengio 2010, PMLR 9:249-256), at 2 / fan_in through ReLU, which lets half of it pass
(He and others, arXiv:1502.01852, section 2.2).

The stack is dense, because a convolution's padded border loses a little signal of its own in each
layer; its input is standard normal noise. No training: it takes some ten seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers

from models.initialisation import INITIALISATIONS, initialise
from pipelines.classification.experiments.finding import (
    COLOURS,
    Finding,
    Tell,
    blank_figure,
    silent,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACTIVATIONS = ("relu", "tanh")
BINS = 60
RANGES = {"relu": (0.0, 3.0), "tanh": (-1.0, 1.0)}  # that the histograms show
SATURATED = 0.99  # a tanh beyond it passes on 2 % of a gradient or less
WIDTHS = (2.0, 7.0, 4.0, 2.0, 1.5)  # of the lines: those that coincide are seen one in the other
KEPT = 2.0  # a deviation within this factor of the first layer's counts as kept


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The stack.

    Attributes:
        layers: Its depth.
        width: Units a layer.
        inputs: Vectors of noise that go through it.
    """

    layers: int = 24
    width: int = 512
    inputs: int = 256


def run(settings: Settings, *, seed: int = 0, tell: Tell = silent) -> Finding:
    """Send noise through a stack for each activation and initialisation."""
    noise = np.random.default_rng(seed).normal(size=(settings.inputs, settings.width))
    figures: dict[str, Any] = {}
    for activation in ACTIVATIONS:
        stack = _stack(settings, activation)
        figures[activation] = {}
        for name in INITIALISATIONS:
            initialise(stack, name, seed=seed)
            outputs = stack.predict(noise.astype("float32"), verbose=0)
            found = [statistics(output, activation) for output in outputs]
            figures[activation][name] = {key: [one[key] for one in found] for key in found[0]}
            tell(f"{activation}, {name}: deviation {found[-1]['deviation']:.2g} at the end")
    return _finding(figures, settings)


def _finding(figures: Mapping[str, Any], settings: Settings) -> Finding:
    rows = [
        (
            activation,
            name,
            f"{found['deviation'][0]:.2g}",
            f"{found['deviation'][-1]:.2g}",
            f"{found['mean'][-1]:.2g}",
            f"{found['idle'][-1]:.0%}",
        )
        for activation, of_one in figures.items()
        for name, found in of_one.items()
    ]
    header = (
        "activation",
        "initialisation",
        "deviation in layer 1",
        f"in layer {settings.layers}",
        "mean there",
        "dead or saturated there",
    )
    return Finding(figures, header, rows, _conclude(figures), _draw(figures, settings))


def statistics(values: np.ndarray, activation: str) -> dict[str, Any]:
    """Return a layer's statistics over all units and inputs (N, units).

    `idle` is, for ReLU, the part of the units that are 0 for every input: nothing teaches them;
    for tanh, the part of all values that are saturated.
    """
    if activation == "relu":
        idle = np.mean((values == 0).all(axis=0))
    else:
        idle = np.mean(np.abs(values) > SATURATED)
    counts, _ = np.histogram(values, BINS, RANGES[activation])
    return {
        "mean": float(values.mean(dtype="float64")),
        "deviation": float(values.std(dtype="float64")),
        "idle": float(idle),
        "histogram": (counts / values.size).tolist(),
    }


def _stack(settings: Settings, activation: str) -> keras.Model:
    signal = keras.Input((settings.width,), name="signal")
    outputs = [signal]
    for number in range(1, settings.layers + 1):
        layer = layers.Dense(settings.width, activation=activation, name=f"layer{number}")
        outputs.append(layer(outputs[-1]))
    return keras.Model(signal, outputs[1:])


def _conclude(figures: Mapping[str, Any]) -> str:
    lines = []
    for activation, of_one in figures.items():
        change = {name: f["deviation"][-1] / f["deviation"][0] for name, f in of_one.items()}
        kept = [name for name, factor in change.items() if 1 / KEPT < factor < KEPT]
        lost = [f"{change[name]:.1g} with {name}" for name in change if name not in kept]
        lines.append(
            f"Through {_TITLES[activation]} the deviation stays within a factor of {KEPT:g} over "
            f"the depth with {_and(kept) or 'none'}."
            + (f" Of the first layer's, the last has {_and(lost)}." if lost else "")
        )
    dead = figures["relu"]["he"]["idle"][-1]
    lines.append(
        f"Even so, {dead:.0%} of the last layer's ReLUs are 0 for every input, where "
        f"{figures['relu']['he']['idle'][0]:.0%} are in the first: depth makes inputs more alike, "
        "which no scale of the weights changes."
    )
    return " ".join(lines)


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _draw(figures: Mapping[str, Any], settings: Settings) -> Figure:
    figure = blank_figure(13, 10)
    halves: Any = figure.subfigures(2, 1, height_ratios=(1, 1.35))
    top, bottom = halves
    depths = range(1, settings.layers + 1)
    for axes, (activation, of_one) in zip(
        top.subplots(1, 2, sharey=True), figures.items(), strict=True
    ):
        for colour, width, (name, found) in zip(COLOURS, WIDTHS, of_one.items(), strict=True):
            axes.semilogy(depths, found["deviation"], color=colour, linewidth=width, label=name)
        axes.set_title(_TITLES[activation], loc="left")
        axes.set(xlabel="layer", ylabel="deviation of the activations")
        axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    panels = bottom.subplots(2, len(INITIALISATIONS), sharex=True, sharey="row")
    for line, (activation, of_one) in zip(panels, figures.items(), strict=True):
        low, high = RANGES[activation]
        for axes, (name, found) in zip(line, of_one.items(), strict=True):
            shares = np.array(found["histogram"]).T  # (bins, layers)
            drawn = axes.imshow(
                shares,
                extent=(0.5, settings.layers + 0.5, low, high),
                origin="lower",
                aspect="auto",
                cmap="magma_r",
                norm="log",
                vmin=1e-4,
                vmax=1,
            )
            axes.set_title(f"{_TITLES[activation]}, {name}", loc="left", size=10)
        line[0].set_ylabel("activation")
    for axes in panels[-1]:
        axes.set_xlabel("layer")
    bottom.colorbar(drawn, ax=panels, label="part of the activations in a bin", aspect=40)
    return figure


_TITLES = {"relu": "ReLU", "tanh": "tanh"}

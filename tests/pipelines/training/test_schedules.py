"""The learning rates equal their formulas, written here once more with NumPy."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from pipelines.training.schedules import KINDS, Schedule, ScheduledRate, draw_schedules

PEAK, EPOCHS, STEPS = 0.3, 10, 7
TOTAL = EPOCHS * STEPS


def rates(schedule: Schedule) -> list[float]:
    rate = partial(schedule.rate, peak=PEAK, epochs=EPOCHS, steps_per_epoch=STEPS)
    return [float(rate(t)) for t in range(TOTAL)]


def u(t: int) -> float:
    return t / TOTAL


def one_cycle(t: int) -> float:
    return PEAK * float(np.interp(u(t), (0.0, 0.45, 0.9, 1.0), (0.1, 1.0, 0.1, 0.001)))


FORMULAS = {
    "constant": lambda _: PEAK,
    "step": lambda t: PEAK * 0.1 ** sum(t / STEPS >= m for m in (3, 6.5)),
    "exponential": lambda t: PEAK * 0.1 ** (t / STEPS),
    "inverse": lambda t: PEAK / (1 + 0.1 * t / STEPS),
    "linear": lambda t: PEAK * (0.02 + 0.98 * (1 - u(t))),
    "cosine": lambda t: PEAK * (0.02 + 0.98 * (1 + math.cos(math.pi * u(t))) / 2),
    "one_cycle": one_cycle,
    "plateau": lambda _: PEAK,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_schedule_is_its_formula(kind) -> None:
    schedule = Schedule(kind=kind, warm_up=0.0, milestones=(3, 6.5), factor=0.1, last=0.02)
    expected = [FORMULAS[kind](t) for t in range(TOTAL)]
    np.testing.assert_allclose(rates(schedule), expected, rtol=1e-5)  # float32


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "one_cycle"])
def test_a_warm_up_rises_in_a_straight_line_to_the_peak(kind) -> None:
    schedule = Schedule(kind=kind, warm_up=0.2, start=0.1, milestones=(9,), factor=0.5)
    found, warm = rates(schedule), int(0.2 * TOTAL)
    expected = [PEAK * (0.1 + 0.9 * t / warm) for t in range(warm)]
    np.testing.assert_allclose(found[:warm], expected, rtol=1e-5)
    if kind in ("linear", "cosine", "constant", "step", "plateau"):
        assert found[warm] == pytest.approx(PEAK)


def test_the_course_of_the_rate_is_the_same_inside_a_graph_and_as_keras_saves_it() -> None:
    import tensorflow as tf

    rate = ScheduledRate(Schedule(), PEAK, EPOCHS, STEPS)
    again = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(rate))
    graph = tf.function(again)
    for t in (0, 5, 11, 12, 40, 69):
        assert float(graph(tf.constant(t, tf.int64))) == pytest.approx(float(rate(t)), rel=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "cosin"}, "must be one of constant, step, .* got 'cosin'"),
        ({"kind": "step"}, "needs milestones"),
        ({"kind": "step", "milestones": (5, 3)}, r"must rise; got \(5, 3\)"),
        ({"kind": "step", "milestones": (5,), "factor": 1.5}, "below 1 for steps; got 1.5"),
        ({"warm_up": 1.0}, "warm_up must be a part, 0 to 0.99; got 1.0"),
        ({"last": -0.1}, "last must be a part, 0 to 1; got -0.1"),
        ({"kind": "plateau", "patience": 0}, "at least 1 epoch; got 0"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        Schedule(**options)


def test_schedules_are_drawn(tmp_path: Path) -> None:
    file = tmp_path / "rates.png"
    draw_schedules(
        {"cosine": Schedule(), "one": Schedule(kind="one_cycle")}, file, peak=1, epochs=5
    )
    with Image.open(file) as picture:
        colours = picture.convert("RGB").getcolors(1 << 16)
    assert colours is not None
    assert len(colours) > 20  # two lines with their smoothed edges

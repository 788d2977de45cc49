"""A search's parameters: drawn by number, refined around a value, checked."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.training.plan import TrainingPlan
from pipelines.training.search_space import (
    GRID_PART,
    SPACE,
    Choice,
    LogUniform,
    Uniform,
    check_space,
    chosen,
    draw,
    grid,
    planned,
)


def test_a_draw_depends_on_seed_and_number_only_and_stays_inside() -> None:
    drawn = [draw(SPACE, 1, number) for number in range(200)]
    assert drawn == [draw(SPACE, 1, number) for number in range(200)]
    assert drawn[0] != draw(SPACE, 2, 0)
    rates = np.array([values["peak_rate"] for values in drawn])
    assert (rates >= 1e-4).all()
    assert (rates <= 1e-1).all()
    # Each of three decades has a third of 200, within four binomial deviations.
    counts = np.histogram(np.log10(rates), bins=[-4, -3, -2, -1])[0]
    assert (np.abs(counts - 200 / 3) < 4 * np.sqrt(200 * 2 / 9)).all()
    assert {values["optimizer"] for values in drawn} == {"nesterov", "adamw", "muon"}


def test_every_draw_makes_a_plan() -> None:
    plan = planned(TrainingPlan(epochs=9, momentum=0.8), draw(SPACE, 0, 3), epochs=2)
    assert (plan.epochs, plan.momentum) == (2, 0.8)
    assert plan.peak_rate == draw(SPACE, 0, 3)["peak_rate"]


def test_values_around_the_best() -> None:
    near = LogUniform(1e-4, 1.0).around(1e-2, 3)
    step = 4 / GRID_PART  # decades
    np.testing.assert_allclose(np.log10(near), [-2 - step, -2, -2 + step])
    np.testing.assert_allclose(Uniform(0.0, 0.8).around(0.4, 3), [0.3, 0.4, 0.5])
    assert Uniform(0.0, 0.8).around(0.0, 3) == [0.0, 0.1]  # not below the range, and no value twice
    assert Choice((32, 64, 128, 256)).around(256, 3) == [64, 128, 256]
    assert Choice(("a", "b")).around("b", 3) == ["a", "b"]
    assert LogUniform(1e-4, 1.0).around(1e-2, 1) == [pytest.approx(1e-2)]


def test_a_grid_varies_the_refined_parameters_only() -> None:
    best = draw(SPACE, 0, 0)
    points = grid(SPACE, best, ("peak_rate", "weight_decay"), 3)
    assert len(points) == 9
    assert len({(p["peak_rate"], p["weight_decay"]) for p in points}) == 9
    for name in ("batch_size", "label_smoothing", "optimizer"):
        assert {point[name] for point in points} == {best[name]}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform(1.0, 1.0), "a range must rise; got 1.0 to 1.0"),
        (lambda: LogUniform(0.0, 1.0), "a logarithmic range must be above 0; got 0.0 to 1.0"),
        (lambda: Choice(()), "a choice needs at least one value"),
        (lambda: check_space({}), "a search needs at least one parameter"),
        (lambda: check_space({"peak_rat": Uniform(0, 1)}), "did you mean 'peak_rate'"),
        (lambda: check_space({"epochs": Uniform(1, 2)}), "unknown parameter 'epochs'"),
        (lambda: chosen(SPACE, ["peak_rates"]), "did you mean 'peak_rate'"),
    ],
)
def test_impossible_spaces_are_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()

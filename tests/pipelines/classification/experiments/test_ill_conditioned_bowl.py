"""Optimisers on the bowl: Keras's equal their formulas, and momentum beats plain descent."""

from __future__ import annotations

import numpy as np
import pytest
from keras import optimizers

from pipelines.classification.experiments import ill_conditioned_bowl as bowl

STEPS = 100
HESSIAN = np.array([[50.5, -49.5], [-49.5, 50.5]])  # condition 100, turned by 45 degrees
START = np.array([-7.0, 3.0])


def sgd(state, gradient, rate):
    return state, -rate * gradient


def momentum(velocity, gradient, rate):
    velocity = 0.9 * velocity - rate * gradient
    return velocity, velocity


def nesterov(velocity, gradient, rate):
    velocity = 0.9 * velocity - rate * gradient
    return velocity, 0.9 * velocity - rate * gradient


def rmsprop(mean, gradient, rate):
    mean = 0.9 * mean + 0.1 * gradient**2
    return mean, -rate * gradient / np.sqrt(mean + 1e-7)


def adam(state, gradient, rate):
    """arXiv:1412.6980, the end of section 2: epsilon is added after both corrections."""
    step, first, second = state
    step, first, second = (
        step + 1,
        0.9 * first + 0.1 * gradient,
        0.999 * second + 0.001 * gradient**2,
    )
    rate = rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    return (step, first, second), -rate * first / (np.sqrt(second) + 1e-7)


# A Keras optimizer, its formula (state, gradient, rate) -> (state, change), and the first state.
FORMULAS = {
    "sgd": (optimizers.SGD, sgd, None),
    "momentum": (lambda: optimizers.SGD(momentum=0.9), momentum, 0.0),
    "nesterov": (lambda: optimizers.SGD(momentum=0.9, nesterov=True), nesterov, 0.0),
    "rmsprop": (optimizers.RMSprop, rmsprop, 0.0),
    "adam": (optimizers.Adam, adam, (0, 0.0, 0.0)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_walk_equals_its_formula(name: str) -> None:
    make, formula, first = FORMULAS[name]
    rates = np.array([0.003, 0.01])
    walks = bowl.walk(make(), HESSIAN, START, rates, STEPS)
    assert walks.shape == (2, STEPS + 1, 2)
    for rate, walk in zip(rates, walks, strict=True):
        place, state = START, first
        for step in range(1, STEPS + 1):
            state, change = formula(state, HESSIAN @ place, rate)
            place = place + change
            # float32 beside float64: measured below 1e-5; places are of size 10 at first
            np.testing.assert_allclose(walk[step], place, atol=1e-4, err_msg=f"step {step}")


def test_what_the_bowl_shows() -> None:
    settings = bowl.Settings(rates=11)  # a third of the rates: half an order apart
    finding = bowl.run(settings, seed=0)
    left = {
        name: {kind: one["loss"] for kind, one in of.items()}
        for name, of in finding.figures.items()
    }
    assert left["Momentum"]["aligned"] < 0.1 * left["SGD"]["aligned"]
    for name in ("SGD", "Momentum", "Nesterov"):  # a rotation is nothing to them, but rounding
        assert left[name]["turned"] == pytest.approx(left[name]["aligned"], rel=1e-2)
    for name in ("Adagrad", "RMSprop"):  # the axes are no longer the weights'
        assert left[name]["turned"] > 100 * left[name]["aligned"]
    assert [row[0] for row in finding.rows] == list(bowl.OPTIMIZERS)
    assert "Adagrad and RMSprop lose by it" in finding.conclusion


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match=r"condition must be at least 1; got 0\.5"):
        bowl.Settings(condition=0.5)
    with pytest.raises(ValueError, match="steps must be at least 10; got 9"):
        bowl.Settings(steps=9)

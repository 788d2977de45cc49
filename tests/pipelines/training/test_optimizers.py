"""The optimizers against their formulas in NumPy, over many steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from pipelines.training.optimizers import ConvolutionalMuon, make_optimizer
from pipelines.training.plan import OptimizerName, TrainingPlan
from pipelines.training.schedules import Schedule, ScheduledRate

STEPS, PEAK, MOMENTUM, DECAY, AVERAGE = 100, 0.05, 0.8, 0.3, 0.9


def orthogonal(g: np.ndarray) -> np.ndarray:
    """Five quintic Newton-Schulz steps with Keras's coefficients, rows as patches."""
    x: np.ndarray = g.T if g.shape[0] > g.shape[1] else g
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if g.shape[0] > g.shape[1] else x


@pytest.mark.parametrize("shape", [(3, 3, 4, 8), (9, 4, 8)])
def test_a_kernel_moves_as_the_matrix_of_its_patches(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    start = random.normal(size=shape).astype("float32")
    kernel = keras.Variable(start, name="kernel")
    bias = keras.Variable(np.zeros(8, "float32"), name="bias")
    optimizer = ConvolutionalMuon(0.1, weight_decay=0.02, adam_weight_decay=0.0)
    optimizer.build([kernel, bias])
    expected, momentum = start.astype(float), np.zeros((36, 8))
    for step in range(4):
        gradient = random.normal(size=start.shape).astype("float32")
        optimizer.apply([gradient, np.ones(8, "float32")], [kernel, bias])
        g = gradient.reshape(36, 8).astype(float)
        momentum = 0.95 * momentum + g
        direction = orthogonal(g + 0.95 * momentum)
        expected = expected * (1 - 0.1 * 0.02)
        expected -= 0.1 * 0.2 * np.sqrt(36) * direction.reshape(start.shape)
        # Float32 against float64 through five cubic iterations.
        np.testing.assert_allclose(np.asarray(kernel), expected, atol=2e-5, err_msg=str(step))
    np.testing.assert_allclose(np.asarray(bias), -0.4, atol=1e-5)  # Adam: a rate a step


def test_an_excluded_kernel_moves_by_adam() -> None:
    kernel = keras.Variable(np.zeros((1, 1, 2, 2), "float32"), name="logits")
    optimizer = ConvolutionalMuon(0.1, exclude_layers=["logits"], adam_weight_decay=0.0)
    optimizer.build([kernel])
    optimizer.apply([np.full((1, 1, 2, 2), 3.0, "float32")], [kernel])
    np.testing.assert_allclose(np.asarray(kernel), -0.1, atol=1e-5)


def cosine(step: int) -> float:
    return PEAK * 0.5 * (1 + math.cos(math.pi * step / STEPS))


def sgd(w, g, _state, _t, rate):
    return w - rate * g


def momentum(w, g, state, _t, rate):
    state["v"] = MOMENTUM * state.get("v", 0) - rate * g
    return w + state["v"]


def nesterov(w, g, state, _t, rate):
    state["v"] = MOMENTUM * state.get("v", 0) - rate * g
    return w + MOMENTUM * state["v"] - rate * g


def adam(w, g, state, t, rate):
    """Algorithm 1 of arXiv:1412.6980, with the order of computation of its section 2."""
    state["m"] = 0.9 * state.get("m", 0) + 0.1 * g
    state["v"] = 0.999 * state.get("v", 0) + 0.001 * g * g
    corrected = rate * math.sqrt(1 - 0.999 ** (t + 1)) / (1 - 0.9 ** (t + 1))
    return w - corrected * state["m"] / (np.sqrt(state["v"]) + 1e-7)


RULES: dict[OptimizerName, Callable[..., np.ndarray]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adam": adam,
    "adamw": adam,
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("decay", [0.0, DECAY])
def test_a_hundred_steps_follow_the_formula(name: OptimizerName, decay: float) -> None:
    """A network's kernel and bias, by the schedule, with decoupled decay and averaging."""
    random = np.random.default_rng(3)
    layer = keras.layers.Dense(4)
    model = keras.Sequential([keras.Input((6,)), layer])
    start = random.normal(size=(6, 4)).astype("float32")
    layer.kernel.assign(start)
    plan = TrainingPlan(
        epochs=10,
        peak_rate=PEAK,
        optimizer=name,
        momentum=MOMENTUM,
        weight_decay=decay,
        average=AVERAGE,
        schedule=Schedule(warm_up=0.0),
    )
    optimizer = make_optimizer(model, plan, ScheduledRate(plan.schedule, PEAK, 10, STEPS // 10))
    kernel, bias = start.astype(float), np.zeros(4)
    mean = kernel.copy()
    states: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    optimizer.build(model.trainable_variables)
    for t in range(STEPS):
        gradients = [random.normal(size=shape).astype("float32") for shape in ((6, 4), (4,))]
        optimizer.apply(gradients, model.trainable_variables)
        rate = cosine(t)
        kernel = kernel * (1 - decay * rate)  # and the bias does not decay
        kernel = RULES[name](kernel, gradients[0].astype(float), states[0], t, rate)
        bias = RULES[name](bias, gradients[1].astype(float), states[1], t, rate)
        mean = AVERAGE * mean + (1 - AVERAGE) * kernel
    # Float32 against float64, a hundred steps.
    np.testing.assert_allclose(np.asarray(layer.kernel), kernel, atol=1e-5)
    np.testing.assert_allclose(np.asarray(layer.bias), bias, atol=1e-5)
    optimizer.finalize_variable_values(model.trainable_variables)
    np.testing.assert_allclose(np.asarray(layer.kernel), mean, atol=1e-5)


def test_lamb_moves_a_kernel_by_its_own_length() -> None:
    """Lamb (arXiv:1904.00962, algorithm 2): a step is the rate times the weights' norm."""
    layer = keras.layers.Dense(4)
    model = keras.Sequential([keras.Input((6,)), layer])
    start = np.asarray(layer.kernel).copy()
    plan = TrainingPlan(
        epochs=1, peak_rate=0.1, optimizer="lamb", schedule=Schedule(kind="constant", warm_up=0.0),
        weight_decay=0.0, average=0.0,
    )  # fmt: skip
    optimizer = make_optimizer(model, plan, ScheduledRate(plan.schedule, 0.1, 1, 10))
    optimizer.build(model.trainable_variables)
    optimizer.apply([np.ones((6, 4), "float32"), np.ones(4, "float32")], model.trainable_variables)
    moved = np.linalg.norm(np.asarray(layer.kernel) - start)
    assert moved == pytest.approx(0.1 * np.linalg.norm(start), rel=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "adam_w"}, "unknown optimizer 'adam_w'; did you mean"),
        ({"epochs": 0}, "epochs must be at least 1; got 0"),
        ({"peak_rate": float("nan")}, "peak_rate must be above 0; got nan"),
        ({"average": 1.0}, "average must be 0 or more and below 1; got 1.0"),
        ({"l2": -1}, "l2 must be 0 or more; got -1"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingPlan(**({"epochs": 1} | options))

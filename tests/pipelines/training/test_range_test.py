"""The range test finds the edge of a problem whose edge is known."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from pipelines.training.batches import Examples
from pipelines.training.plan import TrainingPlan
from pipelines.training.range_test import range_test

COUNT, SIDE = 256, 4


def linear_problem() -> tuple[keras.Model, Examples, float]:
    """Return a linear net, data, and the rate beyond which gradient descent diverges."""
    random = np.random.default_rng(0)
    labels = np.arange(COUNT) % 2
    images = random.integers(0, 255, (COUNT, SIDE, SIDE, 1)).astype("uint8")
    images[labels == 1, 0] = 255
    image = keras.Input((SIDE, SIDE, 1))
    flat = keras.layers.Flatten()(image)
    model = keras.Model(image, keras.layers.Dense(2, kernel_initializer="zeros")(flat))
    plan = TrainingPlan(epochs=1, batch_size=COUNT, optimizer="sgd", weight_decay=0.0, average=0.0)
    examples = Examples(
        images=images,
        labels=labels,
        classes=2,
        plan=plan,
        prepare=lambda x: x,
        augment=None,
        seed=1,
    )
    # The mean squared difference of 2 outputs has the Hessian X^T X / N, with a column for bias.
    x = np.hstack([images.reshape(COUNT, -1) / 255.0, np.ones((COUNT, 1))])
    return model, examples, 2 / np.linalg.eigvalsh(x.T @ x / COUNT).max()


def test_the_suggestion_is_below_the_edge_and_not_far(tmp_path: Path) -> None:
    model, examples, edge = linear_problem()
    before = [np.asarray(v).copy() for v in model.variables]
    told: list[tuple[int, int]] = []
    found = range_test(
        model,
        examples,
        loss=keras.losses.MeanSquaredError(),
        lowest=1e-4,
        highest=100.0,
        tell=lambda done, of: told.append((done, of)),
    )
    # The loss is smoothed over ten steps, in which the rate grows 2.3 times.
    assert edge / 10 < found.suggested < edge
    assert len(found.rates) < 150  # it stopped when the loss exploded
    assert told[0] == (1, 150)
    ratios = np.divide(found.rates[1:], found.rates[:-1])
    np.testing.assert_allclose(ratios, (100 / 1e-4) ** (1 / 149), rtol=1e-6)
    for a, b in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(a, np.asarray(b))
    found.draw(tmp_path / "range.png")
    assert (tmp_path / "range.png").stat().st_size > 5_000


def test_rates_that_only_harm_are_said() -> None:
    model, examples, edge = linear_problem()
    with pytest.raises(ValueError, match="it only rose; begin lower"):
        range_test(
            model,
            examples,
            loss=keras.losses.MeanSquaredError(),
            lowest=100 * edge,
            highest=1000 * edge,
        )

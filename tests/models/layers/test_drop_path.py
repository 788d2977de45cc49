"""Drop-path: whole examples, the expectation kept, only in training."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models.layers.drop_path import DropPath, rates_by_depth


def test_input_passes_outside_of_training() -> None:
    maps = np.random.default_rng(0).normal(size=(4, 3, 3, 2)).astype("float32")
    layer = DropPath(0.9, seed=0)
    np.testing.assert_array_equal(layer(maps), maps)
    np.testing.assert_array_equal(layer(maps, training=False), maps)
    assert layer.weights == []


def test_examples_are_dropped_whole_and_others_made_up_for() -> None:
    maps = np.random.default_rng(0).uniform(1, 2, size=(64, 3, 3, 2)).astype("float32")
    dropped = np.asarray(DropPath(0.25, seed=1)(maps, training=True))
    zeroed = (dropped == 0).all(axis=(1, 2, 3))
    assert 0 < zeroed.sum() < 64
    np.testing.assert_allclose(dropped[~zeroed], maps[~zeroed] / 0.75, rtol=1e-6)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_expectation_is_kept(rate: float) -> None:
    ones = np.ones((40_000, 1), "float32")
    mean = float(np.mean(DropPath(rate, seed=2)(ones, training=True)))
    # An example is 0 or 1 / (1 - rate); five standard deviations of the mean are allowed.
    assert abs(mean - 1) < 5 * (rate / (1 - rate) / len(ones)) ** 0.5


def test_every_call_draws_anew_and_a_seed_repeats_the_draws() -> None:
    ones = np.ones((64, 2), "float32")
    layer = DropPath(0.5, seed=3)
    first, second = (np.asarray(layer(ones, training=True)) for _ in range(2))
    assert (first != second).any()
    np.testing.assert_array_equal(DropPath(0.5, seed=3)(ones, training=True), first)


def test_dtype_of_the_maps_is_kept() -> None:
    layer = DropPath(0.5, dtype="mixed_bfloat16")
    assert layer(np.ones((4, 2), "float32"), training=True).dtype == "bfloat16"


def test_layer_is_rebuilt_from_its_configuration() -> None:
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(DropPath(0.2, seed=4, name="drop"))
    )
    assert (again.name, again.rate, again.seed) == ("drop", 0.2, 4)


def test_a_trainer_raises_the_rate_between_steps() -> None:
    image = keras.Input((1,))
    layer = DropPath(0.0, seed=5)
    same = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Model(image, layer(same(image)))
    model.compile(optimizer="sgd", loss="mse")
    ones = np.ones((256, 1), "float32")
    assert model.train_on_batch(ones, ones) == 0
    layer.rate = 0.5
    model.make_train_function(force=True)
    model.reset_metrics()
    # A dropped example is 1 off, and so is a kept one, which is doubled.
    assert model.train_on_batch(ones, ones) == 1


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan")])
def test_rates_that_leave_nothing_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        DropPath(rate)
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        rates_by_depth(rate, 3)


def test_rates_grow_linearly_with_depth() -> None:
    np.testing.assert_allclose(rates_by_depth(0.4, 4), [0.1, 0.2, 0.3, 0.4])
    assert rates_by_depth(0.0, 2) == (0.0, 0.0)

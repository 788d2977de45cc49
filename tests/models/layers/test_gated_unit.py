"""The gated unit against its definition."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models.layers.gated_unit import GatedUnit


def test_one_half_passes_as_far_as_the_other_lets_it() -> None:
    maps = np.random.default_rng(0).normal(size=(2, 5, 6)).astype("float32")
    expected = np.tanh(maps[..., :3]) / (1 + np.exp(-maps[..., 3:]))
    # Float32 and its fast tanh: a few units in the last place.
    np.testing.assert_allclose(GatedUnit()(maps), expected, rtol=1e-5, atol=1e-6)


def test_shapes_are_stated_and_the_layer_survives_saving() -> None:
    layer = GatedUnit(name="gate")
    assert layer.compute_output_shape((None, None, 8)) == (None, None, 4)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert isinstance(again, GatedUnit)
    assert again.get_config() == layer.get_config()


def test_maps_without_two_halves_are_refused() -> None:
    with pytest.raises(ValueError, match="an even number of maps; got 5"):
        GatedUnit()(np.zeros((1, 2, 5), "float32"))

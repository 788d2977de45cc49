"""Each map's values are made of its own, and of all of them."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models.layers.channelwise_dense import ChannelwiseDense


def test_each_map_is_a_fully_connected_layer_of_its_own() -> None:
    layer = ChannelwiseDense()
    images = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    layer.build(images.shape)
    layer.bias.assign(np.random.default_rng(1).normal(size=(5, 12)))
    made = np.asarray(layer(images))
    assert made.shape == images.shape
    for number in range(5):
        dense = images[..., number].reshape(2, 12) @ np.asarray(layer.kernel)[number]
        expected = (dense + np.asarray(layer.bias)[number]).reshape(2, 3, 4)
        np.testing.assert_allclose(made[..., number], expected, atol=1e-5)


def test_values_keep_their_variance() -> None:
    keras.utils.set_random_seed(0)
    made = ChannelwiseDense()(np.random.default_rng(0).normal(size=(64, 6, 6, 32)))
    assert np.asarray(made).std() == pytest.approx(1.0, abs=0.05)


def test_layer_survives_saving_and_states_its_cost() -> None:
    layer = ChannelwiseDense(name="each")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert isinstance(again, ChannelwiseDense)
    again.build((None, 6, 6, 256))
    assert again.count_params() == 256 * (36**2 + 36)
    assert again.compute_output_shape((None, 6, 6, 256)) == (None, 6, 6, 256)
    assert again.multiply_adds((None, 6, 6, 256), (None, 6, 6, 256)) == 256 * 36**2


def test_an_unknown_size_is_refused() -> None:
    with pytest.raises(ValueError, match="height and width must be known; got"):
        ChannelwiseDense().build((None, None, 6, 3))

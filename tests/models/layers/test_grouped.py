"""The grouped convolution against Keras's own, whose weights it has."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models.layers.grouped import GroupedConv2D


@pytest.mark.parametrize("options", [{}, {"strides": 2, "padding": "same", "use_bias": False}])
def test_grouped_convolution_is_kerass(options) -> None:
    keras.utils.set_random_seed(1)
    images = np.random.default_rng(1).normal(size=(2, 9, 10, 12)).astype("float32")
    theirs = keras.layers.Conv2D(6, 3, groups=3, **options)
    ours = GroupedConv2D(6, 3, groups=3, **options)
    ours.build(images.shape)
    expected = np.asarray(theirs(images))
    ours.set_weights(theirs.get_weights())
    # float32 sums of 36 products in two orders
    np.testing.assert_allclose(np.asarray(ours(images)), expected, atol=1e-5)


def test_layer_survives_saving() -> None:
    layer = GroupedConv2D(4, 3, groups=2, strides=2)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert isinstance(again, GroupedConv2D)
    assert again.get_config() == layer.get_config()


def test_cost_is_the_kernel_at_every_place() -> None:
    shapes = (None, 27, 27, 96), (None, 27, 27, 256)  # AlexNet's conv2
    layer = GroupedConv2D(256, 5, groups=2, padding="same")
    layer.build(shapes[0])
    assert layer.multiply_adds(*shapes) == 27 * 27 * 256 * 5 * 5 * 48

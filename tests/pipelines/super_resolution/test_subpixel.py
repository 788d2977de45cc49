"""A transposed convolution as a plain one gives the same, and is nobody else's business."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from pipelines.super_resolution.subpixel import with_plain_convolutions
from tests.pipelines.super_resolution.upscalers import stirred

IMAGE = np.random.default_rng(0).random((2, 7, 10, 5), np.float32)


def transposed(kernel: int, strides: int, **options: Any) -> keras.Model:
    image = keras.Input((None, None, 5))
    layer = layers.Conv2DTranspose(3, kernel, strides=strides, **options)
    network = keras.Model(image, layer(image))
    random = np.random.default_rng(1)
    for variable in network.weights:
        variable.assign(random.normal(size=variable.shape))
    return network


@pytest.mark.parametrize(("kernel", "strides"), [(9, 2), (9, 3), (9, 4), (4, 2), (3, 3), (5, 1)])
@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"activation": "tanh"}])
def test_results_are_equal_to_rounding(kernel: int, strides: int, options) -> None:
    network = transposed(kernel, strides, **options)
    plain = with_plain_convolutions(network)
    assert not any(isinstance(layer, layers.Conv2DTranspose) for layer in plain.layers)
    assert plain.output_shape == network.output_shape == (None, None, None, 3)
    expected = np.asarray(network(IMAGE))
    found = np.asarray(plain(IMAGE))
    # Sums of up to 5 x 25 products, of some 10 together, in another order.
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_the_weights_are_shared() -> None:
    network = stirred("fsrcnn_micro", 3)
    plain = with_plain_convolutions(network)
    image = IMAGE[..., :1]
    np.testing.assert_allclose(plain(image), network(image), atol=1e-5)
    for variable in network.weights:
        variable.assign(np.asarray(variable) * 0.9)
    np.testing.assert_allclose(plain(image), network(image), atol=1e-5)
    assert {id(v) for v in plain.variables} == {id(v) for v in network.variables}


@pytest.mark.parametrize(
    "options", [{"padding": "same"}, {"dilation_rate": 2}, {"output_padding": 1}]
)
def test_others_stay_as_they_are(options) -> None:
    network = transposed(3, 1 if "dilation_rate" in options else 2, **options)
    assert with_plain_convolutions(network) is network


@pytest.mark.parametrize("name", ["sesr_micro", "edsr_micro"])
def test_a_network_without_any_is_the_same(name: str) -> None:
    network = stirred(name, 2)
    assert with_plain_convolutions(network) is network

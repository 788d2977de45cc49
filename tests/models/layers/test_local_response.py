"""Local response normalisation against its formula, term by term."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models.layers.local_response import LocalResponseNormalization


@pytest.mark.parametrize(
    ("channels", "constants"),
    [
        (12, {}),
        (3, {}),  # fewer channels than are summed
        (9, {"n": 3, "k": 1.0, "alpha": 0.5, "beta": 0.5}),
        (4, {"n": 1, "k": 0.1, "alpha": 2.0, "beta": 1.0}),
    ],
)
def test_local_response_normalisation_is_the_formula(channels: int, constants) -> None:
    n, k, alpha, beta = {"n": 5, "k": 2.0, "alpha": 1e-4, "beta": 0.75, **constants}.values()
    a = 100 * np.random.default_rng(2).normal(size=(2, 3, 4, channels))
    b = np.zeros_like(a)
    for i in range(channels):
        nearby = range(max(0, i - n // 2), min(channels - 1, i + n // 2) + 1)
        b[..., i] = a[..., i] / (k + alpha * sum(a[..., j] ** 2 for j in nearby)) ** beta
    layer = LocalResponseNormalization(**constants)
    # float32: a few steps of 6e-8, and the exponential triples the logarithm's.
    np.testing.assert_allclose(np.asarray(layer(a.astype("float32"))), b, rtol=3e-6)


def test_local_response_normalisation_of_large_half_precision_maps() -> None:
    a = np.full((1, 1, 1, 5), 300.0, "float16")  # its square is beyond float16
    b = np.asarray(LocalResponseNormalization(dtype="float16")(a))
    assert b.dtype == np.float16
    # The channel in the middle has five of its kind; float16 has eleven bits.
    assert b[0, 0, 0, 2] == pytest.approx(300 / (2 + 1e-4 * 5 * 9e4) ** 0.75, rel=1e-3)


@pytest.mark.parametrize(
    ("constants", "says"), [({"n": 4}, "n must be odd"), ({"k": 0.0}, "k must be positive")]
)
def test_local_response_normalisation_refuses(constants, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        LocalResponseNormalization(**constants)


def test_layer_survives_saving() -> None:
    layer = LocalResponseNormalization(7, k=1.5, alpha=0.1, beta=0.5)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()


def test_cost_is_n_products_for_the_sum_and_two_more() -> None:
    shape = (None, 55, 55, 96)
    assert LocalResponseNormalization().multiply_adds(shape, shape) == 55 * 55 * 96 * 7

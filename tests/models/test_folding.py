"""Folded networks: equal to the original, with its weights, and after they change."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from models.catalog import create_model, list_models
from models.folding import FoldedConv2D, fold_normalisation

RANDOM = np.random.default_rng(0)


def stir(model: keras.Model) -> None:
    """Move every weight away from its initial value; variances stay positive."""
    for variable in model.weights:
        value = np.asarray(variable) + RANDOM.normal(size=variable.shape) * 0.2
        variable.assign(np.abs(value) + 0.1 if "variance" in variable.path else value)


def assert_equal(model: keras.Model, folded: keras.Model) -> None:
    x = RANDOM.uniform(size=(3, *model.input_shape[1:])).astype("float32")
    expected = np.asarray(model(x, training=False))
    # Another order of float32 operations: 1e-5 of the largest value.
    atol = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(np.asarray(folded(x, training=False)), expected, atol=atol)


@pytest.mark.parametrize("name", list_models())
def test_the_folded_network_is_the_network(name: str) -> None:
    model = create_model(name)
    folded = fold_normalisation(model)
    stir(model)  # afterwards: the folded one follows
    assert_equal(model, folded)
    has_norms = any(isinstance(layer, layers.BatchNormalization) for layer in model.layers)
    assert (folded is not model) == has_norms


def test_no_normalisation_is_computed_and_no_weight_exists_twice() -> None:
    model = create_model("lenet_modern")
    folded = fold_normalisation(model)
    assert sum(isinstance(layer, FoldedConv2D) for layer in folded.layers) == 5
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in folded.layers)
    assert {id(v) for v in folded.weights} == {id(v) for v in model.weights}


def test_branches_biases_strides_and_missing_gammas() -> None:
    image = keras.Input((15, 16, 3), name="image")
    x = layers.Conv2D(8, 3, strides=2, padding="same", name="a")(image)
    read_twice = x
    x = layers.BatchNormalization(scale=False, name="an")(x)
    x = layers.add([x, read_twice])  # so "a" must stay as it is
    y = layers.Conv2D(8, 3, dilation_rate=2, padding="same", groups=2, name="b")(x)
    y = layers.BatchNormalization(scale=False, center=False, name="bn")(y)
    y = layers.Dropout(0.5)(layers.add([x, layers.Activation("relu")(y)]))
    z = layers.Conv2D(4, 1, activation="relu", name="c")(y)  # normalised after its activation
    model = keras.Model(image, layers.BatchNormalization(name="cn")(z))
    folded = fold_normalisation(model)
    stir(model)
    assert_equal(model, folded)
    assert [layer.name for layer in folded.layers if isinstance(layer, FoldedConv2D)] == ["b"]


def test_the_original_is_left_as_it_was() -> None:
    model = create_model("lenet_micro")
    before = model.to_json()
    fold_normalisation(model)
    assert model.to_json() == before
    assert model.get_layer("conv1").output is not None  # still one node: its output is defined

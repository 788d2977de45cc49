"""Folded networks: equal to the original, with folded weights of their own that can be renewed."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from models.catalog import create_model, list_models
from models.folding import fold_into, fold_normalisation

RANDOM = np.random.default_rng(0)


def stir(model: keras.Model) -> None:
    """Move every weight away from its initial value; variances stay positive."""
    for variable in model.weights:
        value = np.asarray(variable) + RANDOM.normal(size=variable.shape) * 0.2
        variable.assign(np.abs(value) + 0.1 if "variance" in variable.path else value)


def assert_equal(model: keras.Model, folded: keras.Model) -> None:
    # Some take any size, and some an image and a mask.
    shapes = {x.name: [n or 9 for n in x.shape[1:]] for x in model.inputs}
    x: Any = {
        name: RANDOM.uniform(size=(3, *shape)).astype("float32") for name, shape in shapes.items()
    }
    if len(x) == 1:
        (x,) = x.values()
    expected = np.asarray(model(x, training=False))
    # Another order of float32 operations: 1e-5 of the largest value.
    atol = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(np.asarray(folded(x, training=False)), expected, atol=atol)


def normalisations(model: keras.Model) -> set[str]:
    paths = [v.path.split("/") for v in model.weights]
    return {layer for *_, layer, weight in paths if weight == "moving_variance"}


# A micro network goes through the code of its whole family.
@pytest.mark.parametrize("name", list_models("*micro*"))
def test_the_folded_network_is_the_network_again_after_its_weights_changed(name: str) -> None:
    model = create_model(name)
    folded = fold_normalisation(model)
    if folded is model:
        return
    assert normalisations(folded) < normalisations(model)
    stir(model)
    fold_into(folded, model)
    assert_equal(model, folded)


def test_no_normalisation_is_left_and_no_other_weight_exists_twice() -> None:
    model = create_model("lenet_modern")
    folded = fold_normalisation(model)
    assert len(normalisations(model)) == 5
    assert not normalisations(folded)
    own = {v.path for v in folded.weights} - {v.path for v in model.weights}
    assert len(own) == 5  # the biases; the kernels have the names that they had
    shared = {id(v) for v in folded.weights} & {id(v) for v in model.weights}
    assert len(shared) == len(folded.weights) - 2 * 5


def test_without_normalisation_it_is_the_model_itself() -> None:
    model = create_model("lenet5")
    assert fold_normalisation(model) is model


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
    stir(model)
    folded = fold_normalisation(model)
    assert_equal(model, folded)
    assert normalisations(folded) == {"an", "cn"}


def test_what_is_called_at_two_places_stays_as_it_is() -> None:
    image = keras.Input((8, 8, 3), name="image")
    shared_conv = layers.Conv2D(3, 3, padding="same", name="shared_conv")
    x = layers.BatchNormalization(name="n1")(shared_conv(image))
    x = layers.BatchNormalization(name="n2")(shared_conv(x))
    shared_norm = layers.BatchNormalization(name="shared_norm")
    x = shared_norm(layers.Conv2D(3, 1, name="a")(x)) + shared_norm(image)
    model = keras.Model(image, x)
    stir(model)
    folded = fold_normalisation(model)
    assert folded is model


def test_operations_that_are_no_layers_count_as_readers() -> None:
    image = keras.Input((8, 8, 3), name="image")
    a = layers.Conv2D(4, 3, name="a")(image)
    x = layers.BatchNormalization(name="an")(a) + a  # so "a" must stay as it is
    x = layers.BatchNormalization(name="bn")(layers.Conv2D(4, 1, name="b")(x))
    model = keras.Model(image, ops.mean(x, axis=(1, 2)))
    stir(model)
    folded = fold_normalisation(model)
    assert_equal(model, folded)
    assert normalisations(folded) == {"an"}


def test_the_original_is_left_as_it_was() -> None:
    model = create_model("lenet_micro")
    before = model.to_json()
    fold_normalisation(model)
    assert model.to_json() == before
    assert model.get_layer("conv1").output is not None  # still one node: its output is defined

"""The catalog: every network by name, each as its table row states."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models import catalog


@pytest.mark.parametrize("name", catalog.list_models())
def test_network_is_what_its_row_states(name: str) -> None:
    info = catalog.model_info(name)
    model = catalog.create_model(name)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == info.spec.params
    assert model.input_shape == (None, *info.spec.input_shape)
    assert model.output_shape == (None, info.spec.classes)
    assert model.name == name


@pytest.mark.parametrize("name", catalog.list_models())
def test_network_learns_a_batch_and_survives_saving(name: str, tmp_path) -> None:
    keras.utils.set_random_seed(1)
    model = catalog.create_model(name)
    images = np.random.default_rng(1).uniform(size=(8, *model.input_shape[1:])).astype("float32")
    labels = np.eye(10, dtype="float32")[np.arange(8)]
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss)
    before = model.evaluate(images, labels, verbose=0)
    model.fit(images, labels, epochs=30, batch_size=8, verbose=0)
    assert model.evaluate(images, labels, verbose=0) < before

    path = tmp_path / "whole.keras"
    model.save(path)
    again = keras.models.load_model(path)
    np.testing.assert_array_equal(again(images), model(images))


@pytest.mark.parametrize("name", catalog.list_models())
def test_network_runs_under_mixed_precision(name: str) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = catalog.create_model(name)
        logits = model(np.zeros((2, *model.input_shape[1:]), "float32"))
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(np.asarray(keras.ops.cast(logits, "float32"))).all()


def test_sizes_follow_the_arguments() -> None:
    model = catalog.create_model("lenet_modern", input_shape=(33, 47, 3), classes=4)
    assert model(np.zeros((2, 33, 47, 3), "float32")).shape == (2, 4)


def test_pattern_filters() -> None:
    assert catalog.list_models("lenet5*") == ["lenet5_1998", "lenet5"]
    assert catalog.list_models("nothing*") == []


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"name": "lenet_5"}, ValueError, "did you mean 'lenet5'"),
        ({"name": "zzz"}, ValueError, "known: lenet5_1998"),
        ({"name": "lenet5", "colour": 1}, TypeError, "no option 'colour'"),
        ({"name": "lenet5", "classes": 0}, ValueError, "classes must be a whole number"),
        ({"name": "lenet5", "input_shape": (28, 28)}, ValueError, "input_shape must be"),
        ({"name": "lenet5", "input_shape": (28, 0, 1)}, ValueError, "input_shape must be"),
        ({"name": "lenet5", "input_shape": (8, 8, 1)}, ValueError, "12 x 12 pixels or more"),
        ({"name": "lenet5_1998", "input_shape": (28, 28, 1)}, ValueError, "32 x 32"),
        ({"name": "lenet5_1998", "classes": 11}, ValueError, "ten digits"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, says: str) -> None:
    with pytest.raises(error, match=says):
        catalog.create_model(**arguments)

"""The catalog's networks that fill holes, each as its table row states and fit for use."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import catalog
from models.explain import explain
from models.spec import InpainterSpec
from models.weights import load_weights, save_weights

INPAINTERS = catalog.list_models(task="inpainting")
MICROS = catalog.list_models("*_micro*", task="inpainting")


def spec_of(name: str) -> InpainterSpec:
    spec = catalog.model_info(name).spec
    assert isinstance(spec, InpainterSpec)
    return spec


def inputs(name: str, count: int = 2, height: int = 0, width: int = 0) -> dict[str, np.ndarray]:
    """Return images with a hole in the middle half, of the smallest size unless said."""
    spec = spec_of(name)
    height, width = height or 2 * spec.stride, width or 3 * spec.stride
    if spec.fixed:
        height, width, _ = spec.input_shape
    image = np.random.default_rng(count).random((count, height, width, 3), "float32")
    mask = np.zeros((count, height, width, 1), "float32")
    mask[:, height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = 1.0
    return {"image": image, "mask": mask}


def stirred(name: str) -> keras.Model:
    """A network with random weights everywhere: last layers and biases start at 0."""
    keras.utils.set_random_seed(1)
    model = catalog.create_model(name)
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(random.normal(0, 0.2, variable.shape))
    return model


@pytest.fixture(scope="module", params=MICROS)
def network(request: pytest.FixtureRequest) -> Iterator[keras.Model]:
    yield stirred(request.param)
    keras.utils.clear_session()


@pytest.mark.parametrize("name", INPAINTERS)
def test_network_is_what_its_row_states(name: str) -> None:
    spec = spec_of(name)
    found = explain(name)  # without values: the largest has 71 million weights
    assert found.trainable == spec.params
    assert found.rows[-1].output_shape == spec.input_shape


def test_only_holes_change_whatever_the_size(network: keras.Model) -> None:
    spec = spec_of(network.name)
    sizes = [(0, 0)] if spec.fixed else [(spec.stride, spec.stride), (5 * spec.stride, spec.stride)]
    for count, size in enumerate(sizes, start=1):
        given = inputs(network.name, count, *size)
        filled = np.asarray(network(given, training=False))
        assert filled.shape == given["image"].shape
        assert filled.dtype == "float32"
        hole = np.broadcast_to(given["mask"] == 1, filled.shape)
        np.testing.assert_array_equal(filled[~hole], given["image"][~hole])
        assert (filled[hole] != given["image"][hole]).mean() > 0.99


def test_a_soft_mask_takes_a_part_of_the_change(network: keras.Model) -> None:
    given = inputs(network.name)
    # Where the network looks at the mask, another mask makes another change: only its size is told.
    for part in (0.0, 0.5):
        soft = {**given, "mask": part * given["mask"]}
        change = np.abs(np.asarray(network(soft, training=False)) - given["image"])
        assert bool(change.max() > 0) == bool(part)


def test_every_weight_learns(network: keras.Model) -> None:
    given = inputs(network.name)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(network(given, training=True) - 0.3))
    variables = network.trainable_variables
    for variable, gradient in zip(
        variables, tape.gradient(loss, [v.value for v in variables]), strict=True
    ):
        assert gradient is not None, variable.path
        assert np.isfinite(np.asarray(gradient)).all(), variable.path


def test_weights_survive_saving(network: keras.Model, tmp_path) -> None:
    given = inputs(network.name)
    path = save_weights(network, tmp_path / "w.weights.h5", dtype="float32", compress=False)
    expected = np.asarray(network(given, training=False))
    again = catalog.create_model(network.name)
    load_weights(again, path)
    np.testing.assert_array_equal(np.asarray(again(given, training=False)), expected)


def test_network_survives_as_a_keras_file_and_a_saved_model(network, tmp_path) -> None:
    given = inputs(network.name)
    expected = np.asarray(network(given, training=False))
    network.save(tmp_path / "whole.keras")
    again = keras.models.load_model(tmp_path / "whole.keras")
    np.testing.assert_array_equal(np.asarray(again(given, training=False)), expected)
    network.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    # The same float32 operations, perhaps in another order.
    np.testing.assert_allclose(served.serve(given), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", MICROS)
def test_maps_and_image_under_mixed_precision(name: str) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = catalog.create_model(name)
        family = catalog.FAMILIES[catalog.model_info(name).family]
        stages = catalog.features(model)
        given = inputs(name)
        filled = model(given, training=False)
        assert filled.dtype == "float32"
        # Not rounded to half precision on the way.
        known = np.broadcast_to(given["mask"] == 0, filled.shape)
        np.testing.assert_array_equal(np.asarray(filled)[known], given["image"][known])
        maps = stages(given, training=False)
        assert tuple(maps) == family.feature_names(spec_of(name))
        assert {value.dtype.name for value in maps.values()} == {"bfloat16"}
    finally:
        keras.config.set_dtype_policy("float32")
        keras.utils.clear_session()


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"name": "gated_unet", "input_shape": (24, 16, 3)}, ValueError, "multiples of 16; got"),
        ({"name": "gated_unet", "input_shape": (8, 16, 3)}, ValueError, "16 x 16 pixels or more"),
        ({"name": "gated_unet", "classes": 10}, ValueError, "gated_unet, which fills holes"),
        ({"name": "gated_unet", "scale": 2}, TypeError, "no option 'scale'"),
        (
            {"name": "context_encoder", "input_shape": (256, 256, 3)},
            ValueError,
            r"images of \(128, 128, 3\) alone; got",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, says: str) -> None:
    with pytest.raises(error, match=says):
        catalog.create_model(**arguments)

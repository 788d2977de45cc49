"""The catalog's networks that enlarge, each as its table row states and fit for use."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import catalog
from models.spec import SCALES, UpscalerSpec
from models.weights import load_weights, save_weights

UPSCALERS = catalog.list_models(task="super-resolution")
MICROS = catalog.list_models("*_micro*", task="super-resolution")
SIZES = ((1, 9), (8, 5))


def spec_of(name: str) -> UpscalerSpec:
    spec = catalog.model_info(name).spec
    assert isinstance(spec, UpscalerSpec)
    return spec


def images(name: str, count: int, height: int, width: int) -> np.ndarray:
    random = np.random.default_rng(count)
    return random.uniform(size=(count, height, width, spec_of(name).channels)).astype("float32")


def factor(name: str, scale: int) -> int:
    """Return how many times larger the output is than what the network takes."""
    return 1 if spec_of(name).enlarged else scale


@pytest.fixture(scope="module", params=UPSCALERS)
def network(request: pytest.FixtureRequest) -> Iterator[keras.Model]:
    """Each network at the default scale of 2."""
    keras.utils.set_random_seed(1)
    yield catalog.create_model(request.param)
    keras.utils.clear_session()


def test_network_is_what_its_row_states(network: keras.Model) -> None:
    spec = spec_of(network.name)
    assert sum(int(np.prod(v.shape)) for v in network.trainable_variables) == spec.params
    assert network.input_shape == network.output_shape == (None, None, None, spec.channels)
    assert network.output.dtype == "float32"
    height, width, channels = spec.input_shape
    assert network.compute_output_shape((1, height, width, channels)) == (1, 512, 512, channels)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", UPSCALERS)
def test_every_scale_enlarges_every_size_and_batch(name: str, scale: int) -> None:
    model = catalog.create_model(name, scale=scale)
    times = factor(name, scale)
    for count, (height, width) in enumerate(SIZES, start=1):
        enlarged = np.asarray(model(images(name, count, height, width), training=False))
        assert enlarged.shape == (count, times * height, times * width, spec_of(name).channels)
        assert np.isfinite(enlarged).all()
    keras.utils.clear_session()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", MICROS)
def test_luma_and_rgb_of_a_fixed_size(name: str, channels: int) -> None:
    model = catalog.create_model(name, scale=3, input_shape=(6, 5, channels))
    times = factor(name, 3)
    assert model.output_shape == (None, 6 * times, 5 * times, channels)
    assert model(np.zeros((2, 6, 5, channels), "float32")).shape == (2, *model.output_shape[1:])


def test_every_weight_learns(network: keras.Model) -> None:
    x = images(network.name, 2, 6, 9)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(network(x, training=True) - 0.5))
    variables = network.trainable_variables
    for variable, gradient in zip(
        variables, tape.gradient(loss, [v.value for v in variables]), strict=True
    ):
        assert gradient is not None, variable.path
        assert np.isfinite(np.asarray(gradient)).all(), variable.path


def test_weights_survive_saving(network: keras.Model, tmp_path) -> None:
    x = images(network.name, 1, 7, 6)
    path = save_weights(network, tmp_path / "w.weights.h5", dtype="float32", compress=False)
    expected = np.asarray(network(x, training=False))
    for variable in network.weights[-2:]:
        variable.assign(np.ones(variable.shape))
    assert (np.asarray(network(x, training=False)) != expected).any()
    load_weights(network, path)
    np.testing.assert_array_equal(np.asarray(network(x, training=False)), expected)


@pytest.mark.parametrize("name", UPSCALERS)
def test_maps_and_image_under_mixed_precision(name: str) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = catalog.create_model(name)
        family = catalog.FAMILIES[catalog.model_info(name).family]
        # One network of both, which computes what they share once.
        both = keras.Model(model.input, [model.output, catalog.features(model).output])
        enlarged, maps = both(images(name, 1, 5, 8), training=False)
        assert enlarged.dtype == "float32"
        assert tuple(maps) == family.feature_names(spec_of(name))
        assert len({value.shape[1:3] for value in maps.values()}) == 1  # all at the small size
        assert {value.dtype.name for value in maps.values()} == {"bfloat16"}
        for value in (enlarged, *maps.values()):
            assert np.isfinite(np.asarray(keras.ops.cast(value, "float32"))).all()
    finally:
        keras.config.set_dtype_policy("float32")
        keras.utils.clear_session()


@pytest.mark.parametrize("name", MICROS)
def test_network_learns_a_batch_and_survives_as_a_keras_file(name: str, tmp_path) -> None:
    keras.utils.set_random_seed(1)
    model = catalog.create_model(name, scale=2)
    small = images(name, 4, 8, 7)
    times = factor(name, 2)
    large = np.kron(small, np.ones((1, times, times, 1), "float32")) ** 2
    # Without XLA, which takes longer to compile than these few steps.
    model.compile(optimizer=keras.optimizers.Adam(2e-3), loss="mse", jit_compile=False)
    first, *_, last = model.fit(small, large, epochs=15, batch_size=4, verbose=0).history["loss"]
    assert last < first

    path = tmp_path / "whole.keras"
    model.save(path)
    again = keras.models.load_model(path)
    np.testing.assert_array_equal(again(small), model(small))


@pytest.mark.parametrize("name", MICROS)
def test_network_survives_as_a_saved_model_of_any_size(name: str, tmp_path) -> None:
    model = catalog.create_model(name, scale=3)
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    for count, size in ((1, (7, 6)), (3, (4, 9))):
        x = images(name, count, *size)
        # The same float32 operations, perhaps in another order.
        np.testing.assert_allclose(served.serve(x), model(x, training=False), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", catalog.list_models("srcnn*") + catalog.list_models("vdsr*"))
def test_one_network_of_the_enlarged_image_serves_all_scales(name: str) -> None:
    assert spec_of(name).enlarged
    layers = [
        [layer.get_config() for layer in catalog.create_model(name, scale=scale).layers]
        for scale in SCALES
    ]
    assert layers[0] == layers[1] == layers[2]


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"scale": 5}, ValueError, "scale must be 2, 3 or 4; got 5"),
        ({"scale": "2"}, ValueError, "scale must be 2, 3 or 4; got '2'"),
        ({"scales": 2}, TypeError, "espcn has no option 'scales'; did you mean 'scale'"),
        ({"classes": 10}, ValueError, "classes is for networks that classify; got classes=10"),
        ({"include_top": False}, ValueError, "include_top is for networks that classify"),
        ({"pooling": "avg"}, ValueError, "pooling is for networks that classify; .* scale"),
        ({"input_shape": (None, None, 2)}, ValueError, r"1 channel \(luma\) or 3 \(RGB\); got"),
        ({"input_shape": (None, 0, 1)}, ValueError, "input_shape must be"),
        ({"weights": "imagenet"}, ValueError, "espcn has no published ImageNet weights"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, says: str) -> None:
    with pytest.raises(error, match=says):
        catalog.create_model("espcn", **arguments)


def test_options_of_another_task_or_family_are_refused() -> None:
    with pytest.raises(TypeError, match="resnet20 has no option 'scale'"):
        catalog.create_model("resnet20", scale=2)
    with pytest.raises(TypeError, match="srcnn has no option 'expanded'"):
        catalog.create_model("srcnn", expanded=True)
    with pytest.raises(ValueError, match="scale must be 2, 3 or 4; got 1"):
        catalog.create_model("srcnn", scale=1)

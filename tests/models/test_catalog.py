"""The catalog and its classifiers, each as its table row states and fit for use."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import catalog
from models.calls import without_values
from models.layers.heads import Pooling
from models.spec import ClassifierSpec
from models.weights import load_weights, save_weights

CLASSIFIERS = catalog.list_models(task="image-classification")
MICROS = catalog.list_models("*_micro*", task="image-classification")
# Fully connected layers on maps tie a network to one size of picture.
ONE_SIZE = tuple(
    name for pattern in ("lenet5*", "alexnet*", "vgg*") for name in catalog.list_models(pattern)
)


def spec_of(name: str) -> ClassifierSpec:
    spec = catalog.model_info(name).spec
    assert isinstance(spec, ClassifierSpec)
    return spec


def side(name: str) -> int:
    """Return a small height at which a network runs: its smallest, or a few maps more."""
    spec = spec_of(name)
    if name in ONE_SIZE:
        return min(spec.input_shape[0], 2 * spec.smallest_px)
    return max(spec.smallest_px, 33)


def pictures(name: str, count: int, height: int, width: int) -> np.ndarray:
    channels = catalog.model_info(name).spec.input_shape[2]
    random = np.random.default_rng(count)
    return random.uniform(-1, 1, size=(count, height, width, channels)).astype("float32")


@pytest.fixture(scope="module", params=CLASSIFIERS)
def network(request: pytest.FixtureRequest) -> Iterator[keras.Model]:
    """Each classifier with all its classes, for pictures of any size, or else for small ones."""
    name: str = request.param
    keras.utils.set_random_seed(1)
    channels = catalog.model_info(name).spec.input_shape[2]
    px = side(name) if name in ONE_SIZE else None
    shape = (px, px, channels)
    yield catalog.create_model(name, input_shape=shape)
    keras.utils.clear_session()


def test_network_is_what_its_row_states(network: keras.Model) -> None:
    spec = spec_of(network.name)
    if network.name in ONE_SIZE:  # its weights are as many as the row's size of picture wants
        name = network.name
        network = without_values(lambda: catalog.create_model(name))
        assert network.input_shape == (None, *spec.input_shape)
    assert sum(int(np.prod(v.shape)) for v in network.trainable_variables) == spec.params
    assert network.output_shape == (None, spec.classes)
    assert network.input_shape[-1] == spec.input_shape[-1]
    assert network.output.dtype == "float32"


def test_logits_are_finite_for_every_batch_and_size(network: keras.Model) -> None:
    px = side(network.name)
    sizes = [(px, px)] if network.name in ONE_SIZE else [(px, px), (px + 1, px + 4)]
    for count, size in zip((1, 2), 2 * sizes, strict=False):
        logits = np.asarray(network(pictures(network.name, count, *size), training=False))
        assert logits.shape == (count, spec_of(network.name).classes)
        assert np.isfinite(logits).all()


def test_every_weight_learns(network: keras.Model) -> None:
    px = side(network.name)
    x = pictures(network.name, 2, px, px)
    with tf.GradientTape() as tape:
        logits = network(x, training=True)
        labels = tf.range(2)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
    variables = network.trainable_variables
    for variable, gradient in zip(
        variables, tape.gradient(loss, [v.value for v in variables]), strict=True
    ):
        assert gradient is not None, variable.path
        assert np.isfinite(np.asarray(gradient)).all(), variable.path


def test_weights_survive_saving(network: keras.Model, tmp_path) -> None:
    px = side(network.name)
    x = pictures(network.name, 1, px, px)
    path = save_weights(network, tmp_path / "w.weights.h5", dtype="float32", compress=False)
    expected = np.asarray(network(x, training=False))
    for variable in network.weights[-2:]:
        variable.assign(np.zeros(variable.shape))
    load_weights(network, path)
    np.testing.assert_array_equal(np.asarray(network(x, training=False)), expected)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_maps_of_any_size_under_mixed_precision(name: str) -> None:
    info = catalog.model_info(name)
    spec = info.spec
    fixed = spec.smallest_px == spec.input_shape[0]  # lenet5_1998 has one size without a top, too
    px = side(name) if fixed else max(spec.smallest_px, 33) + 2
    shape = spec.input_shape if fixed else (None, None, spec.input_shape[2])
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = catalog.create_model(name, input_shape=shape, include_top=False, pooling="avg")
        # One network of both, which computes what they share once.
        both = keras.Model(model.input, [model.output, catalog.features(model).output])
        vector, maps = both(pictures(name, 1, px, px if fixed else px + 1), training=False)
        assert vector.shape == (1, model.output_shape[-1])
        assert tuple(maps) == catalog.FAMILIES[info.family].feature_names(spec)
        heights = [value.shape[1] for value in maps.values()]
        assert heights == sorted(heights, reverse=True)  # from the image on, ever smaller
        for value in (vector, *maps.values()):
            assert np.isfinite(np.asarray(keras.ops.cast(value, "float32"))).all()
    finally:
        keras.config.set_dtype_policy("float32")
        keras.utils.clear_session()


@pytest.mark.parametrize("name", MICROS)
def test_network_learns_a_batch_and_survives_as_a_keras_file(name: str, tmp_path) -> None:
    keras.utils.set_random_seed(1)
    model = catalog.create_model(name)
    images = np.random.default_rng(1).uniform(size=(8, *model.input_shape[1:])).astype("float32")
    labels = np.eye(10, dtype="float32")[np.arange(8)]
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    # Step by step: to trace and optimise the graph of nasnet_micro takes longer than these steps.
    model.compile(optimizer=keras.optimizers.Adam(2e-3), loss=loss, run_eagerly=True)
    first, *_, last = model.fit(images, labels, epochs=6, batch_size=8, verbose=0).history["loss"]
    assert last < first

    path = tmp_path / "whole.keras"
    model.save(path)
    again = keras.models.load_model(path)
    np.testing.assert_array_equal(again(images), model(images))


@pytest.mark.parametrize("name", MICROS)
def test_network_survives_as_a_saved_model(name: str, tmp_path) -> None:
    model = catalog.create_model(name)
    x = pictures(name, 3, *model.input_shape[1:3])
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    again = served.serve(x)
    # The same float32 operations, perhaps in another order.
    np.testing.assert_allclose(again, model(x, training=False), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ONE_SIZE)
def test_fully_connected_layers_need_a_size(name: str) -> None:
    channels = catalog.model_info(name).spec.input_shape[2]
    with pytest.raises(ValueError, match=r"input_shape|32 x 32"):
        catalog.create_model(name, input_shape=(None, None, channels))


def test_sizes_follow_the_arguments() -> None:
    model = catalog.create_model("lenet_modern", input_shape=(33, 47, 3), classes=4)
    assert model(np.zeros((2, 33, 47, 3), "float32")).shape == (2, 4)


def test_what_stands_on_the_maps() -> None:
    x = np.random.default_rng(0).normal(size=(2, 17, 16, 1)).astype("float32")
    keras.utils.set_random_seed(2)
    model = catalog.create_model("lenet_micro", input_shape=(17, 16, 1), include_top=False)
    maps = np.asarray(model(x))
    assert maps.shape == (2, 5, 4, 8)
    poolings: tuple[tuple[Pooling, np.ndarray], ...] = (
        ("avg", maps.mean(axis=(1, 2))),
        ("max", maps.max(axis=(1, 2))),
    )
    for pooling, expected in poolings:
        pooled = catalog.create_model(
            "lenet_micro", input_shape=(17, 16, 1), include_top=False, pooling=pooling
        )
        pooled.set_weights(model.get_weights())
        np.testing.assert_allclose(pooled(x), expected, rtol=1e-5, atol=1e-6)


def test_features_of_any_layers() -> None:
    model = catalog.create_model("lenet_micro")
    x = np.zeros((1, 28, 28, 1), "float32")
    assert list(catalog.features(model)(x)) == ["relu1", "relu2"]
    chosen = catalog.features(model, ["norm1", "logits"])(x)
    assert {name: value.shape for name, value in chosen.items()} == {
        "norm1": (1, 14, 14, 4),
        "logits": (1, 10),
    }
    with pytest.raises(ValueError, match="no layer 'norm9'; did you mean 'norm2'"):
        catalog.features(model, ["norm9"])
    model.name = "mine"
    with pytest.raises(ValueError, match="not in the catalog: name the layers"):
        catalog.features(model)


def test_pattern_and_task_filter() -> None:
    assert catalog.list_models("lenet5*") == ["lenet5_1998", "lenet5"]
    assert catalog.list_models("nothing*") == []
    assert catalog.list_models("lenet5*", task="super-resolution") == []
    upscalers = catalog.list_models(task="super-resolution")
    assert {"srcnn", "edsr", "sesr_c32"} <= set(upscalers)
    generators = catalog.list_models(task="audio-generation")
    assert {"wavenet_small", "wavenet_micro"} <= set(generators)
    inpainters = catalog.list_models(task="inpainting")
    assert {"gated_unet", "context_encoder"} <= set(inpainters)
    known = CLASSIFIERS + upscalers + inpainters + generators
    assert sorted(known) == sorted(catalog.list_models())


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
        ({"name": "lenet5", "pooling": "avg"}, ValueError, "needs include_top=False"),
        ({"name": "lenet5", "pooling": "sum"}, ValueError, "None, 'avg' or 'max'"),
        ({"name": "lenet5", "include_top": False, "classes": 3}, ValueError, "no classes"),
        ({"name": "lenet5_1998", "input_shape": (28, 28, 1)}, ValueError, "32 x 32"),
        ({"name": "lenet5_1998", "classes": 11}, ValueError, "ten digits"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, says: str) -> None:
    with pytest.raises(error, match=says):
        catalog.create_model(**arguments)

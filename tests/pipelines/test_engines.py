"""Engines: TensorFlow's and OpenVINO's logits are the network's, also after its weights changed."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
import tensorflow as tf

import pipelines
from models.catalog import create_model
from pipelines import engines
from pipelines.classification.pipeline import ImageClassification
from pipelines.engines import ENGINES, Engine, EngineError

RANDOM = np.random.default_rng(0)


def stirred(name: str) -> keras.Model:
    """Return a network in which every weight counts."""
    network = create_model(name)
    for variable in network.weights:
        value = np.asarray(variable) + RANDOM.normal(size=variable.shape) * 0.2
        variable.assign(np.abs(value) + 0.1 if "variance" in variable.path else value)
    return network


def pictures(network: keras.Model, count: int) -> tf.Tensor:
    return tf.constant(RANDOM.uniform(size=(count, *network.input_shape[1:])), tf.float32)


def assert_equal(engine: Engine, count: int = 3) -> None:
    prepared = pictures(engine.network, count)
    expected = np.asarray(engine.network(prepared, training=False))
    assert np.ptp(expected) > 0
    # Another order of float32 operations: 1e-5 of the largest value. bfloat16 would miss by 1e-2.
    atol = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(np.asarray(engine(prepared)), expected, atol=atol)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("network", ["lenet_micro", "resnet_micro"])
def test_an_engine_gives_the_networks_logits_for_batches_of_any_size(name, network) -> None:
    engine = Engine(name, stirred(network))
    for count in (1, 7, 2):
        assert_equal(engine, count)


def test_one_new_value_of_one_weight_is_seen() -> None:
    engine = Engine("tensorflow", stirred("lenet_micro"))
    assert_equal(engine)
    for variable in engine.network.weights:
        value = np.asarray(variable).copy()
        value.flat[-1] += 1
        variable.assign(value)
        assert_equal(engine)


def _set_weights(network: keras.Model) -> None:
    network.set_weights([weight * 2 for weight in network.get_weights()])


def _fit(network: keras.Model) -> None:
    network.compile("sgd", "mse")
    x = pictures(network, 4)
    network.fit(x, np.ones((4, 10)), batch_size=2, verbose=0)


def _train_step_of_ones_own(network: keras.Model) -> None:
    """Neither compiled nor through Keras's variables."""
    x = pictures(network, 4)

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(network(x, training=True) ** 2)
        kernels = [variable.value for variable in network.trainable_variables]
        for kernel, slope in zip(kernels, tape.gradient(loss, kernels), strict=True):
            kernel.assign_sub(0.1 * slope)

    step()


def _scatter(network: keras.Model) -> None:
    network.get_layer("logits").bias.value.scatter_nd_add([[0]], [1.0])


@pytest.mark.parametrize("most_constants", [engines.MOST_CONSTANTS, 100])
@pytest.mark.parametrize("change", [_set_weights, _fit, _train_step_of_ones_own, _scatter])
def test_every_way_to_change_weights_is_seen(change, most_constants, monkeypatch) -> None:
    monkeypatch.setattr(engines, "MOST_CONSTANTS", most_constants)
    engine = Engine("tensorflow", stirred("lenet_micro"))
    assert_equal(engine)
    for _ in range(2):
        before = engine.network.get_weights()
        change(engine.network)
        changed = zip(before, engine.network.get_weights(), strict=True)
        assert any((old != new).any() for old, new in changed)
        assert_equal(engine)


def test_it_is_compiled_when_the_weights_are_new_and_not_again(monkeypatch) -> None:
    compiled: list[keras.Model] = []

    def compile_and_note(network: keras.Model) -> engines.Run:
        compiled.append(network)
        return ENGINES["tensorflow"](network)

    monkeypatch.setattr(engines, "ENGINES", {"noted": compile_and_note})
    engine = Engine("noted", stirred("lenet_micro"))
    prepared = pictures(engine.network, 1)
    assert len(compiled) == 0
    engine(prepared)
    engine(prepared)
    bias = engine.network.get_layer("logits").bias
    bias.assign(np.asarray(bias).copy())  # the same values in another place
    engine(prepared)
    assert len(compiled) == 1
    bias.assign(bias * np.nan)
    engine(prepared)
    engine(prepared)  # what is no number is the same as before
    assert len(compiled) == 2


@pytest.mark.parametrize("name", ENGINES)
def test_threads_share_an_engine(name) -> None:
    engine = Engine(name, stirred("lenet_micro"))
    batches = [pictures(engine.network, 4) for _ in range(8)]
    expected = [np.asarray(engine.network(batch, training=False)) for batch in batches]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(engine, batches * 5))
    for logits, right in zip(found, expected * 5, strict=True):
        np.testing.assert_allclose(logits, right, atol=1e-5 * np.abs(right).max())


def test_a_random_layer_is_still() -> None:
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.RandomFlip()(image)
    x = keras.layers.Conv2D(4, 3, name="conv")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    network = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    for name in ENGINES:
        assert_equal(Engine(name, network))


def test_a_shipped_preset_says_the_same_with_every_engine(digits) -> None:
    images = list(digits.images[:20])
    classifiers = [pipelines.pipeline("image-classification", engine=name) for name in ENGINES]
    assert [classify.engine for classify in classifiers] == list(ENGINES)
    first, *others = [
        classify.scores([image[..., None] for image in images]) for classify in classifiers
    ]
    for scores in others:
        # Logits of up to 20 are equal to 1e-5 of that, and probabilities change no faster.
        np.testing.assert_allclose(scores, first, atol=2e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_preset_follows_the_weights_of_the_network_that_it_gave_away(engine, digits) -> None:
    classify = ImageClassification.from_preset("lenet5_mnist", engine=engine)
    assert classify(digits.images[0]).score > 0.5
    network = classify.model
    network.set_weights([weight * 0 for weight in network.get_weights()])
    assert classify(digits.images[0]).score == pytest.approx(0.1)


def test_a_network_in_half_precision_is_tensorflow_s() -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = stirred("lenet_micro")
    finally:
        keras.config.set_dtype_policy(before)
    prepared = pictures(network, 3)
    expected = np.asarray(network(prepared, training=False))
    # bfloat16 has 8 binary places; a kernel rounded after folding is another by half of the last.
    atol = 0.03 * np.abs(expected).max()
    np.testing.assert_allclose(Engine("tensorflow", network)(prepared), expected, atol=atol)
    with pytest.raises(EngineError, match="lenet_micro computes in bfloat16"):
        Engine("openvino", network)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(EngineError, match="unknown engine 'openvini'; did you mean 'openvino'"):
        pipelines.pipeline("image-classification", engine="openvini")


def test_without_openvino_the_remedy_is_told(monkeypatch, micro) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)  # as if it were not installed
    with pytest.raises(EngineError, match=r"pip install 'sightsound\[openvino\]'"):
        pipelines.pipeline("image-classification", engine="openvino")
    with pytest.raises(EngineError, match="not installed"):
        ImageClassification(
            create_model("lenet_micro"),
            preprocessing=micro.preprocessing,
            labels=micro.labels,
            engine="openvino",
        )

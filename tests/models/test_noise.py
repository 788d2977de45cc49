"""Networks with random layers: the same at inference, random in training as each kind says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from models.catalog import create_model
from models.noise import Noise, with_active_noise, with_noise

ROOT = Path(__file__).resolve().parents[2]
EVERY_KIND = Noise(dropout=0.2, spatial_dropout=0.1, multiplicative=0.3, additive=0.1)
RANDOM = np.random.default_rng(0)


def pictures(model: keras.Model, count: int = 2) -> np.ndarray:
    return RANDOM.uniform(size=(count, *model.input_shape[1:])).astype("float32")


def added(model: keras.Model, noisy: keras.Model) -> list[str]:
    own = {layer.name for layer in model.layers}
    return [layer.name for layer in noisy.layers if layer.name not in own]


# Activations as layers of their own and inside others; branches that are added.
@pytest.mark.parametrize("name", ["alexnet_micro", "resnet_micro", "lenet5"])
def test_inference_stays_and_all_weights_are_shared(name: str) -> None:
    model = create_model(name)
    noisy = with_noise(model, EVERY_KIND)
    x = pictures(model)
    np.testing.assert_array_equal(noisy(x, training=False), model(x, training=False))
    assert [id(v) for v in noisy.trainable_variables] == [id(v) for v in model.trainable_variables]
    assert {id(v) for v in noisy.weights} == {id(v) for v in model.weights}
    assert noisy.name == model.name
    first, second = noisy(x, training=True), noisy(x, training=True)
    assert np.abs(np.asarray(first) - np.asarray(second)).max() > 0


def test_it_stands_after_activations_and_dropout_before_the_logits() -> None:
    model = create_model("lenet_micro")  # relu1, relu2, pool, logits
    assert added(model, with_noise(model, EVERY_KIND)) == [
        *("relu1_dropout", "relu1_spatial_dropout", "relu1_multiplicative", "relu1_additive"),
        *("relu2_dropout", "relu2_spatial_dropout", "relu2_multiplicative", "relu2_additive"),
        "logits_input_dropout",
    ]
    last = Noise(dropout=0.5, spatial_dropout=0.5, additive=0.5, where="last")
    assert added(model, with_noise(model, last)) == [
        *("relu2_spatial_dropout", "relu2_additive", "logits_input_dropout"),
    ]
    dense = create_model("lenet5")  # c1 ... f6 with activations inside; f6 feeds the logits
    names = added(dense, with_noise(dense, Noise(dropout=0.5)))
    assert names == ["c1_dropout", "c3_dropout", "c5_dropout", "f6_dropout"]


def test_no_noise_is_the_model_itself() -> None:
    model = create_model("lenet_micro")
    assert with_noise(model, Noise()) is model


# NASNet, googlenet and densenet are branches of the same layers, and take seconds to build.
@pytest.mark.parametrize("name", ["all_cnn_micro_bn", "vgg_micro", "speed_net_micro"])
def test_every_kind_of_top_has_its_places(name: str) -> None:
    model = create_model(name)
    noisy = with_noise(model, Noise(dropout=0.1, spatial_dropout=0.1))
    assert any(layer.endswith("_dropout") for layer in added(model, noisy))


def test_each_layer_draws_on_its_own_and_the_seed_determines_what() -> None:
    model = create_model("lenet5")
    x = pictures(model)
    first, same, other = (
        np.asarray(with_noise(model, Noise(dropout=0.5), seed=seed)(x, training=True))
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    noisy = with_noise(model, EVERY_KIND)
    seeds = [noisy.get_layer(name).seed for name in added(model, noisy)]
    assert len(set(seeds)) == len(seeds) > 8


@pytest.mark.parametrize(
    ("noise", "deviation"),
    [
        (Noise(dropout=0.2, where="last"), 0.5),  # sqrt(p / (1 - p))
        (Noise(multiplicative=0.3, where="last"), 0.3),
        (Noise(additive=0.1, where="last"), 0.1),
    ],
    ids=["dropout", "multiplicative", "additive"],
)
def test_noise_keeps_the_mean_and_has_its_deviation(noise: Noise, deviation: float) -> None:
    image = keras.Input((1000,), name="image")
    one = layers.Dense(1, use_bias=False, kernel_initializer="ones", name="logits")
    model = keras.Model(image, one(layers.ReLU(name="relu")(image)))
    noisy = with_noise(model, noise)
    sums = np.asarray(noisy(np.ones((2000, 1000), "float32"), training=True))[:, 0]
    # Each sum of 1,000 ones has the deviation sqrt(1000) d; the mean of 2,000 sums is sqrt(2000)
    # times more exact, and the deviation is known to 1 / sqrt(2 * 2000). Five of these each.
    spread = np.sqrt(1000) * deviation
    assert abs(sums.mean() - 1000) < 5 * spread / np.sqrt(2000)
    assert abs(sums.std() / spread - 1) < 5 / np.sqrt(4000)


def test_spatial_dropout_drops_whole_maps() -> None:
    image = keras.Input((4, 5, 200), name="image")
    x = layers.Flatten(name="flat")(layers.ReLU(name="relu")(image))
    model = keras.Model(image, layers.Dense(1, name="logits")(x))
    noisy = with_noise(model, Noise(spatial_dropout=0.3))
    maps = keras.Model(noisy.input, noisy.get_layer("relu_spatial_dropout").output)
    out = np.asarray(maps(np.ones((10, 4, 5, 200), "float32"), training=True))
    assert (out == out[:, :1, :1]).all()
    np.testing.assert_allclose(np.unique(out), [0, 1 / 0.7], rtol=1e-6)  # float32
    # 2,000 maps: five standard deviations of the dropped share.
    assert abs((out[:, 0, 0] == 0).mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 2000)


def test_active_noise_draws_once_for_all_pictures_and_leaves_normalisation_at_inference() -> None:
    model = create_model("lenet_micro")
    noisy = with_noise(model, EVERY_KIND, seed=3)
    active = with_active_noise(noisy)
    one = pictures(model, 1)
    before = model.get_weights()
    out = np.asarray(active(np.repeat(one, 5, axis=0), training=False))
    # Equal pictures, one draw: the same logits, but for the order of float32 sums in a batch.
    np.testing.assert_allclose(out, np.repeat(out[:1], 5, axis=0), rtol=1e-5, atol=1e-6)
    again = np.asarray(active(one, training=False))
    assert np.abs(again - out[:1]).max() > 1e-3  # the next draw is another
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)  # moving statistics above all


def test_a_networks_own_dropout_becomes_active() -> None:
    active = with_active_noise(create_model("alexnet_micro"))
    x = pictures(active)
    first, second = (np.asarray(active(x, training=False)) for _ in range(2))
    assert (first != second).any()


def test_a_sequential_network_will_do() -> None:
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4, "relu"), layers.Dense(2)])
    x = pictures(model)
    np.testing.assert_array_equal(with_noise(model, Noise(dropout=0.5))(x), model(x))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dropout": 1.0}, "dropout must be 0 or more and below 1; got 1.0"),
        ({"spatial_dropout": -0.1}, "spatial_dropout must be 0 or more and below 1; got -0.1"),
        ({"multiplicative": float("nan")}, "multiplicative must be 0 or more; got nan"),
        ({"additive": 2.0}, "additive must be 0 to 1; got 2.0"),
        ({"where": "first"}, "where must be 'all' or 'last'; got 'first'"),
    ],
)
def test_impossible_noise_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Noise(**values)


def test_networks_without_a_place_are_refused() -> None:
    vector = keras.Input((3,), name="image")
    linear = keras.Model(vector, layers.Dense(2, name="logits")(vector), name="line")
    with pytest.raises(ValueError, match="additive needs an activation; line has none"):
        with_noise(linear, Noise(additive=0.1))
    with pytest.raises(ValueError, match="spatial_dropout needs an activation of maps"):
        with_noise(linear, Noise(spatial_dropout=0.1))
    with pytest.raises(ValueError, match=r"line has no random layer .* with_noise"):
        with_active_noise(linear)


# Runs in a process of its own: the backend is chosen when Keras is imported.
THERE = """
import sys
import keras
import numpy as np
from models.catalog import create_model
from models.noise import Noise, with_active_noise, with_noise

assert keras.backend.backend() == sys.argv[1]
model = create_model("lenet_micro")
noise = Noise(dropout=0.2, spatial_dropout=0.1, multiplicative=0.3, additive=0.1)
noisy = with_noise(model, noise)
x = np.random.default_rng(0).uniform(size=(4, 28, 28, 1)).astype("float32")

def logits(network, training):
    return keras.ops.convert_to_numpy(network(x, training=training))

np.testing.assert_array_equal(logits(noisy, False), logits(model, False))
active = with_active_noise(noisy)
assert (logits(active, False) != logits(active, False)).any()
assert (logits(noisy, True) != logits(noisy, True)).any()
"""


@pytest.mark.slow
@pytest.mark.timeout(900)  # importing two frameworks takes minutes on a loaded machine
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends(backend: str) -> None:
    quick = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}  # compiling takes the time
    subprocess.run(
        [sys.executable, "-c", THERE, backend],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", **quick},
        check=True,
        timeout=840,
    )

"""Initialisation by name: each kernel's variance is its formula's, whatever the layer."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from models.catalog import create_model
from models.initialisation import INITIALISATIONS, initialise, kernels_of
from models.layers.grouped import GroupedConv2D

# Each layer with the fans that its paper's formula counts, by hand: input maps have 12 channels.
# (layer, fan_in, fan_out) for a kernel; a separable convolution has two.
FANS: dict[str, list[tuple[float, float]]] = {
    "dense": [(12, 400)],
    "conv": [(3 * 3 * 12, 3 * 3 * 60)],
    "keras_groups": [(3 * 3 * 4, 3 * 3 * 40)],
    "groups": [(5 * 5 * 6, 5 * 5 * 24)],
    "depthwise": [(7 * 7, 7 * 7 * 3)],
    "separable": [(5 * 5, 5 * 5 * 2), (24, 90)],
    "transposed": [(4 * 4 * 12 / 4, 4 * 4 * 30)],
    "conv_1d": [(9 * 144, 9 * 7)],
}


@pytest.fixture(scope="module")
def network() -> keras.Model:
    image = keras.Input((12, 12, 12))
    outputs = [
        layers.Dense(400, name="dense")(image),
        layers.Conv2D(60, 3, name="conv")(image),
        layers.Conv2D(120, 3, groups=3, name="keras_groups")(image),
        GroupedConv2D(48, 5, groups=2, name="groups")(image),
        layers.DepthwiseConv2D(7, depth_multiplier=3, name="depthwise")(image),
        layers.SeparableConv2D(90, 5, depth_multiplier=2, name="separable")(image),
        layers.Conv2DTranspose(30, 4, strides=2, name="transposed")(image),
        layers.Conv1D(7, 9, name="conv_1d")(layers.Reshape((12, 144))(image)),
    ]
    return keras.Model(image, outputs)


def kernels(model: keras.Model) -> dict[str, list[np.ndarray]]:
    found = {layer.name: kernels_of(layer) for layer in model.layers}
    return {name: [k.variable.numpy() for k in ks] for name, ks in found.items() if ks}


def formulas(fan_in: float, fan_out: float) -> dict[str, float]:
    return {
        "gaussian": 0.01**2,
        "lecun": 1 / fan_in,
        "xavier": 2 / (fan_in + fan_out),
        "he": 2 / fan_in,
    }


@pytest.mark.parametrize("name", ["gaussian", "lecun", "xavier", "he"])
def test_each_kernel_has_its_formulas_variance(network, name: str) -> None:
    kurtosis = 1.8 if name == "xavier" else 3.0  # uniform, normal: how far a mean square strays
    initialise(network, name, seed=3)
    found = kernels(network)
    assert found.keys() == FANS.keys()
    for layer, fans in FANS.items():
        for kernel, (fan_in, fan_out) in zip(found[layer], fans, strict=True):
            wanted = formulas(fan_in, fan_out)[name]
            # Five standard errors of a mean square, and of a mean, of so many numbers.
            assert np.mean(kernel**2) == pytest.approx(
                wanted, rel=5 * np.sqrt((kurtosis - 1) / kernel.size)
            ), layer
            assert abs(kernel.mean()) < 5 * np.sqrt(wanted / kernel.size), layer


def test_xavier_is_uniform_and_he_is_normal(network) -> None:
    initialise(network, "xavier", seed=3)
    uniform = kernels(network)["conv"][0]
    limit = np.sqrt(6 / (108 + 540))
    assert 0.99 * limit < np.abs(uniform).max() <= limit
    initialise(network, "he", seed=3)
    normal = kernels(network)["conv"][0] / np.sqrt(2 / 108)
    beyond = np.mean(np.abs(normal) > 2)  # 4.55 % of a normal's numbers, here of 6,480
    assert beyond == pytest.approx(0.0455, abs=5 * np.sqrt(0.0455 / normal.size))


def test_orthogonal_kernels_are_orthonormal_group_by_group(network) -> None:
    initialise(network, "orthogonal", seed=3)
    found = kernels(network)
    for matrix, longer in (
        (found["dense"][0], "columns"),
        (found["conv"][0].reshape(108, 60), "rows"),
        (found["groups"][0].reshape(150, 48)[:, 24:], "rows"),
        (found["depthwise"][0].reshape(49, 12, 3)[:, 7], "rows"),
    ):
        gram = matrix @ matrix.T if longer == "columns" else matrix.T @ matrix
        np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-5)  # float32 sums


def test_a_seed_gives_the_same_numbers_and_each_layer_its_own() -> None:
    def stack(seed: int) -> list[np.ndarray]:
        image = keras.Input((16,))
        inner = keras.Sequential([layers.Input((16,)), layers.Dense(16)])
        x = layers.Dense(16)(image)
        x = layers.TimeDistributed(layers.Dense(16))(layers.Reshape((1, 16))(x))
        model = keras.Model(image, inner(layers.Flatten()(x)))
        initialise(model, "he", seed=seed)
        return [v.numpy() for v in model.weights if len(v.shape) == 2]

    first, again, other = stack(1), stack(1), stack(2)
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != c).all()
    assert len(first) == 3
    assert (first[0] != first[1]).all()
    assert (first[1] != first[2]).all()


def test_biases_start_at_zero_or_one_and_normalisation_stays() -> None:
    model = create_model("resnet_micro")
    norm = model.get_layer("stem_norm")
    norm.gamma.assign(np.full(norm.gamma.shape, 1.5))
    model.get_layer("logits").bias.assign(np.full(10, 7.0))
    initialise(model, "he", seed=0)
    assert (model.get_layer("logits").bias.numpy() == 0).all()
    assert (norm.gamma.numpy() == 1.5).all()
    initialise(model, "gaussian", seed=0, ones=["logits"])
    assert (model.get_layer("logits").bias.numpy() == 1).all()


def test_what_is_not_trained_stays() -> None:
    model = create_model("speed_net_micro")
    before = model.get_layer("whiten").kernel.numpy()
    initialise(model, "he", seed=0)
    np.testing.assert_array_equal(model.get_layer("whiten").kernel.numpy(), before)


@pytest.mark.parametrize("name", ["lenet_micro", "densenet_micro", "nasnet_micro", "plain_micro"])
def test_networks_of_the_catalog_take_every_name(name: str) -> None:
    model = create_model(name)
    for initialisation in INITIALISATIONS:
        before = kernels(model)
        initialise(model, initialisation, seed=1)
        for layer, after in kernels(model).items():
            for old, new in zip(before[layer], after, strict=True):
                assert (old != new).all(), layer


def test_what_cannot_be_initialised_is_refused_before_anything_changes() -> None:
    model = create_model("lenet5_1998")
    before = [v.numpy() for v in model.weights]
    with pytest.raises(ValueError, match=r"c3: only dense layers .* PartialConv2D has weights"):
        initialise(model, "he", seed=0)
    for old, variable in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old)
    micro = create_model("lenet_micro")
    with pytest.raises(ValueError, match="unknown initialisation 'xaver'; did you mean 'xavier'"):
        initialise(micro, "xaver", seed=0)
    with pytest.raises(ValueError, match="no layer 'logit' has biases; did you mean 'logits'"):
        initialise(micro, "he", seed=0, ones=["logit"])
    with pytest.raises(ValueError, match="must be built before"):
        initialise(keras.Sequential([layers.Dense(3)]), "he", seed=0)

"""The perceptual loss: VGG-19's maps as keras.applications computes them, and their distance."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.applications.vgg19 import VGG19, preprocess_input

from models.perceptual_loss import LAYERS, PerceptualLoss, Sight, vgg_features

RANDOM = np.random.default_rng(5)
IMAGES = RANDOM.uniform(size=(2, 33, 40, 3)).astype("float32")


@pytest.fixture(scope="module")
def theirs() -> keras.Model:
    """VGG-19 of keras.applications with random weights and biases."""
    keras.utils.set_random_seed(8)
    model: keras.Model = VGG19(weights=None, include_top=False)
    for variable in model.weights:
        if variable.path.endswith("bias"):
            variable.assign(RANDOM.normal(size=variable.shape))
    return model


@pytest.fixture(scope="module")
def networks(theirs: keras.Model) -> dict[Sight, keras.Model]:
    """Ours with the same weights: `block3_conv2` is `conv3_2`."""
    values = {v.path.removeprefix("block").replace("_conv", "_"): v for v in theirs.weights}
    made = {sight: vgg_features(sight, weights=None) for sight in LAYERS}
    for network in made.values():
        for variable in network.weights:
            variable.assign(values[variable.path.removeprefix("conv")])
    return made


def test_maps_are_those_of_keras_applications(theirs, networks) -> None:
    prepared = preprocess_input(255 * IMAGES)
    for sight, name in (("vgg22", "block2_conv2"), ("vgg54", "block5_conv4")):
        expected = np.asarray(keras.Model(theirs.input, theirs.get_layer(name).output)(prepared))
        maps = np.asarray(networks[sight](IMAGES))
        assert maps.shape == expected.shape
        # Float32 through sixteen layers in another order: 1e-5 of the largest value.
        np.testing.assert_allclose(maps, expected, atol=1e-5 * expected.max())
    linear = np.asarray(networks["vgg54_linear"](IMAGES))
    assert linear.min() < 0
    np.testing.assert_array_equal(np.maximum(linear, 0), networks["vgg54"](IMAGES))


def test_nothing_of_it_is_trained(networks) -> None:
    for network in networks.values():
        assert network.trainable_variables == []


def test_loss_is_the_mean_squared_distance_of_scaled_maps(networks) -> None:
    loss = PerceptualLoss(networks["vgg22"])
    other = IMAGES[::-1].copy()
    a, b = (np.asarray(networks["vgg22"](x)).astype(float) for x in (IMAGES, other))
    wanted = (((a - b) / 12.75) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(loss.call(IMAGES, other), wanted, rtol=1e-5)
    assert float(loss(IMAGES, other)) == pytest.approx(wanted.mean(), rel=1e-5)
    assert float(loss(IMAGES, IMAGES)) == 0


def test_it_leads_an_image_to_the_wanted_one(networks) -> None:
    loss = PerceptualLoss(networks["vgg22"])
    wanted, image = tf.constant(IMAGES[:1]), tf.Variable(IMAGES[1:])
    optimizer = keras.optimizers.Adam(0.02)
    distances = []
    for _ in range(12):
        with tf.GradientTape() as tape:
            distance = loss(wanted, image)
        distances.append(float(distance))
        optimizer.apply([tape.gradient(distance, image)], [image])
    assert distances[-1] < 0.5 * distances[0]


def test_distances_are_float32_under_mixed_precision() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        loss = PerceptualLoss(vgg_features("vgg22", weights=None))
        assert loss.call(IMAGES, IMAGES[::-1].copy()).dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


def test_an_unknown_sight_is_refused() -> None:
    with pytest.raises(ValueError, match="sight must be one of vgg22, vgg54, vgg54_linear; got"):
        vgg_features("vgg99", weights=None)  # type: ignore[arg-type]

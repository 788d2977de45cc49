"""Files of keras.applications: what Keras published, and what its networks save today."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import h5py
import keras
import numpy as np
import pytest

from models.catalog import create_model
from models.weights import load_weights
from tests.models.sources.keras_files import write_published
from tests.parity.stirring import assert_same_logits, noise_images, stir_keras

CLASSES = 12


class Pair(NamedTuple):
    theirs: keras.Model
    ours: keras.Model
    headless: keras.Model
    shape: tuple[int, int, int]


def pair(name: str, application: str) -> Pair:
    keras.utils.set_random_seed(5)
    shape = (64, 64, 3)  # from which VGG flattens 2 x 2 maps
    build = getattr(keras.applications, application)
    theirs = build(weights=None, input_shape=shape, classes=CLASSES, classifier_activation=None)
    stir_keras(theirs, 100 * noise_images(3, *shape, seed=12))
    ours = create_model(name, input_shape=shape, classes=CLASSES)
    headless = create_model(name, input_shape=shape, include_top=False)
    return Pair(theirs, ours, headless, shape)


@pytest.fixture(scope="module")
def resnet() -> Pair:
    return pair("resnet50", "ResNet50")


def blank(model: keras.Model) -> None:
    for variable in model.weights:
        variable.assign(np.full(variable.shape, 0.5))


def weights(model: keras.Model) -> dict[str, np.ndarray]:
    return {variable.path: np.asarray(variable).copy() for variable in model.weights}


def assert_kerass(pair: Pair) -> None:
    images = 100 * noise_images(2, *pair.shape)
    assert_same_logits(np.asarray(pair.ours(images)), np.asarray(pair.theirs(images)))


def assert_same_weights(model: keras.Model, expected: dict[str, np.ndarray]) -> None:
    for name, value in weights(model).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "application"),
    [("vgg16", "VGG16"), ("densenet121", "DenseNet121"), ("nasnet_mobile", "NASNetMobile")],
)
def test_published_and_new_files_give_kerass_logits(
    tmp_path: Path, name: str, application: str
) -> None:
    models = pair(name, application)
    load_weights(models.ours, write_published(tmp_path / "w.h5", models.theirs))
    assert_kerass(models)
    models.theirs.save_weights(tmp_path / "new.weights.h5")
    load_weights(models.headless, tmp_path / "new.weights.h5")
    assert_same_weights(models.headless, weights(models.ours))


@pytest.mark.slow
def test_resnet_in_every_form(tmp_path: Path, resnet: Pair) -> None:
    """It has what is folded: biases before normalisation, and another epsilon."""
    theirs, ours, headless = resnet.theirs, resnet.ours, resnet.headless
    load_weights(ours, write_published(tmp_path / "published.h5", theirs))
    assert_kerass(resnet)
    loaded = weights(ours)

    theirs.save_weights(tmp_path / "new.weights.h5")
    theirs.save(tmp_path / "whole.h5")  # a whole model, in the form of Keras 2
    old = {"predictions": "probs", "conv1_conv": "conv1/conv", "conv1_bn": "conv1/bn"}
    write_published(
        tmp_path / "renamed.h5",
        theirs,
        layer_name=lambda name: old.get(name, name),
        weight_name="{layer}_{weight}_1:0",
    )
    for file in ("new.weights.h5", "whole.h5", "renamed.h5"):
        blank(ours)
        load_weights(ours, tmp_path / file)
        assert_same_weights(ours, loaded)
    load_weights(headless, write_published(tmp_path / "no_top.h5", theirs, top=False))
    assert_same_weights(headless, loaded)
    blank(headless)
    load_weights(headless, tmp_path / "published.h5")
    assert_same_weights(headless, loaded)


@pytest.mark.slow
def test_keras_reads_the_files_that_these_tests_write(tmp_path: Path, resnet: Pair) -> None:
    path = write_published(tmp_path / "w.h5", resnet.theirs, layer_name=lambda name: f"old_{name}")
    expected = [np.asarray(variable).copy() for variable in resnet.theirs.weights]
    other = keras.models.clone_model(resnet.theirs)
    other.load_weights(path)
    for variable, value in zip(other.weights, expected, strict=True):
        np.testing.assert_array_equal(variable, value)


def _one_layer_less(file: h5py.File) -> None:
    names = file.attrs["layer_names"]
    file.attrs["layer_names"] = names[names != b"conv4_block3_1_conv"]


def _another_shape(file: h5py.File) -> None:
    del file["conv3_block2_2_conv/conv3_block2_2_conv/kernel:0"]
    file["conv3_block2_2_conv/conv3_block2_2_conv/kernel:0"] = np.zeros((1, 1, 128, 128), "f4")


def _another_bias(file: h5py.File) -> None:
    del file["conv1_conv/conv1_conv/bias:0"]
    file["conv1_conv/conv1_conv/bias:0"] = np.zeros(7, "f4")


def _external_link(file: h5py.File) -> None:
    del file["conv1_conv/conv1_conv/kernel:0"]
    file["conv1_conv/conv1_conv/kernel:0"] = h5py.ExternalLink("/etc/passwd", "/kernel")


def _soft_link_layer(file: h5py.File) -> None:
    del file["conv1_conv"]
    file["conv1_conv"] = h5py.SoftLink("/conv1_bn")


def _whole_numbers(file: h5py.File) -> None:
    del file["conv1_conv/conv1_conv/bias:0"]
    file["conv1_conv/conv1_conv/bias:0"] = np.zeros(64, "i4")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_one_layer_less, "missing conv4_block3_1_conv/kernel (stage3_block3_conv1/kernel)"),
        (_another_shape, "stage2_block2_conv2/kernel is (1, 1, 128, 128) in the file, (3, 3, 128"),
        (_another_bias, "unknown conv1_conv/bias"),
        (_external_link, "conv1_conv/conv1_conv/kernel:0 must be an array stored in the file"),
        (_soft_link_layer, "missing conv1_conv/kernel (stem_conv/kernel)"),
        (_whole_numbers, "conv1_conv/conv1_conv/bias:0 must be plain floats"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_changed(
    tmp_path: Path, resnet: Pair, spoil, says: str
) -> None:
    path = write_published(tmp_path / "w.h5", resnet.theirs)
    with h5py.File(path, "a") as file:
        spoil(file)
    blank(resnet.ours)
    with pytest.raises(ValueError, match=re.escape(says)):
        load_weights(resnet.ours, path)
    assert all((value == 0.5).all() for value in weights(resnet.ours).values())


def test_a_network_without_a_twin_says_so(tmp_path: Path) -> None:
    image = keras.Input((32, 32, 3))
    theirs = keras.Model(image, keras.layers.Conv2D(4, 3, name="conv1_conv")(image))
    path = write_published(tmp_path / "w.h5", theirs)
    theirs.save_weights(tmp_path / "w.weights.h5")
    model = create_model("resnet_micro")
    for file in (path, tmp_path / "w.weights.h5"):
        with pytest.raises(ValueError, match=r"'conv1_conv'.*no twin in keras.applications"):
            load_weights(model, file)


@pytest.mark.parametrize("in_parts", [False, True])
def test_an_old_file_of_our_own_network_is_read_by_name(tmp_path: Path, in_parts: bool) -> None:
    model, other = create_model("lenet_micro"), create_model("lenet_micro")
    path = write_published(tmp_path / "w.h5", model)
    if in_parts:  # an attribute holds 64 KB, so Keras cuts a long list
        with h5py.File(path, "a") as file:
            names = file.attrs.pop("layer_names")
            file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:3], names[3:]
    load_weights(other, path)
    assert_same_weights(other, weights(model))

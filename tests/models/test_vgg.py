"""VGG: the paper's tables 1 and 2, and how the networks start."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from models.calls import without_values
from models.catalog import create_model, features
from models.classifiers.vgg import SPECS

# Table 2, in millions, and the weight layers that table 1 counts.
PUBLISHED = {
    "vgg11": (133, 11),
    "vgg11_lrn": (133, 11),
    "vgg13": (133, 13),
    "vgg16_c": (134, 16),
    "vgg16": (138, 16),
    "vgg19": (144, 19),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_networks_are_those_of_tables_1_and_2(name: str) -> None:
    millions, depth = PUBLISHED[name]
    assert round(SPECS[name].params / 1e6) == millions
    model = without_values(lambda: create_model(name))
    assert len([layer for layer in model.layers if layer.weights]) == depth
    points = [
        layer.name
        for layer in model.layers
        if isinstance(layer, layers.Conv2D) and layer.kernel_size == (1, 1)
    ]
    assert points == (["conv3_3", "conv4_3", "conv5_3"] if name == "vgg16_c" else [])
    assert model.get_layer("pool5").output.shape == (None, 7, 7, 512)


@pytest.mark.parametrize("name", [name for name in SPECS if name.endswith("_bn")])
def test_batch_normalisation_adds_two_parameters_a_map(name: str) -> None:
    model = without_values(lambda: create_model(name))
    convs = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    assert [norm.name for norm in norms] == [conv.name.replace("conv", "norm") for conv in convs]
    assert all(conv.use_bias for conv in convs)
    plain = SPECS[name.removesuffix("_bn")].params
    assert SPECS[name].params == plain + 2 * sum(conv.filters for conv in convs)


def test_local_normalisation_stands_after_the_first_convolution() -> None:
    model = without_values(lambda: create_model("vgg11_lrn"))
    names = [layer.name for layer in model.layers]
    assert [name for name in names if name.startswith("lrn")] == ["lrn1_1"]
    assert names[1:5] == ["conv1_1", "relu1_1", "lrn1_1", "pool1"]


def test_initial_weights_are_glorots() -> None:
    keras.utils.set_random_seed(1)
    model = create_model("vgg19", include_top=False, input_shape=(32, 32, 3))
    for layer in model.layers:
        if layer.weights:
            kernel = np.asarray(layer.kernel)
            *window, inputs, outputs = kernel.shape
            limit = (6 / (np.prod(window) * (inputs + outputs))) ** 0.5
            # The least kernel has 1,728 values: all below 99 % would come once in 10^7 times.
            assert 0.99 * limit < np.abs(kernel).max() < 1.00001 * limit  # float32
            assert not np.asarray(layer.bias).any()


def test_stages_halve_any_size_and_round_down() -> None:
    model = create_model("vgg_micro", input_shape=(None, None, 3), include_top=False)
    maps = features(model)(np.zeros((1, 67, 126, 3), "float32"))
    assert [(name, *value.shape[1:3]) for name, value in maps.items()] == [
        ("pool1", 33, 63),
        ("pool2", 16, 31),
        ("pool3", 8, 15),
        ("pool4", 4, 7),
        ("pool5", 2, 3),
    ]


def test_fully_connected_layers_need_a_size() -> None:
    with pytest.raises(ValueError, match="fixed input_shape"):
        create_model("vgg_micro", input_shape=(None, 64, 3))

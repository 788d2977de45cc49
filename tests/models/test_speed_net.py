"""The speed net: the paper's numbers, and a start that passes pictures through."""

from __future__ import annotations

import keras
import numpy as np

from models.catalog import create_model, features
from models.classifiers.speed_net import IdentityFirst


def test_shapes_are_the_papers() -> None:
    model = create_model("speed_net")
    shapes = {name: value.shape[1:] for name, value in features(model).output.items()}
    assert shapes == {
        "whiten_gelu": (31, 31, 24),
        "block1_gelu2": (15, 15, 64),
        "block2_gelu2": (7, 7, 256),
        "block3_gelu2": (3, 3, 256),
    }


def test_parameters_of_each_layer() -> None:
    model = create_model("speed_net")
    counts = {
        layer.name: sum(int(np.prod(v.shape)) for v in layer.trainable_variables)
        for layer in model.layers
        if "conv" in layer.name or layer.name in ("whiten", "logits")
    }
    assert counts == {
        "whiten": 24,
        "block1_conv1": 9 * 24 * 64,
        "block1_conv2": 9 * 64 * 64,
        "block2_conv1": 9 * 64 * 256,
        "block2_conv2": 9 * 256 * 256,
        "block3_conv1": 9 * 256 * 256,
        "block3_conv2": 9 * 256 * 256,
        "logits": 2560,
    }


def test_the_first_maps_of_a_convolution_start_as_its_input() -> None:
    kernel = np.asarray(IdentityFirst(seed=3)((3, 3, 4, 6)))
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 4)).astype("float32")
    maps = np.asarray(keras.ops.conv(x, kernel, padding="same"))
    np.testing.assert_array_equal(maps[..., :4], x)
    others = kernel[..., 4:]
    assert 0.5 / 6 < np.abs(others).max() <= 1 / 6  # 1 / sqrt(3 * 3 * 4)

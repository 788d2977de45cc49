"""The gated U-Net: equal to its equations, and a plain fill before it has learned."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from models.catalog import create_model, features, model_info
from models.layers.directed_fills import DirectedFills
from models.layers.gated_rectifier import GatedRectifier
from models.restoration.gated_unet import SPECS
from tests.models.test_catalog_inpainters import inputs, stirred


def convolved(maps: np.ndarray, model: keras.Model, name: str, **options) -> np.ndarray:
    kernel, bias = model.get_layer(name).get_weights()
    strides, dilations = options.get("strides", 1), options.get("dilations", 1)
    made = tf.nn.conv2d(maps, kernel, strides, "SAME", dilations=dilations) + bias
    found: np.ndarray = np.asarray(made)
    return found


def gated(maps: np.ndarray, model: keras.Model, name: str, **options) -> np.ndarray:
    """Section 3.1: the features' activation times the sigmoid of the gating."""
    features, gating = np.split(convolved(maps, model, name, **options), 2, axis=-1)
    rectified = np.where(features > 0, features, 0.2 * features)
    passed: np.ndarray = rectified / (1 + np.exp(-gating))
    return passed


def test_the_micro_network_equals_its_equations() -> None:
    model = stirred("gated_unet_micro")
    given = inputs("gated_unet_micro", 1, 8, 12)
    changes = np.asarray(DirectedFills(3)([given["image"], given["mask"]]))
    x = np.concatenate([2 * given["image"] - 1, given["mask"], 4 * changes], axis=-1)
    x = gated(x, model, "stage1_conv1", strides=2)
    half = x = gated(x, model, "stage1_conv2")
    x = gated(x, model, "stage2_conv1", strides=2)
    x = gated(x, model, "stage2_conv2", dilations=2)
    x = gated(x, model, "up1_conv1").repeat(2, axis=1).repeat(2, axis=2) + half
    x = convolved(gated(x, model, "up1_conv2"), model, "last_conv")
    maps = np.zeros((*given["image"].shape[:3], 7), np.float32)
    for dy in range(2):
        for dx in range(2):
            first = 7 * (2 * dy + dx)
            maps[:, dy::2, dx::2] = x[..., first : first + 7]
    correction = maps[..., 4:]
    for direction in range(4):
        change = changes[..., 3 * direction : 3 * direction + 3]
        correction = correction + maps[..., direction : direction + 1] * change
    expected = given["image"] + given["mask"] * correction
    found = np.asarray(model(given, training=False))
    # Sums of some hundred float32 products, in another order.
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_it_starts_with_what_it_is_given() -> None:
    given = inputs("gated_unet_micro")
    found = np.asarray(create_model("gated_unet_micro")(given))
    np.testing.assert_array_equal(found, given["image"])


def test_strides_follow_from_the_widths_and_sizes_are_small() -> None:
    for name, spec in SPECS.items():
        assert spec.stride == spec.smallest_px == 2 ** len(spec.widths), name
    assert 1e6 <= model_info("gated_unet").spec.params <= 3e6


def test_the_gate_has_two_halves() -> None:
    maps = np.array([[-2.0, 3.0, 0.0, 50.0]], "float32")
    np.testing.assert_allclose(GatedRectifier()(maps), [[-0.2, 3.0]], rtol=1e-6)


def test_maps_do_not_die_away_on_the_way_through() -> None:
    """With Glorot's initialisation, the deepest had a 100,000th of the first ones' size."""
    keras.utils.set_random_seed(0)
    model = create_model("gated_unet", input_shape=(128, 128, 3))
    given = inputs("gated_unet", 1, 128, 128)
    sizes = {name: float(np.std(maps)) for name, maps in features(model)(given).items()}
    assert max(sizes.values()) < 3 * min(sizes.values()), sizes

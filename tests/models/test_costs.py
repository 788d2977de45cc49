"""The cost of each kind of layer: counted by hand, and receptive fields as measured."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from models.explain import explain
from models.layers.pixel_shuffle import PixelShuffle

CHANNELS = 6


@pytest.mark.parametrize(
    ("layer", "parameters", "multiply_adds"),
    [
        (layers.Conv2D(8, 3, padding="same"), 54 * 8 + 8, 12 * 10 * 54 * 8),
        (layers.Conv2D(8, (3, 5), use_bias=False), 90 * 8, 10 * 6 * 90 * 8),
        (layers.Conv2D(8, 3, strides=2, padding="same"), 54 * 8 + 8, 6 * 5 * 54 * 8),
        (layers.Conv2D(8, 3, padding="same", groups=2), 27 * 8 + 8, 12 * 10 * 27 * 8),
        (layers.Conv2D(8, 3, dilation_rate=2), 54 * 8 + 8, 8 * 6 * 54 * 8),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), 9 * 12 + 12, 10 * 8 * 9 * 12),
        (
            layers.SeparableConv2D(8, 3, depth_multiplier=2),
            9 * 12 + 12 * 8 + 8,
            10 * 8 * (9 * 12 + 12 * 8),
        ),
        (layers.Conv2DTranspose(8, 3, strides=2), 54 * 8 + 8, 12 * 10 * 54 * 8),
        (layers.Dense(8), 6 * 8 + 8, 12 * 10 * 6 * 8),
        (layers.BatchNormalization(), 4 * 6, 0),
        (layers.MaxPooling2D(3, strides=2), 0, 0),
        (layers.GlobalAveragePooling2D(), 0, 0),
        (layers.ZeroPadding2D(2), 0, 0),
        (layers.UpSampling2D(2), 0, 0),
        (layers.Activation("relu"), 0, 0),
        (layers.LayerNormalization(), 2 * 6, 0),
    ],
    ids=lambda value: value.name if isinstance(value, layers.Layer) else "",
)
def test_each_kind_of_layer_has_its_cost(
    layer: layers.Layer, parameters: int, multiply_adds: int
) -> None:
    model = keras.Sequential([keras.Input((12, 10, CHANNELS)), layer])
    row = explain(model).rows[-1]
    assert row.output_shape == model.output_shape[1:]
    assert row.parameters == parameters == model.count_params()
    assert row.multiply_adds == multiply_adds


def test_a_row_states_the_window() -> None:
    image = keras.Input((12, 10, CHANNELS), name="picture")
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(image)
    x = layers.Conv2D(8, 3, strides=2, groups=2, name="grouped")(x)
    x = layers.Conv2D(8, 3, padding="same", dilation_rate=2, name="wide")(x)
    first, pad, grouped, wide = explain(keras.Model(image, x)).rows
    assert (first.name, first.kind, first.output_shape) == ("picture", "Input", (12, 10, CHANNELS))
    assert (pad.kernel, pad.padding) == (None, "0+1x0+1")
    assert (grouped.kernel, grouped.stride, grouped.padding) == ((3, 3), (2, 2), "valid")
    assert (grouped.groups, grouped.dilation, wide.groups, wide.dilation) == (2, None, None, (2, 2))
    assert (grouped.input_shape, grouped.output_shape) == ((13, 11, CHANNELS), (6, 5, 8))


@pytest.mark.parametrize(
    "stack",
    [
        [layers.Conv2D(1, 3), layers.MaxPooling2D(2), layers.Conv2D(1, (5, 3))],
        [layers.Conv2D(1, 5, strides=2), layers.ZeroPadding2D(1), layers.Conv2D(1, 3, strides=2)],
        [layers.Conv2D(1, 3, dilation_rate=3), layers.AveragePooling2D(3, strides=2)],
        [layers.Conv2D(1, 3, strides=3), layers.UpSampling2D(3), layers.Conv2D(1, 1)],
        [layers.Conv2D(1, 4, strides=2), layers.Conv2DTranspose(1, 4, strides=2)],
        [layers.DepthwiseConv2D(3), layers.Activation("relu"), layers.SeparableConv2D(1, 3)],
        [layers.Conv2D(9, 3), PixelShuffle(3), layers.Conv2D(1, 5)],
    ],
    ids=range(7),
)
def test_the_receptive_field_is_the_one_measured(stack: list[layers.Layer]) -> None:
    side = 29
    model = keras.Sequential([keras.Input((side, side, 1)), *stack])
    for variable in model.weights:  # positive, so that no influence is cancelled or cut off
        variable.assign(np.full(variable.shape, 0.1))
    # One image for each pixel of a row, and one for each of a column: which move the output most
    # far from the edges?
    base = np.ones((2 * side + 1, side, side, 1), "float32")
    base[np.arange(side), np.arange(side)] += 1
    base[side + np.arange(side), :, np.arange(side)] += 1
    outputs = np.asarray(model(base))
    moved = np.abs(outputs[:-1] - outputs[-1])[..., 0] > 1e-4
    rows = max(moved[:side, y, x].sum() for y, x in inner(moved))
    columns = max(moved[side:, y, x].sum() for y, x in inner(moved))
    assert explain(model).rows[-1].receptive_field == (rows, columns)


def inner(moved: np.ndarray) -> list[tuple[int, int]]:
    """Return the places in the middle of the output."""
    _, height, width = moved.shape
    return [(height // 2 + y, width // 2 + x) for y in range(-2, 2) for x in range(-2, 2)]


def residual() -> keras.Model:
    """A block whose shortcut must be kept while two convolutions run."""
    image = keras.Input((8, 8, 4), name="image")
    x = layers.Conv2D(16, 3, padding="same", name="stem")(image)  # 1,024 values
    y = layers.Conv2D(32, 3, padding="same", name="conv1")(x)  # 2,048
    y = layers.Activation("relu", name="relu1")(y)
    y = layers.Conv2D(16, 3, padding="same", name="conv2")(y)  # 1,024
    return keras.Model(image, layers.Add(name="sum")([x, y]))


def test_live_activations_are_those_that_somebody_still_reads() -> None:
    explanation = explain(residual(), batch=3, dtype="float16")
    # At conv2: the shortcut, what relu1 wrote over conv1's output, and conv2's own.
    assert explanation.live_activation_bytes == 3 * 2 * (1024 + 2048 + 1024)
    assert explanation.live_most_at == "conv2"
    # All: the image's 256, then stem, conv1, conv2, sum.
    assert explanation.activations == 256 + 1024 + 2048 + 1024 + 1024
    assert explanation.activation_bytes == 3 * 2 * explanation.activations


@pytest.mark.parametrize(
    ("what", "values"),
    [("relu", 0), ("tanh", 0), ("gelu", 64), ("silu", 64)],  # the last two need their input
)
def test_an_activation_writes_over_its_input_where_it_can(what: str, values: int) -> None:
    image = keras.Input((4, 4, 4))
    x = layers.Conv2D(4, 1)(image)
    assert explain(keras.Model(image, layers.Activation(what)(x))).rows[-1].activations == values


def test_nothing_writes_over_what_another_reads() -> None:
    image = keras.Input((4, 4, 4))
    x = layers.Conv2D(4, 1)(image)
    y = layers.ReLU()(x)
    for outputs in (layers.Add()([x, y]), [x, y]):
        rows = explain(keras.Model(image, outputs)).rows
        assert [row.activations for row in rows if row.kind == "ReLU"] == [64]


def test_a_view_needs_no_memory() -> None:
    image = keras.Input((4, 4, 4))
    x = layers.Reshape((16, 4))(layers.Conv2D(4, 1)(image))
    explanation = explain(keras.Model(image, layers.Dense(2)(layers.Flatten()(x))))
    assert [row.activations for row in explanation.rows] == [64, 64, 0, 0, 2]
    assert explanation.live_activation_bytes == 4 * 128


@keras.saving.register_keras_serializable("tests")
class Gain(layers.Layer):
    """Multiplies each channel; states no cost."""

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs):
        return inputs * self.gain


@keras.saving.register_keras_serializable("tests")
class CountedGain(Gain):
    """States its cost."""

    def multiply_adds(self, input_shape, output_shape):
        assert input_shape == output_shape == (None, 4, 4, 3)
        return 4 * 4 * 3


@pytest.mark.parametrize(("layer", "cost"), [(Gain(name="gain"), None), (CountedGain(), 48)])
def test_a_layer_of_somebodys_own_counts_as_it_states(layer, cost) -> None:
    model = keras.Sequential([keras.Input((4, 4, 3)), layer, layers.Conv2D(2, 1)])
    explanation = explain(model)
    assert explanation.rows[1].multiply_adds == cost
    assert explanation.parameters == 3 + 3 * 2 + 2
    assert explanation.multiply_adds == (cost or 0) + 4 * 4 * 3 * 2
    assert explanation.uncounted == (() if cost else ("gain",))
    assert explanation.rows[1].receptive_field is None
    assert ("not known" in str(explanation)) is (cost is None)


def test_products_without_weights_are_not_taken_for_nothing() -> None:
    image = keras.Input((4, 3))
    product = keras.ops.matmul(image, keras.ops.transpose(image, (0, 2, 1)))
    scores = layers.Attention()([image, image])
    explanation = explain(keras.Model(image, [product, scores]))
    assert len(explanation.uncounted) == 2


def test_frozen_weights_are_counted_apart() -> None:
    norm = layers.BatchNormalization()
    frozen = layers.Conv2D(2, 1, trainable=False)
    explanation = explain(keras.Sequential([keras.Input((4, 4, 3)), frozen, norm]))
    assert [(row.trainable, row.non_trainable) for row in explanation.rows] == [
        (0, 0),
        (0, 3 * 2 + 2),
        (4, 4),
    ]
    assert explanation.training_bytes == 4 * (16 + 3 * 4) + explanation.activation_bytes


@pytest.mark.parametrize(
    ("dtype", "activation", "parameter"),
    [("float64", 8, 8), ("bfloat16", 2, 2), ("mixed_float16", 2, 4), ("mixed_bfloat16", 2, 4)],
)
def test_memory_follows_the_dtype(dtype: str, activation: int, parameter: int) -> None:
    explanation = explain(residual(), dtype=dtype, batch=2, optimizer_slots=1)
    assert explanation.activation_bytes == 2 * activation * explanation.activations
    assert explanation.parameter_bytes == parameter * explanation.parameters
    assert explanation.training_bytes == (
        3 * explanation.parameter_bytes + explanation.activation_bytes
    )

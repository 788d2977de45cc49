"""Reading a network's graph: any functional network, nothing computed, nothing left behind."""

from __future__ import annotations

import keras
import numpy as np
import psutil
import pytest
from keras import layers, ops

from models.calls import record, without_values
from models.catalog import create_model
from models.explain import explain


def siamese() -> keras.Model:
    """Two pictures through one nested network, whose layers are therefore shared."""
    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(4, 3, name="conv"), layers.ReLU(name="relu")],
        name="inner",
    )
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
    difference = ops.abs(inner(left) - inner(right))
    return keras.Model(
        {"left": left, "right": right}, {"d": layers.Flatten(name="flat")(difference)}
    )


def test_nested_and_shared_layers_and_operations_are_read() -> None:
    explanation = explain(siamese())
    names = [row.name for row in explanation.rows]
    assert names[:2] == ["left", "right"]
    assert names[2:6] == ["inner/conv", "inner/relu"] * 2
    assert [row.kind for row in explanation.rows[6:]] == ["Subtract", "Absolute", "Flatten"]
    first, second = (row for row in explanation.rows if row.name == "inner/conv")
    assert (first.parameters, second.parameters) == (3 * 3 * 3 * 4 + 4, 0)  # weights once
    assert first.multiply_adds == second.multiply_adds == 6 * 6 * 27 * 4  # work twice
    assert explanation.parameters == siamese().count_params()
    # Both pictures, and the maps of the first.
    assert explanation.live_activation_bytes == 4 * (2 * 8 * 8 * 3 + 6 * 6 * 4)


def test_tensors_are_numbered_through_nested_networks() -> None:
    calls = record(siamese()).calls
    made = [number for call in calls for number in call.outputs]
    assert len(set(made)) == len(made)
    seen: set[int] = set()
    for call in calls:
        assert set(call.inputs) <= seen
        seen |= set(call.outputs)


def test_explaining_leaves_the_network_alone() -> None:
    keras.utils.set_random_seed(1)
    model = create_model("lenet5")
    images = np.random.default_rng(1).uniform(size=(2, 28, 28, 1)).astype("float32")
    before, nodes = np.asarray(model(images)), {id(layer.output) for layer in model.layers}
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert explain(model) == explain(model)
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_array_equal(model(images), before)
    assert {id(layer.output) for layer in model.layers} == nodes


def test_a_network_to_count_has_no_weights_in_memory() -> None:
    create_model("lenet5")  # whatever Keras loads late
    process = psutil.Process()
    before = process.memory_info().rss
    model = without_values(lambda: create_model("vgg19"))
    with keras.StatelessScope():  # would give values to the variables of the same thread
        pass
    held = process.memory_info().rss - before
    assert model.count_params() == 143_667_240
    assert held < 100 * 2**20  # the weights alone would be 548 MiB


def test_a_network_of_any_size_is_read_at_the_size_given() -> None:
    model = create_model("resnet_micro", input_shape=(None, None, 3))
    explanation = explain(model, input_shape=(40, 56, 3))
    assert explanation.rows[0].output_shape == (40, 56, 3)
    assert explanation.trainable == 4_110
    same = explain("resnet_micro", input_shape=(40, 56, 3))
    assert [row.output_shape for row in same.rows] == [r.output_shape for r in explanation.rows]


def test_options_reach_the_builder() -> None:
    headless = explain("resnet_micro", include_top=False, pooling="avg")
    assert headless.rows[-1].name == "pool"
    assert explain("resnet_micro", classes=3).rows[-1].output_shape == (3,)


def test_an_edit_is_followed_by_the_rest() -> None:
    edits = {"conv1": {"filters": 4, "strides": 2}}
    before = explain("lenet_modern")
    after = explain("lenet_modern", edits=edits)
    rows = {row.name: row for row in after.rows}
    assert rows["conv1"].output_shape == rows["relu1"].output_shape == (14, 14, 4)
    assert rows["conv1"].parameters == 9 * 4  # it has no biases
    assert rows["norm1"].parameters == 4 * 4
    assert rows["conv2"].parameters == 9 * 4 * 32
    assert explain("lenet_modern") == before
    assert explain(create_model("lenet_modern"), edits=edits) == after


def test_an_edit_reaches_the_fully_connected_layers() -> None:
    after = explain("lenet5", edits={"c1": {"strides": 2}})
    assert [row.output_shape for row in after.rows if row.name in ("s4", "flatten")] == [
        (1, 1, 16),
        (16,),
    ]
    assert [row.parameters for row in after.rows if row.name == "c5"] == [16 * 120 + 120]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": "vgg99"}, ValueError, "unknown model 'vgg99'; did you mean 'vgg19'"),
        ({"model": "vgg16", "input_shape": (8, 8, 3)}, ValueError, "32 x 32 pixels or more"),
        ({"model": "lenet5", "colour": 1}, TypeError, "no option 'colour'"),
        ({"model": "lenet5", "batch": 0}, ValueError, "batch must be at least 1"),
        ({"model": "lenet5", "dtype": "float33"}, ValueError, "float33"),
        (
            {"model": "lenet5", "edits": {"c2": {}}},
            ValueError,
            "lenet5 has no layer 'c2'; known: image, c1, s2",
        ),
        (
            {"model": "resnet_micro", "edits": {"stage2_block1_conv1": {"strides": 1}}},
            ValueError,
            r"^stage2_block1_add cannot follow: .*shapes",
        ),
        (
            {"model": "lenet5", "edits": {"c1": {"strides": 9}}},
            ValueError,
            r"^c3 cannot follow: [^\n]* zero or negative[^\n]*$",
        ),
    ],
)
def test_what_cannot_be_is_refused(arguments, error, message: str) -> None:
    with pytest.raises(error, match=message):
        explain(**arguments)


def test_a_built_network_takes_its_own_sizes_only() -> None:
    model = create_model("lenet5")
    with pytest.raises(TypeError, match="classes: options are for networks given by name"):
        explain(model, classes=3)
    with pytest.raises(
        ValueError, match=r"lenet5 cannot take \(32, 32, 1\): c5 has weights for 400"
    ):
        explain(model, input_shape=(32, 32, 1))
    with pytest.raises(ValueError, match=r"images of any size.*give input_shape"):
        explain(create_model("resnet_micro", input_shape=(None, None, 3)))
    with pytest.raises(ValueError, match=r"networks with one input.*has 2"):
        explain(siamese(), input_shape=(8, 8, 3))


class Subclassed(keras.Model):
    """Has no graph."""

    def call(self, inputs):
        return inputs


@pytest.mark.parametrize("model", [Subclassed(name="own"), keras.Sequential(name="empty")])
def test_a_network_without_a_graph_is_refused(model: keras.Model) -> None:
    with pytest.raises(ValueError, match=f"must be functional, or sequential.*got {model.name}"):
        explain(model)

"""GoogLeNet: the paper's table 1, its pooling, its auxiliary heads."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models.calls import without_values
from models.catalog import create_model, features

# Weights without biases, and what table 1 prints in units of 1,024.
TABLE_1 = {
    "conv1": (9_408, 2.7),
    "conv2": (114_688, 112),
    "3a": (163_328, 159),
    "3b": (388_096, 380),
    "4a": (375_552, 364),
    "4b": (448_512, 437),
    "4c": (509_440, 463),
    "4d": (604_672, 580),
    "4e": (867_328, 840),
    "5a": (1_042_432, 1072),
    "5b": (1_442_816, 1388),
    "logits": (1_024_000, 1000),
}


def kernels(model: keras.Model, part: str) -> int:
    """Count the weights, without biases, of one line of table 1."""
    prefix = f"inception_{part}_" if part[0] in "345" else part
    return sum(
        int(np.prod(layer.kernel.shape))
        for layer in model.layers
        if layer.name.startswith(prefix) and hasattr(layer, "kernel")
    )


def test_weights_are_table_1s_sizes() -> None:
    model = without_values(lambda: create_model("googlenet"))
    counted = {part: kernels(model, part) for part in TABLE_1}
    assert counted == {part: weights for part, (weights, _) in TABLE_1.items()}
    biases = sum(int(np.prod(v.shape)) for v in model.weights if v.path.endswith("bias"))
    assert sum(counted.values()) + biases == 6_998_552


def test_table_1_prints_what_our_docstring_says() -> None:
    off = {part: printed / (weights / 1024) for part, (weights, printed) in TABLE_1.items()}
    exact = [part for part, (weights, printed) in TABLE_1.items() if weights // 1024 == printed]
    assert exact == ["conv2", "3a", "logits"]
    near = [p for p, (weights, printed) in TABLE_1.items() if abs(weights / 1024 - printed) == 1]
    assert near == ["3b", "4b"]
    for part in ("4a", "4d", "4e", "5b"):
        assert 0.98 < off[part] < 0.995
    assert (round(off["4c"], 2), round(off["5a"], 2)) == (0.93, 1.05)


@pytest.mark.parametrize(
    ("side", "sizes"),
    [
        (224, [112, 56, 28, 14, 7]),  # table 1
        (225, [113, 56, 28, 14, 7]),
        (230, [115, 57, 28, 14, 7]),
        (255, [128, 64, 32, 16, 8]),
        (31, [16, 8, 4, 2, 1]),
    ],
)
def test_maps_have_the_sizes_of_ceil_mode(side: int, sizes: list[int]) -> None:
    model = without_values(lambda: create_model("googlenet", input_shape=(side, side, 3)))
    maps = {name: tuple(tensor.shape) for name, tensor in features(model).output.items()}
    conv1, conv2, last3, last4, last5 = sizes
    assert maps == {
        "conv1_relu": (None, conv1, conv1, 64),
        "conv2_relu": (None, conv2, conv2, 192),
        "inception_3b": (None, last3, last3, 480),
        "inception_4e": (None, last4, last4, 832),
        "inception_5b": (None, last5, last5, 1024),
    }


def test_image_of_unknown_size_gives_the_same() -> None:
    keras.utils.set_random_seed(1)
    fixed = create_model("googlenet_micro", input_shape=(45, 66, 3))
    free = create_model("googlenet_micro", input_shape=(None, None, 3))
    free.set_weights(fixed.get_weights())
    images = np.random.default_rng(1).uniform(size=(2, 45, 66, 3)).astype("float32")
    np.testing.assert_array_equal(np.asarray(free(images)), np.asarray(fixed(images)))


def test_batch_normalisation_stands_after_every_convolution_and_nothing_else_does() -> None:
    model = without_values(lambda: create_model("googlenet_bn"))
    names = {layer.name for layer in model.layers}
    convs = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convs) == 3 + 9 * 6
    assert all(f"{conv.name}_norm" in names and not conv.use_bias for conv in convs)
    assert not any(name.startswith("lrn") for name in names)
    # Torchvision's count has 3 x 3 kernels for our 5 x 5: 16 weights fewer a pair of maps.
    fewer = sum(
        16 * conv.kernel.shape[2] * conv.filters for conv in convs if conv.kernel_size == (5, 5)
    )
    counted = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert counted - fewer == 6_624_904


@pytest.mark.parametrize("name", ["googlenet", "googlenet_bn"])
def test_auxiliary_heads_are_section_5s(name: str) -> None:
    model = without_values(lambda: create_model(name, auxiliary=True))
    assert {head: tuple(tensor.shape) for head, tensor in model.output.items()} == {
        "auxiliary1": (None, 1000),
        "auxiliary2": (None, 1000),
        "logits": (None, 1000),
    }
    for head, depth in (("auxiliary1", 512), ("auxiliary2", 528)):
        assert model.get_layer(f"{head}_pool").output.shape == (None, 4, 4, depth)
        assert model.get_layer(f"{head}_fc").kernel.shape == (4 * 4 * 128, 1024)
        assert model.get_layer(f"{head}_dropout").rate == 0.7


def test_three_losses_train_together() -> None:
    keras.utils.set_random_seed(1)
    model = create_model("googlenet_micro", input_shape=(80, 80, 3), auxiliary=True)
    images = np.random.default_rng(1).uniform(size=(8, 80, 80, 3)).astype("float32")
    labels = np.arange(8)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    heads = {"logits": 1.0, "auxiliary1": 0.3, "auxiliary2": 0.3}
    # Eagerly, because one step does not earn back the compilation of a graph.
    losses = dict.fromkeys(heads, loss)
    model.compile("sgd", loss=losses, loss_weights=heads, run_eagerly=True)
    before = [np.asarray(v).copy() for v in model.trainable_variables]
    model.fit(images, dict.fromkeys(heads, labels), epochs=1, batch_size=8, verbose=0)
    still = [
        v.path
        for v, old in zip(model.trainable_variables, before, strict=True)
        if np.array_equal(np.asarray(v), old)
    ]
    assert still == []


def test_auxiliary_logits_are_float32_under_mixed_precision() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = create_model("googlenet_micro", input_shape=(79, 79, 3), auxiliary=True)
    finally:
        keras.config.set_dtype_policy("float32")
    assert {output.dtype for output in model.outputs} == {"float32"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"include_top": False}, "needs include_top=True"),
        ({"input_shape": (None, None, 3)}, "79 x 79 pixels or more"),
        ({"input_shape": (79, 78, 3)}, "79 x 79 pixels or more"),
    ],
)
def test_auxiliary_heads_refuse(arguments, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        create_model("googlenet_micro", auxiliary=True, **arguments)

"""DenseNet: depths, growth and names as the paper and our interface state them."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest

from models.catalog import create_model, features
from models.classifiers.densenet import SPECS, DenseNetSpec

# Table 2's parameters in millions (CIFAR).
MILLIONS = {
    "densenet40_k12": 1.0,
    "densenet100_k12": 7.0,
    "densenet_bc100_k12": 0.8,
    "densenet_bc250_k24": 15.3,
    "densenet_bc190_k40": 25.6,
}
PUBLISHED = [name for name in SPECS if name != "densenet_micro"]


def stated_depth(spec: DenseNetSpec) -> int:
    """Count the paper's way: convolutions and the classifier."""
    convolutions = sum(spec.depths) * (2 if spec.bottleneck else 1)
    transitions = len(spec.depths) - 1
    return 1 + convolutions + transitions + 1


@pytest.mark.parametrize("name", PUBLISHED)
def test_depth_is_in_the_name(name: str) -> None:
    match = re.fullmatch(r"densenet(?:_bc)?(\d+)(?:_k(\d+))?", name)
    assert match
    spec = SPECS[name]
    # Table 1's depths make 265 layers of the net that the paper calls DenseNet-264.
    assert stated_depth(spec) == int(match[1]) + (name == "densenet264")
    assert spec.growth == int(match[2] or (48 if name == "densenet161" else 32))


@pytest.mark.parametrize("name", ["densenet121", "densenet40_k12", "densenet_bc100_k12"])
def test_network_is_as_deep_as_its_row_says(name: str) -> None:
    kinds = (keras.layers.Conv2D, keras.layers.Dense)
    depth = sum(isinstance(layer, kinds) for layer in create_model(name).layers)
    assert depth == stated_depth(SPECS[name])


@pytest.mark.parametrize(("name", "millions"), MILLIONS.items())
def test_parameters_are_table_2s(name: str, millions: float) -> None:
    assert round(SPECS[name].params / 1e6, 1) == millions


def test_each_layer_adds_k_maps_behind_all_before() -> None:
    model = create_model("densenet_micro")  # k = 4
    stem, first, second = (
        model.get_layer(name).output for name in ("stem_pool", "block1_layer1", "block1_layer2")
    )
    assert [x.shape[-1] for x in (stem, first, second)] == [8, 12, 16]
    run = keras.Model(model.input, [stem, first, second])
    images = np.random.default_rng(1).uniform(size=(2, 32, 32, 3)).astype("float32")
    stem, first, second = (np.asarray(x) for x in run(images))
    np.testing.assert_array_equal(second[..., :12], first)
    np.testing.assert_array_equal(first[..., :8], stem)


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("densenet121", (224, 224), [(56, 56, 256), (28, 28, 512), (14, 14, 1024), (7, 7, 1024)]),
        ("densenet121", (29, 65), [(8, 17, 256), (4, 8, 512), (2, 4, 1024), (1, 2, 1024)]),
        ("densenet40_k12", (33, 30), [(33, 30, 160), (16, 15, 304), (8, 7, 448)]),
        ("densenet_bc100_k12", (32, 4), [(32, 4, 216), (16, 2, 300), (8, 1, 342)]),
    ],
)
def test_transitions_halve_the_maps(name: str, size: tuple[int, int], expected) -> None:
    stages = features(create_model(name, input_shape=(*size, 3), include_top=False))
    stated = [tuple(maps.shape[1:]) for maps in stages.output.values()]
    computed = [
        tuple(maps.shape[1:]) for maps in stages(np.zeros((1, *size, 3), "float32")).values()
    ]
    assert stated == computed == expected


def test_images_of_any_size() -> None:
    any_size = create_model("densenet_micro", input_shape=(None, None, 3))
    image = np.random.default_rng(1).uniform(size=(2, 37, 50, 3)).astype("float32")
    fixed = create_model("densenet_micro", input_shape=(37, 50, 3))
    fixed.set_weights(any_size.get_weights())
    # The same operations on the same numbers; the order of sums may differ.
    np.testing.assert_allclose(np.asarray(fixed(image)), np.asarray(any_size(image)), atol=1e-6)


def test_too_small_an_image_is_refused() -> None:
    with pytest.raises(ValueError, match="29 x 29 pixels or more"):
        create_model("densenet121", input_shape=(28, 64, 3))


def test_dropout_follows_each_convolution_but_the_first() -> None:
    keras.utils.set_random_seed(3)
    without = create_model("densenet_micro")
    dropped = create_model("densenet_micro", dropout=0.2)
    convolutions = sum(isinstance(layer, keras.layers.Conv2D) for layer in dropped.layers)
    dropouts = [layer for layer in dropped.layers if isinstance(layer, keras.layers.Dropout)]
    assert len(dropouts) == convolutions - 1
    assert {layer.rate for layer in dropouts} == {0.2}
    assert [v.path for v in dropped.weights] == [v.path for v in without.weights]

    dropped.set_weights(without.get_weights())
    images = np.random.default_rng(3).uniform(size=(2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(np.asarray(dropped(images)), np.asarray(without(images)))
    once, again = (np.asarray(dropped(images, training=True)) for _ in range(2))
    assert not np.array_equal(once, again)


def test_names_of_the_weights() -> None:
    """Weight files depend on them."""
    layers = {v.path.split("/")[0] for v in create_model("densenet_micro").weights}
    expected = {"stem_conv", "stem_norm", "transition1_norm", "transition1_conv", "final_norm"}
    for block, depth in ((1, 2), (2, 3)):
        for layer in range(1, depth + 1):
            parts = ("norm1", "conv1", "norm2", "conv2")
            expected |= {f"block{block}_layer{layer}_{part}" for part in parts}
    assert layers == {*expected, "logits"}

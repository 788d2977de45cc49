"""AlexNet: the paper's sizes, order of layers and initial weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models.calls import without_values
from models.catalog import create_model, features


def test_parameters_of_each_layer() -> None:
    model = without_values(lambda: create_model("alexnet"))
    counts = {layer.name: layer.count_params() for layer in model.layers if layer.weights}
    assert counts == {
        "conv1": 96 * (11 * 11 * 3 + 1),
        "conv2": 256 * (5 * 5 * 48 + 1),
        "conv3": 384 * (3 * 3 * 256 + 1),
        "conv4": 384 * (3 * 3 * 192 + 1),
        "conv5": 256 * (3 * 3 * 192 + 1),
        "fc6": 4096 * (6 * 6 * 256 + 1),
        "fc7": 4096 * (4096 + 1),
        "logits": 1000 * (4096 + 1),
    }
    assert sum(counts.values()) == 60_965_224


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("alexnet", [(None, 27, 27, 96), (None, 13, 13, 256), (None, 6, 6, 256)]),
        ("alexnet_owt", [(None, 27, 27, 64), (None, 13, 13, 192), (None, 6, 6, 256)]),
    ],
)
def test_maps_have_the_papers_sizes(name: str, shapes) -> None:
    model = without_values(lambda: create_model(name))
    assert [tuple(tensor.shape) for tensor in features(model).output.values()] == shapes


def test_normalisation_and_dropout_stand_where_the_papers_have_them() -> None:
    def order(name: str) -> list[str]:
        model = without_values(lambda: create_model(name))
        kinds = ("lrn", "pool", "fc", "dropout", "logits")
        return [layer.name for layer in model.layers if layer.name.startswith(kinds)]

    published = ["lrn1", "pool1", "lrn2", "pool2", "pool5", "fc6", "dropout6", "fc7", "dropout7"]
    assert order("alexnet") == [*published, "logits"]
    one_column = ["pool1", "pool2", "pool5", "dropout6", "fc6", "dropout7", "fc7", "logits"]
    assert order("alexnet_owt") == one_column


def test_initial_weights_are_the_papers() -> None:
    keras.utils.set_random_seed(1)
    model = create_model("alexnet", input_shape=(67, 67, 3), classes=100)
    ones = {"conv2", "conv4", "conv5", "fc6", "fc7"}
    for layer in model.layers:
        if layer.weights:
            kernel = np.asarray(layer.kernel)
            # The least kernel has 34,848 values: its deviation is known to 0.4 %; five times that.
            assert kernel.std() == pytest.approx(0.01, rel=0.02)
            assert abs(kernel.mean()) < 5 * 0.01 / kernel.size**0.5
            assert set(np.asarray(layer.bias)) == {1.0 if layer.name in ones else 0.0}


def test_conv2_sees_half_of_the_maps_and_conv3_all() -> None:
    keras.utils.set_random_seed(1)
    model = create_model("alexnet_micro")
    half = np.random.default_rng(1).uniform(size=(1, 7, 7, 4)).astype("float32")
    other = half.copy()
    other[..., 2:] = 0.5
    conv2, conv3 = model.get_layer("conv2"), model.get_layer("conv3")
    same = np.asarray(conv2(half)) == np.asarray(conv2(other))  # (1, 7, 7, 8)
    assert same[..., :4].all()
    assert not same[..., 4:].any()
    assert not (np.asarray(conv3(conv2(half))) == np.asarray(conv3(conv2(other)))).any()


def test_fully_connected_layers_need_a_size() -> None:
    with pytest.raises(ValueError, match="fixed input_shape"):
        create_model("alexnet_micro", input_shape=(None, None, 3))
    maps = create_model("alexnet_micro", input_shape=(None, None, 3), include_top=False)
    assert maps(np.zeros((1, 47, 64, 3), "float32")).shape == (1, 2, 3, 8)

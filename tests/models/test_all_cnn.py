"""All-CNN: the paper's twelve nets, and the normalised one that folds into a plain one."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models.catalog import create_model, features
from models.folding import fold_into


def convolutions(name: str) -> list[tuple[int, int, int]]:
    """Return (kernel, stride, maps) of each convolution in order."""
    return [
        (layer.kernel_size[0], layer.strides[0], layer.filters)
        for layer in create_model(name).layers
        if isinstance(layer, keras.layers.Conv2D)
    ]


LAST = [(3, 1, 192), (1, 1, 192), (1, 1, 10)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("all_cnn_a_base", [(5, 1, 96), (5, 1, 192)]),
        ("all_cnn_b_base", [(5, 1, 96), (1, 1, 96), (5, 1, 192), (1, 1, 192)]),
        ("all_cnn_c_base", [(3, 1, 96), (3, 1, 96), (3, 1, 192), (3, 1, 192)]),
        ("all_cnn_c_strided", [(3, 1, 96), (3, 2, 96), (3, 1, 192), (3, 2, 192)]),
        ("all_cnn_c_convpool", 3 * [(3, 1, 96)] + 3 * [(3, 1, 192)]),
        ("all_cnn_c", [(3, 1, 96)] * 2 + [(3, 2, 96)] + [(3, 1, 192)] * 2 + [(3, 2, 192)]),
        ("all_cnn_a", [(5, 1, 96), (3, 2, 96), (5, 1, 192), (3, 2, 192)]),
    ],
)
def test_layers_are_those_of_tables_1_and_2(name: str, expected) -> None:
    assert convolutions(name) == expected + LAST


@pytest.mark.parametrize("name", ["all_cnn_c", "all_cnn_c_base", "all_cnn_b_strided"])
def test_the_average_is_over_six_by_six_places(name: str) -> None:
    assert create_model(name).get_layer("last_relu3").output.shape[1:] == (6, 6, 10)


def test_features_end_each_stage() -> None:
    for name, ends in (
        ("all_cnn_c", ["stage1_relu3", "stage2_relu3", "last_relu1"]),
        ("all_cnn_c_strided", ["stage1_relu2", "stage2_relu2", "last_relu1"]),
        ("all_cnn_a_convpool", ["stage1_pool", "stage2_pool", "last_relu1"]),
    ):
        shapes = [tuple(v.shape[1:]) for v in features(create_model(name)).output.values()]
        assert list(features(create_model(name)).output) == ends
        assert shapes == [(16, 16, 96), (8, 8, 192), (6, 6, 192)]


def test_dropout_is_the_papers() -> None:
    model = create_model("all_cnn_micro", dropout=True)
    rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.2, 0.5, 0.5]


def test_a_normalised_network_folds_into_the_plain_one() -> None:
    random = np.random.default_rng(1)
    normalised, plain = create_model("all_cnn_micro_bn"), create_model("all_cnn_micro")
    for variable in normalised.weights:
        value = np.asarray(variable) + random.normal(size=variable.shape) * 0.2
        variable.assign(np.abs(value) + 0.1 if "variance" in variable.path else value)
    fold_into(plain, normalised)
    x = random.uniform(size=(3, 32, 32, 3)).astype("float32")
    expected = np.asarray(normalised(x, training=False))
    assert np.ptp(expected) > 0
    # Another order of float32 operations: 1e-5 of the largest value.
    np.testing.assert_allclose(plain(x), expected, atol=1e-5 * np.abs(expected).max())
    with pytest.raises(ValueError, match="No such layer"):
        fold_into(plain, create_model("lenet_micro"))

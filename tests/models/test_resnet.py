"""ResNet: depths, costs and names as the paper and our interface state them."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models.catalog import create_model, features
from models.classifiers.resnet import SPECS, PaddedIdentity

IMAGENET = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "plain18", "plain34")
CIFAR = [f"{form}{depth}" for form in ("resnet", "plain") for depth in (20, 32, 44, 56, 110)]
# Table 1's multiply-adds in 10^9, and the text's for plain34. After one digit the paper sometimes
# cuts and sometimes rounds: the counts are 1.81, 3.66, 3.86, 7.57, 11.28 and 3.64.
MULTIPLY_ADDS = {
    "resnet18": 1.8,
    "resnet34": 3.6,
    "resnet50": 3.8,
    "resnet101": 7.6,
    "resnet152": 11.3,
    "plain34": 3.6,
}


def depth_in(name: str) -> int:
    return int(name.removeprefix("resnet").removeprefix("plain"))


def weighted(model: keras.Model) -> list[keras.Layer]:
    """Return the layers that the paper counts: convolutions and the classifier."""
    kinds = (keras.layers.Conv2D, keras.layers.Dense)
    return [layer for layer in model.layers if isinstance(layer, kinds)]


def multiply_adds(model: keras.Model) -> int:
    """Return one for each weight of a kernel and place of its output."""
    places = [int(np.prod(layer.output.shape[1:-1])) for layer in weighted(model)]  # 1 if dense
    return sum(
        n * int(np.prod(layer.kernel.shape))
        for n, layer in zip(places, weighted(model), strict=True)
    )


@pytest.mark.parametrize("name", CIFAR)
def test_depth_of_cifar_nets_is_6n_plus_2(name: str) -> None:
    assert 2 * sum(SPECS[name].depths) + 2 == depth_in(name)
    assert set(SPECS[name].depths) == {(depth_in(name) - 2) // 6}


@pytest.mark.parametrize("name", [*IMAGENET, "resnet20", "plain20", "resnet110"])
def test_depth_is_in_the_name_and_cost_in_table_1(name: str) -> None:
    model = create_model(name)
    deep = [layer for layer in weighted(model) if "shortcut" not in layer.name]
    assert len(deep) == depth_in(name)
    if name in MULTIPLY_ADDS:
        assert multiply_adds(model) / 1e9 == pytest.approx(MULTIPLY_ADDS[name], abs=0.08)


def test_stride_in_the_3x3_costs_more() -> None:
    # The first 1 x 1 of three stages then reads four times as many places: 4.1 x 10^9 in all.
    assert multiply_adds(create_model("resnet50_v1_5")) / 1e9 == pytest.approx(4.09, abs=0.005)


def test_shortcuts_of_type_a_have_no_parameters() -> None:
    for depth in (20, 32, 44, 56, 110):
        assert SPECS[f"resnet{depth}"].params == SPECS[f"plain{depth}"].params


def test_plain_nets_only_lack_the_shortcuts() -> None:
    for depth in (18, 34):
        weights = {v.path: v.shape for v in create_model(f"resnet{depth}").weights}
        plain = {v.path: v.shape for v in create_model(f"plain{depth}").weights}
        assert plain == {p: s for p, s in weights.items() if "shortcut" not in p}


def test_plain_nets_add_nothing() -> None:
    def additions(name: str) -> int:
        return sum(isinstance(layer, keras.layers.Add) for layer in create_model(name).layers)

    assert additions("resnet20") == 9
    assert additions("plain20") == 0


def test_names_of_the_weights() -> None:
    """Weight files depend on them."""
    blocks = [f"stage{stage}_block{block}" for stage in (1, 2, 3) for block in (1, 2, 3)]
    pairs = [("stem_conv", "stem_norm")]
    pairs += [(f"{b}_conv{i}", f"{b}_norm{i}") for b in blocks for i in (1, 2)]
    statistics = ("gamma", "beta", "moving_mean", "moving_variance")
    expected = [
        path
        for conv, norm in pairs
        for path in (f"{conv}/kernel", *(f"{norm}/{s}" for s in statistics))
    ]
    model = create_model("resnet20")
    assert {v.path for v in model.weights} == {*expected, "logits/kernel", "logits/bias"}

    paths = {v.path for v in create_model("resnet_micro").weights if "stage2_block1" in v.path}
    parts = ("conv1", "conv2", "conv3", "shortcut_conv")
    assert {p for p in paths if "kernel" in p} == {f"stage2_block1_{c}/kernel" for c in parts}


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("resnet18", (224, 224), [(56, 56, 64), (28, 28, 128), (14, 14, 256), (7, 7, 512)]),
        ("resnet50", (97, 65), [(25, 17, 256), (13, 9, 512), (7, 5, 1024), (4, 3, 2048)]),
        ("resnet50_v1_5", (97, 65), [(25, 17, 256), (13, 9, 512), (7, 5, 1024), (4, 3, 2048)]),
        ("resnet20", (33, 30), [(33, 30, 16), (17, 15, 32), (9, 8, 64)]),
        ("plain20", (33, 30), [(33, 30, 16), (17, 15, 32), (9, 8, 64)]),
        ("resnet18", (1, 1), [(1, 1, 64), (1, 1, 128), (1, 1, 256), (1, 1, 512)]),
    ],
)
def test_stages_halve_the_maps(name: str, size: tuple[int, int], expected) -> None:
    stages = features(create_model(name, input_shape=(*size, 3), include_top=False))
    stated = [tuple(maps.shape[1:]) for maps in stages.output.values()]
    computed = [
        tuple(maps.shape[1:]) for maps in stages(np.zeros((1, *size, 3), "float32")).values()
    ]
    assert stated == computed == expected


@pytest.mark.parametrize("name", ["resnet_micro", "resnet_cifar_micro", "plain_micro"])
def test_images_of_any_size(name: str) -> None:
    any_size = create_model(name, input_shape=(None, None, 3))
    image = np.random.default_rng(1).uniform(size=(2, 37, 50, 3)).astype("float32")
    fixed = create_model(name, input_shape=(37, 50, 3))
    fixed.set_weights(any_size.get_weights())
    # The same operations on the same numbers; the order of sums may differ.
    np.testing.assert_allclose(np.asarray(fixed(image)), np.asarray(any_size(image)), atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(6, 8), (7, 5), (1, 2)])
def test_padded_identity_by_its_definition(height: int, width: int) -> None:
    maps = np.random.default_rng(2).normal(size=(2, height, width, 3)).astype("float32")
    layer = PaddedIdentity(5, 2)
    expected = np.zeros((2, -(-height // 2), -(-width // 2), 5))
    for row in range(0, height, 2):
        for column in range(0, width, 2):
            expected[:, row // 2, column // 2, :3] = maps[:, row, column]
    np.testing.assert_array_equal(np.asarray(layer(maps)), expected)
    assert layer.compute_output_shape(maps.shape) == expected.shape
    assert layer.compute_output_shape((None, None, width, 3))[:2] == (None, None)


def test_convolutions_start_as_the_authors_code_starts_them() -> None:
    keras.utils.set_random_seed(4)
    model = create_model("resnet50", include_top=False)
    for name, outputs in (("stem_conv", 49 * 64), ("stage2_block1_conv2", 9 * 128)):
        kernel = np.asarray(model.get_layer(name).kernel)
        # Gaussian, variance 2 / fan-out: the deviation of 9,408 draws or more is within 3 %.
        assert kernel.std() == pytest.approx(np.sqrt(2 / outputs), rel=0.03)
        assert np.abs(kernel).max() > 3 * kernel.std()  # not cut at two deviations

"""NASNet-A: what figures 2 and 4 say of cells, and the options."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models.catalog import create_model, features, model_info
from models.classifiers.nasnet import NORMAL, REDUCTION, Cell
from models.layers.drop_path import DropPath


@pytest.mark.parametrize(("cell", "also_joined"), [(NORMAL, {"previous"}), (REDUCTION, {"pair2"})])
def test_cell_joins_what_no_pair_reads(cell: Cell, also_joined: set[str]) -> None:
    # Beyond the paper's rule the authors' code joins these two states, although pairs read them.
    made = {f"pair{number}" for number in range(1, 6)}
    read = {state for pair in cell.pairs for _, state in pair}
    assert set(cell.joins) == (made - read) | also_joined


@pytest.mark.parametrize(
    ("name", "sides", "channels"),
    [
        ("nasnet_micro", (32, 16, 8), (12, 24, 48)),
        ("nasnet_mobile", (28, 14, 7), (264, 528, 1056)),
    ],
)
def test_stages_halve_the_maps_and_double_their_number(name: str, sides, channels) -> None:
    stages = features(create_model(name, include_top=False)).output
    assert [stage.shape for stage in stages.values()] == [
        (None, side, side, maps) for side, maps in zip(sides, channels, strict=True)
    ]


@pytest.mark.slow
def test_large_net_at_its_own_size() -> None:
    model = create_model("nasnet_large", include_top=False)
    assert model.output_shape == (None, 11, 11, 4032)
    assert model.count_params() == 84_916_818  # with normalisation's statistics
    # The cell after a reduction reads what the reduction read as its previous one.
    for cell, previous in {
        "stage1_cell1": "stem_reduction1",
        "stage2_reduction": "stage1_cell5",
        "stage2_cell1": "stage1_cell5",
        "stage2_cell2": "stage2_reduction",
    }.items():
        read = model.get_layer(f"{cell}_previous_relu").input
        assert read is model.get_layer(previous).output


def test_one_net_takes_every_size() -> None:
    keras.utils.set_random_seed(0)
    any_size = create_model("nasnet_micro", input_shape=(None, None, 3))
    fixed = create_model("nasnet_micro", input_shape=(33, 30, 3))
    fixed.set_weights(any_size.get_weights())
    images = np.random.default_rng(0).normal(size=(2, 33, 30, 3)).astype("float32")
    # The same operations; their order of summing may differ.
    np.testing.assert_allclose(fixed(images), any_size(images), rtol=1e-5, atol=1e-6)
    assert any_size(images[:, :1, :2]).shape == (2, 10)


@pytest.mark.parametrize(("name", "dropout"), [("nasnet_micro", False), ("nasnet_mobile", True)])
def test_smallest_size_runs(name: str, dropout: bool) -> None:
    px = model_info(name).spec.smallest_px
    model = create_model(name, input_shape=(px, px, 3), classes=4)
    assert np.isfinite(model(np.ones((1, px, px, 3), "float32"))).all()
    # Only ImageNet's nets drop features before the classifier.
    assert ("dropout" in {layer.name for layer in model.layers}) == dropout


def test_smaller_than_the_stem_is_refused() -> None:
    with pytest.raises(ValueError, match="3 x 3 pixels or more"):
        create_model("nasnet_mobile", input_shape=(2, 3, 3))


def test_drop_path_grows_with_depth_and_spares_identities() -> None:
    model = create_model("nasnet_micro", drop_path=0.5)
    rates = {layer.name: layer.rate for layer in model.layers if isinstance(layer, DropPath)}
    cells = ["stage1_cell1", "stage2_reduction", "stage2_cell1", "stage3_reduction", "stage3_cell1"]
    for number, cell in enumerate(cells, start=1):
        own = [rate for name, rate in rates.items() if name.startswith(cell)]
        # Five pairs are ten paths; a normal cell has two identities, a reduction cell one.
        assert own == pytest.approx([0.5 * number / 5] * (9 if "reduction" in cell else 8))
    assert "stage1_cell1_pair3_right_drop" not in rates


def test_drop_path_changes_training_only() -> None:
    keras.utils.set_random_seed(0)
    plain, dropping = (create_model("nasnet_micro", drop_path=rate) for rate in (0.0, 0.9))
    weights = {v.path: v for v in plain.weights}
    assert weights.keys() == {v.path for v in dropping.weights}
    for variable in dropping.weights:
        variable.assign(weights[variable.path])
    images = np.random.default_rng(0).normal(size=(4, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(plain(images), dropping(images))
    trained = [np.asarray(dropping(images, training=True)) for _ in range(2)]
    assert np.abs(trained[0] - trained[1]).max() > 1e-3


def test_drop_path_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0 and below 1; got 1"):
        create_model("nasnet_micro", drop_path=1.0)


def test_auxiliary_head_reads_stage_2() -> None:
    model = create_model("nasnet_micro", auxiliary=True, classes=7)
    assert {name: x.shape for name, x in model.output.items()} == {
        "logits": (None, 7),
        "auxiliary1": (None, 7),
    }
    head = [layer for layer in model.layers if layer.name.startswith("auxiliary1")]
    assert head[0].input is model.get_layer("stage2_cell1").output  # (B, 16, 16, 24)
    count = sum(int(np.prod(v.shape)) for layer in head for v in layer.trainable_variables)
    # 1 x 1 to 128, the whole 4 x 4 to 768, each with gamma and beta; then the classifier.
    assert count == 24 * 128 + 2 * 128 + 4 * 4 * 128 * 768 + 2 * 768 + 769 * 7


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"input_shape": (None, None, 3)}, "give height and width"),
        ({"input_shape": (8, 32, 3)}, "maps of 5 x 5 or more; stage 2 gives 4 x 16"),
        ({"include_top": False}, "needs include_top=True"),
    ],
)
def test_auxiliary_head_that_cannot_be_is_refused(arguments, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        create_model("nasnet_micro", auxiliary=True, **arguments)

"""LeNet-5 of 1998: the paper's own numbers, layer by layer."""

from __future__ import annotations

import keras
import numpy as np

from models.catalog import create_model
from models.classifiers.lenet import C3_TABLE, digit_codes
from models.layers.historic import scaled_tanh
from models.losses import MaximumAPosteriori

# Table I of the paper, a row an S2 map, a column a C3 map.
TABLE_1 = [
    "X...XXX..XXXX.XX",
    "XX...XXX..XXXX.X",
    "XXX...XXX..X.XXX",
    ".XXX..XXXX..X.XX",
    "..XXX..XXXX.XX.X",
    "...XXX..XXXX.XXX",
]


def test_parameters_of_each_layer() -> None:
    model = create_model("lenet5_1998")
    counts = {
        layer.name: sum(int(np.prod(v.shape)) for v in layer.trainable_variables)
        for layer in model.layers
        if layer.trainable_variables
    }
    assert counts == {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48_120, "f6": 10_164}
    assert sum(counts.values()) == 60_000


def test_c3_sees_what_table_1_says() -> None:
    for c3_map, seen in enumerate(C3_TABLE):
        assert sorted(seen) == [s2 for s2 in range(6) if TABLE_1[s2][c3_map] == "X"]


def test_codes_are_seven_by_twelve_and_far_apart() -> None:
    codes = np.array(digit_codes())
    assert codes.shape == (10, 84)
    assert set(np.unique(codes)) == {-1.0, 1.0}
    different = (codes[:, None] != codes[None]).sum(axis=-1)
    assert different[~np.eye(10, dtype=bool)].min() >= 5


def test_squashing_passes_through_plus_and_minus_one() -> None:
    # The paper states f(1) = 1 and f(-1) = -1; with A = 1.7159 that holds to five digits.
    np.testing.assert_allclose(scaled_tanh(np.array([1.0, -1.0])), [1, -1], atol=2e-5)


def test_initial_weights_lie_within_the_papers_bounds() -> None:
    model = create_model("lenet5_1998")
    for name, fan_in in (("c1", 25), ("c5", 400), ("f6", 120)):
        kernel = np.asarray(model.get_layer(name).kernel)
        assert np.abs(kernel).max() <= 2.4 / fan_in
        assert np.abs(kernel).max() > 0.9 * 2.4 / fan_in
    kernels = np.asarray(model.get_layer("c3").kernels)  # (25, 60)
    fan_ins = np.concatenate([[25 * len(seen)] * len(seen) for seen in C3_TABLE])
    assert (np.abs(kernels) <= 2.4 / fan_ins).all()


def test_criterion_is_equation_9() -> None:
    distances = np.array([[3.0, 1.0, 7.5], [0.5, 20.0, 2.0]])
    labels = np.eye(3)[[1, 2]]
    by_hand = [
        distances[p, d] + np.log(np.exp(-10.0) + np.exp(-distances[p]).sum())
        for p, d in ((0, 1), (1, 2))
    ]
    loss = MaximumAPosteriori(rubbish_distance=10.0)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(loss.call(labels, -distances)), by_hand, rtol=1e-6
    )

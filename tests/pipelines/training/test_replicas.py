"""Shares of a batch: together they are the batch, and each is what it would be in the whole."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipelines.devices import HardwareError
from pipelines.training.augmentation import Augmentation
from pipelines.training.batches import Examples
from pipelines.training.plan import TrainingPlan
from pipelines.training.replicas import (
    Share,
    check_fit,
    distributed,
    evaluation_batch,
    everyones,
    is_chief,
    synchronised_normalisation,
)

ONE = tf.distribute.get_strategy()
AUGMENT = Augmentation(rotation_deg=10, shift_px=1, mirror="alternate", noise=0.1, mixup=0.3)


class Replicas:
    """What the sums below ask of a strategy."""

    def __init__(self, count: int) -> None:
        self.num_replicas_in_sync = count


@pytest.fixture(scope="module")
def examples(digits) -> Examples:
    return Examples(
        images=digits.images[:50, ..., None],
        labels=digits.labels[:50],
        classes=10,
        plan=TrainingPlan(epochs=2, batch_size=12, label_noise=0.5),
        prepare=lambda x: x,
        augment=AUGMENT,
        seed=3,
    )


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shares_are_all_rows_once_in_order_and_of_a_size(count: int) -> None:
    rows = [Share(i, count).rows(23) for i in range(count)]
    assert [row for first, end in rows for row in range(first, end)] == list(range(23))
    sizes = [end - first for first, end in rows]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("count", [2, 3])
def test_shares_of_training_batches_are_the_batches(examples: Examples, count: int) -> None:
    shares = [examples.training(3, Share(i, count)) for i in range(count)]
    seen = 0
    for whole, *parts in zip(examples.training(3), *shares, strict=True):
        for values, pieces in zip(whole, zip(*parts, strict=True), strict=True):
            # Float32 in vectors of another length.
            np.testing.assert_allclose(values, np.concatenate(pieces), atol=1e-6)
        seen += 1
    assert seen == 2 * 4 - 3  # epochs, steps, steps that are done


def test_shares_of_an_evaluation_are_all_of_it(examples: Examples) -> None:
    whole = np.concatenate([x for x, _ in examples.plain()])
    assert len(whole) == 50
    pairs = zip(*(examples.plain(Share(i, 2), batch_size=11) for i in range(2)), strict=True)
    parts = [x for pair in pairs for x, _ in pair]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


@pytest.mark.parametrize(
    ("count", "at_most", "replicas", "expected"),
    [
        (100, 32, 1, 32),
        (100, 32, 2, 32),  # 3 of 32 and one of 4
        (97, 32, 2, 31),  # 32 would leave one row for two replicas
        (96, 32, 4, 32),
        (5, 32, 4, 32),  # one batch of 5
    ],
)
def test_each_replica_has_a_row_of_the_last_batch(count, at_most, replicas, expected) -> None:
    assert evaluation_batch(count, at_most, Replicas(replicas)) == expected
    assert count % expected == 0 or count % expected >= replicas


def test_fewer_rows_than_replicas_are_refused() -> None:
    with pytest.raises(HardwareError, match="4 replicas need as many rows at least; got 3"):
        evaluation_batch(3, 32, Replicas(4))


def test_an_uneven_batch_and_xla_are_refused_with_a_remedy() -> None:
    model = keras.Sequential([keras.layers.Dense(2)])
    check_fit(model, ONE, batch_size=7, jit=True)
    several = model._distribute_strategy = Replicas(3)
    check_fit(model, several, batch_size=6)
    with pytest.raises(HardwareError, match=r"3 replicas.*evenly; got 7; take 6 or 9"):
        check_fit(model, several, batch_size=7)
    with pytest.raises(HardwareError, match="got 2; take 3"):
        check_fit(model, several, batch_size=2)
    with pytest.raises(HardwareError, match="jit needs a single device"):
        check_fit(model, several, batch_size=6, jit=True)
    with pytest.raises(HardwareError, match=r"with strategy.scope\(\)"):
        check_fit(model, ONE, batch_size=6)


def test_alone_everything_is_as_it_was(examples: Examples) -> None:
    assert is_chief(ONE)
    assert everyones(4.0, ONE) == [4.0]
    made = distributed(lambda share: examples.plain(share), ONE)
    assert isinstance(made, tf.data.Dataset)


def test_normalisation_is_synchronised_for_the_training_only() -> None:
    inner = keras.Sequential([keras.layers.BatchNormalization()])
    model = keras.Sequential([keras.layers.BatchNormalization(), inner])
    norms = [model.layers[0], inner.layers[0]]
    with synchronised_normalisation(model, Replicas(2)):
        assert [norm.synchronized for norm in norms] == [True, True]
    assert [norm.synchronized for norm in norms] == [False, False]
    with synchronised_normalisation(model, ONE):
        assert [norm.synchronized for norm in norms] == [False, False]

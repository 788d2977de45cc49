"""Random numbers: the same for a picture wherever its batch is divided."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pipelines.training.augmentation import Augmentation
from pipelines.training.draws import Draws, Purpose

COUNT = 10
PICTURES = np.random.default_rng(0).uniform(size=(COUNT, 12, 14, 3)).astype("float32")
TARGETS = np.eye(COUNT, dtype="float32")
SEED = tf.constant([3, 9], tf.int64)
ALTERNATE = np.arange(COUNT) % 3 == 0

CHANGES: dict[str, dict[str, Any]] = {
    "warp": {"rotation_deg": 20, "log_scale": 0.2, "shear": 0.2, "shift_px": 2, "mirror": True},
    "alternate": {"mirror": "alternate"},
    "crop": {"crop_px": 2},
    "cutout": {"cutout_px": 5},
    "resized_crop": {"resized_crop": (0.1, 1.0)},
    "rand_augment": {"rand_augment": (2, 9)},
    "colour": {"brightness": 0.3, "contrast": 0.3, "saturation": 0.3, "hue": 0.3},
    "lighting": {"lighting": 0.3},
    "noise": {"noise": 0.1},
    "multiplicative_noise": {"multiplicative_noise": 0.2},
    "mixup": {"mixup": 0.4},
    "cutmix": {"cutmix": 1.0},
    "both": {"mixup": 0.4, "cutmix": 1.0},
}


def changed(limits, first=0, last=COUNT, seed=SEED, rows=None):
    augment = Augmentation(**limits)
    pixels, targets = tf.constant(PICTURES[first:last]), tf.constant(TARGETS[first:last])
    swapped = tf.constant(ALTERNATE[first:last])
    pixels = augment(pixels, seed, swapped=swapped, rows=rows)
    pixels, targets = augment.mix(pixels, targets, seed, rows=rows)
    return np.asarray(pixels), np.asarray(targets)


@pytest.mark.parametrize("name", CHANGES)
def test_a_divided_batch_changes_as_a_whole_one_and_stays_in_range(name: str) -> None:
    limits = CHANGES[name]
    whole, mixed = changed(limits)
    parts = [changed(limits, a, b, rows=(a, COUNT)) for a, b in ((0, 4), (4, 10))]
    # TensorFlow's exp rounds an array's last elements differently from those in groups of eight.
    np.testing.assert_allclose(np.concatenate([p for p, _ in parts]), whole, atol=1e-5)
    np.testing.assert_array_equal(np.concatenate([t for _, t in parts]), mixed)
    assert (whole != PICTURES).any()
    assert whole.min() >= 0
    assert whole.max() <= 1 + 1e-6  # interpolation's rounding


@pytest.mark.parametrize("name", [name for name in CHANGES if name != "alternate"])
def test_the_seed_determines_everything(name: str) -> None:
    one, again = changed(CHANGES[name]), changed(CHANGES[name])
    np.testing.assert_array_equal(one[0], again[0])
    np.testing.assert_array_equal(one[1], again[1])
    for other in ([3, 10], [4, 9]):
        assert (changed(CHANGES[name], seed=tf.constant(other, tf.int64))[0] != one[0]).any()


def test_what_a_seed_means_stays() -> None:
    # A run that was interrupted under an older version goes on with the same numbers.
    assert (Purpose.WARP, Purpose.CUTOUT, Purpose.CROP) == (0, 1, 2)
    assert len({int(purpose) for purpose in Purpose}) == len(Purpose)
    drawn = Draws(SEED, tf.constant(COUNT)).uniform(Purpose.CROP, 2, 0, 5, tf.int32)
    plain = tf.random.stateless_uniform((2, COUNT), SEED + 2, 0, 5, tf.int32)
    np.testing.assert_array_equal(drawn, plain)


def test_what_is_off_draws_nothing() -> None:
    def random_operations(**limits) -> int:
        augment = Augmentation(**limits)
        graph = tf.function(lambda pixels: augment(pixels, SEED), autograph=False)
        operations = graph.get_concrete_function(tf.constant(PICTURES)).graph.get_operations()
        return sum("StatelessRandom" in op.type and "Key" not in op.type for op in operations)

    assert random_operations() == 0
    assert random_operations(crop_px=2, mirror="alternate", cutout_px=4) == 2


def test_beta_has_its_mean_and_variance() -> None:
    for concentration in (0.2, 1.0):
        drawn = np.asarray(Draws(SEED, tf.constant(20_000)).beta(Purpose.MIXUP, concentration))
        assert drawn.min() >= 0
        assert drawn.max() <= 1
        # Four standard errors of 20,000 numbers whose deviation is below 0.5.
        assert abs(drawn.mean() - 0.5) < 0.015
        assert abs(drawn.var() - 1 / (4 * (2 * concentration + 1))) < 0.01

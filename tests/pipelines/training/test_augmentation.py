"""Random changes: within their limits, reproducible, and what they are called."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from pipelines.augmentation import Augmentation

BATCH = np.random.default_rng(0).uniform(size=(16, 20, 24, 1)).astype("float32")


def change(seed: int = 3, batch=BATCH, **limits):
    return Augmentation(**limits)(tf.constant(batch), tf.constant([seed, 0])).numpy()


def test_no_limits_change_nothing() -> None:
    np.testing.assert_array_equal(change(), BATCH)


def test_the_seed_determines_everything() -> None:
    limits: dict[str, Any] = {"rotation_deg": 20, "log_scale": 0.2, "shear": 0.2, "cutout_px": 5}
    np.testing.assert_array_equal(change(**limits), change(**limits))
    assert (change(seed=4, **limits) != change(**limits)).any()


def test_mirror_swaps_left_and_right_in_about_half() -> None:
    out = change(mirror=True)
    mirrored = np.array(
        [np.allclose(o, b[:, ::-1], atol=1e-5) for o, b in zip(out, BATCH, strict=True)]
    )
    same = np.array([np.allclose(o, b, atol=1e-5) for o, b in zip(out, BATCH, strict=True)])
    assert (mirrored ^ same).all()
    assert 3 <= mirrored.sum() <= 13  # 16 fair coins: outside with probability 0.004


def test_shift_moves_a_dot_no_further_than_its_limit() -> None:
    dots = np.zeros((64, 21, 21, 1), "float32")
    dots[:, 10, 10] = 1
    out = change(batch=dots, shift_px=3.0)[..., 0]
    rows, columns = np.arange(21)[:, None], np.arange(21)
    y, x = (out * rows).sum((1, 2)) / out.sum((1, 2)), (out * columns).sum((1, 2)) / out.sum((1, 2))
    distance = np.maximum(np.abs(y - 10), np.abs(x - 10))
    assert distance.max() <= 3 + 1e-4
    assert distance.max() > 2


def test_rotation_keeps_the_centre_and_the_distance_from_it() -> None:
    dots = np.zeros((64, 41, 41, 1), "float32")
    dots[:, 20, 35] = 1  # 15 px right of the centre
    out = change(batch=dots, rotation_deg=30.0)[..., 0]
    rows, columns = np.arange(41)[:, None], np.arange(41)
    y, x = (out * rows).sum((1, 2)) / out.sum((1, 2)), (out * columns).sum((1, 2)) / out.sum((1, 2))
    np.testing.assert_allclose(np.hypot(y - 20, x - 20), 15, atol=0.6)
    angle = np.degrees(np.arctan2(y - 20, x - 20))
    assert np.abs(angle).max() <= 31
    assert np.abs(angle).max() > 20


def test_cutout_removes_one_square() -> None:
    out = change(batch=np.ones((32, 20, 24, 1), "float32"), cutout_px=6)
    holes = (out == 0).sum(axis=(1, 2, 3))
    assert holes.max() <= 36
    assert holes.min() >= 9  # a corner's quarter


def test_crop_moves_by_whole_pixels_and_reflects_the_border() -> None:
    out = change(crop_px=2)
    wide = np.pad(BATCH, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    places = []
    for picture, padded in zip(out, wide, strict=True):
        found = [
            (y, x)
            for y in range(5)
            for x in range(5)
            if (padded[y : y + 20, x : x + 24] == picture).all()
        ]
        assert len(found) == 1
        places += found
    assert len(set(places)) >= 6  # of 25 places, drawn 16 times: fewer with probability 1e-5


def test_alternate_mirror_swaps_exactly_whom_it_is_told_to() -> None:
    swapped = np.arange(16) % 3 == 0
    augment = Augmentation(mirror="alternate")
    out = augment(tf.constant(BATCH), tf.constant([1, 0]), swapped=tf.constant(swapped)).numpy()
    np.testing.assert_array_equal(out[swapped], BATCH[swapped][:, :, ::-1])
    np.testing.assert_array_equal(out[~swapped], BATCH[~swapped])

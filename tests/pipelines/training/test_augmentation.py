"""Random changes: within their limits, reproducible, and what they are called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pipelines.training.augmentation import Augmentation

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


def test_resized_crop_shows_a_part_of_its_area_and_aspect() -> None:
    height, width = 40, 48
    down, across = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    places = np.stack([down, across, 0 * down], axis=-1).astype("float32")
    batch = np.broadcast_to(places, (128, height, width, 3))
    limits: dict[str, Any] = {"resized_crop": (0.2, 0.6), "resized_crop_aspect": (0.8, 1.25)}
    out = change(batch=batch, **limits)
    # Steps between pixels in the middle, where no border holds them back, tell the part's size.
    tall = (out[:, 30, 24, 0] - out[:, 10, 24, 0]) / 20 * height
    wide = (out[:, 20, 34, 1] - out[:, 20, 14, 1]) / 20 * width
    area, aspect = tall * wide / (height * width), wide / tall
    assert 0.2 - 1e-3 <= area.min() < 0.25
    assert 0.55 < area.max() <= 0.6 + 1e-3
    assert 0.8 - 1e-3 <= aspect.min() < 0.85
    assert 1.15 < aspect.max() <= 1.25 + 1e-3
    assert out.min() >= 0
    assert out[..., 0].max() <= height - 1 + 1e-3
    assert out[..., 1].max() <= width - 1 + 1e-3
    assert out[:, 0, 0, 0].std() > 2  # anywhere


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"noise": -0.1}, "noise must be 0 or more; got -0.1"),
        ({"hue": 0.6}, "hue must be at most 0.5"),
        ({"resized_crop": (0.5, 0.1)}, "resized_crop must be parts"),
        ({"resized_crop_aspect": (0.0, 1.0)}, "resized_crop_aspect must be above 0"),
        ({"rand_augment": (0, 9)}, "rand_augment must be N of at least 1"),
        ({"rand_augment": (2, 11)}, "M of 0 to 10"),
    ],
)
def test_limits_are_checked(limits, says) -> None:
    with pytest.raises(ValueError, match=says):
        Augmentation(**limits)

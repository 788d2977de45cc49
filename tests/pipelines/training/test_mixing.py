"""Mixup and CutMix: labels are mixed exactly as the pixels are."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipelines.training.augmentation import Augmentation

COUNT = 33
TARGETS = np.eye(COUNT, dtype="float32")
# Picture i is i everywhere: its mean tells the parts of itself and its partner.
PICTURES = np.broadcast_to(np.arange(COUNT, dtype="float32")[:, None, None, None], (COUNT, 9, 7, 2))


def mixed(rows=None, pictures=PICTURES, targets=TARGETS, **parameters):
    augment = Augmentation(**parameters)
    out = augment.mix(tf.constant(pictures), tf.constant(targets), tf.constant([3, 1]), rows=rows)
    return tuple(map(np.asarray, out))


@pytest.mark.parametrize("parameters", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 1, "cutmix": 1}])
def test_labels_tell_what_the_pictures_hold(parameters) -> None:
    pixels, targets = mixed(**parameters)
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(pixels.mean(axis=(1, 2, 3)), targets @ np.arange(COUNT), rtol=1e-5)
    held = targets > 0
    partner = np.minimum(np.arange(COUNT) ^ 1, COUNT - 1)
    assert not (held & ~(np.eye(COUNT, dtype=bool) | np.eye(COUNT, dtype=bool)[partner])).any()
    assert (held.sum(axis=1) == 2).sum() > COUNT / 2
    np.testing.assert_array_equal(pixels[-1], PICTURES[-1])  # an odd one stays alone


def test_mixup_has_one_part_a_picture_and_cutmix_one_rectangle() -> None:
    by_mixup, _ = mixed(mixup=1.0)
    assert (by_mixup == by_mixup[:, :1, :1]).all()
    by_cutmix, _ = mixed(cutmix=1.0)
    foreign = by_cutmix[..., 0] != np.arange(COUNT)[:, None, None]
    whole = foreign.any(axis=2)[:, :, None] & foreign.any(axis=1)[:, None]
    np.testing.assert_array_equal(foreign, whole)
    np.testing.assert_array_equal(by_cutmix % 1, 0)  # nothing between two pictures
    assert 0 < foreign.mean() < 0.5


def test_both_together_choose_for_each_picture() -> None:
    pixels, _ = mixed(mixup=1.0, cutmix=1.0)
    blended = (pixels % 1 > 1e-4).any(axis=(1, 2, 3))
    assert 4 <= blended.sum() <= 28  # 32 fair coins: outside with probability 1e-5


def test_off_is_off() -> None:
    pixels, targets = mixed()
    np.testing.assert_array_equal(pixels, PICTURES)
    np.testing.assert_array_equal(targets, TARGETS)


@pytest.mark.parametrize("rows", [(1, 32), (0, 32)])
def test_a_share_that_parts_a_pair_is_refused(rows) -> None:
    share = {"pictures": PICTURES[:5], "targets": TARGETS[:5]}
    with pytest.raises(ValueError, match="must begin at an even row and have an even number"):
        mixed(rows=rows, mixup=1.0, **share)
    pixels, _ = mixed(rows=(28, 33), mixup=1.0, **share)  # an odd share at the end is whole
    assert pixels.shape == (5, 9, 7, 2)

"""RandAugment's changes: against Pillow's, which the paper used."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from pipelines.training.augmentation import Augmentation
from pipelines.training.rand_augment import CHANGES

M = 0.5  # of 1, as the changes take it


def smooth(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.SMOOTH)


BY_PILLOW = {
    "identity": lambda image: image,
    "auto_contrast": ImageOps.autocontrast,
    "equalize": ImageOps.equalize,
    "solarize": lambda image: ImageOps.solarize(image, 128),
    "posterize": lambda image: ImageOps.posterize(image, 6),
    "colour": lambda image: ImageEnhance.Color(image).enhance(1.45),
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.45),
    "brightness": lambda image: ImageEnhance.Brightness(image).enhance(1.45),
    "sharpness": lambda image: ImageEnhance.Sharpness(image).enhance(1.45),
    "translate_x": lambda image: image.transform(
        image.size, Image.Transform.AFFINE, (1, 0, 75, 0, 1, 0), fillcolor=(127.5,) * 3
    ),
}
# Levels of 255. Pillow truncates to whole levels, its grey and its blurred version before it
# enlarges their difference by 0.45 as well.
EXACT, ROUNDED = 0.001, 2.0
TOLERANCES = {"identity": EXACT, "equalize": EXACT, "solarize": EXACT, "posterize": EXACT}


@pytest.fixture(scope="module")
def pictures(photographs) -> np.ndarray:
    return np.stack([p[40:371, 100:431] for p in photographs.values()])  # (2, 331, 331, 3)


@pytest.mark.parametrize("name", [name for name in BY_PILLOW if name != "translate_x"])
def test_a_change_equals_pillows(pictures, name: str) -> None:
    pixels = tf.constant(pictures, tf.float32) / 255.0
    ours = np.asarray(CHANGES[name](pixels, tf.constant([M, M]))) * 255
    theirs = np.stack([np.asarray(BY_PILLOW[name](Image.fromarray(p))) for p in pictures])
    assert np.abs(ours - theirs).max() <= TOLERANCES.get(name, ROUNDED)


def test_moves_go_as_far_as_autoaugments_and_keep_the_centre(pictures) -> None:
    pixels = tf.constant(pictures, tf.float32) / 255.0
    moved = np.asarray(CHANGES["translate_x"](pixels, tf.constant([M, M])))
    np.testing.assert_allclose(moved[:, :, :256], np.asarray(pixels)[:, :, 75:], atol=1e-4)
    np.testing.assert_array_equal(moved[:, :, 257:], 0.5)  # middle grey comes in
    moved = np.asarray(CHANGES["translate_y"](pixels, tf.constant([-M, -M])))
    np.testing.assert_allclose(moved[:, 75:], np.asarray(pixels)[:, :256], atol=1e-4)
    for name in ("rotate", "shear_x", "shear_y"):
        moved = np.asarray(CHANGES[name](pixels, tf.constant([M, -M])))
        np.testing.assert_allclose(moved[:, 165, 165], np.asarray(pixels)[:, 165, 165], atol=1e-4)
        assert np.abs(moved - pixels).mean() > 0.03


def test_a_quarter_turn_is_numpys(pictures) -> None:
    pixels = tf.constant(pictures, tf.float32) / 255.0
    turned = np.asarray(CHANGES["rotate"](pixels, tf.constant([3.0, -3.0])))  # 3 x 30 degrees
    np.testing.assert_allclose(turned[0], np.rot90(pixels[0], 1), atol=1e-3)
    np.testing.assert_allclose(turned[1], np.rot90(pixels[1], -1), atol=1e-3)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_no_pictures_is_no_pictures(name: str) -> None:
    nothing = CHANGES[name](tf.zeros((0, 6, 7, 3)), tf.zeros(0))
    assert nothing.shape == (0, 6, 7, 3)


@pytest.mark.parametrize("name", ["auto_contrast", "equalize"])
def test_a_plain_picture_stays(name: str) -> None:
    plain = tf.fill((1, 5, 5, 3), 0.2)
    np.testing.assert_allclose(CHANGES[name](plain, tf.constant([1.0])), plain, atol=1e-6)


def test_each_picture_gets_one_of_fourteen_and_magnitude_0_is_nearly_nothing(pictures) -> None:
    one = np.ascontiguousarray(pictures[0, ::8, ::8])
    batch = tf.constant(np.repeat(one[None], 200, axis=0), tf.float32) / 255.0
    out = np.asarray(Augmentation(rand_augment=(1, 9))(batch, tf.constant([1, 2])))
    # 7 changes have two signs, contrast-like 4 as well; identity, equalize, solarize, posterize and
    # auto_contrast one: 14 changes give 5 + 2 x 9 = 23 pictures.
    assert len({picture.tobytes() for picture in out}) == len(CHANGES) + 9
    still = np.asarray(Augmentation(rand_augment=(1, 0))(batch, tf.constant([1, 2])))
    same = np.isclose(still, batch, atol=1e-5).all(axis=(1, 2, 3))
    assert 150 <= same.sum() < 200  # all but auto_contrast and equalize

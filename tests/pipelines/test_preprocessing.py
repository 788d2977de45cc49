"""Preparing pictures: against NumPy and Pillow, and on what people draw."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageDraw

from pipelines.classification.recipes import MNIST
from pipelines.preprocessing import ImagePreprocessing, fit_pictures, scale_pixels


def fitted(plan: ImagePreprocessing, picture: np.ndarray):
    return tf.function(fit_pictures)(plan, tf.constant(picture[None])).numpy()[0]


def drawn(size: tuple[int, int], box: tuple[int, ...], ink=0, ground=255) -> np.ndarray:
    image = Image.new("RGB", size, (ground,) * 3)
    ImageDraw.Draw(image).ellipse(box, fill=(ink,) * 3)
    return np.asarray(image)


def test_a_picture_of_the_right_size_is_taken_as_it_is(digits) -> None:
    picture = np.zeros((28, 28, 3), np.uint8)
    picture[2:10, 3:11] = digits.images[0][..., None]
    np.testing.assert_allclose(fitted(MNIST, picture)[..., 0], picture[..., 0] / 255, atol=1e-6)


def test_luma_is_bt601(photographs) -> None:
    plan = ImagePreprocessing(height_px=427, width_px=640, channels=1)
    by_pillow = np.asarray(Image.fromarray(photographs["china"]).convert("L"), float)
    # Pillow truncates to whole levels, so it lies up to one level below.
    difference = fitted(plan, photographs["china"])[..., 0] * 255 - by_pillow
    assert difference.min() > -0.51
    assert difference.max() < 1.01


def test_stretch_equals_pillows_antialiased_bilinear(photographs) -> None:
    plan = ImagePreprocessing(height_px=64, width_px=96, fit="stretch")
    by_pillow = np.asarray(
        Image.fromarray(photographs["flower"]).resize((96, 64), Image.Resampling.BILINEAR), float
    )
    # Pillow rounds to 8 bits after each of its two passes: up to one level apart.
    assert np.abs(fitted(plan, photographs["flower"]) * 255 - by_pillow).max() < 1.1


def test_crop_keeps_the_middle_and_pad_keeps_everything() -> None:
    picture = np.zeros((40, 100, 3), np.uint8)
    picture[:, 30:70] = 200  # exactly the square in the middle
    crop = fitted(ImagePreprocessing(height_px=20, width_px=20, fit="crop"), picture)
    np.testing.assert_allclose(crop, 200 / 255, atol=1e-6)
    pad = fitted(ImagePreprocessing(height_px=20, width_px=20, fit="pad"), picture)
    assert (pad[:6] == 0).all()
    assert (pad[14:] == 0).all()
    assert pad[10, 10, 0] == pytest.approx(200 / 255)


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad", "object"])
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (7, 3), (28, 29), (900, 40)])
def test_any_size_gives_the_networks_size_in_range(fit, size) -> None:
    random = np.random.default_rng(1)
    picture = random.integers(0, 256, (*size, 3), np.uint8)
    plan = ImagePreprocessing(height_px=28, width_px=20, channels=1, fit=fit)
    out = fitted(plan, picture)
    assert out.shape == (28, 20, 1)
    assert np.isfinite(out).all()
    assert out.min() >= 0
    assert out.max() <= 1 + 1e-6


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((300, 300), (100, 60, 180, 240)),
        ((1200, 800), (900, 500, 990, 700)),
        ((40, 60), (2, 2, 20, 50)),
    ],
)
def test_an_object_is_found_wherever_it_lies(size, box) -> None:
    out = fitted(MNIST, drawn(size, box))[..., 0]
    rows = np.where(out > 0.3)[0]
    height = rows.max() - rows.min() + 1
    assert abs(height - 20) <= 1
    mass = np.array(
        [(out.sum(1 - axis) * (np.arange(28) + 0.5)).sum() / out.sum() for axis in (0, 1)]
    )
    assert np.abs(mass - 14).max() <= 0.75  # whole pixels: half a pixel, and a soft edge


def test_polarity_contrast_and_paper_do_not_matter() -> None:
    box = (100, 60, 180, 240)
    black_on_white = fitted(MNIST, drawn((300, 300), box))
    white_on_black = fitted(MNIST, drawn((300, 300), box, ink=255, ground=0))
    pencil_on_grey = fitted(MNIST, drawn((300, 300), box, ink=90, ground=190))
    np.testing.assert_allclose(black_on_white, white_on_black, atol=1e-5)
    np.testing.assert_allclose(black_on_white, pencil_on_grey, atol=0.02)


@pytest.mark.parametrize("level", [0, 100, 255])
def test_blank_paper_stays_blank(level) -> None:
    out = fitted(MNIST, np.full((50, 70, 3), level, np.uint8))
    assert out.max() == 0


def test_margin_and_scale_are_the_papers() -> None:
    plan = ImagePreprocessing(
        height_px=28, width_px=28, channels=1, margin_px=2, scale=(1.275,), offset=(-0.1,)
    )
    assert plan.input_shape == (32, 32, 1)
    pixels = tf.constant(fitted(plan, np.full((28, 28, 3), 255, np.uint8))[None])
    out = scale_pixels(plan, pixels).numpy()[0, ..., 0]
    assert out[0, 0] == pytest.approx(-0.1)  # background
    assert out[16, 16] == pytest.approx(1.175)  # foreground


def test_colours_are_turned_round_before_they_are_scaled() -> None:
    plan = ImagePreprocessing(
        height_px=1,
        width_px=1,
        channel_order="bgr",
        scale=(255.0, 1.0, 1.0),
        offset=(0.0, 0.0, -1.0),
    )
    red, green, blue = 0.25, 0.5, 0.75
    pixels = tf.constant([[[[red, green, blue]]]])
    np.testing.assert_allclose(scale_pixels(plan, pixels)[0, 0, 0], [255 * blue, green, red - 1])


def test_json_round_trip() -> None:
    assert ImagePreprocessing.from_json(MNIST.to_json()) == MNIST
    assert "channel_order" not in MNIST.to_json()  # files from before there was one stay the same
    caffe = ImagePreprocessing.imagenet("caffe")
    assert ImagePreprocessing.from_json(caffe.to_json()) == caffe


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"fit": "squeeze"}, "fit must be one of"),
        ({"channels": 2}, "channels must be one of"),
        ({"channel_order": "bgr"}, "channel_order must be one of"),  # of one channel
        ({"height_px": 0}, "1 to 8192"),
        ({"scale": [1, 2]}, "scale must have 1 or 1 values"),
        ({"colour": True}, "preprocessing takes"),
    ],
)
def test_wrong_values_are_refused(change, says) -> None:
    values = {**json.loads(MNIST.to_json()), **change}
    with pytest.raises(ValueError, match=says):
        ImagePreprocessing.from_json(json.dumps(values))

"""Tiles cover a picture once and see as far as the network does."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from models.catalog import list_models, model_info
from pipelines.super_resolution.tiling import (
    PROBE_PX,
    USUAL_BYTES,
    Needs,
    checked_tile,
    cover,
    look_at,
)
from tests.pipelines.super_resolution.upscalers import stirred

MICROS = list_models("*_micro", task="super-resolution")
SCALES = (2, 3, 4)
OVERLAP = 5
# So costly that usual tiles are as small as they can be: four overlaps.
COSTLY = Needs(OVERLAP, USUAL_BYTES)
SIDE = 4 * OVERLAP


@pytest.mark.parametrize("height", [1, 2, 11, 19, 20, 21, 30, 31, 57, 100, 333])
@pytest.mark.parametrize("width", [1, 20, 23, 64])
@pytest.mark.parametrize("tile", [None, 1, 7, 1000])
def test_each_pixel_is_kept_once_with_its_surroundings(height, width, tile) -> None:
    size = COSTLY.size((height, width), tile, None)
    kept = np.zeros((height, width), int)
    for found in cover((height, width), size, COSTLY):
        for span, length, side in zip(found, (height, width), size, strict=True):
            assert span.stop - span.start == side <= min(length, SIDE)
            assert 0 <= span.start <= span.kept_start < span.kept_stop <= span.stop <= length
            assert span.start == 0 or span.kept_start - span.start >= OVERLAP
            assert span.stop == length or span.stop - span.kept_stop >= OVERLAP
            assert tile is None or span.kept_stop - span.kept_start <= tile + 2 * OVERLAP
        kept[found.kept(1)] += 1
        large = np.zeros((3 * height, 3 * width))
        assert (
            large[found.kept(3)].shape
            == np.zeros([3 * n for n in size])[found.kept_of_own(3)].shape
        )
    assert (kept == 1).all()


def test_tiles_share_evenly() -> None:
    # 290 pixels between the outer overlaps, 10 at most a tile: 29 of them.
    assert COSTLY.usual_size((300, 12)) == (20, 12)
    # 21 would be 20 and a rest of 1: instead two of 16.
    assert COSTLY.usual_size((21, 21)) == (16, 16)


def test_little_memory_makes_small_tiles() -> None:
    needs = Needs(overlap_px=5, bytes_per_px=1000)
    usual = needs.usual_size((5000, 5000))
    sizes = [needs.size((5000, 5000), None, free) for free in (None, 10**12, 10**8, 10**7, 0)]
    assert sizes[:2] == [usual, usual]
    assert sizes[2:] == sorted(sizes[2:], reverse=True)
    assert sizes[2][0] < usual[0]
    assert 1000 * sizes[2][0] * sizes[2][1] <= 10**8 / 4
    assert sizes[-1][0] <= 4 * 5  # the least that is worth it
    assert 1000 * usual[0] * usual[1] <= USUAL_BYTES


def test_a_picture_is_one_tile_where_the_reach_is_not_known() -> None:
    needs = Needs(None, 10**9)
    assert needs.size((700, 800), None, 0) == (700, 800)
    assert needs.size((700, 800), 800, 0) == (700, 800)
    (tile,) = cover((700, 800), (700, 800), needs)
    assert tile.read == (slice(0, 700), slice(0, 800))
    with pytest.raises(ValueError, match="whose receptive field is known; leave tile out"):
        needs.size((700, 800), 799, 0)


@pytest.mark.parametrize("tile", [0, -1, 1.5, "64"])
def test_a_tile_is_a_whole_number(tile) -> None:
    with pytest.raises(ValueError, match="tile must be a whole number of pixels, at least 1"):
        checked_tile(tile)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", MICROS)
def test_nothing_beyond_the_overlap_counts(name: str, scale: int) -> None:
    network = stirred(name, scale, 0.3)
    channels = network.input_shape[-1]
    enlargement, needs = look_at(network, scale, "luma" if channels == 1 else "rgb")
    assert enlargement.enlarged == model_info(name).spec.enlarged  # type: ignore[attr-defined]
    overlap = needs.overlap_px
    assert overlap is not None
    # What one pixel of the picture changes, at its place and around.
    middle = 2 * overlap + 1
    pixels = np.random.default_rng(1).integers(0, 65536, (2, 4 * overlap + 3, 4 * overlap + 5, 1))
    pixels[1] = pixels[0]
    pixels[1, middle, middle + 1] ^= 0x8000
    batch = tf.constant(pixels, tf.uint16)
    first, second = enlargement(batch, lambda image: network(image, training=False)).numpy()
    rows, columns = ((first != second).any(axis=(2, axis)) for axis in (1, 0))
    for changed, place in ((rows, middle), (columns, middle + 1)):
        (found,) = changed.nonzero()
        least, most = found.min() // scale, found.max() // scale
        assert place - overlap <= least < place < most <= place + overlap
        # And not much more than needed: a tile's overlap is thrown away. What is furthest away
        # counts for less than a step of 16 bits in some.
        assert max(place - least, most - place) >= overlap - 4


def _gate(image):
    """A network that weighs its maps by their means over the whole image."""
    x = layers.Conv2D(4, 3, padding="same")(image)
    weight = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return layers.UpSampling2D(2)(layers.Conv2D(1, 3, padding="same")(x * weight))


def _network(build, shape=(None, None, 1)) -> keras.Model:
    image = keras.Input(shape)
    return keras.Model(image, build(image))


def test_a_network_that_looks_at_everything_has_no_overlap() -> None:
    _, needs = look_at(_network(_gate), 2, "luma")
    assert needs.overlap_px is None


@pytest.mark.parametrize(
    ("network", "scale", "colour", "says"),
    [
        (_network(layers.UpSampling2D(2)), 3, "luma", "must make 3 x 3 pixels of one"),
        (_network(layers.UpSampling2D(2)), 2, "rgb", r"\(None, None, 3\); got \(None, None, 1\)"),
        (_network(layers.UpSampling2D(2), (9, 9, 1)), 2, "luma", r"any size.* got \(9, 9, 1\)"),
        (_network(layers.MaxPooling2D(2)), 2, "luma", rf"makes \({PROBE_PX // 2}, "),
        (_network(layers.UpSampling2D(2)), 1, "luma", "scale must be one of 2, 3, 4; got 1"),
    ],
)
def test_networks_that_do_something_else_are_refused(network, scale, colour, says) -> None:
    with pytest.raises(ValueError, match=says):
        look_at(network, scale, colour)

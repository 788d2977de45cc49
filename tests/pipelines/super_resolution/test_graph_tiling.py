"""A graph's tiles are the pipeline's: cut alike, and nothing of them to be seen."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipelines.super_resolution.graph_tiling import enlarge_in_tiles, spans
from pipelines.super_resolution.tiling import USUAL_BYTES, Needs, cover

OVERLAP = 3
NEEDS = Needs(OVERLAP, USUAL_BYTES)  # a pixel that costly leaves the least tiles: 4 overlaps a side
SIDE = 4 * OVERLAP


@pytest.fixture(scope="module")
def spans_of():
    @tf.function(input_signature=[tf.TensorSpec((), tf.int32)] * 2, autograph=False)
    def count_and_span(length, number):
        found = spans(length, SIDE, OVERLAP)
        return found.count, found.span(number)

    def all_of(length: int) -> list[tuple[int, ...]]:
        count = int(count_and_span(length, 0)[0])
        return [tuple(map(int, count_and_span(length, n)[1])) for n in range(count)]

    return all_of


@pytest.mark.parametrize("length", [*range(1, 40), 100, 1001])
def test_they_are_cut_as_the_pipeline_cuts_them(spans_of, length: int) -> None:
    picture = (length, length)
    expected = {tuple(tile.rows) for tile in cover(picture, NEEDS.usual_size(picture), NEEDS)}
    assert spans_of(length) == sorted(expected)
    assert (len(expected) > 1) == (length > SIDE)


def blurred(pixels: tf.Tensor) -> tf.Tensor:
    """Enlarge twice, each pixel the sum of the 7 x 7 around it; zeros outside."""
    kernel = tf.ones((2 * OVERLAP + 1, 2 * OVERLAP + 1, 1, 1))
    sums = tf.nn.conv2d(tf.cast(pixels[None], tf.float32), kernel, 1, "SAME")[0]
    return tf.cast(tf.repeat(tf.repeat(sums, 2, axis=0), 2, axis=1), tf.int32)


MADE = tf.TensorSpec((None, None, 1), tf.int32)


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (90, 1), (12, 12), (13, 12), (57, 83)])
def test_tiles_leave_no_trace(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 100, (*size, 1))
    tiles = []

    def noted(tile: tf.Tensor) -> tf.Tensor:
        tf.py_function(lambda shape: tiles.append(tuple(shape.numpy())), [tf.shape(tile)], [])
        return blurred(tile)

    @tf.function(input_signature=[MADE], autograph=False)
    def enlarge(pixels):
        return enlarge_in_tiles(pixels, noted, MADE, scale=2, overlap_px=OVERLAP, side_px=SIDE)

    found = enlarge(picture).numpy()
    np.testing.assert_array_equal(found, blurred(tf.constant(picture)).numpy())
    assert {tile[:2] for tile in tiles} == {NEEDS.usual_size(size)}
    assert len(tiles) == len(list(cover(size, NEEDS.usual_size(size), NEEDS)))


def test_without_a_known_overlap_the_picture_is_one_tile() -> None:
    seen = []

    def noted(tile: tf.Tensor) -> tf.Tensor:
        seen.append(tuple(tile.shape))
        return tile

    picture = tf.ones((50, 60, 1), tf.int32)
    enlarge_in_tiles(picture, noted, MADE, scale=1, overlap_px=None, side_px=1)
    assert seen == [(50, 60, 1)]

"""What is hidden takes the same colours in a graph as in Python, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipelines.picture import to_depth
from pipelines.super_resolution import graph_transparency, transparency


def graph_of(dtype: tf.DType, channels: int):
    signature = [tf.TensorSpec((None, None, layers), dtype) for layers in (channels, 1)]
    function = graph_transparency.with_hidden_colours_filled
    return tf.function(function, input_signature=signature, autograph=False)


GRAPHS = {(dtype, c): graph_of(dtype, c) for dtype in (tf.uint8, tf.uint16) for c in (1, 3)}


def in_graph(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    graph = GRAPHS[tf.as_dtype(pixels.dtype), pixels.shape[-1]]
    filled: np.ndarray = graph(pixels, alpha[..., None]).numpy()
    return filled


def noise(size: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 65536, size).astype(np.uint16)


def spot(height: int, width: int) -> np.ndarray:
    """Return alpha that falls from one place to nothing."""
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows - height / 3, columns - width / 4)
    fallen: np.ndarray = np.clip(65535 - 9000 * distance, 0, 65535)
    return fallen.astype(np.uint16)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 2), (2, 1), (3, 3), (47, 61), (64, 64), (200, 1)])
def test_it_is_what_python_makes_of_it(size, channels, bits) -> None:
    pixels = to_depth(noise((*size, channels), 0), bits)
    lace = np.where(noise(size, 1) % 5 == 0, noise(size, 2), 0).astype(np.uint16)
    for alpha in (spot(*size), lace):
        alpha[0, 0], alpha[-1, -1] = 65535, 0
        depth_alpha = to_depth(alpha, bits)
        expected = transparency.with_hidden_colours_filled(pixels, depth_alpha)
        assert (expected != pixels).any()
        np.testing.assert_array_equal(in_graph(pixels, depth_alpha), expected)


@pytest.mark.parametrize("level", [0, 1000, 65535])
def test_where_all_is_hidden_or_visible_nothing_changes(level) -> None:
    pixels = noise((9, 9, 3), 4)
    alpha = np.full((9, 9), level, np.uint16)
    np.testing.assert_array_equal(in_graph(pixels, alpha), pixels)

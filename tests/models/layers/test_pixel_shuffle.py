"""The sub-pixel rearrangement against its definition, pixel by pixel, and TensorFlow's."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.layers.pixel_shuffle import PixelShuffle


@pytest.mark.parametrize(("scale", "channels"), [(1, 2), (2, 1), (2, 3), (3, 1), (4, 3)])
def test_every_pixel_comes_from_its_channel(scale: int, channels: int) -> None:
    maps = np.random.default_rng(0).normal(size=(2, 3, 5, scale**2 * channels)).astype("float32")
    image = np.asarray(PixelShuffle(scale)(maps))
    assert image.shape == (2, 3 * scale, 5 * scale, channels)
    for y, x in np.ndindex(3, 5):
        for dy, dx in np.ndindex(scale, scale):
            block = (scale * dy + dx) * channels
            np.testing.assert_array_equal(
                image[:, scale * y + dy, scale * x + dx], maps[:, y, x, block : block + channels]
            )
    if scale > 1:
        np.testing.assert_array_equal(image, tf.nn.depth_to_space(maps, scale))


def test_size_is_known_only_at_run_time() -> None:
    maps = keras.Input((None, None, 18))
    model = keras.Model(maps, PixelShuffle(3)(maps))
    assert model.output_shape == (None, None, None, 2)
    graph = tf.function(model, input_signature=[tf.TensorSpec([None, None, None, 18])])
    for batch, height, width in ((1, 1, 1), (2, 7, 4)):
        values = np.random.default_rng(1).normal(size=(batch, height, width, 18)).astype("float32")
        np.testing.assert_array_equal(graph(values), tf.nn.depth_to_space(values, 3))


def test_half_known_sizes_are_stated() -> None:
    assert PixelShuffle(2).compute_output_shape((None, 6, None, 8)) == (None, 12, None, 2)


def test_layer_survives_saving_and_costs_nothing() -> None:
    layer = PixelShuffle(4, name="to_pixels")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert isinstance(again, PixelShuffle)
    assert again.get_config() == layer.get_config()
    assert layer.multiply_adds((None, 2, 2, 16), (None, 8, 8, 1)) == 0


@pytest.mark.parametrize("scale", [0, -2, 1.5, "2"])
def test_scales_that_enlarge_nothing_are_refused(scale) -> None:
    with pytest.raises(ValueError, match="scale must be a whole number of at least 1; got"):
        PixelShuffle(scale)


def test_channels_that_make_no_whole_block_are_refused() -> None:
    with pytest.raises(ValueError, match="scale 2 needs a multiple of 4 channels; got 6"):
        PixelShuffle(2)(np.zeros((1, 2, 2, 6), "float32"))

"""Frames at the rate of the samples, place by place."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.layers.repeat_frames import RepeatFrames


@pytest.mark.parametrize(("hop", "samples"), [(1, 4), (3, 12), (3, 10), (5, 1)])
def test_every_place_has_its_frame(hop: int, samples: int) -> None:
    frames = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    repeated = RepeatFrames(hop)([frames, np.zeros((2, samples, 7), "float32")])
    np.testing.assert_array_equal(repeated, frames[:, np.arange(samples) // hop])


def test_lengths_are_known_only_at_run_time() -> None:
    frames, maps = keras.Input((None, 3)), keras.Input((None, 7))
    model = keras.Model([frames, maps], RepeatFrames(2)([frames, maps]))
    assert model.output_shape == (None, None, 3)
    specs = [tf.TensorSpec([None, None, 3]), tf.TensorSpec([None, None, 7])]
    graph = tf.function(lambda *inputs: model(list(inputs)), input_signature=specs)
    values = np.random.default_rng(1).normal(size=(2, 3, 3)).astype("float32")
    np.testing.assert_array_equal(
        graph(values, np.zeros((2, 5, 7), "float32")), values[:, [0, 0, 1, 1, 2]]
    )
    for few in (values[:, :2], values[:, :1]):  # a single frame of one sample would broadcast
        with pytest.raises(tf.errors.InvalidArgumentError):
            graph(few, np.zeros((2, 5, 7), "float32"))


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="2 frames of 4 samples last 8 samples; 9 samples need 3"):
        RepeatFrames(4).compute_output_shape([(None, 2, 3), (None, 9, 7)])
    with pytest.raises(ValueError, match="2 frames of 4 samples last 8 samples; 9 samples need 3"):
        RepeatFrames(4)([np.zeros((1, 2, 3), "float32"), np.zeros((1, 9, 7), "float32")])


def test_layer_survives_saving() -> None:
    layer = RepeatFrames(80, name="frames")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert isinstance(again, RepeatFrames)
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("hop", [0, -1, 2.5])
def test_frames_that_last_no_whole_samples_are_refused(hop) -> None:
    with pytest.raises(ValueError, match="hop must be a whole number of samples, at least 1; got"):
        RepeatFrames(hop)

"""Step by step with what is remembered: the same logits as the whole network at once."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from models.catalog import create_model
from models.generative import wavenet
from pipelines.audio_generation.stepping import Stepper, together
from tests.pipelines.audio_generation.networks import CONDITIONS, clip, heard, network

LENGTH = 60


@pytest.mark.parametrize("condition", CONDITIONS)
def test_logits_are_those_of_the_network_after_the_rings_have_wrapped(condition: str) -> None:
    model = network(condition)
    stepper = Stepper(model)
    assert max(stepper.ring_lengths) * 7 <= LENGTH
    clips = [clip(condition, LENGTH, seed) for seed in (1, 2)]
    levels = np.random.default_rng(0).integers(256, size=(2, LENGTH), dtype=np.int32)
    inputs = [heard(asked, row) for asked, row in zip(clips, levels, strict=True)]
    expected = [np.asarray(model(x))[0] for x in inputs]

    base = stepper.base(tf.constant([asked.labels for asked in clips], tf.int32))
    advance = tf.function(stepper.advance, autograph=False)
    state = together([stepper.started(128), stepper.started(128)])
    for place in range(LENGTH):
        bias = base
        if stepper.local_dim:
            frame = tf.stack([x["frames"][0, place // stepper.hop] for x in inputs])
            bias = base + stepper.project(frame[:, None])[:, 0]
        logits, state = advance(state, bias)
        state = stepper.push(state, tf.constant(levels[:, place]))
        for lane, wanted in enumerate(expected):
            # Float32 sums in another order.
            atol = 1e-4 * np.abs(wanted).max()
            np.testing.assert_allclose(logits[lane], wanted[place], rtol=0, atol=atol)
    assert int(state.clock) == LENGTH
    np.testing.assert_array_equal(state.positions, [LENGTH, LENGTH])


@pytest.mark.parametrize("condition", CONDITIONS)
def test_it_knows_the_network(condition: str) -> None:
    options, stepper = CONDITIONS[condition], Stepper(network(condition))
    assert stepper.dilations == (1, 2, 4, 1, 2, 4)
    assert stepper.label_counts == options.get("global_classes", ())
    assert (stepper.local_dim, stepper.hop) == (options.get("local_dim", 0), options.get("hop", 1))
    spec = wavenet.SPECS["wavenet_micro"]
    assert Stepper(create_model("wavenet_micro")).field == wavenet.receptive_field(spec)


def test_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match="a WaveNet is needed; got 'lenet_micro'"):
        Stepper(create_model("lenet_micro"))

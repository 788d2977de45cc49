"""Draws: their numbers against published ones, their levels against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipelines.audio_generation import sampling
from pipelines.audio_generation.sampling import Sampling

LARGEST = 1 - 2.0**-23  # the largest number that is drawn
EIGHTS = 0xFFFFFFFF


def words(*values: int) -> tuple[tf.Tensor, ...]:
    return tuple(tf.constant(value, tf.uint32) for value in values)


# The known answers that the authors of Threefry publish with it (Random123, kat_vectors).
@pytest.mark.parametrize(
    ("key", "counter", "answer"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((EIGHTS, EIGHTS), (EIGHTS, EIGHTS), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_random_words_are_the_published_ones(key, counter, answer) -> None:
    found = sampling.threefry(*words(*key), *words(*counter))
    assert tuple(int(word) for word in found) == answer


def test_numbers_follow_from_seed_and_place_alone() -> None:
    seeds = [0, 1, 2**32, 2**64 - 1]
    places = tf.range(5000)[:, None] + tf.constant([[0, 0, 0, 7]])
    keys = sampling.keys_of(seeds)
    numbers = sampling.uniforms(keys, places).numpy()
    assert numbers.shape == (5000, 4)
    assert numbers.min() >= 0
    assert numbers.max() <= LARGEST
    # Four standard errors of a mean and of a correlation of 5,000.
    np.testing.assert_allclose(numbers.mean(axis=0), 0.5, atol=4 / np.sqrt(12 * 5000))
    correlations = np.corrcoef(numbers.T)[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 4 / np.sqrt(5000)
    alone = sampling.uniforms(sampling.keys_of(seeds[3:]), tf.range(1007, 1010)[:, None])
    np.testing.assert_array_equal(alone[:, 0], numbers[1000:1003, 3])
    compiled = tf.function(sampling.uniforms, jit_compile=True)(keys, places)
    np.testing.assert_array_equal(compiled, numbers)


def reference(logits: np.ndarray, number: float, settings: Sampling) -> int:
    """Draw one level in float64, sentence by sentence as `Sampling` says."""
    scaled = logits.astype(np.float64) / settings.temperature
    probabilities = np.exp(scaled - scaled.max())
    order = np.argsort(-scaled, kind="stable")
    kept = order[: settings.top_k]
    shares = probabilities[kept] / probabilities[kept].sum()
    fewest = 1 + int((np.cumsum(shares) < settings.top_p).sum())
    kept = kept[:fewest]
    left = np.where(np.isin(np.arange(len(logits)), kept), probabilities, 0)
    return int(np.searchsorted(np.cumsum(left) / left.sum(), number, side="right"))


@pytest.mark.parametrize(
    "settings",
    [
        Sampling(),
        Sampling(temperature=0.4),
        Sampling(temperature=3.0),
        Sampling(top_k=1),
        Sampling(top_k=7),
        Sampling(top_k=500),
        Sampling(top_p=0.6),
        Sampling(top_p=1e-9),
        Sampling(temperature=1.5, top_k=12, top_p=0.8),
    ],
    ids=str,
)
def test_levels_are_those_of_numpy(settings: Sampling) -> None:
    random = np.random.default_rng(5)
    logits = (4 * random.normal(size=(300, 256))).astype("float32")
    numbers = random.integers(2**23, size=300).astype("float32") * np.float32(2.0**-23)
    numbers[:2] = 0, LARGEST
    drawn = sampling.draw(
        settings.kind, tf.constant(logits), tf.constant(numbers), settings.settings(256)
    )
    assert drawn.dtype == tf.int32
    expected = [
        reference(row, float(number), settings) for row, number in zip(logits, numbers, strict=True)
    ]
    np.testing.assert_array_equal(drawn, expected)


def test_levels_are_as_frequent_as_they_are_probable() -> None:
    logits = tf.constant([[0.0, 1.0, -1.0, 2.0, -40.0]])
    count = 20_000
    numbers = sampling.uniforms(sampling.keys_of([11]), tf.range(count)[:, None])[:, 0]
    drawn = sampling.draw(
        "free", tf.repeat(logits, count, 0), numbers, Sampling().settings(5)
    ).numpy()
    expected = tf.nn.softmax(logits)[0].numpy()
    # Four standard errors of a share.
    errors = 4 * np.sqrt(expected * (1 - expected) / count)
    assert (np.abs(np.bincount(drawn, minlength=5) / count - expected) <= errors).all()


def test_the_ends_of_the_range_draw_levels_that_can_be() -> None:
    logits = tf.constant([[-np.inf, 0.0, 0.0, -np.inf]] * 2)
    numbers = tf.constant([0.0, LARGEST])
    drawn = sampling.draw("free", logits, numbers, Sampling().settings(4))
    np.testing.assert_array_equal(drawn, [1, 2])
    ties = sampling.draw("restricted", logits, numbers, Sampling(top_k=1).settings(4))
    np.testing.assert_array_equal(ties, [1, 2])  # both are as likely as the likeliest


def test_a_temperature_of_0_takes_the_likeliest_and_warns() -> None:
    with pytest.warns(UserWarning, match="temperature 0 .* collapses to silence") as caught:
        settings = Sampling(temperature=0)
    assert caught[0].filename == __file__
    logits = np.random.default_rng(2).normal(size=(50, 16)).astype("float32")
    drawn = sampling.draw(
        settings.kind, tf.constant(logits), tf.fill([50], LARGEST), settings.settings(16)
    )
    np.testing.assert_array_equal(drawn, logits.argmax(axis=-1))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"temperature": -0.1}, "temperature must be 0 or more; got -0.1"),
        ({"temperature": float("nan")}, "temperature must be 0 or more; got nan"),
        ({"temperature": float("inf")}, "temperature must be 0 or more; got inf"),
        ({"top_k": 0}, "top_k must be a whole number of at least 1; got 0"),
        ({"top_k": 2.5}, "top_k must be a whole number of at least 1; got 2.5"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1; got 0.0"),
        ({"top_p": 1.1}, "top_p must be above 0 and at most 1; got 1.1"),
        ({"guidance": -0.5}, "guidance must be 0 to 10; got -0.5"),
        ({"guidance": float("nan")}, "guidance must be 0 to 10; got nan"),
    ],
)
def test_settings_out_of_range_are_refused(arguments, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Sampling(**arguments)

"""Baselines: what they say of sound whose entropy is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipelines.audio_generation.baselines import baselines
from pipelines.audio_mu_law import mu_compress


def test_levels_drawn_evenly_need_all_their_bits() -> None:
    random = np.random.default_rng(0)
    train, test = ([random.integers(0, 8, 60_000)] for _ in range(2))
    found = baselines(train, test, classes=8)
    assert found["uniform"] == 3
    # Counts of 60,000 draws: the estimates' own error costs (states) / (2 N ln 2) bits.
    assert found["unigram"] == pytest.approx(3, abs=1e-3)
    assert found["bigram"] == pytest.approx(3, abs=3e-3)


def test_a_chain_of_two_steps_is_foretold_by_the_bigram_alone() -> None:
    """Each level is the one before, or the next of 8, by the toss of a coin: one bit."""
    random = np.random.default_rng(1)
    train, test = ([np.cumsum(random.integers(0, 2, 60_000)) % 8] for _ in range(2))
    found = baselines(train, test, classes=8)
    assert found["unigram"] == pytest.approx(3, abs=2e-3)
    # What is mixed in costs some, too: 20 of the 7,500 times that each level is seen.
    assert found["bigram"] == pytest.approx(1, abs=5e-3)


def test_the_autoregression_reaches_what_its_noise_allows() -> None:
    """A resonance excited by logistic noise, whose entropy is ln(s) + 2 nats."""
    random, scale = np.random.default_rng(2), 0.004
    parts: list[list[np.ndarray]] = []
    for _ in range(2):
        noise = random.logistic(0, scale, 40_000)
        samples = np.zeros(40_000)
        for n in range(2, len(samples)):
            samples[n] = 1.8 * samples[n - 1] - 0.9 * samples[n - 2] + noise[n]
        parts.append([mu_compress(np.clip(samples, -1, 1))])
    found = baselines(parts[0], parts[1])
    # Of a continuous value in steps as wide as mu-law's are there: the mean of their logarithms.
    levels = parts[1][0]
    steps = np.diff(
        np.sign(np.arange(257) / 127.5 - 1)
        * np.expm1(np.abs(np.arange(257) / 127.5 - 1) * math.log(256))
        / 255
    )
    entropy = (math.log(scale) + 2 - np.log(np.abs(steps[levels])).mean()) / math.log(2)
    # The width follows the errors of the moment, which scatter about the noise's; and the levels
    # before were rounded, which adds to the errors.
    assert entropy - 0.02 < found["AR(32)"] < entropy + 0.35
    assert found["AR(32)"] < found["bigram"] - 1 < found["unigram"] - 1.5

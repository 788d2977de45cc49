"""What foretells samples without a network: the figures that a network must beat.

uniform    each level is as likely: log2 of their number
unigram    each level as likely as it was among the training recordings
bigram     as it was behind the level before, mixed with the unigram where that was seldom seen
AR(32)     a linear prediction of the sample from 32 before it; the level's probability is the part
           of a logistic distribution between the level's borders, whose width follows the errors of
           the moment. Prediction, width and memory are fitted to the training recordings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from models.generative.wavenet import silence
from pipelines.audio_mu_law import mu_expand

ORDER = 32
MIXED_IN = 20.0  # how often a level must have been seen for the bigram to count as much as the rest
FITTED_ON = 100  # recordings, evenly chosen, that the width and memory are fitted to
MEMORIES = (0.8, 0.9, 0.95)  # of the errors, a sample
WIDTHS = (0.3, 0.4, 0.5, 0.65, 0.85)  # times the mean error of the moment
LEAST_ERROR = 2e-4  # samples near zero lie 9e-5 apart with 256 levels
LOG2 = math.log(2)


def baselines(
    train: Sequence[np.ndarray], test: Sequence[np.ndarray], classes: int = 256
) -> Mapping[str, float]:
    """Return bits per sample of each, over all samples of `test`.

    Args:
        train: Levels (N,) of each recording that is fitted to.
        test: Of each recording that is measured.
        classes: How many levels there are.
    """
    start = silence(classes)
    unigram = np.bincount(np.concatenate(train), minlength=classes) + 1.0
    unigram /= unigram.sum()
    counts = np.zeros((classes, classes))
    for levels in train:
        np.add.at(counts, (_before(levels, start), levels), 1)
    rows = counts.sum(axis=1, keepdims=True) + MIXED_IN
    bigram = (counts + MIXED_IN * unigram) / rows
    return {
        "uniform": math.log2(classes),
        "unigram": _mean_bits([unigram[levels] for levels in test]),
        "bigram": _mean_bits([bigram[_before(levels, start), levels] for levels in test]),
        f"AR({ORDER})": _autoregression(train, test, classes),
    }


def _before(levels: np.ndarray, start: int) -> np.ndarray:
    return np.concatenate([[start], levels[:-1]])


def _mean_bits(probabilities: Sequence[np.ndarray]) -> float:
    return float(-np.log2(np.concatenate(probabilities)).mean())


def _autoregression(train: Sequence[np.ndarray], test: Sequence[np.ndarray], classes: int) -> float:
    samples = [mu_expand(levels, classes).astype(np.float64) for levels in train]
    weights = _prediction(samples)
    chosen = range(0, len(train), max(1, len(train) // FITTED_ON))
    errors = [(train[k], samples[k], _predicted(samples[k], weights)) for k in chosen]
    _, memory, width = min(
        (_mean_bits([_likelihood(*one, memory, width, classes) for one in errors]), memory, width)
        for memory, width in product(MEMORIES, WIDTHS)
    )
    found = []
    for levels in test:
        heard = mu_expand(levels, classes).astype(np.float64)
        foretold = _predicted(heard, weights)
        found.append(_likelihood(levels, heard, foretold, memory, width, classes))
    return _mean_bits(found)


def _prediction(samples: Sequence[np.ndarray]) -> np.ndarray:
    """Return the weights (ORDER,) of the samples before, the newest first, by least squares."""
    covariance = np.zeros((ORDER + 1, ORDER + 1))
    for one in samples:
        padded = np.concatenate([np.zeros(ORDER), one])
        windows = np.lib.stride_tricks.sliding_window_view(padded, ORDER + 1)
        lags = np.ascontiguousarray(windows[:, ::-1])  # (N, ORDER + 1), the sample itself first
        covariance += lags.T @ lags
    ridge = 1e-9 * np.trace(covariance) / ORDER * np.eye(ORDER)
    weights: np.ndarray = np.linalg.solve(covariance[1:, 1:] + ridge, covariance[1:, 0])
    return weights


def _predicted(samples: np.ndarray, weights: np.ndarray) -> np.ndarray:
    before = np.concatenate([[0.0], samples[:-1]])
    predicted: np.ndarray = np.convolve(before, weights)[: len(samples)]
    return predicted


def _likelihood(
    levels: np.ndarray,
    samples: np.ndarray,
    foretold: np.ndarray,
    memory: float,
    width: float,
    classes: int,
) -> np.ndarray:
    """Return the probability of each level, (N,)."""
    errors = np.abs(samples - foretold)
    taps = memory ** np.arange(math.ceil(-8 / math.log(memory)))
    recent = np.convolve(np.concatenate([[0.0], errors[:-1]]), taps)[: len(errors)]
    scale = width * np.maximum(recent * (1 - memory), LEAST_ERROR)
    borders = _borders(classes)
    upper = _logistic((borders[levels + 1] - foretold) / scale)
    lower = _logistic((borders[levels] - foretold) / scale)
    # A little of the uniform distribution: no error is impossible.
    found: np.ndarray = (upper - lower) * (1 - 1e-3) + 1e-3 / classes
    return found


def _borders(classes: int) -> np.ndarray:
    """Return where each level begins, and where the last ends, (classes + 1,)."""
    middles = mu_expand(np.arange(classes), classes).astype(np.float64)
    return np.concatenate([[-np.inf], (middles[:-1] + middles[1:]) / 2, [np.inf]])


def _logistic(x: np.ndarray) -> np.ndarray:
    curve: np.ndarray = 0.5 * (1 + np.tanh(x / 2))
    return curve

"""Samples as levels of the mu-law, and back (arXiv:1609.03499, section 2.2; ITU-T G.711).

With mu = classes - 1, the paper compresses f(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu) and quantises
f to `classes` values. It does not say how; here level k is f = 2 k / mu - 1, and a sample takes the
nearest, so that -1 is level 0, +1 is level mu, and both come back exactly. The number of levels
being even, none of them is zero: silence is the upper of the two around it (128 of 256) and comes
back as 0.00009, or -81 dB. librosa's `mu_compress` gives the same f, but levels of its own, from
-128 to 127: the two do not mix.

In a TensorFlow graph, `tf.gather(mu_expand(np.arange(classes)), levels)` expands.
"""

from __future__ import annotations

import numpy as np

MOST_CLASSES = 65_536  # 16 bits: beyond, float32 samples have no more to tell


def mu_compress(samples: np.ndarray, classes: int = 256) -> np.ndarray:
    """Return the level of each sample.

    Args:
        samples: Any shape, float in [-1, 1].
        classes: How many levels there are.

    Returns:
        The same shape, int32, 0 to `classes` - 1. Never falls as a sample rises; of -x and x, the
        levels add up to `classes` - 1, except where a sample lies half way between two levels,
        which takes the upper, as silence does.

    Raises:
        ValueError: A sample is NaN or out of range, or `classes` is.
    """
    mu = _mu(classes)
    samples = np.asarray(samples)
    if samples.dtype.kind != "f":
        raise ValueError(f"samples must be float in [-1, 1]; got {samples.dtype}")
    if samples.size and not (samples.min() >= -1 and samples.max() <= 1):  # NaN fails, too
        raise ValueError(
            f"samples must lie in [-1, 1]; got {samples.min():.6g} to {samples.max():.6g}"
        )
    # In float64: no sample near a boundary depends on how a platform rounds its logarithm.
    x = samples.astype(np.float64)
    compressed = np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)
    levels: np.ndarray = np.floor((compressed + 1) / 2 * mu + 0.5).astype(np.int32)
    return levels


def mu_expand(levels: np.ndarray, classes: int = 256) -> np.ndarray:
    """Return the sample that each level stands for.

    `mu_compress` gives the level back. A sample x and what comes back of it differ by at most
    (classes^(1 / mu) - 1) (|x| + 1 / mu): 2.2 % of x + 0.004 with 256 classes.

    Args:
        levels: Any shape, integers from 0 to `classes` - 1.
        classes: How many levels there are.

    Returns:
        The same shape, float32 in [-1, 1].

    Raises:
        ValueError: A level is out of range, or `classes` is.
    """
    mu = _mu(classes)
    levels = np.asarray(levels)
    if levels.dtype.kind not in "iu":
        raise ValueError(f"levels must be integers from 0 to {mu}; got {levels.dtype}")
    if levels.size and not (levels.min() >= 0 and levels.max() <= mu):
        raise ValueError(
            f"levels must be 0 to {mu}; got {levels.min()} to {levels.max()}; "
            f"to librosa's, add {classes // 2}"
        )
    compressed = 2 * levels.astype(np.float64) / mu - 1
    magnitudes = np.expm1(np.abs(compressed) * np.log1p(mu)) / mu
    samples: np.ndarray = (np.sign(compressed) * magnitudes).astype(np.float32)
    return samples


def _mu(classes: int) -> int:
    if not 2 <= classes <= MOST_CLASSES:
        raise ValueError(f"classes must be 2 to {MOST_CLASSES:,}; got {classes}")
    return classes - 1

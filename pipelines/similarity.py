"""How near two pictures are: peak signal-to-noise ratio and structural similarity.

Both are computed as the papers' MATLAB does it, in double precision.

Structural similarity is Wang et al., doi:10.1109/TIP.2003.819861, with its constants, and windows
only where they lie inside the picture.
"""

from __future__ import annotations

import math

import numpy as np

PEAK = 255.0
WINDOW_PX, SIGMA_PX = 11, 1.5  # section III.C of the paper, as C1 and C2
C1, C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2


def psnr(reference: np.ndarray, image: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in decibels, of a peak of 255.

    Args:
        reference: (H, W) or (H, W, C), uint8, or float in [0, 1].
        image: The same shape, uint8, or float in [0, 1]; what lies outside is not clipped.

    Returns:
        10 log10(255^2 / mean squared difference); infinity for equal pictures.

    Raises:
        ValueError: The shapes or types do not fit.
    """
    first, second = _in_255ths(reference, image)
    error = float(np.mean((first - second) ** 2))
    return 10.0 * math.log10(PEAK**2 / error) if error > 0 else math.inf


def ssim(reference: np.ndarray, image: np.ndarray) -> float:
    """Return the mean structural similarity over Gaussian windows, at most 1.

    Args:
        reference: (H, W), uint8, or float in [0, 1]; at least 11 x 11.
        image: The same shape, uint8, or float in [0, 1].

    Raises:
        ValueError: The shapes or types do not fit, or there is no room for a window.
    """
    return float(np.mean(ssim_map(reference, image)))


def ssim_map(reference: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return the structural similarity of each Gaussian window: (H - 10, W - 10), float64.

    The window at (y, x) is centred on the pixel (y + 5, x + 5). Arguments and errors as of `ssim`.
    """
    first, second = _in_255ths(reference, image)
    if first.ndim != 2 or min(first.shape) < WINDOW_PX:
        raise ValueError(
            f"structural similarity needs (H, W) of at least {WINDOW_PX} x {WINDOW_PX} pixels; "
            f"got {first.shape}"
        )
    mean1, mean2 = _smooth(first), _smooth(second)
    variance1 = _smooth(first**2) - mean1**2
    variance2 = _smooth(second**2) - mean2**2
    covariance = _smooth(first * second) - mean1 * mean2
    luminance = (2 * mean1 * mean2 + C1) / (mean1**2 + mean2**2 + C1)
    structure = (2 * covariance + C2) / (variance1 + variance2 + C2)
    similarity: np.ndarray = luminance * structure
    return similarity


def _smooth(image: np.ndarray) -> np.ndarray:
    """Return the Gaussian means of all windows inside (H, W): (H - 10, W - 10)."""
    taps = np.exp(-((np.arange(WINDOW_PX) - WINDOW_PX // 2) ** 2) / (2 * SIGMA_PX**2))
    taps /= taps.sum()
    for axis in (0, 1):
        image = np.lib.stride_tricks.sliding_window_view(image, WINDOW_PX, axis) @ taps
    return image


def _in_255ths(reference: np.ndarray, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if reference.shape != image.shape:
        raise ValueError(f"pictures must have one shape; got {reference.shape} and {image.shape}")
    return _scaled(reference), _scaled(image)


def _scaled(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.uint8:
        return values.astype(np.float64)
    if values.dtype.kind == "f":
        return values.astype(np.float64) * PEAK
    raise ValueError(f"pictures must be uint8, or float in [0, 1]; got {values.dtype}")

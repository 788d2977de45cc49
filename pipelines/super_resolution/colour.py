"""Luma and chroma as ITU-R BT.601 defines them, in studio range: what the papers measure on.

Luma Y lies in [16, 235] / 255 and the chroma Cb and Cr in [16, 240] / 255, for RGB in [0, 1].
Networks on luma take and give Y in this range, PSNR and SSIM are computed on 255 Y. Luma in full
range, [0, 1], would cost every method 1.3 dB: differences would be 255 / 219 times as large.

The numbers are those of MATLAB's `rgb2ycbcr`, at three decimals of 255; the inverse is exact to
them, so that a picture comes back from the chroma space unchanged.
"""

from __future__ import annotations

import numpy as np

# Rows Y, Cb, Cr; columns R, G, B in [0, 1]; results in 255ths.
IN_255THS = (
    (65.481, 128.553, 24.966),
    (-37.797, -74.203, 112.0),
    (112.0, -93.786, -18.214),
)
OFFSETS_255THS = (16.0, 128.0, 128.0)

RGB_TO_YCBCR = np.array(IN_255THS) / 255.0  # (3, 3) float64
YCBCR_OFFSET = np.array(OFFSETS_255THS) / 255.0  # (3,)
YCBCR_TO_RGB = np.linalg.inv(RGB_TO_YCBCR)
LUMA_WEIGHTS, LUMA_OFFSET = RGB_TO_YCBCR[0], float(YCBCR_OFFSET[0])


def luma(rgb: np.ndarray) -> np.ndarray:
    """Map RGB (..., 3), uint8 or float in [0, 1], to luma (...) float32 in [16, 235] / 255."""
    weighted: np.ndarray = unit(rgb) @ LUMA_WEIGHTS.astype(np.float32)
    return weighted + np.float32(LUMA_OFFSET)


def rgb_to_ycbcr(rgb: np.ndarray) -> np.ndarray:
    """Map RGB (..., 3), uint8 or float in [0, 1], to Y, Cb, Cr (..., 3) float32 in [0, 1]."""
    matrix = RGB_TO_YCBCR.astype(np.float32)
    return unit(rgb) @ matrix.T + YCBCR_OFFSET.astype(np.float32)


def ycbcr_to_rgb(ycbcr: np.ndarray) -> np.ndarray:
    """Map Y, Cb, Cr (..., 3), uint8 or float in [0, 1], to RGB (..., 3) float32.

    Combinations that no colour has lie outside [0, 1]; `to_8bit` clips them.
    """
    matrix = YCBCR_TO_RGB.astype(np.float32)
    return (unit(ycbcr) - YCBCR_OFFSET.astype(np.float32)) @ matrix.T


def unit(values: np.ndarray) -> np.ndarray:
    """Return uint8 as float32 in [0, 1], and floats as float32.

    Raises:
        ValueError: Another type.
    """
    if values.dtype == np.uint8:
        return values.astype(np.float32) / np.float32(255)
    if values.dtype.kind == "f":
        return values.astype(np.float32, copy=False)
    raise ValueError(f"values must be uint8, or float in [0, 1]; got {values.dtype}")


def to_8bit(values: np.ndarray) -> np.ndarray:
    """Return float values as uint8: 1 becomes 255, rounded to the nearest, clipped."""
    rounded: np.ndarray = np.rint(np.clip(values, 0.0, 1.0) * 255.0)
    return rounded.astype(np.uint8)

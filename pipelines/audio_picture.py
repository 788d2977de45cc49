"""Spectrograms as pictures."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from pipelines.audio_features import MelSpec

WINDOW_S, HOP_S = 0.04, 0.01  # two periods of a deep voice; a hundred frames a second
MOST_MELS = 64
RANGE_DB = 80.0  # from the loudest to what is black
NEPER_DB = 20 / math.log(10)  # dB of one in the natural logarithm of a magnitude
MOST_PX = 16_384
WIDTHS_PX = 256, 2048
# From silence to the loudest, each lighter than the one before, for colour-blind eyes, too.
COLOURS = ((0, 0, 0), (45, 20, 95), (140, 35, 105), (225, 80, 60), (250, 170, 60), (255, 255, 215))


def usual_mel(rate_hz: int) -> MelSpec:
    """Return what spectrograms are made with at a rate, where nothing else is said."""
    window, hop = max(2, round(WINDOW_S * rate_hz)), max(1, round(HOP_S * rate_hz))
    fft = 2 ** math.ceil(math.log2(window))
    return MelSpec(
        rate_hz=rate_hz,
        fft_samples=fft,
        hop_samples=hop,
        window_samples=window,
        mels=min(MOST_MELS, fft // 8),  # so that each band holds a frequency of the transform
        low_hz=0.0,
        high_hz=rate_hz / 2,
    )


def draw_spectrogram(
    log_mel: np.ndarray, *, width_px: int | None = None, height_px: int = 256
) -> Image.Image:
    """Return a picture in RGB: time from left to right, low frequencies at the bottom.

    The loudest is the lightest; what is 80 dB below it is black.

    Args:
        log_mel: (frames, bands), natural logarithms of magnitudes.
        width_px: Two pixels a frame when None, but at least 256 and at most 2,048.
        height_px: Of all bands together.

    Raises:
        ValueError: A side is out of range.
    """
    if width_px is None:
        width_px = min(max(WIDTHS_PX[0], 2 * len(log_mel)), WIDTHS_PX[1])
    for name, value in (("width_px", width_px), ("height_px", height_px)):
        if not isinstance(value, int) or not 1 <= value <= MOST_PX:
            raise ValueError(f"{name} must be 1 to {MOST_PX:,}; got {value!r}")
    below_db = (log_mel - log_mel.max()) * NEPER_DB
    shares = np.clip(1 + below_db / RANGE_DB, 0, 1)
    stops = np.linspace(0, 1, len(COLOURS))
    channels = [np.interp(shares, stops, column) for column in zip(*COLOURS, strict=True)]
    pixels = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)  # (frames, bands, 3)
    upright = np.ascontiguousarray(pixels.transpose(1, 0, 2)[::-1])
    return Image.fromarray(upright).resize((width_px, height_px), Image.Resampling.BILINEAR)

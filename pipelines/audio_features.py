"""Log-mel spectrograms, as one TensorFlow graph, equal to librosa's.

A spectrogram is the magnitude (not the power) of a short-time Fourier transform with a periodic
Hann window and zeros before and after the clip, so that frame k is centred at sample k hop; mel
bands are librosa's: Slaney's scale and norm. `keras.layers.MelSpectrogram` and
`tf.signal.linear_to_mel_weight_matrix` have another scale and norm, and differ by up to 4 in the
logarithm.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf

from models.words import suggest
from pipelines.audio_waveform import INSTALL

MOST_FFT_SAMPLES = 65_536  # 1.4 seconds at 48 kHz
SPECS_KEPT = 16  # filters that stay in memory; one of 80 bands and 1,024 samples has 160 KB


@dataclass(frozen=True, kw_only=True)
class MelSpec:
    """What a log-mel spectrogram is made with; it travels with the weights that were trained on it.

    Attributes:
        rate_hz: Of the samples; those of another rate must be resampled first.
        fft_samples: Length of the Fourier transform, even.
        hop_samples: From one frame to the next; at most the window, so that no sample is missed.
        window_samples: Length of the Hann window, in the middle of the transform.
        mels: Bands.
        low_hz: Where the lowest begins.
        high_hz: Where the highest ends, at most half the rate.
        floor: The least magnitude, which silence has: 1e-5 is 120 dB below a band at 1.
    """

    rate_hz: int
    fft_samples: int
    hop_samples: int
    window_samples: int
    mels: int
    low_hz: float
    high_hz: float
    floor: float = 1e-5

    def __post_init__(self) -> None:
        """Check the types and ranges."""
        for field in fields(self):
            value = getattr(self, field.name)
            kinds = (int,) if field.type == "int" else (int, float)
            if type(value) not in kinds or not math.isfinite(value):
                raise ValueError(f"{field.name} must be a finite {field.type}; got {value!r}")
        rules = {
            "rate_hz must be at least 1": self.rate_hz >= 1,
            f"fft_samples must be even, 2 to {MOST_FFT_SAMPLES:,}": (
                self.fft_samples % 2 == 0 and 2 <= self.fft_samples <= MOST_FFT_SAMPLES
            ),
            "window_samples must be 2 to fft_samples": (
                2 <= self.window_samples <= self.fft_samples
            ),
            "hop_samples must be 1 to window_samples": (
                1 <= self.hop_samples <= self.window_samples
            ),
            "mels must be 1 to fft_samples / 2": 1 <= self.mels <= self.fft_samples // 2,
            "low_hz must be 0 or more, and below high_hz": 0 <= self.low_hz < self.high_hz,
            "high_hz must be at most rate_hz / 2": self.high_hz <= self.rate_hz / 2,
            "floor must be above 0": self.floor > 0,
        }
        broken = next((rule for rule, holds in rules.items() if not holds), None)
        if broken is not None:
            raise ValueError(f"{broken}; got {self}")

    def frames_of(self, samples: int) -> int:
        """Return how many frames a clip of so many samples has."""
        return 1 + samples // self.hop_samples

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MelSpec:
        """Take what `to_dict` returned.

        Raises:
            ValueError: A key is missing or unknown, or a value is out of range.
        """
        known = [field.name for field in fields(cls)]
        if not isinstance(values, Mapping):
            raise ValueError(f"a mel spec is a mapping of {known}; got {values!r}")
        for key in values:
            if key not in known:
                raise ValueError(f"unknown key {key!r} of a mel spec; {suggest(str(key), known)}")
        if missing := [name for name in known if name not in values]:
            raise ValueError(f"a mel spec lacks {missing}")
        return cls(**values)


def log_mel(samples: tf.Tensor, spec: MelSpec) -> tf.Tensor:
    """Return the natural logarithm of the mel spectrogram.

    The same as `np.log(np.maximum(m, floor))` of librosa's `feature.melspectrogram(..., power=1,
    pad_mode="constant")` to 1e-3 wherever a band is not more than 100 dB below the loudest of its
    frame; there, under a synthetic tone, both hold nothing but the rounding of float32.

    A clip that was filled up with zeros has the frames of its own `frames_of` length, and more;
    only the last few differ from those it has alone.

    Args:
        samples: (B, N) float32 in [-1, 1] at `spec.rate_hz`, N at least 1; each dimension may be
            unknown in a graph.
        spec: What to make it with.

    Returns:
        (B, spec.frames_of(N), mels) float32.

    Raises:
        ValueError: `samples` are not (B, N), or a band lies between two frequencies of the
            transform and would always be empty.
        ImportError: librosa is not installed.
    """
    samples = tf.convert_to_tensor(samples, tf.float32)
    if samples.shape.rank != 2:
        raise ValueError(f"samples must be (B, N); got {samples.shape}; add or drop an axis")
    margin = spec.fft_samples // 2
    padded = tf.pad(samples, [[0, 0], [margin, margin]])
    frames = tf.signal.frame(padded, spec.fft_samples, spec.hop_samples)  # (B, F, fft)
    magnitudes = tf.abs(tf.signal.rfft(frames * _window(spec)))  # (B, F, fft/2 + 1)
    bands = tf.matmul(magnitudes, tf.constant(mel_filters(spec).T))  # (B, F, mels)
    return tf.math.log(tf.maximum(bands, spec.floor))


@lru_cache(SPECS_KEPT)
def mel_filters(spec: MelSpec) -> np.ndarray:
    """Return librosa's filters, (mels, fft/2 + 1) float32, read-only.

    Raises:
        ValueError: A band lies between two frequencies of the transform.
        ImportError: librosa is not installed.
    """
    try:
        import librosa
    except ImportError as error:
        raise ImportError(f"mel filters need librosa; {INSTALL}") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of empty bands, which are refused below
        filters: np.ndarray = librosa.filters.mel(
            sr=spec.rate_hz,
            n_fft=spec.fft_samples,
            n_mels=spec.mels,
            fmin=spec.low_hz,
            fmax=spec.high_hz,
        )
    empty = int(np.count_nonzero(~filters.any(axis=1)))
    if empty:
        raise ValueError(
            f"each mel band must hold a frequency of the transform; {empty} of {spec.mels} hold "
            f"none; take fewer mels or a longer fft than {spec.fft_samples} samples"
        )
    filters.setflags(write=False)
    return filters


def _window(spec: MelSpec) -> np.ndarray:
    """Return the periodic Hann window in the middle of (fft,) float32 zeros, as librosa has it."""
    phase = 2 * np.pi * np.arange(spec.window_samples) / spec.window_samples
    before = (spec.fft_samples - spec.window_samples) // 2
    window = np.zeros(spec.fft_samples, np.float32)
    window[before : before + spec.window_samples] = 0.5 - 0.5 * np.cos(phase)
    return window

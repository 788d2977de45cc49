"""Arrays as audio: what is taken, what it means, and what is refused."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from pipelines.audio_waveform import (
    DEFAULT_AUDIO_LIMITS,
    Audio,
    AudioError,
    AudioLimits,
    audio_refusal,
    check_audio,
    peak_of,
)

# Integers of these types are samples of so many bits; of others, nobody knows the full scale.
INTEGER_KINDS = ("int8", "uint8", "int16", "int32")
# One level of 16 bits: who divides 16-bit samples by 32,767 gets -1.00003. That much is clipped.
TOLERANCE = 2.0**-15


def audio_from_samples(
    samples: np.ndarray,
    rate_hz: int,
    *,
    source: str = "<array>",
    limits: AudioLimits = DEFAULT_AUDIO_LIMITS,
) -> Audio:
    """Copy an array into an `Audio`.

    Args:
        samples: (N,) or (N, C), channels last: float in [-1, 1], int16, int32, int8, or uint8 with
            its zero at 128, as WAV has it. Integers are divided by their type's full scale, so
            that -32,768 becomes -1. Floats may pass 1 by one level of 16 bits, which is clipped.
        rate_hz: Samples a second.
        source: What to call it.
        limits: All but `max_bytes` count here too.

    Raises:
        AudioError: Another shape or type, no samples, NaN, infinity, or values out of range; the
            message gives the remedy.
    """
    if not isinstance(samples, np.ndarray):
        raise audio_refusal(
            source,
            f"samples must be an array; got {type(samples).__name__}; pass np.asarray(samples)",
        )
    if isinstance(samples, np.ma.MaskedArray):
        raise audio_refusal(source, "a masked array lacks some values; pass samples.filled(0)")
    rate_hz = whole_rate(source, rate_hz)
    shape = samples.shape
    if len(shape) not in (1, 2):
        raise audio_refusal(source, f"samples must be (N,) or (N, C); got {shape}; pass one clip")
    frames, channels = shape if len(shape) == 2 else (shape[0], 1)
    if channels > limits.max_channels >= frames > 0:
        raise audio_refusal(
            source, f"samples must be (N, C), channels last; got {shape}; pass samples.T"
        )
    check_audio(source, frames, channels, rate_hz, limits)
    values = np.ascontiguousarray(_to_float(source, np.asarray(samples)).reshape(frames, channels))
    check_range(source, values, "pass samples / np.abs(samples).max()")
    np.clip(values, -1.0, 1.0, out=values)
    values.setflags(write=False)
    return Audio(values, rate_hz, source)


def whole_rate(source: str, rate_hz: Any) -> int:
    """Return a rate as int; NumPy's integers are taken too.

    Raises:
        AudioError: It is no whole number above zero.
    """
    try:
        whole = operator.index(rate_hz)
    except TypeError:
        whole = 0
    if whole < 1 or isinstance(rate_hz, bool):
        raise audio_refusal(
            source, f"rate_hz must be a whole number above 0; got {rate_hz!r}; pass int(rate_hz)"
        )
    return whole


def check_range(source: str, values: np.ndarray, remedy: str) -> None:
    """Refuse floats that are NaN, infinite, or beyond [-1, 1] by more than `TOLERANCE`.

    Raises:
        AudioError: They are; `remedy` says how to lower the level.
    """
    peak = peak_of(values)
    if peak <= 1 + TOLERANCE:  # written so that NaN fails
        return
    finite = np.isfinite(values)
    if not finite.all():
        raise audio_refusal(
            source,
            "samples must be finite; got NaN or infinity in "
            f"{values.size - int(finite.sum()):,} of {values.size:,}; find where they arise, or "
            "pass np.nan_to_num(samples)",
        )
    if 256 < peak <= 2**15:
        remedy = "if full scale is that of 16 bits, pass samples / 32768"
    raise audio_refusal(source, f"samples must lie in [-1, 1]; got a peak of {peak:.6g}; {remedy}")


def _to_float(source: str, samples: np.ndarray) -> np.ndarray:
    """Return integers as float32 by their type's full scale, and floats as float32."""
    dtype = samples.dtype
    if dtype.kind == "f":
        with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite: refused
            return samples.astype(np.float32)
    if dtype.name not in INTEGER_KINDS:
        raise _type_refusal(source, samples)
    if dtype.name == "uint8":
        return (samples.astype(np.float32) - 128) / 128
    scale = np.float32(2.0 ** -(8 * dtype.itemsize - 1))
    return samples.astype(np.float32) * scale


def _type_refusal(source: str, samples: np.ndarray) -> AudioError:
    """Return the error for a type whose full scale nobody knows."""
    rule = f"samples must be float in [-1, 1] or {', '.join(INTEGER_KINDS)}; got {samples.dtype}"
    if samples.dtype.kind not in "iu":
        return audio_refusal(source, f"{rule}; convert them with samples.astype(...)")
    low, high = int(samples.min()), int(samples.max())
    remedy = "divide them by their full scale and pass floats"
    if low >= -(2**15) and high < 2**15:
        remedy = "if they have 16 bits, pass samples.astype(np.int16)"
    return audio_refusal(source, f"{rule} from {low} to {high}; {remedy}")

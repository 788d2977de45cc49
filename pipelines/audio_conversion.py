"""Channels, rate, level and silence: each changed only where somebody asks for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from models.words import suggest
from pipelines.audio_arrays import whole_rate
from pipelines.audio_waveform import (
    DEFAULT_AUDIO_LIMITS,
    INSTALL,
    Audio,
    audio_refusal,
    check_audio,
)

Measure = Literal["peak", "rms"]
MEASURES: tuple[Measure, ...] = get_args(Measure)

# The SoX resampler's recipe of 20 bits, which is librosa's default: flat up to 91 % of half the
# lower rate, and 120 dB down where frequencies would fold back. Not called through librosa, which
# compiles for 17 seconds at its first call, and at each program's where it cannot keep the result.
QUALITY = "HQ"


def downmix(audio: Audio) -> Audio:
    """Return one channel: the mean of all.

    The mean cannot clip. It is the same for any layout: in 5.1 each of the six counts a sixth, the
    low-frequency channel too, without the weights that ITU-R BS.775 gives to centre and surround.
    Channels of opposite phase cancel out.
    """
    if audio.channels == 1:
        return audio
    mean = audio.samples.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    return replace(audio, samples=_frozen(mean))


def resample(audio: Audio, rate_hz: int) -> Audio:
    """Return audio at another rate, band-limited, as librosa's `resample` does by default.

    What has just fitted may overshoot full scale where the band is cut; that is clipped, and
    counted in `clipped`.

    Args:
        audio: Of any number of channels.
        rate_hz: The rate wanted, in the range of `AudioLimits`; audio that has it is returned as
            it is.

    Returns:
        ceil(N rate_hz / audio.rate_hz) samples of each channel.

    Raises:
        AudioError: The rate is out of range, or the result would be too long.
        ImportError: soxr is not installed.
    """
    rate_hz = whole_rate(audio.source, rate_hz)
    if rate_hz == audio.rate_hz:
        return audio
    frames = -(-audio.frames * rate_hz // audio.rate_hz)
    check_audio(audio.source, frames, audio.channels, rate_hz, DEFAULT_AUDIO_LIMITS)
    try:
        import soxr
    except ImportError as error:
        raise ImportError(f"resampling needs soxr; {INSTALL}") from error
    resampled = soxr.resample(audio.samples, audio.rate_hz, rate_hz, quality=QUALITY)
    # It may count one sample more or less.
    samples = np.zeros((frames, audio.channels), np.float32)
    samples[: len(resampled)] = resampled[:frames]
    overshoots = int(np.count_nonzero(np.abs(samples) > 1))
    return replace(
        audio,
        samples=_frozen(np.clip(samples, -1.0, 1.0)),
        rate_hz=rate_hz,
        clipped=audio.clipped + overshoots,
    )


def normalise_level(audio: Audio, level_db: float = -1.0, *, measure: Measure = "peak") -> Audio:
    """Return audio with one gain for all of it, so that it has the level.

    Silence stays silence.

    Args:
        audio: Of any number of channels, which keep their balance.
        level_db: In dB of full scale, at most 0.
        measure: `peak`, the largest magnitude; or `rms`, the root of the mean square over all
            samples and channels (a full-scale sine has -3 dB), whose gain ends where the peak
            reaches full scale: a clip of high peaks comes out softer than asked for, and whole.

    Raises:
        AudioError: The level is above 0 dB or not finite, or the measure is unknown.
    """
    if measure not in MEASURES:
        raise audio_refusal(
            audio.source, f"unknown measure {measure!r}; {suggest(str(measure), MEASURES)}"
        )
    if not -np.inf < level_db <= 0:
        raise audio_refusal(audio.source, f"level_db must be finite and at most 0; got {level_db}")
    peak = audio.peak
    if peak == 0:
        return audio
    wanted, has = 10 ** (level_db / 20), peak
    if measure == "rms":
        has = float(np.sqrt(np.mean(np.square(audio.samples, dtype=np.float64))))
    new_peak = min(wanted / has * peak, 1.0)
    # Divided first: the gain of the softest clips is beyond float32.
    samples = audio.samples / np.float32(peak) * np.float32(new_peak)
    return replace(audio, samples=_frozen(np.clip(samples, -1.0, 1.0)))  # rounding may pass 1


def trim_silence(audio: Audio, below_peak_db: float = 40.0, *, margin_s: float = 0.01) -> Audio:
    """Return audio without the silence before and after its sound.

    The sound lasts from the first to the last sample, of any channel, that reaches the threshold,
    which follows the clip's own peak: a quiet recording is trimmed like a loud one. Silence within
    stays. A clip of zeros has no sound to keep, and is returned as it is.

    Args:
        audio: Of any number of channels.
        below_peak_db: How far below the peak the threshold lies, above 0.
        margin_s: How many seconds to keep before and after, where there are as many.

    Raises:
        AudioError: A value is out of range.
    """
    if not 0 < below_peak_db < np.inf:
        raise audio_refusal(
            audio.source, f"below_peak_db must be finite and above 0; got {below_peak_db}"
        )
    if not 0 <= margin_s < np.inf:
        raise audio_refusal(audio.source, f"margin_s must be finite and 0 or more; got {margin_s}")
    peak = audio.peak
    if peak == 0:
        return audio
    threshold = np.float32(peak * 10 ** (-below_peak_db / 20))
    loud = np.flatnonzero((np.abs(audio.samples) >= threshold).any(axis=1))
    margin = round(margin_s * audio.rate_hz)
    first, end = max(0, int(loud[0]) - margin), int(loud[-1]) + 1 + margin
    return replace(audio, samples=_frozen(audio.samples[first:end].copy()))


def _frozen(samples: np.ndarray) -> np.ndarray:
    """Return an array that nobody else has, read-only and with its channels last in memory."""
    samples = np.ascontiguousarray(samples)
    samples.setflags(write=False)
    return samples

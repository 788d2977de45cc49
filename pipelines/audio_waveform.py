"""What audio is once it is read, what may be read, and how a refusal sounds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipelines.picture import REASON_CHARACTERS, shown

INSTALL = "pip install 'sightsound[audio]'"


class AudioError(ValueError):
    """Audio that is refused; the message names the source, the rule, the value, the remedy."""


class MissingAudioError(AudioError, FileNotFoundError):
    """No such file; caught as FileNotFoundError too."""

    __str__ = ValueError.__str__  # OSError's would look for an errno


@dataclass(frozen=True)
class AudioLimits:
    """What is refused before it costs anything.

    Attributes:
        max_samples: Of all channels together; a header that promises more is not believed.
        max_bytes: Of a file, or bytes given.
        max_channels: Of a file or an array.
        min_rate_hz: The lowest rate; telephones have 8,000.
        max_rate_hz: The highest rate.
    """

    max_samples: int = 100_000_000  # 400 MB as float32; 34 minutes of mono at 48 kHz
    max_bytes: int = 400 * 2**20  # that many samples of 32 bits
    max_channels: int = 16  # 7.1 has eight, third-order ambisonics sixteen
    min_rate_hz: int = 1000
    max_rate_hz: int = 384_000  # the fastest converters of studios

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("max_samples", "max_bytes", "max_channels", "min_rate_hz"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.max_rate_hz < self.min_rate_hz:
            raise ValueError(
                f"max_rate_hz must be at least min_rate_hz; got {self.max_rate_hz} and "
                f"{self.min_rate_hz}"
            )


DEFAULT_AUDIO_LIMITS = AudioLimits()


@dataclass(frozen=True, eq=False)
class Audio:
    """Sampled sound. Compared by identity.

    `pipelines.audio.audio_from_samples` makes it of any array, with all checks.

    Attributes:
        samples: (N, C) float32 in [-1, 1], channels last; read-only, and shared with nobody.
        rate_hz: Samples a second and channel.
        source: The path, or the kind of the input, such as "<bytes>".
        format: "WAV", "FLAC", ...; None for an array.
        clipped: How many samples were beyond full scale and were clipped: lossy formats and
            resampling overshoot.
    """

    samples: np.ndarray = field(repr=False)
    rate_hz: int
    source: str = "<array>"
    format: str | None = None
    clipped: int = 0

    def __post_init__(self) -> None:
        """Check what all the rest relies on."""
        shape, dtype = self.samples.shape, self.samples.dtype
        if len(shape) != 2 or 0 in shape or dtype != np.float32 or self.rate_hz < 1:
            raise audio_refusal(
                self.source,
                f"audio must be (N, C) float32 at a rate of 1 Hz or more; got {shape} {dtype} "
                f"at {self.rate_hz}; pass audio_from_samples(samples, rate_hz)",
            )

    @property
    def frames(self) -> int:
        """N, the samples of each channel."""
        return int(self.samples.shape[0])

    @property
    def channels(self) -> int:
        """C: 1 is mono, 2 stereo, 6 5.1."""
        return int(self.samples.shape[1])

    @property
    def seconds(self) -> float:
        """The duration."""
        return self.frames / self.rate_hz

    @property
    def peak(self) -> float:
        """The largest magnitude of any sample, in [0, 1]."""
        return peak_of(self.samples)

    @property
    def mono(self) -> np.ndarray:
        """The only channel, (N,) float32, read-only.

        Raises:
            AudioError: There are several channels; nothing is mixed silently.
        """
        if self.channels != 1:
            raise audio_refusal(
                self.source,
                f"must have one channel; got {self.channels}; pass downmix(audio)",
            )
        return self.samples[:, 0]


def peak_of(samples: np.ndarray) -> float:
    """Return the largest magnitude of any sample; NaN if one is NaN."""
    return float(max(samples.max(), -samples.min()))


def audio_refusal(source: str, reason: str) -> AudioError:
    """Return the error that says why `source` is refused."""
    return AudioError(f"{shown(source)}: {shown(reason, REASON_CHARACTERS)}")


def check_audio(source: str, frames: int, channels: int, rate_hz: int, limits: AudioLimits) -> None:
    """Refuse audio without samples, or beyond the limits.

    Raises:
        AudioError: It is one of these.
    """
    if frames < 1 or channels < 1:
        raise audio_refusal(
            source, f"audio needs at least one sample; got {frames} of {channels} channels"
        )
    if channels > limits.max_channels:
        raise audio_refusal(
            source,
            f"audio may have at most {limits.max_channels} channels; got {channels:,}; "
            "pass AudioLimits(max_channels=...) if they are meant",
        )
    if not limits.min_rate_hz <= rate_hz <= limits.max_rate_hz:
        raise audio_refusal(
            source,
            f"the rate must be {limits.min_rate_hz:,} to {limits.max_rate_hz:,} Hz; "
            f"got {rate_hz:,}; pass AudioLimits(...) with another range if it is meant",
        )
    if frames * channels > limits.max_samples:
        raise too_many_samples(source, f"{frames:,} x {channels} = {frames * channels:,}", limits)


def too_many_samples(source: str, got: str, limits: AudioLimits) -> AudioError:
    """Return the error for audio beyond `limits.max_samples`."""
    return audio_refusal(
        source,
        f"audio may have at most {limits.max_samples:,} samples; got {got}; cut it into parts, "
        "or pass AudioLimits(max_samples=...) if you trust it",
    )

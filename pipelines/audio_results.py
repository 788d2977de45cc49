"""What a pipeline of sound returns: waveforms, and what a network thinks of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.audio_encoding import Bits, write_audio
from pipelines.audio_waveform import Audio
from pipelines.results import Result

if TYPE_CHECKING:
    from PIL import Image

    from pipelines.audio_features import MelSpec

NO_LABELS: Mapping[str, str] = MappingProxyType({})
OUTLYING = 3.0  # deviations from the mean: of a normal distribution, 0.3 % lie beyond


@dataclass(frozen=True, kw_only=True)
class GeneratedAudio(Result):
    """A clip that a network generated.

    Attributes:
        waveform: (N,) float32 in [-1, 1], read-only. As the levels say; of a recording that was
            vocoded, as loud as the recording.
        levels: (N,) int32, read-only: the levels of mu-law that the network drew.
        rate_hz: Samples a second.
        labels: The class of each label, by name.
        given_s: How many of its seconds, at the beginning, were given and not generated.
        temperature: What the levels were drawn with; so too `top_k`, `top_p` and
            `guidance`.
        mel: What its spectrogram is made with; the rate's own when None.
    """

    waveform: np.ndarray = field(repr=False, compare=False)
    levels: np.ndarray = field(repr=False, compare=False)
    rate_hz: int
    labels: Mapping[str, str] = field(default_factory=lambda: NO_LABELS, hash=False)
    given_s: float = 0.0
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    guidance: float = 1.0
    mel: MelSpec | None = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        """The duration."""
        return len(self.waveform) / self.rate_hz

    @property
    def audio(self) -> Audio:
        """The clip as every reader of audio takes it."""
        return Audio(self.waveform[:, None], self.rate_hz, self.source)

    @cached_property
    def spectrogram(self) -> np.ndarray:
        """The log-mel spectrogram, (frames, bands) float32, read-only.

        Raises:
            ImportError: librosa is not installed.
        """
        import tensorflow as tf

        from pipelines.audio_features import log_mel
        from pipelines.audio_picture import usual_mel

        frames: np.ndarray = log_mel(
            tf.constant(self.waveform[None]), self.mel or usual_mel(self.rate_hz)
        ).numpy()[0]
        frames.setflags(write=False)
        return frames

    def picture(self, *, width_px: int | None = None, height_px: int = 256) -> Image.Image:
        """Return the spectrogram as a picture in RGB, low frequencies at the bottom.

        Args:
            width_px: Two pixels a frame when None, but at least 256 and at most 2,048.
            height_px: Of all bands together.

        Raises:
            ValueError: A side is out of range.
            ImportError: librosa is not installed.
        """
        from pipelines.audio_picture import draw_spectrogram

        return draw_spectrogram(self.spectrogram, width_px=width_px, height_px=height_px)

    def save(self, path: str | os.PathLike[str], *, bits: Bits = 16) -> Path:
        """Write the clip, whole or not at all, and return the path.

        Args:
            path: Its ending chooses the format: .wav .flac; .json is what `to_dict` says.
            bits: 16 or 24 a sample.

        Raises:
            AudioError: The name has another ending, or the format does not hold it.
            MissingAudioError: There is no such folder.
            OSError: The disk is full, say.
            ImportError: soundfile is not installed.
        """
        if Path(path).suffix.lower() == ".json":
            return super().save(path)
        return write_audio(path, self.audio, bits=bits)

    def show(self) -> None:
        """Show the spectrogram in a window, by the system's viewer."""
        self.picture().show()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold: the duration, not the samples."""
        return {
            **super().to_dict(),
            "seconds": self.seconds,
            "samples": len(self.waveform),
            "rate_hz": self.rate_hz,
            "labels": dict(self.labels),
            "given_s": self.given_s,
            "temperature": self.temperature,
            "top_k": self.top_k,
            "top_p": self.top_p,
            "guidance": self.guidance,
        }

    def __str__(self) -> str:
        """Return the source, the labels, the duration and the seed."""
        said = "".join(f", {name} {word}" for name, word in self.labels.items())
        return f"{self.source}{said}: {self.seconds:.2f} s at {self.rate_hz:,} Hz, seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class ScoredAudio(Result):
    """How well a network could foretell a recording, sample by sample.

    Attributes:
        bits_per_sample: The mean of `bits`; one that knew nothing would need 8 for 256 levels.
        bits: (N,) float32, read-only: minus log2 of the probability that each sample's level had.
        rate_hz: Samples a second.
        labels: The class of each label, by name.
        deviations: How many standard deviations the mean lies above that of recordings which the
            network never heard; None where the preset does not know them.
    """

    bits_per_sample: float
    bits: np.ndarray = field(repr=False, compare=False)
    rate_hz: int
    labels: Mapping[str, str] = field(default_factory=lambda: NO_LABELS, hash=False)
    deviations: float | None = None

    @property
    def seconds(self) -> float:
        """The duration."""
        return len(self.bits) / self.rate_hz

    @property
    def outlier(self) -> bool | None:
        """Whether it is unlike what the network learned; None where nobody knows."""
        return None if self.deviations is None else abs(self.deviations) > OUTLYING

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold: the mean, not each sample's bits."""
        return {
            **super().to_dict(),
            "bits_per_sample": self.bits_per_sample,
            "seconds": self.seconds,
            "samples": len(self.bits),
            "rate_hz": self.rate_hz,
            "labels": dict(self.labels),
            "deviations": self.deviations,
            "outlier": self.outlier,
        }

    def __str__(self) -> str:
        """Return the source, and its bits with what they mean."""
        text = f"{self.source}: {self.bits_per_sample:.2f} bits per sample"
        if self.deviations is None:
            return text
        verdict = "an outlier" if self.outlier else "as expected"
        return f"{text}, {self.deviations:+.1f} deviations, {verdict}"

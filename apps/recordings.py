"""A visitor's recording: taken in by microphone or as a file, and made what a network can hear."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from apps.session import Upload, UploadError
from pipelines.audio import Audio, AudioError, describe_audio, downmix, read_audio, resample
from pipelines.audio_waveform import AudioLimits

LONGEST_S = 30.0
LIMITS = AudioLimits(max_samples=20_000_000, max_channels=8)  # 80 MB; 30 seconds of 7.1 at 48 kHz
LAYOUTS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True)
class Recording:
    """A recording that was handed over, and what the page says of it.

    Attributes:
        upload: The file.
        seconds: How long it lasts.
        rate_hz: Samples a second and channel.
        channels: How many.
        format: "WAV", "FLAC", "OGG" or "MP3".
    """

    upload: Upload
    seconds: float
    rate_hz: int
    channels: int
    format: str
    _heard: dict[int, Audio] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, name: str, content: bytes) -> Recording:
        """Take a file.

        Raises:
            UploadError: It is empty or too large, no audio, refused, or too long.
        """
        upload = Upload.of(name, content)
        audio = _read(upload)
        if audio.seconds > LONGEST_S:
            raise UploadError(
                f"a recording may last at most {LONGEST_S:.0f} seconds here; got "
                f"{audio.seconds:,.1f}; hand over a part of it"
            )
        return cls(upload, audio.seconds, audio.rate_hz, audio.channels, audio.format or "")

    @property
    def facts(self) -> str:
        """What it is, in words: `2.50 s · WAV · stereo · 44,100 Hz`."""
        layout = LAYOUTS.get(self.channels, f"{self.channels} channels")
        return f"{self.seconds:.2f} s · {self.format} · {layout} · {self.rate_hz:,} Hz"

    def changes(self, rate_hz: int) -> str:
        """Say what is done to it for a network of a rate; empty where nothing is."""
        done = []
        if self.channels > 1:
            done.append("mixed to one channel")
        if self.rate_hz != rate_hz:
            done.append(f"resampled from {self.rate_hz:,} to {rate_hz:,} Hz")
        return ", ".join(done)

    def heard(self, rate_hz: int) -> Audio:
        """Return it with one channel, at a rate, called as its file is; converted once a rate.

        Raises:
            UploadError: It cannot be read any more, or soxr is not installed.
        """
        if rate_hz not in self._heard:
            try:
                heard = resample(downmix(_read(self.upload)), rate_hz)
            except (AudioError, ImportError) as error:
                raise UploadError(str(error)) from error
            self._heard[rate_hz] = replace(heard, source=self.upload.name)
        return self._heard[rate_hz]

    @property
    def stem(self) -> str:
        """The file's name without its ending, in letters, digits and a few signs."""
        return self.upload.stem("recording")


def _read(upload: Upload) -> Audio:
    try:
        return read_audio(upload.content, limits=LIMITS)
    except (AudioError, ImportError) as error:
        # Without what a pipeline calls bytes.
        reason = str(error).removeprefix(f"{describe_audio(upload.content)}: ")
        raise UploadError(reason) from error

"""Audio into WAV and FLAC: at once or block by block, whole or not at all."""

from __future__ import annotations

import io
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal

import numpy as np

from models.words import suggest
from pipelines.audio_arrays import audio_from_samples, whole_rate
from pipelines.audio_decoding import import_soundfile
from pipelines.audio_waveform import Audio, AudioLimits, MissingAudioError, audio_refusal
from pipelines.picture import shown

Format = Literal["wav", "flac"]
Bits = Literal[16, 24]

SUFFIXES = {".wav": "wav", ".flac": "flac"}
MOST_CHANNELS = {"wav": 1024, "flac": 8}  # libsndfile's limit; three bits of FLAC's header
MOST_RATE_HZ = {"wav": 2**31 - 1, "flac": 655_350}  # libsndfile's int; libFLAC's limit
# A WAV counts its bytes with 32 bits; the header is 44 bytes, and libsndfile's may have 80.
MOST_WAV_BYTES = 2**32 - 1 - 128
ANY_AUDIO = AudioLimits(  # what is already in memory may be written
    max_samples=2**63 - 1, max_channels=1024, min_rate_hz=1, max_rate_hz=2**31 - 1
)


class AudioWriter:
    """A WAV or FLAC file that is written block by block, in constant memory.

        with AudioWriter("seven.wav", 8000) as file:
            for block in blocks:
                file.write(block)

    The file appears, whole, when the `with` block ends; if it ends with an exception, what was
    there before stays. The bytes are those of `encode_audio`, whatever the blocks.

    Attributes:
        path: Where it will be.
        rate_hz: Samples a second.
        channels: Of every block.
        bits: 16 or 24.
        frames: Samples of each channel that were written so far.
    """

    def __init__(
        self, path: str | os.PathLike[str], rate_hz: int, *, channels: int = 1, bits: Bits = 16
    ) -> None:
        """Say what will be written; nothing is, before the `with` block begins.

        Args:
            path: Its ending chooses the format: .wav .flac.
            rate_hz: Samples a second.
            channels: 1 for mono.
            bits: 16 or 24 a sample.

        Raises:
            AudioError: The format does not hold it.
            MissingAudioError: There is no such folder.
            ImportError: soundfile is not installed.
        """
        self.path, self.channels, self.bits, self.frames = Path(path), channels, bits, 0
        source = str(self.path)
        self.rate_hz = whole_rate(source, rate_hz)
        self.format = _format_of(self.path)
        _check(source, self.format, self.rate_hz, channels, bits)
        if self.path.is_dir():
            raise audio_refusal(source, "is a folder; pass a file name")
        if not self.path.parent.is_dir():
            folder = shown(str(self.path.parent))
            raise MissingAudioError(
                f"{shown(source)}: the folder {folder} must exist; create it first"
            )
        import_soundfile()
        self._part = self.path.with_name(f".{secrets.token_hex(8)}.part")
        self._raw: BinaryIO | None = None
        self._encoder: Any = None

    def __enter__(self) -> AudioWriter:
        self.frames = 0
        self._raw = self._part.open("x+b", buffering=0)
        try:
            # By its descriptor: an error of the disk is reported, and any name will do.
            self._encoder = _open_encoder(
                self._raw.fileno(),
                self.format,
                self.rate_hz,
                channels=self.channels,
                bits=self.bits,
            )
        except BaseException:
            self._discard()
            raise
        return self

    def write(self, samples: np.ndarray) -> None:
        """Append a block.

        Args:
            samples: (N,), or (N, C) with the writer's number of channels, as `audio_from_samples`
                takes them. An empty block is no error.

        Raises:
            AudioError: The samples are no audio, have another number of channels, or make a WAV
                longer than 4 GB.
            OSError: The disk is full, say.
            ValueError: The writer is not open.
        """
        source = str(self.path)
        if self._encoder is None:
            raise ValueError("an AudioWriter is written to inside its with block")
        if isinstance(samples, np.ndarray) and samples.ndim in (1, 2) and len(samples) == 0:
            return
        audio = audio_from_samples(samples, self.rate_hz, source=source, limits=ANY_AUDIO)
        if audio.channels != self.channels:
            raise audio_refusal(
                source, f"a block must have {self.channels} channels; got {audio.channels}"
            )
        frames = self.frames + audio.frames
        if self.format == "wav" and frames * self.channels * self.bits // 8 > MOST_WAV_BYTES:
            raise audio_refusal(source, "a WAV holds at most 4 GB; write FLAC, or several files")
        try:
            self._encoder.write(_to_integers(audio.samples, self.bits))
        except Exception as error:  # soundfile's own, and an assertion where the disk is full
            raise self._unwritable(error) from error
        self.frames = frames

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._discard()

    def _finish(self) -> None:
        """Complete the header, and put the file in its place when all of it is on the disk."""
        if self.frames == 0:
            raise audio_refusal(str(self.path), "no sample was written; write at least one")
        assert self._raw is not None
        try:
            self._encoder.close()
            os.fsync(self._raw.fileno())
        except Exception as error:
            raise self._unwritable(error) from error
        self._raw.close()
        self._part.replace(self.path)

    def _discard(self) -> None:
        """Close everything, and remove what is not in its place."""
        encoder, self._encoder = self._encoder, None
        try:
            if encoder is not None:
                encoder.close()
        except Exception:  # of the disk, which was told of already
            pass
        finally:
            if self._raw is not None:
                self._raw.close()
            self._part.unlink(missing_ok=True)

    def _unwritable(self, error: Exception) -> OSError:
        return OSError(
            f"{shown(str(self.path))}: cannot be written; is the disk full? "
            f"({type(error).__name__}: {error})"
        )


def encode_audio(audio: Audio, format: Format = "wav", *, bits: Bits = 16) -> bytes:
    """Return audio as the bytes of a file.

    Samples are rounded to the nearest level, ties to the even one, without dither; +1, which
    integers just do not reach, becomes the highest. What was read from a file of as many bits
    comes out the same.

    Args:
        audio: What to encode.
        format: "wav" or "flac".
        bits: 16 or 24 a sample.

    Raises:
        AudioError: The format does not hold it, or the samples are no audio.
        ImportError: soundfile is not installed.
    """
    if format not in MOST_CHANNELS:
        raise audio_refusal(
            audio.source, f"unknown format {format!r}; {suggest(str(format), MOST_CHANNELS)}"
        )
    _check(audio.source, format, audio.rate_hz, audio.channels, bits)
    checked = audio_from_samples(
        audio.samples, audio.rate_hz, source=audio.source, limits=ANY_AUDIO
    )
    if format == "wav" and checked.samples.size * bits // 8 > MOST_WAV_BYTES:
        raise audio_refusal(audio.source, "a WAV holds at most 4 GB; encode it as FLAC")
    buffer = io.BytesIO()
    with _open_encoder(buffer, format, audio.rate_hz, audio.channels, bits) as encoder:
        encoder.write(_to_integers(checked.samples, bits))
    return buffer.getvalue()


def write_audio(path: str | os.PathLike[str], audio: Audio, *, bits: Bits = 16) -> Path:
    """Write audio whole or not at all, replacing what was there; rounded as by `encode_audio`.

    Args:
        path: Its ending chooses the format: .wav .flac.
        audio: What to write.
        bits: 16 or 24 a sample.

    Returns:
        The path.

    Raises:
        AudioError: The format does not hold it, or the samples are no audio.
        MissingAudioError: There is no such folder.
        OSError: The disk is full, say.
        ImportError: soundfile is not installed.
    """
    with AudioWriter(path, audio.rate_hz, channels=audio.channels, bits=bits) as file:
        file.write(audio.samples)
    return file.path


def _format_of(path: Path) -> str:
    """Return the format that a name's ending chooses."""
    if path.suffix.lower() not in SUFFIXES:
        endings = " ".join(SUFFIXES)
        raise audio_refusal(
            str(path), f"the name must end in one of {endings}; got {path.suffix!r}"
        )
    return SUFFIXES[path.suffix.lower()]


def _check(source: str, format_name: str, rate_hz: int, channels: int, bits: int) -> None:
    """Refuse what the format does not hold."""
    if bits not in (16, 24):
        raise audio_refusal(source, f"bits must be 16 or 24; got {bits}")
    remedy = "; write WAV" if format_name == "flac" else ""
    for name, value, most in (
        ("channels", channels, MOST_CHANNELS[format_name]),
        ("Hz", rate_hz, MOST_RATE_HZ[format_name]),
    ):
        if not 1 <= value <= most:
            raise audio_refusal(
                source, f"{format_name} holds 1 to {most:,} {name}; got {value:,}{remedy}"
            )
    # Above what 16 bits hold, a frame of FLAC counts in tens (RFC 9639, section 9.1.2).
    if format_name == "flac" and rate_hz > 65_535 and rate_hz % 10:
        raise audio_refusal(
            source, f"flac holds rates above 65,535 Hz in steps of 10; got {rate_hz:,}{remedy}"
        )


def _open_encoder(
    file: BinaryIO | int, format_name: str, rate_hz: int, channels: int, bits: int
) -> Any:
    """Return soundfile's writer into a file object or a descriptor, which stays open."""
    return import_soundfile().SoundFile(
        file,
        "w",
        samplerate=rate_hz,
        channels=channels,
        format=format_name.upper(),
        subtype=f"PCM_{bits}",
        closefd=False,
    )


def _to_integers(samples: np.ndarray, bits: int) -> np.ndarray:
    """Return (N, C) float32 in [-1, 1] as int16, or as int32 whose upper 24 bits count.

    Not left to libsndfile, which multiplies by 32,767: what was read would not come out the same.
    """
    full_scale = np.float32(2 ** (bits - 1))  # a power of two: the product is exact
    levels = np.minimum(np.rint(samples * full_scale), full_scale - 1)
    if bits == 16:
        return levels.astype(np.int16)
    return levels.astype(np.int32) << 8

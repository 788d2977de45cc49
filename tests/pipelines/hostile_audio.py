"""Inputs that must be refused: one table, for every door that sound comes in by.

@pytest.mark.parametrize("hostile", HOSTILE_AUDIO, ids=lambda hostile: hostile.id)
def test_...(hostile, tmp_path):
    with pytest.raises(hostile.error, match=re.escape(hostile.says)):
        read_audio(hostile.make(tmp_path))
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipelines.audio import AudioError, MissingAudioError
from tests.pipelines.encoded_audio import RATE_HZ, encode, flac_that_promises, sound, wav

MOST_32_BITS = 2**32 - 1


class HostileSound(NamedTuple):
    """One input, the exception it must raise, and what the message must hold."""

    id: str
    make: Callable[[Path], Any]
    error: type[Exception]
    says: str


def _value(make: Callable[[], Any]) -> Callable[[Path], Any]:
    """Return a maker of something that needs no folder."""
    return lambda _folder: make()


def _file(name: str, make: Callable[[], bytes]) -> Callable[[Path], Path]:
    """Return a maker of a file in the test's folder."""

    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(make())
        return path

    return write


def _floats(value: float) -> np.ndarray:
    samples = sound().astype(np.float32)
    samples[7] = value
    return samples


def _spoilt_ogg() -> bytes:
    data = bytearray(encode(sound(), "OGG", "VORBIS"))
    data[len(data) // 2] ^= 1
    return bytes(data)


def _spoilt_mp3() -> bytes:
    data = bytearray(encode(sound(), "MP3", "MPEG_LAYER_III"))
    at = data.index(data[:2], len(data) // 2)  # a frame's sync
    data[at : at + 4] = b"junk"
    return bytes(data)


def _boastful_mp3() -> bytes:
    """Return an MP3 whose tag tells twice the number of frames, and the right number of bytes."""
    data = bytearray(encode(sound(), "MP3", "MPEG_LAYER_III"))
    at = data.index(b"Xing") + 8
    (frames,) = struct.unpack_from(">I", data, at)
    struct.pack_into(">I", data, at, 2 * frames)
    return bytes(data)


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.wav")
    return folder / "pipe.wav"


def _beside(folder: Path) -> Path:
    (folder / "Seven.wav").write_bytes(encode(sound()))
    return folder / "sevn.wav"


_ROWS: tuple[tuple[str, Callable[[Path], Any], str], ...] = (
    # Files
    ("empty file", _file("a.wav", lambda: b""), "a.wav: is empty; pass an audio file's bytes"),
    ("empty bytes", _value(lambda: b""), "<bytes>: is empty"),
    ("text", _value(lambda: b"no sound at all"), "is no audio: it begins with b'no sound at all'"),
    ("web page", _value(lambda: b"<!DOCTYPE html><html>"), "is a web page; pass the audio file"),
    ("AIFF", _value(lambda: encode(sound(), "AIFF")), "is an AIFF file; convert it to WAV or FLAC"),
    ("Sun AU", _value(lambda: encode(sound(), "AU")), "is a Sun AU file; convert it"),
    ("RF64", _value(lambda: encode(sound(), "RF64")), "is a WAV of more than 4 GB"),
    ("MPEG-4", _value(lambda: b"\0\0\0\x20ftypM4A "), "is an MPEG-4 file (M4A, AAC or a video)"),
    ("AAC", _value(lambda: b"\xff\xf1\x50\x80"), "is an AAC stream; convert it"),
    ("MIDI", _value(lambda: b"MThd\0\0\0\6"), "is a MIDI file, which holds notes and no sound"),
    ("picture", _value(lambda: b"\x89PNG\r\n\x1a\n"), "is a picture; pass audio"),
    ("RIFF of something else", _value(lambda: b"RIFF\4\0\0\0WEBP"), "is a RIFF file without sound"),
    ("folder", lambda folder: folder, "must be a regular file; got a folder; pass a file"),
    ("FIFO", _fifo, "must be a regular file; got a FIFO"),
    ("NUL in the path", _value(lambda: "a\0.wav"), "a\\x00.wav: is no valid path"),
    ("URL", _value(lambda: "https://x.org/a.wav"), "is a URL; download it and pass the path"),
    (
        "escape in the name",
        _file("\x1b[31m\na.wav", lambda: b""),
        "\\x1b[31m\\na.wav: is empty",
    ),
    # Headers that lie
    ("WAV without samples", _value(lambda: wav(b"")), "holds no samples; pass audio of at least"),
    (
        "FLAC without samples",
        _value(lambda: flac_that_promises(0)),
        "holds no samples, or leaves its length",
    ),
    (
        "WAV of open length",
        _value(lambda: wav(bytes(64), data_bytes=MOST_32_BITS)),
        "leaves its length open, as a stream or a program that was interrupted does; write it",
    ),
    (
        "interrupted WAV",
        _value(lambda: wav(bytes(64), data_bytes=0)),
        "leaves its length open",
    ),
    (
        "WAV that promises 4 GB",
        _value(lambda: wav(bytes(64), data_bytes=2**32 - 16)),
        "is cut short: 64 bytes of samples, of which there are 4,294,967,280 by its header",
    ),
    (
        "FLAC that promises 68,719,476,735 samples",
        _value(lambda: flac_that_promises(2**36 - 1)),
        "audio may have at most 100,000,000 samples; got 68,719,476,735 x 1 = 68,719,476,735",
    ),
    (
        "FLAC that promises more than it has",
        _value(lambda: flac_that_promises(9999)),
        "cannot be decoded as FLAC; it is damaged or cut short",
    ),
    (
        "two OGG streams in one file",
        _value(lambda: 2 * encode(sound(), "OGG", "VORBIS")),
        "holds several streams; split it, and pass one",
    ),
    (
        "MP3 that promises more than it has",
        _value(_boastful_mp3),
        "is damaged or cut short: its header promises",
    ),
    ("damaged OGG", _value(_spoilt_ogg), "is damaged: the checksum of the page at byte"),
    ("damaged MP3", _value(_spoilt_mp3), "is damaged or cut short: there is no frame of MP3 at"),
    (
        "tag without MP3",
        _value(lambda: b"ID3\4\0\0\0\0\0\0" + bytes(99)),
        "no frame of MP3 follows",
    ),
    (
        "WAV of an unknown coding",
        _value(lambda: wav(bytes(64), kind=999)),
        "cannot be decoded as WAV; it is damaged or cut short (LibsndfileError",
    ),
    (
        "200 channels",
        _value(lambda: wav(bytes(400), channels=200)),
        "audio may have at most 16 channels; got 200; pass AudioLimits(max_channels=...)",
    ),
    (
        "rate of 2 GHz",
        _value(lambda: wav(bytes(64), rate_hz=2 * 10**9)),
        "the rate must be 1,000 to 384,000 Hz; got 2,000,000,000",
    ),
    ("rate of 1 Hz", _value(lambda: wav(bytes(64), rate_hz=1)), "1,000 to 384,000 Hz; got 1; "),
    # Samples
    (
        "float file with NaN",
        _value(lambda: encode(_floats(np.nan), subtype="FLOAT")),
        "samples must be finite; got NaN or infinity in 1 of 4,000",
    ),
    (
        "float file beyond full scale",
        _value(lambda: encode(_floats(1.5), subtype="FLOAT")),
        "samples must lie in [-1, 1]; got a peak of 1.5; export it at a lower level, or with 16",
    ),
    (
        "double beyond float32",
        _value(lambda: wav(struct.pack("<d", 1e300), bits=64, kind=3)),
        "samples must be finite",
    ),
    ("NaN", _value(lambda: (_floats(np.nan), RATE_HZ)), "<array>: samples must be finite; got NaN"),
    ("infinity", _value(lambda: (_floats(-np.inf), RATE_HZ)), "or pass np.nan_to_num(samples)"),
    (
        "too loud",
        _value(lambda: (_floats(-1.001), RATE_HZ)),
        "samples must lie in [-1, 1]; got a peak of 1.001; pass samples / np.abs(samples).max()",
    ),
    (
        "16-bit levels as floats",
        _value(lambda: (np.full(9, -32768.0), RATE_HZ)),
        "if full scale is that of 16 bits, pass samples / 32768",
    ),
    (
        "16-bit levels as int64",
        _value(lambda: (np.full(9, -32768), RATE_HZ)),
        "if they have 16 bits, pass samples.astype(np.int16)",
    ),
    (
        "24-bit levels as int64",
        _value(lambda: (np.full(9, 2**23 - 1), RATE_HZ)),
        "divide them by their full scale and pass floats",
    ),
    ("bool", _value(lambda: (np.ones(9, bool), RATE_HZ)), "int32; got bool; convert them with"),
    ("complex", _value(lambda: (np.ones(9, complex), RATE_HZ)), "int32; got complex128; convert"),
    ("masked array", _value(lambda: (np.ma.zeros(9), RATE_HZ)), "pass samples.filled(0)"),
    (
        "channels first",
        _value(lambda: (np.zeros((2, 4000)), RATE_HZ)),
        "samples must be (N, C), channels last; got (2, 4000); pass samples.T",
    ),
    (
        "batch",
        _value(lambda: (np.zeros((2, 40, 1)), RATE_HZ)),
        "must be (N,) or (N, C); got (2, 40",
    ),
    ("scalar", _value(lambda: (np.float32(0.5), RATE_HZ)), "samples must be an array; got float32"),
    (
        "no sample",
        _value(lambda: (np.zeros(0), RATE_HZ)),
        "at least one sample; got 0 of 1 channel",
    ),
    ("no channel", _value(lambda: (np.zeros((9, 0)), RATE_HZ)), "got 9 of 0 channels"),
    # Pairs and types
    (
        "array alone",
        _value(lambda: np.zeros(9)),
        "an array needs its rate: pass (samples, rate_hz)",
    ),
    ("rate first", _value(lambda: (RATE_HZ, np.zeros(9))), "got the rate first; swap it"),
    ("three values", _value(lambda: (np.zeros(9), 8000, 1)), "(samples, rate_hz); got 3 values"),
    ("list of numbers", _value(lambda: ([0.0, 0.5], 8000)), "got list; pass np.asarray(samples)"),
    ("rate of a half", _value(lambda: (np.zeros(9), 8000.5)), "a whole number above 0; got 8000.5"),
    ("rate of zero", _value(lambda: (np.zeros(9), 0)), "rate_hz must be a whole number above 0"),
    ("rate of True", _value(lambda: (np.zeros(9), True)), "rate_hz must be a whole number above 0"),
    ("open file", _value(io.BytesIO), "got BytesIO; pass file.read()"),
    ("bytearray", _value(lambda: bytearray(9)), "got bytearray; pass bytes(...)"),
    ("nothing", _value(lambda: None), "<NoneType>: audio must be a path, bytes, a pair"),
)

HOSTILE_AUDIO = (
    *(HostileSound(name, make, AudioError, says) for name, make, says in _ROWS),
    HostileSound("misspelt path", _beside, MissingAudioError, "did you mean Seven.wav?"),
    HostileSound(
        "no folder", lambda folder: folder / "no" / "a.wav", MissingAudioError, "there is no folder"
    ),
    HostileSound(
        "home", _value(lambda: "~/a.wav"), MissingAudioError, "pass os.path.expanduser(path)"
    ),
)

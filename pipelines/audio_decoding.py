"""Encoded bytes as audio: at their own rate, all channels, checked for what decoders let pass.

libsndfile decodes, through soundfile. It would also read formats that nobody asked for, believe a
header that promises more than memory holds, and give what there is of a file that was cut short:
the format is told by the first bytes and the container looked through before it sees anything, and
samples are taken in blocks up to the limit.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from pipelines.audio_arrays import check_range
from pipelines.audio_containers import incompleteness
from pipelines.audio_signatures import FORMATS, readable_audio_format, unreadable_audio_kind
from pipelines.audio_waveform import (
    DEFAULT_AUDIO_LIMITS,
    INSTALL,
    Audio,
    AudioError,
    AudioLimits,
    audio_refusal,
    check_audio,
    too_many_samples,
)

BLOCK_SAMPLES = 2**20  # read at a time: 4 MiB
LOSSY = ("OGG", "MP3")
# Behind a lossy coder, a sample that was at full scale may come out beyond it, which 16-bit
# decoders clip. Four times is more than any music does: the file is damaged, or no such sound.
MOST_OVERSHOOT = 4.0
# libsndfile's names of what a format told by its first bytes may turn out to be.
CONTAINERS = {"WAV": ("WAV", "WAVEX"), "FLAC": ("FLAC",), "OGG": ("OGG",), "MP3": ("MP3",)}


def decode_audio(
    data: bytes, *, source: str = "<bytes>", limits: AudioLimits = DEFAULT_AUDIO_LIMITS
) -> Audio:
    """Decode a WAV, FLAC, OGG or MP3 file.

    Returns:
        All channels at the file's rate. What lossy formats have beyond full scale is clipped, and
        counted in `clipped`.

    Raises:
        AudioError: It is empty, too large, of no format read here, damaged or cut short, without
            samples, or its samples are NaN, infinite or beyond full scale.
        ImportError: soundfile is not installed.
    """
    if not data:
        raise audio_refusal(source, "is empty; pass an audio file's bytes")
    if len(data) > limits.max_bytes:
        raise too_many_audio_bytes(source, len(data), limits)
    name = readable_audio_format(data)
    if name is None:
        kind, remedy = unreadable_audio_kind(data)
        raise audio_refusal(source, f"is {kind}; {remedy}; read here are {', '.join(FORMATS)}")
    if reason := incompleteness(name, data):
        raise audio_refusal(source, reason)
    soundfile = import_soundfile()
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            samples = _samples(file, name, source, limits)
            rate_hz = file.samplerate
    except (AudioError, MemoryError):
        raise
    except Exception as error:
        # soundfile's own words name an object in memory before libsndfile's.
        words = getattr(error, "error_string", str(error))
        detail = f"{type(error).__name__}: {words}"
        raise audio_refusal(
            source, f"cannot be decoded as {name}; it is damaged or cut short ({detail})"
        ) from error
    return _checked(samples, rate_hz, name, source)


def too_many_audio_bytes(source: str, size: int, limits: AudioLimits) -> AudioError:
    """Return the error for encoded data beyond `limits.max_bytes`."""
    return audio_refusal(
        source,
        f"may have at most {limits.max_bytes:,} bytes; got {size:,}; "
        "pass AudioLimits(max_bytes=...) if you trust it",
    )


def import_soundfile() -> Any:
    """Return the module soundfile, which only those need who read or write files.

    Raises:
        ImportError: It is not installed.
    """
    try:
        import soundfile
    except ImportError as error:
        raise ImportError(f"audio files need soundfile; {INSTALL}") from error
    return soundfile


def _samples(file: Any, name: str, source: str, limits: AudioLimits) -> np.ndarray:
    """Read (N, C) float32 in blocks, as many as there are and no more than the limit."""
    if file.format not in CONTAINERS[name]:
        raise audio_refusal(source, f"begins as {name} but holds {file.format}; convert it to WAV")
    promised, channels = file.frames, file.channels
    check_audio(source, promised, channels, file.samplerate, limits)
    blocks: list[np.ndarray] = []
    frames = 0
    while True:
        block = file.read(max(1, BLOCK_SAMPLES // channels), "float32", always_2d=True)
        if len(block) == 0:
            break
        blocks.append(block)
        frames += len(block)
        if frames * channels > limits.max_samples:
            raise too_many_samples(source, "more than its header says", limits)
    if frames != promised:
        raise audio_refusal(
            source,
            f"is damaged or cut short: its header promises {promised:,} samples a channel; "
            f"got {frames:,}",
        )
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def _checked(samples: np.ndarray, rate_hz: int, name: str, source: str) -> Audio:
    """Clip what lossy formats overshoot, and refuse what is out of range."""
    clipped = 0
    if name in LOSSY and np.abs(samples).max() <= MOST_OVERSHOOT:
        clipped = int(np.count_nonzero(np.abs(samples) > 1))
    else:
        check_range(source, samples, "export it at a lower level, or with 16 or 24 bits")
    np.clip(samples, -1.0, 1.0, out=samples)
    samples.setflags(write=False)
    return Audio(samples, rate_hz, source, name, clipped)

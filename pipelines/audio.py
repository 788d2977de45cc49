"""Sound in and out: paths, bytes and arrays become `Audio`, and back.

This is the door that all tasks and the command line go through; what is behind it:

    audio_waveform.py     what audio is, the limits, the errors
    audio_arrays.py       arrays
    audio_signatures.py   which format, told by the first bytes
    audio_containers.py   whether a file is whole
    audio_decoding.py     encoded bytes
    audio_encoding.py     writing, at once or block by block
    audio_conversion.py   channels, rate, level, silence
    audio_mu_law.py       the levels that WaveNet predicts
    audio_features.py     log-mel spectrograms; starts TensorFlow, and is imported by itself

soundfile and soxr (extra `audio`) are imported where a file is read or a rate changed, not here.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from pipelines.audio_arrays import audio_from_samples
from pipelines.audio_conversion import downmix, normalise_level, resample, trim_silence
from pipelines.audio_decoding import decode_audio, too_many_audio_bytes
from pipelines.audio_encoding import AudioWriter, encode_audio, write_audio
from pipelines.audio_mu_law import mu_compress, mu_expand
from pipelines.audio_waveform import (
    DEFAULT_AUDIO_LIMITS,
    Audio,
    AudioError,
    AudioLimits,
    MissingAudioError,
    audio_refusal,
)
from pipelines.local_files import (
    IrregularFileError,
    LargeFileError,
    LocalFileError,
    MissingFileError,
    files_below,
    read_file,
    why_missing,
)
from pipelines.picture import shown

__all__ = [
    "Audio",
    "AudioError",
    "AudioLimits",
    "AudioSource",
    "AudioWriter",
    "MissingAudioError",
    "audio_from_samples",
    "describe_audio",
    "downmix",
    "encode_audio",
    "list_audio",
    "mu_compress",
    "mu_expand",
    "normalise_level",
    "read_audio",
    "resample",
    "trim_silence",
    "write_audio",
]

AUDIO_SUFFIXES = frozenset((".wav", ".wave", ".flac", ".ogg", ".oga", ".mp3"))

AudioSource = str | os.PathLike[str] | bytes | tuple[np.ndarray, int] | Audio


def describe_audio(source: object) -> str:
    """Return what results call an input: its path, else its kind, such as "<bytes>"."""
    if isinstance(source, str):
        return source
    if isinstance(source, os.PathLike):
        return os.fsdecode(source)
    if isinstance(source, Audio):
        return source.source
    if isinstance(source, bytes):
        return "<bytes>"
    if isinstance(source, np.ndarray | tuple):
        return "<array>"
    return f"<{type(source).__name__}>"


def read_audio(source: AudioSource, *, limits: AudioLimits = DEFAULT_AUDIO_LIMITS) -> Audio:
    """Read one clip: all its channels, at its own rate and level.

    Args:
        source: A path or the bytes of a WAV, FLAC, OGG or MP3 file; a pair (samples, rate_hz) as
            `audio_from_samples` takes it, never modified and never shared with the result; or an
            `Audio`, which is checked.
        limits: What is refused before it costs anything.

    Returns:
        The clip. Floats beyond [-1, 1] are refused, but for one level of 16 bits; only what MP3
        and OGG overshoot is clipped, as their players do, and counted in `clipped`.

    Raises:
        AudioError: It is refused; the message gives the rule, the value and the remedy.
        MissingAudioError: There is no such file.
        ImportError: It is a file, and soundfile is not installed.
    """
    name = describe_audio(source)
    if isinstance(source, bytes):
        return decode_audio(source, limits=limits)
    if isinstance(source, Audio):
        audio_from_samples(source.samples, source.rate_hz, source=name, limits=limits)
        return source
    if isinstance(source, tuple):
        return _from_pair(name, source, limits)
    if isinstance(source, str) and "://" in source[:16]:
        raise audio_refusal(name, "is a URL; download it and pass the path")
    if isinstance(source, str | os.PathLike):
        return decode_audio(_read_file(name, limits), source=name, limits=limits)
    raise _type_refusal(name, source)


def list_audio(folder: str | os.PathLike[str], *, recursive: bool = True) -> list[Path]:
    """Return the files below `folder` that are named like audio, sorted, none hidden.

    Linked folders are not entered, so a loop of links ends.

    Raises:
        AudioError: `folder` is a file, or a folder in it cannot be listed.
        MissingAudioError: There is no such folder.
    """
    root = Path(folder)
    if not root.exists():
        raise MissingAudioError(f"{shown(str(root))}: {why_missing(str(root))}")
    if not root.is_dir():
        raise audio_refusal(str(root), "is a file; pass a folder")
    return files_below(root, AUDIO_SUFFIXES, recursive=recursive, unlistable=_raise_unlistable)


def _from_pair(name: str, pair: tuple[np.ndarray, int], limits: AudioLimits) -> Audio:
    """Take (samples, rate_hz), and nothing that looks like it."""
    if len(pair) != 2:
        raise audio_refusal(name, f"a tuple must be (samples, rate_hz); got {len(pair)} values")
    samples, rate_hz = pair
    if isinstance(rate_hz, np.ndarray) and rate_hz.ndim and not isinstance(samples, np.ndarray):
        raise audio_refusal(name, "a tuple must be (samples, rate_hz); got the rate first; swap it")
    return audio_from_samples(samples, rate_hz, source=name, limits=limits)


def _read_file(path: str, limits: AudioLimits) -> bytes:
    """Read a regular file of at most `limits.max_bytes`."""
    try:
        return read_file(path, limits.max_bytes)
    except MissingFileError as error:
        raise MissingAudioError(f"{shown(path)}: {error}") from error
    except LargeFileError as error:
        raise too_many_audio_bytes(path, error.size, limits) from error
    except IrregularFileError as error:
        raise audio_refusal(path, f"{error}; pass a file, or bytes") from error
    except LocalFileError as error:
        raise audio_refusal(path, str(error)) from error


def _raise_unlistable(error: OSError) -> None:
    raise audio_refusal(str(error.filename), f"cannot be listed: {error.strerror}") from error


def _type_refusal(name: str, source: object) -> AudioError:
    """Return the error for an input of a foreign type."""
    remedies = {
        "__array__": "an array needs its rate: pass (samples, rate_hz)",
        "read": "pass file.read()",
        "tobytes": "pass bytes(...)",
        "decode": "pass bytes(...)",
        "__iter__": "pass one clip, and numbers as (np.asarray(...), rate_hz)",
    }
    remedy = next((text for attribute, text in remedies.items() if hasattr(source, attribute)), "")
    rule = "audio must be a path, bytes, a pair (samples, rate_hz) or an Audio"
    return audio_refusal(name, f"{rule}; got {type(source).__name__}" + (remedy and f"; {remedy}"))

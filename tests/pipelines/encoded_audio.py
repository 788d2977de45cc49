"""Sounds, and files of them as other programs write them."""

from __future__ import annotations

import io
import struct

import numpy as np
import soundfile

RATE_HZ = 16_000


def sound(
    frames: int = 4000, channels: int = 1, *, rate_hz: int = RATE_HZ, seed: int = 0
) -> np.ndarray:
    """Return (N, C) float64: in each channel another tone, with noise 40 dB below it."""
    seconds = np.arange(frames)[:, None] / rate_hz
    tones = 0.5 * np.sin(2 * np.pi * 200.0 * (1 + np.arange(channels)) * seconds)
    noisy: np.ndarray = tones + np.random.default_rng(seed).normal(0, 0.005, tones.shape)
    return noisy


def encode(
    samples: np.ndarray, name: str = "WAV", subtype: str = "PCM_16", *, rate_hz: int = RATE_HZ
) -> bytes:
    """Return a file as libsndfile writes it."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=name, subtype=subtype)
    return buffer.getvalue()


def wav(
    content: bytes,
    *,
    channels: int = 1,
    rate_hz: int = RATE_HZ,
    bits: int = 16,
    kind: int = 1,
    data_bytes: int | None = None,
) -> bytes:
    """Return a WAV file of any header; `kind` 1 is PCM, 3 is float."""
    frame_bytes = channels * bits // 8
    layout = struct.pack(
        "<HHIIHH", kind, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, bits
    )
    size = len(content) if data_bytes is None else data_bytes
    chunks = b"fmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks) + len(content)) + b"WAVE" + chunks + content


def flac_that_promises(frames: int) -> bytes:
    """Return a FLAC file of 4,000 samples whose header tells another number."""
    data = bytearray(encode(sound(), "FLAC"))
    (packed,) = struct.unpack_from(">Q", data, 18)  # rate, channels, bits, and 36 bits of length
    struct.pack_into(">Q", data, 18, packed >> 36 << 36 | frames)
    return bytes(data)

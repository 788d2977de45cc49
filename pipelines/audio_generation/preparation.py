"""Recordings as a network of one rate, level and channel heard them when it learned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pipelines.audio import (
    Audio,
    AudioSource,
    downmix,
    mu_compress,
    normalise_level,
    read_audio,
    resample,
)
from pipelines.audio_features import MelSpec, log_mel
from pipelines.audio_generation.sound_spec import SoundSpec
from pipelines.audio_waveform import DEFAULT_AUDIO_LIMITS, AudioLimits, audio_refusal


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording, prepared.

    Attributes:
        audio: One channel, at the network's rate and level.
        levels: The same as levels of mu-law, int32 (N,).
        frames: (F, mels) float32; None where the network takes none.
        peaks: The largest magnitude before and after it was brought to the level; 1 and 1 for
            silence, which has no level, and where levels are left as they are.
    """

    audio: Audio
    levels: np.ndarray
    frames: np.ndarray | None
    peaks: tuple[float, float]


def prepare(
    source: AudioSource,
    spec: SoundSpec,
    *,
    convert: bool = False,
    limits: AudioLimits = DEFAULT_AUDIO_LIMITS,
) -> Recording:
    """Read a recording and bring it to the network's level.

    Args:
        source: As `read_audio` takes it.
        spec: The network's.
        convert: Whether channels may be mixed and the rate changed; if not, a recording that needs
            it is refused.
        limits: What is refused unread.

    Raises:
        AudioError: It cannot be read, or needs converting and may not be converted.
        ImportError: A package that reads or converts it is not installed.
    """
    audio = read_audio(source, limits=limits)
    if convert:
        audio = resample(downmix(audio), spec.rate_hz)
    elif (audio.channels, audio.rate_hz) != (1, spec.rate_hz):
        raise audio_refusal(
            audio.source,
            f"must have one channel at the network's {spec.rate_hz:,} Hz; got {audio.channels} at "
            f"{audio.rate_hz:,} Hz; pass convert=True",
        )
    before = audio.peak
    if spec.level_db is not None:
        audio = normalise_level(audio, spec.level_db)
    frames = None
    if spec.mel is not None:
        frames = log_mel(tf.constant(audio.mono[None]), spec.mel).numpy()[0]
    return Recording(
        audio=audio,
        levels=mu_compress(audio.mono, spec.levels),
        frames=frames,
        peaks=(before, audio.peak) if before and spec.level_db is not None else (1.0, 1.0),
    )


def scaled_back(waveform: np.ndarray, peaks: tuple[float, float]) -> np.ndarray:
    """Return sound (N,) of the network's level as loud as the recording was that it came from.

    Args:
        waveform: float32 in [-1, 1].
        peaks: Of the recording, before and after.
    """
    before, after = map(np.float32, peaks)
    scaled: np.ndarray = np.clip(waveform / after * before, -1.0, 1.0)
    return scaled


def checked_frames(frames: np.ndarray, mel: MelSpec) -> np.ndarray:
    """Return a log-mel spectrogram that somebody else made, copied as float32.

    Args:
        frames: (F, mels), as `log_mel` makes them of one clip.
        mel: What they must be made with.

    Raises:
        ValueError: They cannot be.
    """
    shape = frames.shape
    if frames.dtype.kind != "f" or len(shape) != 2 or shape[1] != mel.mels or not shape[0]:
        hint = "; pass frames.T" if len(shape) == 2 and shape[0] == mel.mels else ""
        raise ValueError(
            f"frames must be float (F, {mel.mels}), as log_mel makes them; got {frames.dtype} "
            f"{shape}{hint}"
        )
    with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite: refused
        checked = frames.astype(np.float32)
    if not np.isfinite(checked).all():
        raise ValueError("frames must be finite; some values are NaN or infinite")
    return checked

"""Tiny untrained pipelines that generate sound, one of each kind."""

from __future__ import annotations

from functools import cache
from typing import Any

import keras
import numpy as np

from models.catalog import create_model
from pipelines.audio_features import MelSpec
from pipelines.audio_generation.pipeline import AudioGeneration

RATE_HZ = 8000
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
LABELS = {"label": DIGITS, "speaker": SPEAKERS}
MEL = MelSpec(
    rate_hz=RATE_HZ,
    fft_samples=256,
    hop_samples=80,
    window_samples=200,
    mels=12,
    low_hz=0.0,
    high_hz=4000.0,
)
FRAMES = {"local_dim": MEL.mels, "hop": MEL.hop_samples}


def network(**options: Any) -> keras.Model:
    """Return a network with weights so large that conditions and the past matter."""
    keras.utils.set_random_seed(7)
    model = create_model("wavenet_micro", **options)
    random = np.random.default_rng(7)
    model.set_weights([w + random.normal(0, 0.3, w.shape) for w in model.get_weights()])
    return model


@cache
def speaker() -> AudioGeneration:
    """It says digits with voices, or would."""
    labelled = network(global_classes=[len(DIGITS), len(SPEAKERS)])
    return AudioGeneration(
        labelled, rate_hz=RATE_HZ, level_db=-1.0, labels=LABELS, guidance=1.5, preset="speaker"
    )


@cache
def plain() -> AudioGeneration:
    """It has no labels, and takes recordings as they are."""
    return AudioGeneration(network(), rate_hz=RATE_HZ, preset="plain")


@cache
def vocoder() -> AudioGeneration:
    """It says what spectrograms hold."""
    conditioned = network(**FRAMES)
    return AudioGeneration(conditioned, rate_hz=RATE_HZ, level_db=-1.0, mel=MEL, preset="vocoder")


def tone(samples: int = 800, *, peak: float = 0.3, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Return a tone of 440 Hz in noise, (N,) float32, that reaches its peak."""
    wave = np.sin(2 * np.pi * 440 * np.arange(samples) / rate_hz)
    wave += np.random.default_rng(0).normal(0, 0.01, samples)  # no band of it is empty
    loud: np.ndarray = (peak * wave / np.abs(wave).max()).astype(np.float32)
    return loud

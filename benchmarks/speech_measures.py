"""How far a copy of speech is from the original, sample for sample as long; at 8 kHz.

Nothing is aligned but by the time itself: frame k of the copy is compared with frame k of the
original.

    log-mel L1   mean magnitude of the difference of the natural logarithms, over all frames, bands
    MCD          mel-cepstral distortion in dB, (10 / ln 10) sqrt(2 sum over k = 1..13 of the
                 squared differences of c_k), the mean over the original's loud frames. The
                 cepstra are those of ln m_j = c_0 / 2 + sum of c_k cos(pi k (j + 1/2) / M) with the
                 magnitude m_j of mel band j of M; c_0, the loudness, is left out
                 (Kubichek 1993, doi:10.1109/PACRIM.1993.407206)
    PESQ-nb      ITU-T P.862 with P.862.1's scale, 1.0 to 4.5, from the package pesq
    ESTOI        extended short-time objective intelligibility, up to 1 (Jensen, Taal 2016,
                 doi:10.1109/TASLP.2016.2585878), from the package pystoi
    F0           the fundamental frequency, as pYIN finds it (Mauch, Dixon 2014,
                 doi:10.1109/ICASSP.2014.6853678), from the package librosa
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from pipelines.audio_features import MelSpec, log_mel

RATE_HZ = 8_000
CEPSTRA = 13
LOUD_DB = 40.0  # below the loudest frame of the original, where speech ends and hiss begins
DECIBELS = 10 / np.log(10)
LOWEST_HZ, HIGHEST_HZ = 60.0, 400.0  # of a voice
PITCH_WINDOW, PITCH_HOP = 512, 80  # samples: 64 ms, nearly four periods of the lowest; 10 ms
GROSS = 0.2  # of the true frequency


def spectrogram(samples: np.ndarray, spec: MelSpec) -> np.ndarray:
    """Return the log-mel spectrogram (frames, bands) of samples (N,)."""
    found: np.ndarray = log_mel(samples[None], spec).numpy()[0]
    return found


def log_mel_l1(original: np.ndarray, copy: np.ndarray) -> float:
    """Return the mean magnitude of the difference of two log-mel spectrograms."""
    return float(np.abs(original - copy).mean())


def mel_cepstral_distortion(original: np.ndarray, copy: np.ndarray) -> float:
    """Return the MCD of two log-mel spectrograms, in dB."""
    bands = original.shape[1]
    angles = np.pi * np.outer(np.arange(1, CEPSTRA + 1), np.arange(bands) + 0.5) / bands
    difference = (original - copy) @ np.cos(angles).T * 2 / bands  # (frames, CEPSTRA)
    distortion = DECIBELS * np.sqrt(2 * (difference**2).sum(axis=1))
    # A frame's loudness: the power over all bands, in dB.
    loudness = DECIBELS * np.log(np.exp(2.0 * original).sum(axis=1))
    return float(distortion[loudness >= loudness.max() - LOUD_DB].mean())


def pesq_narrow(original: np.ndarray, copy: np.ndarray) -> float | None:
    """Return PESQ, or None where it finds no speech or too little."""
    package = import_module("pesq")
    on_error = package.PesqError.RETURN_VALUES
    found = package.pesq(RATE_HZ, original, copy, "nb", on_error=on_error)
    return None if found < 0 else float(found)


def estoi(original: np.ndarray, copy: np.ndarray) -> float | None:
    """Return ESTOI, or None where there is too little speech: less than 0.4 s."""
    stoi = import_module("pystoi").stoi
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # it warns, and returns 0.00001
        try:
            return float(stoi(original, copy, RATE_HZ, extended=True))
        except RuntimeWarning:
            return None


def pitch(samples: np.ndarray) -> np.ndarray:
    """Return F0 in Hz every 10 ms, NaN where there is no voice."""
    import librosa

    found: np.ndarray = librosa.pyin(
        samples,
        fmin=LOWEST_HZ,
        fmax=HIGHEST_HZ,
        sr=RATE_HZ,
        frame_length=PITCH_WINDOW,
        hop_length=PITCH_HOP,
    )[0]
    return found


@dataclass(frozen=True)
class PitchErrors:
    """How far F0 is off, over all frames of all clips.

    Attributes:
        gross: Of the frames in which both have a voice, the part that is more than 20 % off.
        cents: Mean magnitude of the difference in the other such frames.
        voicing: Of all frames, the part in which one of the two alone has a voice.
    """

    gross: float
    cents: float
    voicing: float


def pitch_errors(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> PitchErrors:
    """Return how far the copies' F0 is off, from pairs of what `pitch` found.

    What cannot be said, because no frame has a voice in both, is NaN.
    """
    originals, copies = (np.concatenate(side) for side in zip(*pairs, strict=True))
    voiced, found = ~np.isnan(originals), ~np.isnan(copies)
    ratios = copies[voiced & found] / originals[voiced & found]
    gross = np.abs(ratios - 1) > GROSS
    cents = np.abs(1200 * np.log2(ratios[~gross]))
    return PitchErrors(
        gross=float(gross.mean()) if gross.size else np.nan,
        cents=float(cents.mean()) if cents.size else np.nan,
        voicing=float((voiced != found).mean()),
    )

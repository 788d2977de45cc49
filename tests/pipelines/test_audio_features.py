"""Log-mel spectrograms equal librosa's, in any graph."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import tensorflow as tf

from pipelines.audio_features import MelSpec, log_mel, mel_filters
from tests.pipelines.encoded_audio import sound

NARROW = MelSpec(
    rate_hz=8000,
    fft_samples=256,
    hop_samples=64,
    window_samples=256,
    mels=40,
    low_hz=0.0,
    high_hz=4000.0,
)
WIDE = MelSpec(  # a window shorter than the transform, and a hop that does not divide it
    rate_hz=16_000,
    fft_samples=1024,
    hop_samples=210,
    window_samples=801,
    mels=80,
    low_hz=50.0,
    high_hz=7600.0,
    floor=1e-4,
)
SPECS = pytest.mark.parametrize("spec", [NARROW, WIDE], ids=["narrow", "wide"])


def _mel(samples: np.ndarray, spec: MelSpec) -> np.ndarray:
    """Return librosa's mel spectrogram of one clip, (frames, mels)."""
    mel = librosa.feature.melspectrogram(
        y=samples,
        sr=spec.rate_hz,
        n_fft=spec.fft_samples,
        hop_length=spec.hop_samples,
        win_length=spec.window_samples,
        power=1.0,
        pad_mode="constant",
        n_mels=spec.mels,
        fmin=spec.low_hz,
        fmax=spec.high_hz,
    )
    return mel.T


def _clips(spec: MelSpec) -> np.ndarray:
    """Return noise, noise 60 dB softer, a tone in noise, clicks, silence; (5, N) float32."""
    frames = 6007  # no multiple of anything
    noise = np.random.default_rng(0).uniform(-1, 1, frames)
    clicks = np.zeros(frames)
    clicks[[0, 1000, 3003, frames - 1]] = 1, -1, 0.01, 0.5
    tone = sound(frames, rate_hz=spec.rate_hz)[:, 0]
    return np.stack([noise, noise / 1000, tone, clicks, 0 * noise]).astype(np.float32)


@SPECS
def test_it_equals_librosa(spec: MelSpec) -> None:
    clips = _clips(spec)
    ours = log_mel(clips, spec).numpy()
    theirs = np.stack([np.log(np.maximum(_mel(clip, spec), spec.floor)) for clip in clips])
    assert ours.shape == (5, spec.frames_of(6007), spec.mels)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=1e-3, rtol=0)  # float32's rounding gives 1e-4
    np.testing.assert_allclose(ours[4], np.log(spec.floor), rtol=1e-6)


@SPECS
def test_beside_a_clean_tone_both_hold_rounding(spec: MelSpec) -> None:
    times = np.arange(spec.rate_hz) / spec.rate_hz
    clip = (0.9 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    ours = np.exp(log_mel(clip[None], spec).numpy()[0].astype(np.float64))
    theirs = np.maximum(_mel(clip, spec), spec.floor)
    # Sums of a few values of a frame, each rounded by 1e-7 of its loudest band.
    assert (np.abs(ours - theirs) < 1e-6 * theirs.max(axis=1, keepdims=True)).all()


@SPECS
@pytest.mark.parametrize("samples", [1, 2, 63, 64, 65, 1023, 1024, 2100])
def test_frames_are_counted(spec: MelSpec, samples: int) -> None:
    frames = spec.frames_of(samples)
    assert log_mel(np.zeros((1, samples), np.float32), spec).shape == (1, frames, spec.mels)
    assert librosa.stft(
        np.zeros(max(samples, spec.fft_samples)),
        n_fft=spec.fft_samples,
        hop_length=spec.hop_samples,
    ).shape[1] == spec.frames_of(max(samples, spec.fft_samples))


def test_a_graph_of_open_sizes_gives_the_same(tmp_path: Path) -> None:
    signature = [tf.TensorSpec((None, None), tf.float32)]
    module = tf.Module()
    module.features = tf.function(lambda x: log_mel(x, NARROW), input_signature=signature)
    tf.saved_model.save(module, tmp_path)
    loaded = tf.saved_model.load(tmp_path)
    for clips in (_clips(NARROW), _clips(NARROW)[:2, :300]):
        expected = log_mel(clips, NARROW)
        # XLA is not in play: the same kernels, fused in another order at most.
        np.testing.assert_allclose(loaded.features(clips), expected, atol=1e-5)
        np.testing.assert_allclose(log_mel(clips[1:2], NARROW), expected[1:2], atol=1e-5)


def test_zeros_behind_a_clip_change_its_last_frames_only() -> None:
    clip = _clips(NARROW)[:1, :2000]
    alone = log_mel(clip, NARROW).numpy()
    filled = log_mel(np.pad(clip, ((0, 0), (0, 700))), NARROW).numpy()
    # The zeros are those that centring puts there anyway.
    np.testing.assert_allclose(filled[:, : alone.shape[1]], alone, atol=1e-5)


def test_it_travels_as_json() -> None:
    for spec in (NARROW, WIDE):
        assert MelSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    whole = {**NARROW.to_dict(), "low_hz": 0, "high_hz": 4000}  # as other programs write 4000.0
    assert MelSpec.from_dict(whole) == NARROW


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"mel": 40}, "unknown key 'mel' of a mel spec; did you mean 'mels'"),
        ({"mels": None}, "mels must be a finite int; got None"),
        ({"mels": True}, "mels must be a finite int; got True"),
        ({"rate_hz": 8000.0}, "rate_hz must be a finite int; got 8000.0"),
        ({"low_hz": "0"}, "low_hz must be a finite float; got '0'"),
        ({"high_hz": float("nan")}, "high_hz must be a finite float; got nan"),
    ],
)
def test_what_is_no_spec_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        MelSpec.from_dict({**NARROW.to_dict(), **change})


def test_a_spec_must_be_whole() -> None:
    values = NARROW.to_dict()
    del values["floor"], values["mels"]
    with pytest.raises(ValueError, match=r"a mel spec lacks \['mels', 'floor'\]"):
        MelSpec.from_dict(values)
    with pytest.raises(ValueError, match="a mel spec is a mapping"):
        MelSpec.from_dict([1, 2])  # type: ignore[arg-type] # wrong on purpose


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rate_hz": 0}, "rate_hz must be at least 1"),
        ({"fft_samples": 255}, "fft_samples must be even"),
        ({"fft_samples": 2**17}, "fft_samples must be even, 2 to 65,536"),
        ({"window_samples": 257}, "window_samples must be 2 to fft_samples"),
        ({"hop_samples": 0}, "hop_samples must be 1 to window_samples"),
        ({"hop_samples": 257}, "hop_samples must be 1 to window_samples"),
        ({"mels": 0}, "mels must be 1 to fft_samples / 2"),
        ({"mels": 129}, "mels must be 1 to fft_samples / 2"),
        ({"low_hz": -1.0}, "low_hz must be 0 or more"),
        ({"low_hz": 4000.0}, "low_hz must be 0 or more, and below high_hz"),
        ({"high_hz": 4001.0}, "high_hz must be at most rate_hz / 2"),
        ({"floor": 0.0}, "floor must be above 0"),
    ],
)
def test_ranges_are_checked(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replace(NARROW, **change)


def test_an_empty_band_is_refused() -> None:
    crowded = replace(NARROW, fft_samples=64, window_samples=64, mels=32, high_hz=1000.0)
    with pytest.raises(ValueError, match=r"of 32 hold none; take fewer mels or a longer fft"):
        log_mel(np.zeros((1, 100), np.float32), crowded)


def test_filters_are_made_once() -> None:
    assert mel_filters(NARROW) is mel_filters(replace(NARROW))
    assert not mel_filters(NARROW).flags.writeable


def test_a_clip_without_its_batch_is_refused() -> None:
    with pytest.raises(ValueError, match=r"samples must be \(B, N\); got \(100,\); add or drop"):
        log_mel(np.zeros(100, np.float32), NARROW)

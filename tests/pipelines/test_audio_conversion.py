"""Channels, rate, level and silence change as asked for, and nothing besides."""

from __future__ import annotations

from typing import Any, cast

import librosa
import numpy as np
import pytest

from pipelines.audio import (
    Audio,
    AudioError,
    audio_from_samples,
    downmix,
    normalise_level,
    resample,
    trim_silence,
)
from tests.pipelines.encoded_audio import RATE_HZ, sound


def _tone(tone_hz: float, rate_hz: int, seconds: float = 1.0) -> Audio:
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    return audio_from_samples(0.5 * np.sin(2 * np.pi * tone_hz * times), rate_hz, source="tone")


def _spectrum_db(audio: Audio) -> np.ndarray:
    """Return the levels of the middle half second's frequencies, 2 Hz apart; 0 is full scale."""
    quarter = audio.rate_hz // 4
    middle = audio.mono[quarter : quarter + audio.rate_hz // 2].astype(np.float64)
    window = np.hanning(len(middle))
    amplitudes = 2 * np.abs(np.fft.rfft(middle * window)) / window.sum()
    levels: np.ndarray = 20 * np.log10(amplitudes + 1e-12)
    return levels


@pytest.mark.parametrize(
    ("from_hz", "to_hz", "tone_hz"),
    [(44_100, 8000, 1000), (8000, 16_000, 3000), (16_000, 44_100, 440), (96_000, 22_050, 9000)],
)
def test_resampling_keeps_frequency_and_level(from_hz: int, to_hz: int, tone_hz: int) -> None:
    audio = resample(_tone(tone_hz, from_hz), to_hz)
    assert (audio.rate_hz, audio.frames, audio.seconds) == (to_hz, to_hz, 1.0)
    assert (audio.source, audio.clipped) == ("tone", 0)
    levels = _spectrum_db(audio)
    assert levels.argmax() * 2 == tone_hz
    assert levels.max() == pytest.approx(20 * np.log10(0.5), abs=0.01)  # a tenth of one percent
    # The Hann window's own skirt is 100 dB down from 100 Hz on.
    beside = np.delete(levels, np.arange(tone_hz // 2 - 50, tone_hz // 2 + 50))
    assert beside.max() < -90


@pytest.mark.parametrize("tone_hz", [4100, 4400, 5000, 7900, 15_000, 21_000])
def test_nothing_folds_back(tone_hz: int) -> None:
    alias = _spectrum_db(resample(_tone(tone_hz, 44_100), 8000))
    assert alias.max() < -60


def test_resampling_equals_librosa_channel_by_channel() -> None:
    samples = sound(channels=2).astype(np.float32)
    audio = resample(audio_from_samples(samples, RATE_HZ), 11_025)
    assert audio.frames == -(-4000 * 11_025 // RATE_HZ)
    for channel in range(2):
        expected = librosa.resample(samples[:, channel], orig_sr=RATE_HZ, target_sr=11_025)
        np.testing.assert_array_equal(audio.samples[:, channel], expected)
    assert not audio.samples.flags.writeable


def test_the_same_rate_changes_nothing() -> None:
    audio = _tone(440, 8000)
    assert resample(audio, np.int32(8000)) is audio  # type: ignore[arg-type] # as NumPy gives it


def test_overshoots_are_clipped_and_counted() -> None:
    square = audio_from_samples(np.sign(np.sin(np.arange(RATE_HZ) * 0.05)), RATE_HZ)
    audio = resample(square, 8000)
    raw = librosa.resample(square.mono, orig_sr=RATE_HZ, target_sr=8000)
    assert audio.clipped == (np.abs(raw) > 1).sum() > 100
    assert audio.peak == 1
    assert resample(audio, 44_100).clipped > audio.clipped  # those before are still counted


@pytest.mark.parametrize("rate_hz", [0, -8000, 8000.5, "8000", 999, 384_001])
def test_rates_that_are_none_are_refused(rate_hz: int) -> None:
    with pytest.raises(AudioError, match=r"rate_hz must be a whole number|1,000 to 384,000 Hz"):
        resample(_tone(440, 8000), rate_hz)


def test_downmix_is_the_mean_of_all_channels() -> None:
    # In 5.1: left, right, centre, low frequencies, surround left and right.
    surround = np.tile(np.array([0.6, 0.0, 0.3, -0.3, 0.0, 0.0]), (5, 1))
    audio = downmix(audio_from_samples(surround, RATE_HZ, source="film"))
    np.testing.assert_allclose(audio.mono, 0.1, rtol=1e-6)  # float32's rounding
    assert (audio.channels, audio.source) == (1, "film")
    assert downmix(audio) is audio
    full = audio_from_samples(np.ones((5, 6)), RATE_HZ)
    assert downmix(full).peak == 1
    opposite = audio_from_samples(np.tile([0.5, -0.5], (5, 1)), RATE_HZ)
    assert downmix(opposite).peak == 0


@pytest.mark.parametrize("level_db", [-20.0, -1.0, 0.0])
def test_the_peak_gets_the_level(level_db: float) -> None:
    audio = audio_from_samples(0.1 * sound(channels=2), RATE_HZ)
    louder = normalise_level(audio, level_db)
    assert louder.peak == pytest.approx(10 ** (level_db / 20), rel=1e-6)
    ratio = louder.samples / np.where(audio.samples == 0, 1, audio.samples)
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-5)  # one gain for all


def test_the_rms_gets_the_level_unless_the_peak_would_clip() -> None:
    audio = _tone(1000, 8000)
    softer = normalise_level(audio, -23.0, measure="rms")
    assert 20 * np.log10(np.sqrt(np.mean(softer.samples**2))) == pytest.approx(-23, abs=1e-4)
    peaky = np.zeros(8000, np.float32)
    peaky[::1000] = -0.25
    whole = normalise_level(audio_from_samples(peaky, 8000), -3.0, measure="rms")
    np.testing.assert_array_equal(whole.mono, 4 * peaky)


def test_the_softest_clip_there_can_be_is_normalised() -> None:
    softest = np.array([1e-45, 0, -1e-45], np.float32)  # of float32; its gain is not
    for measure in ("peak", "rms"):
        audio = normalise_level(audio_from_samples(softest, 8000), 0.0, measure=measure)
        np.testing.assert_array_equal(audio.mono, [1, 0, -1])


def test_silence_stays_silence() -> None:
    silence = audio_from_samples(np.zeros((100, 2)), 8000)
    assert normalise_level(silence) is silence
    assert normalise_level(silence, measure="rms") is silence
    assert trim_silence(silence) is silence


@pytest.mark.parametrize("gain", [1.0, 0.001])
def test_silence_is_trimmed_below_the_clips_own_peak(gain: float) -> None:
    samples = np.zeros((1000, 2), np.float32)
    samples[:, 0] = 0.004  # 42 dB below the peak: noise
    samples[300, 1], samples[600, 0] = -0.5, 0.006  # the peak, and one that is 38 dB below
    audio = audio_from_samples(samples * np.float32(gain), 1000)
    trimmed = trim_silence(audio, margin_s=0)
    np.testing.assert_array_equal(trimmed.samples, audio.samples[300:601])
    np.testing.assert_array_equal(
        trim_silence(audio, margin_s=0.05).samples, audio.samples[250:651]
    )
    assert trim_silence(audio, margin_s=9).frames == 1000
    assert trim_silence(audio, 43).frames == 1000
    assert trim_silence(audio, 30, margin_s=0).frames == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda audio: normalise_level(audio, 0.1), "at most 0; got 0.1"),
        (lambda audio: normalise_level(audio, float("nan")), "at most 0; got nan"),
        (lambda audio: normalise_level(audio, float("-inf")), "at most 0; got -inf"),
        (
            lambda audio: normalise_level(audio, measure=cast(Any, "rsm")),
            "'rsm'; did you mean 'rms'?",
        ),
        (lambda audio: trim_silence(audio, 0), "above 0; got 0"),
        (lambda audio: trim_silence(audio, float("inf")), "above 0; got inf"),
        (lambda audio: trim_silence(audio, margin_s=-1), "0 or more; got -1"),
    ],
)
def test_values_out_of_range_are_refused(change, says: str) -> None:
    with pytest.raises(AudioError) as caught:
        change(_tone(440, 8000))
    assert says in str(caught.value)

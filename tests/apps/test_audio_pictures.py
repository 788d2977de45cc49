from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from apps.sound_pictures import (
    BINS,
    HEIGHT_PX,
    SHARP,
    WIDTH_PX,
    draw_sound,
    envelope,
    frequency_ticks,
)
from pipelines.audio import audio_from_samples
from pipelines.audio_features import log_mel
from pipelines.audio_picture import usual_mel

RATE_HZ = 8000
MEL = usual_mel(RATE_HZ)


def tone(hz: float, samples: int = RATE_HZ) -> np.ndarray:
    """Return a tone, (N,) float32."""
    wave: np.ndarray = 0.5 * np.sin(2 * np.pi * hz * np.arange(samples) / RATE_HZ)
    return wave.astype(np.float32)


def drawn(samples: np.ndarray, *, dark: bool = False, given_s: float = 0.0) -> np.ndarray:
    """Return a picture's pixels, (H, W, 4) uint8."""
    content = draw_sound(audio_from_samples(samples, RATE_HZ), MEL, dark=dark, given_s=given_s)
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.mode == "RGBA"
        return np.asarray(picture)


def test_the_envelope_holds_the_extremes_of_each_part() -> None:
    samples = np.random.default_rng(1).uniform(-1, 1, 160_000).astype(np.float32)
    lowest, highest = envelope(samples)
    starts = [place * len(samples) // BINS for place in range(BINS + 1)]
    parts = [samples[a:b] for a, b in itertools.pairwise(starts)]
    np.testing.assert_array_equal(lowest, [part.min() for part in parts])
    np.testing.assert_array_equal(highest, [part.max() for part in parts])


def test_the_envelope_of_few_samples_is_they_themselves() -> None:
    samples = tone(440, 7)
    for side in envelope(samples):
        np.testing.assert_array_equal(side, samples)


@pytest.mark.parametrize("hz", [500, 1000, 2000])
def test_a_tone_lies_at_its_own_tick(hz: int) -> None:
    frames = log_mel(tone(hz)[None], MEL).numpy()[0]
    loudest = int(frames[len(frames) // 2].argmax())
    places = {text: place for place, text in frequency_ticks(MEL).items()}
    assert abs(places[f"{hz:,}"] - loudest) <= 0.5  # half a band


def test_ticks_lie_apart_and_inside() -> None:
    places = list(frequency_ticks(MEL))
    assert np.diff(places).min() > 4  # of 64 bands: room for the letters
    assert -0.5 <= places[0] < places[-1] <= MEL.mels - 0.5


def test_each_theme_has_its_picture_without_a_background() -> None:
    light, dark = (drawn(tone(440), dark=dark) for dark in (False, True))
    for pixels in (light, dark):
        assert pixels.shape == (HEIGHT_PX * SHARP, WIDTH_PX * SHARP, 4)
        assert not pixels[:4, :4, 3].any()
    words = [pixels[-40:][pixels[-40:, :, 3] > 250][:, :3].mean() for pixels in (light, dark)]
    assert words[0] < 80 < 180 < words[1]  # dark letters on light, and the reverse


def test_what_was_given_is_drawn_in_another_colour() -> None:
    made, half = drawn(tone(440)), drawn(tone(440), given_s=0.5)
    wave = slice(10, 120)  # the rows of the waveform
    left, right = slice(130, 300), slice(450, 600)
    assert not np.array_equal(made[wave, left], half[wave, left])
    np.testing.assert_array_equal(made[wave, right], half[wave, right])


@pytest.mark.parametrize("samples", [np.zeros(800, np.float32), np.zeros(1, np.float32)])
def test_silence_and_a_single_sample_can_be_drawn(samples: np.ndarray) -> None:
    assert drawn(samples).shape[2] == 4

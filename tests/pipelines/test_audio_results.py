"""What a pipeline of sound returns, and how it looks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageShow

from pipelines.audio import AudioError, mu_compress, mu_expand, read_audio
from pipelines.audio_features import mel_filters
from pipelines.audio_picture import draw_spectrogram, usual_mel
from pipelines.audio_results import GeneratedAudio, ScoredAudio

RATE_HZ = 8000


def generated(hz: float = 440.0, samples: int = 4000, **more: Any) -> GeneratedAudio:
    levels = mu_compress(0.5 * np.sin(2 * np.pi * hz * np.arange(samples) / RATE_HZ))
    known: dict[str, Any] = {
        "source": "<silence>",
        "preset": "any",
        "timing_ms": 12.3456,
        "seed": 7,
        "waveform": mu_expand(levels),
        "levels": levels,
        "rate_hz": RATE_HZ,
        "labels": {"label": "seven", "speaker": "theo"},
    }
    return GeneratedAudio(**(known | more))


def scored(**more: Any) -> ScoredAudio:
    known: dict[str, Any] = {"source": "a.wav", "preset": "any", "timing_ms": 1.0}
    bits = np.array([4.0, 6.0], np.float32)
    return ScoredAudio(**known, bits_per_sample=5.0, bits=bits, rate_hz=RATE_HZ, **more)


def test_a_clip_is_told_in_plain_values() -> None:
    result = generated(top_k=40)
    assert result.to_dict() == {
        "ok": True,
        "source": "<silence>",
        "preset": "any",
        "timing_ms": 12.346,
        "seed": 7,
        "seconds": 0.5,
        "samples": 4000,
        "rate_hz": 8000,
        "labels": {"label": "seven", "speaker": "theo"},
        "given_s": 0.0,
        "temperature": 1.0,
        "top_k": 40,
        "top_p": 1.0,
        "guidance": 1.0,
    }
    assert json.loads(result.to_json()) == result.to_dict()
    assert str(result) == "<silence>, label seven, speaker theo: 0.50 s at 8,000 Hz, seed 7"
    assert str(generated(labels={})) == "<silence>: 0.50 s at 8,000 Hz, seed 7"
    assert hash(result) == hash(generated(top_k=40))
    assert generated(seed=8) != generated()


@pytest.mark.parametrize(("ending", "bits"), [("wav", 16), ("wav", 24), ("flac", 16)])
def test_a_clip_is_saved_as_sound(ending: str, bits: Any, tmp_path: Path) -> None:
    result = generated()
    path = result.save(tmp_path / f"a.{ending}", bits=bits)
    audio = read_audio(path)
    assert (audio.rate_hz, audio.channels) == (RATE_HZ, 1)
    # Rounded to the nearest of as many levels.
    np.testing.assert_allclose(audio.mono, result.waveform, atol=0.5 * 2.0 ** (1 - bits))
    assert result.audio.rate_hz == RATE_HZ
    np.testing.assert_array_equal(result.audio.mono, result.waveform)


def test_a_clip_is_saved_as_what_is_known_of_it(tmp_path: Path) -> None:
    path = generated().save(tmp_path / "a.json")
    assert json.loads(path.read_text("utf-8")) == generated().to_dict()
    with pytest.raises(AudioError, match=r"must end in one of \.wav \.flac; got '\.mp3'"):
        generated().save(tmp_path / "a.mp3")
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(("hz", "share"), [(250.0, 0.8), (3500.0, 0.1)])
def test_low_tones_are_at_the_bottom_of_the_picture(hz: float, share: float) -> None:
    result = generated(hz)
    assert result.spectrogram.shape == (51, 64)
    assert not result.spectrogram.flags.writeable
    picture = result.picture(width_px=120, height_px=200)
    assert (picture.mode, picture.size) == ("RGB", (120, 200))
    lightness = np.asarray(picture, int).sum(axis=(1, 2))
    assert abs(lightness.argmax() / 200 - share) < 0.12
    assert result.picture().size == (256, 256)


def test_time_goes_to_the_right_and_loudness_to_the_light() -> None:
    frames = np.log([[1.0, 1e-9], [1e-9, 1e-9], [1.0, 1.0]])  # (3, 2)
    pixels = np.asarray(draw_spectrogram(frames, width_px=3, height_px=2), int).sum(axis=2)
    np.testing.assert_array_equal(pixels > 400, [[False, False, True], [True, False, True]])
    assert draw_spectrogram(np.zeros((900, 4))).size == (1800, 256)
    assert draw_spectrogram(np.zeros((9000, 4))).size == (2048, 256)
    for wrong in ({"width_px": 0}, {"height_px": 20_000}, {"width_px": 1.5}):
        with pytest.raises(ValueError, match="must be 1 to 16,384; got"):
            draw_spectrogram(np.zeros((9, 4)), **wrong)


@pytest.mark.parametrize("rate_hz", [1000, 8000, 11_025, 16_000, 44_100, 384_000])
def test_every_rate_has_a_spectrogram(rate_hz: int) -> None:
    spec = usual_mel(rate_hz)
    assert mel_filters(spec).any(axis=1).all()
    assert spec.hop_samples == round(rate_hz / 100)


def test_a_clip_is_shown_by_the_systems_viewer() -> None:
    seen: list[tuple[int, int]] = []

    class Viewer(ImageShow.Viewer):
        format = "PNG"

        def show_file(self, path: str, **_: object) -> int:
            with Image.open(path) as image:
                seen.append(image.size)
            Path(path).unlink()
            return 1

    ImageShow.register(Viewer, 0)
    try:
        generated().show()
    finally:
        ImageShow._viewers.pop(0)
    assert seen == [(256, 256)]


def test_a_score_says_what_it_means() -> None:
    plain = scored()
    assert (plain.seconds, plain.deviations, plain.outlier) == (2 / RATE_HZ, None, None)
    assert str(plain) == "a.wav: 5.00 bits per sample"
    usual, odd = scored(deviations=-2.9), scored(deviations=3.1)
    assert (usual.outlier, odd.outlier) == (False, True)
    assert str(usual) == "a.wav: 5.00 bits per sample, -2.9 deviations, as expected"
    assert str(odd) == "a.wav: 5.00 bits per sample, +3.1 deviations, an outlier"
    assert json.loads(odd.to_json()) == odd.to_dict()
    assert odd.to_dict()["outlier"] is True
    assert odd.to_dict()["samples"] == 2
    assert replace(odd, seed=3) != odd

"""How copies of speech are measured, by hand; and a table of copies of a synthetic voice."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest

from benchmarks import speech_measures as measures
from benchmarks import vocoder as benchmark
from benchmarks.listeners import MEL
from models.catalog import create_model
from pipelines.audio_generation.data import RATE_HZ, Recording
from pipelines.audio_generation.pipeline import AudioGeneration

BANDS = 64


def voice(seconds: float, pitch_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a hum with a little hiss, whose pitch moves, and its pitch at each sample."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    hz = pitch_hz * (1 + 0.1 * np.sin(2 * np.pi * 2 * time))
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    samples = sum(np.sin(k * phase) / k for k in range(1, 10))
    hiss = 0.01 * np.random.default_rng(0).normal(size=len(time))
    return (0.2 * samples + hiss).astype(np.float32), hz


def recording(samples: np.ndarray, digit: int, speaker: int, take: int = 2) -> Recording:
    return Recording(name="hum", samples=samples, digit=digit, speaker=speaker, take=take)


def test_loudness_counts_in_log_mel_and_not_in_cepstra() -> None:
    original = np.random.default_rng(0).normal(size=(5, BANDS))
    assert measures.log_mel_l1(original, original - 0.5) == pytest.approx(0.5)
    assert measures.mel_cepstral_distortion(original, original - 0.5) == pytest.approx(0, abs=1e-9)


def test_mel_cepstral_distortion_is_the_root_mean_square_in_decibels() -> None:
    original = np.zeros((3, BANDS))
    original[2] = -20  # 174 dB below the others: silence, which does not count
    wave = np.cos(np.pi * 4 * (np.arange(BANDS) + 0.5) / BANDS)
    copy = original + 0.3 * wave + np.array([[0], [0], [5]])
    # A magnitude of e^x is 20 x / ln 10 dB; the root mean square of a cosine is 1 / sqrt(2).
    expected = 20 / np.log(10) * 0.3 / np.sqrt(2)
    assert measures.mel_cepstral_distortion(original, copy) == pytest.approx(expected)
    too_fine = original + np.cos(np.pi * 14 * (np.arange(BANDS) + 0.5) / BANDS)
    assert measures.mel_cepstral_distortion(original, too_fine) == pytest.approx(0, abs=1e-9)


def test_pitch_errors_by_hand() -> None:
    none = np.nan
    first = (np.array([100, 100, none, none, 200]), np.array([100, 150, 100, none, none]))
    second = (np.array([100.0]), np.array([100 * 2 ** (50 / 1200)]))
    off = measures.pitch_errors([first, second])
    assert off.gross == pytest.approx(1 / 3)  # 150 for 100
    assert off.cents == pytest.approx((0 + 50) / 2)
    assert off.voicing == pytest.approx(2 / 6)
    silent = measures.pitch_errors([(np.array([none]), np.array([100.0]))])
    assert np.isnan(silent.gross)
    assert np.isnan(silent.cents)


def test_strings_are_joined_by_speaker_and_take() -> None:
    sounds = [np.full(3, value, np.float32) for value in (0.1, 0.2, 0.3)]
    clips = [recording(sounds[0], 0, 0), recording(sounds[1], 0, 1), recording(sounds[2], 1, 0)]
    first, second = benchmark.joined(clips, sounds)
    pause = round(benchmark.PAUSE_S * RATE_HZ)
    assert (
        first.tolist()
        == np.concatenate([np.zeros(pause), sounds[0], np.zeros(pause), sounds[2], np.zeros(pause)])
        .astype(np.float32)
        .tolist()
    )
    assert len(second) == 2 * pause + 3


def test_whole_strings_are_chosen_first() -> None:
    nothing = np.zeros(1, np.float32)
    clips = [recording(nothing, d, s, t) for d in range(10) for s in range(6) for t in (2, 3, 4)]
    chosen = benchmark.chosen(clips, 20)
    assert {(each.take, each.speaker) for each in chosen} == {(2, 0), (2, 1)}


def test_the_best_of_a_column_is_named_by_its_sense() -> None:
    less, more = benchmark.Column("distance", 1), benchmark.Column("quality", 1, most=True)
    means = {
        "a": {"distance": 2.0, "quality": np.nan},
        "b": {"distance": 1.0, "quality": 3.0},
        "c": {"distance": 2.04, "quality": 4.0},
    }
    assert benchmark.best(less, means) == "- distance: best is b 1.0; then a and c 2.0"
    assert benchmark.best(more, means) == "- quality: best is c 4.0; then b 3.0"
    unknown = {"a": {"distance": np.nan}}
    assert benchmark.best(less, unknown) == "- distance: could not be measured"


@pytest.mark.slow
def test_copies_of_a_voice_are_measured_in_every_column() -> None:
    keras.utils.set_random_seed(0)
    hums = [voice(0.6, 110), voice(0.5, 140)]
    clips = [recording(samples, digit, 0) for digit, (samples, _) in enumerate(hums)]
    model = create_model("wavenet_micro", local_dim=MEL.mels, hop=MEL.hop_samples)
    spec, untrained = benchmark.of_vocoder(AudioGeneration(model, rate_hz=RATE_HZ, mel=MEL))
    methods = {
        benchmark.MU_LAW: benchmark.through_mu_law,
        benchmark.OURS: untrained,
        "Griffin-Lim": benchmark.griffin_lim(spec, 32),
    }
    lines = benchmark.report(clips, methods, spec).splitlines()
    rows = {row.split(" | ")[0][2:]: row[:-2].split(" | ")[1:] for row in lines if " | " in row}
    titles = rows["2 clips"]
    table = {name: dict(zip(titles, map(float, rows[name]), strict=True)) for name in methods}
    for column in benchmark.COLUMNS:
        if column.package is not None and find_spec(column.package) is None:
            assert f"left out: {column.title}; it needs: pip install {column.package}" in lines
            continue
        original, ours, theirs = (table[name][column.title] for name in methods)
        # An untrained network hisses.
        if column.title in ("log-mel L1", "MCD, dB"):
            assert max(original, theirs) < ours
        elif column.most:
            assert min(original, theirs) > ours
        # Whoever wins is named, the upper bound aside.
        (line,) = [line for line in lines if line.startswith(f"- {column.title}: ")]
        assert benchmark.MU_LAW not in line
    # The pitch that is found is the pitch that there is, but for the beginning and the end.
    samples, hz = hums[0]
    found = measures.pitch(samples)[5:-5]
    true = hz[:: measures.PITCH_HOP][5 : 5 + len(found)]
    np.testing.assert_allclose(found, true, rtol=0.02)


def test_a_network_that_is_no_vocoder_is_refused() -> None:
    generate = AudioGeneration(create_model("wavenet_micro"), rate_hz=RATE_HZ)
    with pytest.raises(ValueError, match="takes no spectrograms; give a vocoder"):
        benchmark.of_vocoder(generate)


def test_without_data_it_says_what_to_give(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["vocoder.py"])
    assert benchmark.main() == 0
    assert "give the folder of the spoken digits (--data)" in capsys.readouterr().out

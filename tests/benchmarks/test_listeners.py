"""Who judges generated digits: what listeners learn, what they hear, and how it is counted."""

from __future__ import annotations

import sys

import keras
import numpy as np
import pytest

from benchmarks import listeners
from benchmarks import wavenet_samples as benchmark
from benchmarks.listeners import CLIP_SAMPLES, Rehearsal, prepared, train_listener, truth
from benchmarks.wavenet_samples import Heard
from models.catalog import create_model
from pipelines.audio_generation.data import RATE_HZ, SPEAKERS, Recording
from pipelines.audio_generation.pipeline import AudioGeneration
from pipelines.training.plan import TrainingPlan
from pipelines.training.replicas import Share

PLAN = TrainingPlan(epochs=4, batch_size=8, peak_rate=1e-2, average=0.8)


def tones(takes: range) -> list[Recording]:
    """Return tones of some 0.3 s, of a frequency for each speaker."""
    found = []
    for take in takes:
        random = np.random.default_rng(take)
        for speaker in range(len(SPEAKERS)):
            seconds = np.arange(random.integers(2000, 3000)) / RATE_HZ
            samples = 0.3 * np.sin(2 * np.pi * 200 * 1.6**speaker * seconds)
            found.append(
                Recording(
                    name=f"0_{SPEAKERS[speaker]}_{take}",
                    samples=samples.astype(np.float32),
                    digit=0,
                    speaker=speaker,
                    take=take,
                )
            )
    return found


def rehearsal(seed: int = 0) -> Rehearsal:
    recordings = tones(range(2))
    clips = np.stack([prepared(each.samples) for each in recordings])
    targets = truth(recordings, "speaker")
    return Rehearsal(clips=clips, targets=targets, classes=6, plan=PLAN, seed=seed)


def test_a_clip_is_a_second_at_one_level() -> None:
    short = prepared(np.full(100, 0.01, np.float32))
    assert short.shape == (CLIP_SAMPLES,)
    assert short.max() == pytest.approx(10 ** (-1 / 20))
    assert not short[100:].any()
    # What comes after a second is not heard, and does not count for the level.
    long = np.append(np.full(CLIP_SAMPLES, 0.01), 1.0).astype(np.float32)
    assert prepared(long).max() == pytest.approx(10 ** (-1 / 20))
    assert not prepared(np.zeros(10, np.float32)).any()


def test_what_is_rehearsed_is_a_function_of_seed_and_step() -> None:
    def batch(training, skip: int = 0) -> list[np.ndarray]:
        return [part.numpy() for part in next(iter(training.skip(skip)))]

    all_rows, targets = batch(rehearsal().training(), skip=2)
    assert all_rows.shape == (8, 101, 64)
    assert targets.shape == (8, 6)
    for found, wanted in zip(batch(rehearsal().training(2)), (all_rows, targets), strict=True):
        np.testing.assert_array_equal(found, wanted)
    half, half_targets = batch(rehearsal().training(2, Share(1, 2)))
    # A transform of fewer rows may be summed in another order.
    np.testing.assert_allclose(half, all_rows[4:], atol=1e-3)
    np.testing.assert_array_equal(half_targets, targets[4:])
    assert not np.array_equal(batch(rehearsal(seed=1).training(2))[0], all_rows)


def test_a_clip_is_moved_as_far_as_it_has_room() -> None:
    clip = np.zeros(CLIP_SAMPLES, np.float32)
    clip[:5000] = np.arange(1, 5001)
    random = np.random.default_rng(0)
    moved = [rehearsal()._moved(clip, random) for _ in range(200)]
    ends = np.array([np.flatnonzero(each).max() for each in moved])
    starts = np.array([np.flatnonzero(each).min() for each in moved])
    assert all(each.max() == 5000 for each in moved)  # the end of the sound is never lost
    assert ends.min() < 4999 - listeners.MOVED_SAMPLES / 2
    assert ends.min() >= 4999 - listeners.MOVED_SAMPLES
    assert ends.max() > CLIP_SAMPLES - 200
    assert starts.max() > 2500


def test_a_listener_learns_who_speaks() -> None:
    listener = train_listener(tones(range(10, 30)), "speaker", plan=PLAN)
    unheard = tones(range(3))
    answers = listener.answers([each.samples for each in unheard])
    assert (answers == truth(unheard, "speaker")).all()


def test_every_pair_is_generated_with_seeds_that_count_up(monkeypatch) -> None:
    keras.utils.set_random_seed(0)
    words = {"label": ("zero", "one"), "speaker": ("george", "theo", "lucas")}
    model = create_model("wavenet_micro", global_classes=(2, 3))
    generate = AudioGeneration(model, rate_hz=RATE_HZ, labels=words)
    monkeypatch.setattr(benchmark, "DIGITS", words["label"])
    monkeypatch.setattr(benchmark, "SPEAKERS", words["speaker"])
    monkeypatch.setattr(benchmark, "CLIP_SAMPLES", 40)
    said, clips = benchmark.generated(generate, 2)
    assert said["digit"].tolist() == [0] * 6 + [1] * 6
    assert said["speaker"].tolist() == [0, 0, 1, 1, 2, 2] * 2
    alone = generate(40 / RATE_HZ, seed=7, label="one", speaker="george")
    np.testing.assert_array_equal(clips[7], alone.waveform)
    assert len({clip.tobytes() for clip in clips}) == 12
    _, later = benchmark.generated(generate, 1, first_seed=4)
    alone = generate(40 / RATE_HZ, seed=7, label="one", speaker="george")  # its fourth pair
    np.testing.assert_array_equal(later[3], alone.waveform)


def test_what_is_heard_is_counted_word_by_word() -> None:
    nobody, everybody = np.zeros(20, int), np.repeat(np.arange(10), 2)
    digits = Heard("digit", everybody, np.where(everybody == 3, 8, everybody))
    speakers = Heard("speaker", nobody, np.array([0] * 15 + [4] * 4 + [2]))
    text = benchmark.report([digits, speakers], [digits, speakers])
    assert "| three | 0 of 2 (0.0%) | 0 of 2 (0.0%) | eight 2 |" in text
    assert "| george | 15 of 20 (75.0%) | 15 of 20 (75.0%) | theo 4, lucas 1 |" in text
    assert "| theo | - | - |  |" in text
    assert "Digit and speaker at once: 13 of 20 (65.0%)." in text
    assert "- holds: 90.0% (of the digits generated at least 80% are recognised)" in text
    assert "- FAILS: 75.0% (of the speakers generated at least 80% are recognised)" in text
    real_only = benchmark.report([digits, speakers], [])
    assert "| three | 0 of 2 (0.0%) | - |  |" in real_only
    assert real_only.count("- not measured: ") == 2


def test_without_data_it_says_what_to_give(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["wavenet_samples.py"])
    assert benchmark.main() == 0
    assert "give the folder of the spoken digits (--data)" in capsys.readouterr().out

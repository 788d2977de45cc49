"""Windows: what is seen, what is said, and that they are a function of seed and step alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipelines.audio_generation.windows import (
    LONG_TAIL_ONE_IN,
    NOT_LEARNED,
    PAUSE,
    SHORT_TAIL,
    Sound,
    WindowStream,
    longest_tail,
)
from pipelines.training.plan import TrainingPlan
from pipelines.training.replicas import Share

SILENCE, FIELD, WINDOW, HOP = 128, 16, 64, 4


def sound(samples: int, first: int, voice: int = 0) -> Sound:
    """Levels that tell where in which recording they are, none of them silence."""
    levels = first + np.arange(samples, dtype=np.int32)
    frames = np.repeat(np.arange(first, first + samples + longest_tail(FIELD), HOP), 2)
    return Sound(
        levels=levels,
        labels=(first, voice),
        frames=frames.reshape(-1, 2).astype(np.float32),
        voice=voice,
    )


@pytest.fixture(scope="module")
def stream() -> WindowStream:
    return WindowStream(
        sounds=[sound(30, 1000), sound(170, 2000), sound(64, 3000)],
        samples=WINDOW,
        field=FIELD,
        hop=HOP,
        silence=SILENCE,
        joined=False,
        plan=TrainingPlan(epochs=8, batch_size=1),
        seed=3,
    )


def rows(stream: WindowStream, first: int = 0) -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
    return [
        ({name: part.numpy() for name, part in seen.items()}, said.numpy())
        for seen, said in stream.training(first)
    ]


def test_each_sample_is_learned_once_an_epoch(stream: WindowStream) -> None:
    for epoch in range(2):
        batches = rows(stream)[epoch * stream.steps : (epoch + 1) * stream.steps]
        said = np.concatenate([targets[0] for _, targets in batches])
        spoken = said[(said != NOT_LEARNED) & (said != SILENCE)]
        everything = np.concatenate([one.levels for one in stream.sounds])
        # Windows begin at whole frames, so a few samples may be learned from twice.
        assert set(spoken) == set(everything)
        assert len(everything) <= len(spoken) <= len(everything) + HOP * stream.steps


def test_what_is_said_is_what_is_seen_a_sample_later(stream: WindowStream) -> None:
    for seen, said in rows(stream):
        levels = seen["samples"][0]
        learned = np.flatnonzero(said[0, :-1] != NOT_LEARNED)
        np.testing.assert_array_equal(levels[learned + 1], said[0, learned])
        if said[0, 0] != NOT_LEARNED:
            assert levels[0] == SILENCE  # a clip begins with it
        else:
            # All that the first of them depends on is seen.
            assert learned[0] == FIELD - 1
            assert (np.diff(levels[:FIELD]) == 1).all()


def test_frames_and_labels_belong_to_the_samples(stream: WindowStream) -> None:
    for seen, said in rows(stream):
        spoken = np.flatnonzero((said[0] != NOT_LEARNED) & (said[0] != SILENCE))
        frames = seen["frames"][0, :, 0].repeat(HOP)
        assert (said[0, spoken] - frames[spoken] == spoken % HOP).all()
        assert seen["labels"][0, 0] == said[0, spoken[0]] // 1000 * 1000


def test_silence_follows_a_word_sometimes_longer_than_the_network_hears(
    stream: WindowStream,
) -> None:
    wide = replace(stream, samples=1024, plan=TrainingPlan(epochs=60))
    wide = replace(wide, plan=TrainingPlan(epochs=60, batch_size=1))
    tails = [int((said == SILENCE).sum()) for _, said in rows(wide)]
    assert set(tails) == {SHORT_TAIL, longest_tail(FIELD)}
    share = np.mean(np.array(tails) > SHORT_TAIL)
    assert share == pytest.approx(1 / LONG_TAIL_ONE_IN, abs=0.08)  # 180 draws: 3 deviations


def test_joined_recordings_are_of_one_voice_with_a_pause_between(stream: WindowStream) -> None:
    sounds = [sound(30, 1000), sound(40, 2000, voice=1), sound(50, 3000, voice=1)]
    plan = TrainingPlan(epochs=20, batch_size=1)
    for _, said in rows(replace(stream, sounds=sounds, samples=4096, joined=True, plan=plan)):
        assert (said != NOT_LEARNED).all()
        quiet = said[0] == SILENCE
        edges = np.flatnonzero(np.diff(quiet))
        pauses = np.diff(edges)[::2][:-1]
        assert ((pauses >= PAUSE[0]) & (pauses <= PAUSE[1])).all()
        voices = {int(level) // 1000 for level in said[0, ~quiet]}
        assert voices in ({1}, {2, 3}, {2}, {3})


def test_a_stream_from_a_step_on_is_the_rest_of_the_whole(stream: WindowStream) -> None:
    for (seen, said), (seen_again, said_again) in zip(
        rows(stream)[5:], rows(stream, 5), strict=True
    ):
        np.testing.assert_array_equal(said, said_again)
        for name, part in seen.items():
            np.testing.assert_array_equal(part, seen_again[name])


def test_a_replica_has_its_rows_of_the_whole(stream: WindowStream) -> None:
    pairs = replace(stream, plan=TrainingPlan(epochs=2, batch_size=2))
    whole = [said.numpy() for _, said in pairs.training()]
    for index in range(2):
        part = [said.numpy() for _, said in pairs.training(0, Share(index=index, count=2))]
        for all_rows, own in zip(whole, part, strict=True):
            np.testing.assert_array_equal(all_rows[index : index + 1], own)


def test_other_recordings_and_seeds_are_told_apart(stream: WindowStream) -> None:
    other = replace(stream, sounds=[*stream.sounds[:2], sound(64, 3001)])
    assert stream.facts() != other.facts()
    assert stream.facts() != replace(stream, seed=4).facts()


@pytest.mark.parametrize("samples", [FIELD, WINDOW + 1])
def test_a_window_that_holds_nothing_to_learn_is_refused(
    stream: WindowStream, samples: int
) -> None:
    with pytest.raises(ValueError, match=f"receptive field of 16 samples.*got {samples}"):
        replace(stream, samples=samples)

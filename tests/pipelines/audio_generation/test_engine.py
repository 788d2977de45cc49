"""Generation: one set of levels, whoever computes them and however they are cut."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pipelines.audio_generation import sampling
from pipelines.audio_generation.clips import LONGEST, Clip
from pipelines.audio_generation.engine import Engine
from pipelines.audio_generation.sampling import Sampling
from tests.pipelines.audio_generation.networks import (
    CONDITIONS,
    clip,
    heard,
    network,
    network_of_any,
)

BOTH = "labels and frames, kernel 3"


@cache
def engine(condition: str, chunk: int = 16) -> Engine:
    return Engine(network(condition), chunk=chunk)


def one(condition: str, asked: Clip, *arguments: Any, **options: Any) -> np.ndarray:
    (levels,) = engine(condition).generate([asked], *arguments, **options)
    return levels


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_level_is_drawn_from_the_logits_of_the_whole_network(condition: str) -> None:
    asked = clip(condition, 70, seed=5)
    settings = Sampling(temperature=0.8, top_k=40, top_p=0.95)
    levels = one(condition, asked, settings, driver="graph")
    assert levels.dtype == np.int32
    # What was heard is the same at each place, so that one pass tells what should follow.
    logits = network(condition)(heard(asked, levels))[0]
    numbers = sampling.uniforms(sampling.keys_of([5]), tf.range(70)[:, None])[:, 0]
    expected = sampling.draw(settings.kind, logits, numbers, settings.settings(256))
    np.testing.assert_array_equal(levels, expected)
    assert len(set(levels.tolist())) > 10


@pytest.mark.parametrize("condition", ["plain", BOTH])
def test_xla_and_the_graph_give_the_same_in_chunks_of_any_size(condition: str) -> None:
    asked = clip(condition, 75, seed=2)
    graph = one(condition, asked, driver="graph")
    (at_once,) = engine(condition, 100).generate([asked], driver="graph")
    np.testing.assert_array_equal(graph, at_once)
    np.testing.assert_array_equal(one(condition, asked, driver="xla"), graph)
    pieces = list(engine(condition).stream(asked, driver="xla"))
    assert [len(piece) for piece in pieces] == [16, 16, 16, 16, 11]
    np.testing.assert_array_equal(np.concatenate(pieces), graph)
    if condition == "plain":
        (at_once,) = engine(condition, 100).generate([asked], driver="xla")
        np.testing.assert_array_equal(at_once, graph)


def test_xla_draws_among_the_likeliest_and_takes_the_likeliest() -> None:
    asked, among = clip("plain", 40, seed=3), Sampling(temperature=1.2, top_k=20, top_p=0.9)
    with pytest.warns(UserWarning, match="temperature 0"):
        likeliest = Sampling(temperature=0)
    for settings in (among, likeliest):
        graph = one("plain", asked, settings, driver="graph")
        np.testing.assert_array_equal(one("plain", asked, settings, driver="xla"), graph)
    logits = np.asarray(network("plain")(heard(asked, graph)))[0]
    np.testing.assert_array_equal(graph, logits.argmax(axis=-1))


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_primed_clip_goes_on_as_if_it_had_been_generated(condition: str) -> None:
    whole = clip(condition, 70, seed=8)
    levels = one(condition, whole, driver="graph")
    # Shorter than a kernel, than the longest ring and than the receptive field; longer than all.
    for known in (1, 2, 5, 13, 57):
        primed = replace(whole, samples=70 - known, prime=levels[:known])
        np.testing.assert_array_equal(one(condition, primed, driver="graph"), levels[known:])


@pytest.mark.parametrize("condition", ["label, kernel 3", BOTH])
def test_guidance_leads_away_from_what_any_class_of_the_first_label_would_say(
    condition: str,
) -> None:
    asked, settings = clip(condition, 70, seed=5), Sampling(top_k=90, guidance=1.6)
    levels = one(condition, asked, settings, driver="graph")
    assert (levels != one(condition, asked, replace(settings, guidance=1.0), driver="graph")).any()
    told, of_any = (make(condition)(heard(asked, levels))[0] for make in (network, network_of_any))
    numbers = sampling.uniforms(sampling.keys_of([5]), tf.range(70)[:, None])[:, 0]
    logits = of_any + 1.6 * (told - of_any)
    expected = sampling.draw(settings.kind, logits, numbers, settings.settings(256))
    np.testing.assert_array_equal(levels, expected)
    np.testing.assert_array_equal(one(condition, asked, settings, driver="xla"), levels)
    primed = replace(asked, samples=27, prime=levels[:43])
    other = clip(condition, 12, seed=6)
    for driver in ("graph", "xla"):
        (rest, _) = engine(condition).generate([primed, other], settings, driver=driver, lanes=2)
        np.testing.assert_array_equal(rest, levels[43:])
    with pytest.raises(ValueError, match="guidance must be 1 for a network without labels"):
        engine("plain").stream(clip("plain", 5), settings)


def test_clips_do_not_depend_on_each_other() -> None:
    prime = np.random.default_rng(1).integers(256, size=33)
    clips = [
        clip(BOTH, 20, seed=1),
        clip(BOTH, 45, seed=2, prime=prime),
        clip(BOTH, 7, seed=3, prime=prime[:4]),
        clip(BOTH, 31, seed=2**64 - 1),
        clip(BOTH, 31, seed=5),
    ]
    alone = [one(BOTH, asked, driver="graph") for asked in clips]
    assert [len(levels) for levels in alone] == [20, 45, 7, 31, 31]
    assert (alone[3] != alone[4]).any()
    for driver, lanes in (("graph", 1), ("graph", 3), ("xla", 2)):
        together = engine(BOTH).generate(clips, driver=driver, lanes=lanes)  # type: ignore[arg-type]
        for levels, expected in zip(together, alone, strict=True):
            np.testing.assert_array_equal(levels, expected)
    assert engine(BOTH).generate([], lanes=2) == []


def test_seeds_labels_and_frames_make_a_difference() -> None:
    asked = clip(BOTH, 30, seed=4)
    levels = one(BOTH, asked, driver="graph")
    assert asked.frames is not None
    others = [
        replace(asked, seed=asked.seed + 1),
        replace(asked, labels=((asked.labels[0] + 1) % 3, asked.labels[1])),
        replace(asked, labels=(asked.labels[0], 1 - asked.labels[1])),
        replace(asked, frames=asked.frames + 1),
    ]
    for other in others:
        assert (one(BOTH, other, driver="graph") != levels).any()


def test_short_clips_run_in_the_graph_and_long_ones_under_xla() -> None:
    assert [engine("plain").driver_for(samples) for samples in (7, 8, 900)] == [
        "graph",
        "xla",
        "xla",
    ]
    for samples in (7, 8):
        asked = clip("plain", samples)
        np.testing.assert_array_equal(
            one("plain", asked), one("plain", asked, driver=engine("plain").driver_for(samples))
        )


def test_the_longest_clip_is_heard_at_once() -> None:
    endless = engine("plain").stream(Clip(samples=LONGEST), driver="graph")
    first, second = islice(endless, 2)
    np.testing.assert_array_equal(
        np.concatenate([first, second]), one("plain", Clip(samples=32), driver="graph")
    )


FRAMES = np.zeros((4, 4))


@pytest.mark.parametrize(
    ("condition", "changes", "says"),
    [
        ("plain", {"samples": 0}, "samples must be a whole number from 1 to .*; got 0"),
        ("plain", {"samples": 2.5}, "samples must be a whole number"),
        ("plain", {"samples": True}, "samples must be a whole number"),
        ("plain", {"seed": -1}, "seed must be a whole number from 0 to 18,446,.*; got -1"),
        ("plain", {"seed": 2**64}, "seed must be a whole number"),
        ("plain", {"labels": (1,)}, r"this network takes 0 labels; got \(1,\)"),
        ("plain", {"frames": FRAMES}, "this network takes no frames; leave them out"),
        ("plain", {"prime": np.array([0, 256])}, "levels from 0 to 255; got 0 to 256"),
        ("plain", {"prime": np.array([-128, 127])}, "levels from 0 to 255; got -128 to 127"),
        ("plain", {"prime": np.array([0.5])}, r"whole numbers \(P,\), .* got float64 \(1,\)"),
        ("plain", {"prime": np.array([[1, 2]])}, r"whole numbers \(P,\), .* got int64 \(1, 2\)"),
        (BOTH, {"labels": (1,)}, r"this network takes 2 labels; got \(1,\)"),
        (BOTH, {"labels": (2, 2)}, "a label must be a whole number from 0 to 1; got 2"),
        (BOTH, {"frames": None}, r"need 4 frames of 5 samples, \(frames, 4\); got None"),
        (BOTH, {"frames": np.zeros((4, 3))}, r"\(frames, 4\); got \(4, 3\)"),
        (BOTH, {"frames": FRAMES[:3]}, "20 samples, .* need 4 frames"),
        (BOTH, {"prime": np.array([1])}, "21 samples, those of prime included, need 5 frames"),
        (BOTH, {"frames": FRAMES + np.nan}, "frames must be finite; some values are NaN"),
    ],
)
def test_a_clip_that_cannot_be_is_refused(condition: str, changes, says: str) -> None:
    good = Clip(samples=20)
    if condition == BOTH:
        good = replace(good, labels=(2, 1), frames=FRAMES)
    bad = replace(good, **changes)
    with pytest.raises(ValueError, match=says):
        engine(condition).generate([good, bad])
    with pytest.raises(ValueError, match=says):
        engine(condition).stream(bad)


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ValueError, match="chunk must be a whole number of at least 1; got 0"):
        Engine(network("plain"), chunk=0)
    with pytest.raises(ValueError, match="lanes must be a whole number of at least 1; got 0"):
        engine("plain").generate([Clip(samples=2)], lanes=0)
    with pytest.raises(ValueError, match="unknown driver 'xls'; did you mean 'xla'"):
        engine("plain").stream(Clip(samples=2), driver="xls")  # type: ignore[arg-type]

"""Words, seconds and seeds become clips."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest

from pipelines.audio_generation.clips import LONGEST
from pipelines.audio_generation.pipeline import AudioGeneration
from pipelines.audio_generation.requests import ARGUMENTS, Request, Vocabulary, requests

WORDS = Vocabulary({"label": ("zero", "one", "two"), "speaker": ("george", "theo")})
RATE_HZ = 8000


def asked(
    seconds: Any = 1.0, seed: Any = 5, vocabulary: Vocabulary = WORDS, **words: Any
) -> tuple[list[Request], bool]:
    return requests(vocabulary, RATE_HZ, seconds=seconds, seed=seed, words=words)


def test_one_value_of_each_is_one_clip() -> None:
    (request,), several = asked(0.5, label="two", speaker="theo")
    assert not several
    assert (request.samples, request.seed) == (4000, 5)
    assert dict(request.words) == {"label": "two", "speaker": "theo"}
    assert WORDS.places(request.words) == (2, 1)


@pytest.mark.parametrize(
    ("seconds", "seed", "words", "samples", "seeds"),
    [
        ([1.0, 0.25], 5, {}, [8000, 2000], [5, 6]),
        (1.0, [9, 3], {}, [8000, 8000], [9, 3]),
        (1.0, 5, {"label": ["one", None]}, [8000, 8000], [5, 6]),
        ((1.0,), 5, {}, [8000], [5]),
        (np.array([0.5, 0.25]), np.array([1, 2]), {"label": "two"}, [4000, 2000], [1, 2]),
        (1.0, np.int64(7), {}, [8000], [7]),
        (1e-9, 2**64 - 1, {}, [1], [2**64 - 1]),
        ([], 5, {}, [], []),
    ],
)
def test_a_list_of_any_is_a_list_of_clips(
    seconds: Any, seed: Any, words: dict[str, Any], samples: list[int], seeds: list[int]
) -> None:
    found, several = asked(seconds, seed, **words)
    assert several == any(
        isinstance(v, list | tuple | np.ndarray) for v in (seconds, *words.values(), seed)
    )
    assert [request.samples for request in found] == samples
    assert [request.seed for request in found] == seeds


def test_a_label_that_is_left_out_is_drawn_from_the_seed() -> None:
    found, _ = asked([0.1] * 600, 0)
    pairs = Counter(tuple(request.words.values()) for request in found)
    # Six pairs of 100 each, give or take five standard deviations of 9.
    assert len(pairs) == 6
    assert all(abs(count - 100) < 46 for count in pairs.values())
    for request in found[:20]:
        (alone,), _ = asked(0.1, request.seed)
        assert alone == request
        (named,), _ = asked(0.1, request.seed, label="two")
        assert named.words["label"] == "two"
        assert named.words["speaker"] == request.words["speaker"]


def test_without_a_seed_each_clip_gets_a_new_one() -> None:
    seeds = [request.seed for _ in range(2) for request in asked([0.1] * 50, None)[0]]
    assert len(set(seeds)) == 100
    assert all(0 <= seed < 2**32 for seed in seeds)
    (mixed, other), _ = asked(0.1, [None, 3])
    assert other.seed == 3
    assert mixed.seed != asked(0.1, [None, 3])[0][0].seed


@pytest.mark.parametrize(
    ("what", "error", "says"),
    [
        ({"seconds": 0}, ValueError, "seconds must be above 0, and at most 134,218; got 0"),
        ({"seconds": -1.0}, ValueError, "seconds must be above 0"),
        ({"seconds": float("nan")}, ValueError, "seconds must be above 0"),
        ({"seconds": [1.0, float("inf")]}, ValueError, "seconds must be above 0"),
        ({"seconds": 2 * LONGEST / RATE_HZ}, ValueError, "seconds must be above 0, and at most"),
        ({"seconds": True}, ValueError, "seconds must be above 0"),
        ({"seconds": "1"}, ValueError, "got '1'"),
        ({"seconds": None}, ValueError, "got None"),
        ({"seed": -1}, ValueError, "seed must be a whole number from 0 to 2^64 - 1; got -1"),
        ({"seed": 2**64}, ValueError, "seed must be"),
        ({"seed": [1, 2.0]}, ValueError, "seed must be a whole number from 0 to 2^64 - 1; got 2.0"),
        ({"seed": True}, ValueError, "seed must be"),
        ({"seed": 2**64 - 1, "seconds": [1, 1]}, ValueError, "got 18446744073709551616"),
        ({"label": "too"}, ValueError, "unknown label 'too'; did you mean 'two'?"),
        ({"label": "One"}, ValueError, "unknown label 'One'; did you mean 'one'?"),
        ({"label": 1}, ValueError, "unknown label 1; known: zero, one, two"),
        ({"speaker": ["theo", "bob"]}, ValueError, "unknown speaker 'bob'; known: george, theo"),
        (
            {"speeker": "theo"},
            TypeError,
            "no label 'speeker'; its labels: label, speaker; did you mean 'speaker'?",
        ),
        ({"sed": 5}, TypeError, "did you mean 'seed'?"),
        ({"seconds": [], "pitch": 5}, TypeError, "no label 'pitch'"),
        (
            {"seconds": [1, 2], "label": ["one"] * 3},
            ValueError,
            "lists must have one value a clip, as many each; got 2 of seconds, 3 of label",
        ),
    ],
)
def test_what_cannot_be_is_refused(what: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=re.escape(says)):
        asked(**what)


def test_a_network_without_labels_says_so() -> None:
    with pytest.raises(TypeError, match="no label 'label'; it has none"):
        asked(vocabulary=Vocabulary({}), label="one")
    (request,), _ = asked(vocabulary=Vocabulary({}))
    assert dict(request.words) == {}


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        ({"two words": ("a",)}, "a label's name must be a word"),
        ({"seed": ("a",)}, "and none of"),
        ({7: ("a",)}, "got 7"),
        ({"label": ()}, "one or more; got ()"),
        ({"label": ("a", "a")}, "must be different words"),
        ({"label": "ab"}, "got 'ab'"),
        ({"label": ("a", 1)}, "must be different words"),
        ({"label": ("a\n",)}, "must be different words"),
        ({"label": ("",)}, "must be different words"),
    ],
)
def test_labels_that_nobody_could_name_are_refused(classes: dict[Any, Any], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        Vocabulary(classes)


def test_no_label_can_be_called_as_an_argument() -> None:
    for name in ("generate", "vocode", "stream", "write", "continue_from", "score"):
        parameters = inspect.signature(getattr(AudioGeneration, name)).parameters
        assert set(parameters) - {"labels"} <= set(ARGUMENTS), name

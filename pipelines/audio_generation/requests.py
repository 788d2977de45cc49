"""What people ask for, in words and seconds, as what an engine is asked for.

A label that nobody names is drawn from the clip's seed: the clip is then determined by its seed all
the same, and its result says which label it was.
"""

from __future__ import annotations

import hashlib
import math
import operator
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from models.words import suggest
from pipelines.audio_generation.clips import LONGEST
from pipelines.audio_generation.sampling import SEEDS

# What the calls take besides labels; no label can be called so.
ARGUMENTS = (
    *("self", "source", "path", "bits", "seconds", "seed", "temperature", "top_k", "top_p"),
    *("guidance", "convert", "limits", "driver", "on_block", "on_error", "progress"),
)
FRESH_SEEDS = 2**32  # of the 2^64 that there are: short enough to be typed again


@dataclass(frozen=True)
class Vocabulary:
    """The labels of a network, by name, and each one's classes, in the network's order.

    Attributes:
        classes: Such as {"label": ("zero", "one"), "speaker": ("theo",)}.
    """

    classes: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        """Check that each name can be an argument, and each class told from the others.

        Raises:
            ValueError: One cannot.
        """
        for name, words in self.classes.items():
            if not isinstance(name, str) or not name.isidentifier() or name in ARGUMENTS:
                raise ValueError(
                    f"a label's name must be a word, and none of {', '.join(ARGUMENTS)}; "
                    f"got {name!r}"
                )
            wrong = [w for w in words if not (isinstance(w, str) and w and w.isprintable())]
            if isinstance(words, str) or not words or wrong or len(set(words)) < len(words):
                raise ValueError(
                    f"the classes of {name} must be different words, one or more; got {words!r:.80}"
                )
        plain = {name: tuple(words) for name, words in self.classes.items()}
        object.__setattr__(self, "classes", MappingProxyType(plain))

    def check(self, words: Mapping[str, object]) -> None:
        """Refuse what this network has no label for, and classes that its labels do not have.

        Args:
            words: By the label's name; None for one that is left out.

        Raises:
            TypeError: There is no such label.
            ValueError: A label has no such class.
        """
        for name, word in words.items():
            if name not in self.classes:
                has = f"its labels: {', '.join(self.classes)}" if self.classes else "it has none"
                near = suggest(name, [*self.classes, *ARGUMENTS[1:]])
                hint = f"; {near}" if near.startswith("did") else ""
                raise TypeError(f"this network has no label {name!r}; {has}{hint}")
            if word is not None and word not in self.classes[name]:
                raise ValueError(
                    f"unknown {name} {word!r}; {suggest(str(word), self.classes[name])}"
                )

    def completed(self, words: Mapping[str, str | None], seed: int) -> dict[str, str]:
        """Return a class of each label, in the network's order: as named, else drawn.

        Args:
            words: As `check` takes them.
            seed: What is drawn from.
        """
        self.check(words)
        return {name: words.get(name) or self._drawn(name, seed) for name in self.classes}

    def places(self, words: Mapping[str, str]) -> tuple[int, ...]:
        """Return the place of each label's class, as the network is given it."""
        return tuple(classes.index(words[name]) for name, classes in self.classes.items())

    def _drawn(self, name: str, seed: int) -> str:
        # By a hash, which has nothing to do with the numbers that the seed gives the samples.
        digest = hashlib.sha256(f"{name} {seed}".encode()).digest()
        classes = self.classes[name]
        return classes[int.from_bytes(digest[:8], "big") % len(classes)]


@dataclass(frozen=True, kw_only=True)
class Request:
    """One clip that is asked for.

    Attributes:
        samples: How many.
        seed: What all draws come from.
        words: The class of each label, complete.
    """

    samples: int
    seed: int
    words: Mapping[str, str]


def requests(
    vocabulary: Vocabulary, rate_hz: int, *, seconds: Any, seed: Any, words: Mapping[str, Any]
) -> tuple[list[Request], bool]:
    """Return the clips that are asked for, and whether the answer is a list.

    Each argument is one value for all clips, or a list of one a clip.

    Args:
        vocabulary: The network's labels.
        rate_hz: Samples a second.
        seconds: How long.
        seed: 0 to 2^64 - 1. One for several clips counts up from clip to clip; for None, each clip
            gets a new one.
        words: The class of each label; what is None, or left out, is drawn.

    Raises:
        TypeError: The network has no such label.
        ValueError: A value is out of range, or lists differ in length.
    """
    given = {"seconds": seconds, "seed": seed, **words}
    counts = {name: len(value) for name, value in given.items() if _is_list(value)}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{count} of {name}" for name, count in counts.items())
        raise ValueError(f"lists must have one value a clip, as many each; got {told}")
    count = next(iter(counts.values()), 1)
    seeds = list(seed) if _is_list(seed) else _seeds(seed, count)
    asked = []
    for place in range(count):
        its_seed = new_seed() if seeds[place] is None else whole_seed(seeds[place])
        its_words = {name: v[place] if _is_list(v) else v for name, v in words.items()}
        its_seconds = seconds[place] if _is_list(seconds) else seconds
        asked.append(
            Request(
                samples=samples_of(its_seconds, rate_hz),
                seed=its_seed,
                words=MappingProxyType(vocabulary.completed(its_words, its_seed)),
            )
        )
    if not asked:
        vocabulary.check(dict.fromkeys(words))
    return asked, bool(counts)


def samples_of(seconds: Any, rate_hz: int) -> int:
    """Return the nearest number of samples, at least one.

    Raises:
        ValueError: `seconds` is no number above 0, or more than an engine counts.
    """
    most = LONGEST / rate_hz
    number = isinstance(seconds, int | float | np.number) and not isinstance(seconds, bool)
    if not number or not (math.isfinite(seconds) and 0 < seconds <= most):
        raise ValueError(f"seconds must be above 0, and at most {most:,.0f}; got {seconds!r}")
    return max(1, round(float(seconds) * rate_hz))


def whole_seed(seed: Any) -> int:
    """Return a seed as int; NumPy's integers are taken too.

    Raises:
        ValueError: It is no whole number, or out of range.
    """
    try:
        whole = -1 if isinstance(seed, bool) else operator.index(seed)
    except TypeError:
        whole = -1
    if not 0 <= whole < SEEDS:
        raise ValueError(f"seed must be a whole number from 0 to 2^64 - 1; got {seed!r}")
    return whole


def new_seed() -> int:
    """Return a seed that nobody could foresee."""
    return secrets.randbelow(FRESH_SEEDS)


def _seeds(first: Any, count: int) -> Sequence[Any]:
    return [None] * count if first is None else range(whole_seed(first), whole_seed(first) + count)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)

"""What is asked of a SavedModel, checked in the graph: each item has its own refusal.

A rule is whether it holds, and what to say where it does not: the rule, the value, the remedy. The
bounds are those of `requests` and `sampling`, but for the length, where a whole clip is one answer:
nobody waits for an hour of sound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, get_args

import tensorflow as tf

from pipelines.audio_generation.sampling import MOST_GUIDANCE, Kind

START, GO_ON, VOCODE, LOG_MEL = "start", "go_on", "vocode", "log_mel"  # endpoints

MOST_SECONDS = 60  # of a clip that is answered at once
KINDS: tuple[Kind, ...] = get_args(Kind)
ALL = 0  # stands for no `top_k`

# Inputs that say how levels are drawn, one value each; guidance where the network has labels.
DRAWING = {"seed": tf.int64, "temperature": tf.float32, "top_k": tf.int32, "top_p": tf.float32}
GUIDANCE = {"guidance": tf.float32}


class Rule(NamedTuple):
    """Whether a rule holds, a scalar bool; and what to say where it does not, a scalar string."""

    holds: tf.Tensor
    says: tf.Tensor


def first_broken(rules: Sequence[Rule]) -> tf.Tensor:
    """Return what the first rule says that does not hold, and "" where all do."""
    message = tf.constant("")
    for rule in reversed(rules):
        message = tf.where(rule.holds, message, rule.says)
    return message


def places_of(
    words: Sequence[tf.Tensor], labels: Mapping[str, Sequence[str]]
) -> tuple[tf.Tensor, list[Rule]]:
    """Return which classes are meant, int32 (labels,).

    Args:
        words: A scalar string for each label.
        labels: The classes of each.
    """
    places, rules = [], []
    for word, (name, classes) in zip(words, labels.items(), strict=True):
        found = tf.equal(tf.constant(list(classes)), word)
        places.append(tf.argmax(tf.cast(found, tf.int32), output_type=tf.int32))
        known = f"'; known: {', '.join(classes)}"
        says = tf.strings.join([f"unknown {name} '", word, known])
        rules.append(Rule(tf.reduce_any(found), says))
    return (tf.stack(places) if places else tf.zeros((0,), tf.int32)), rules


def seed_rule(seed: tf.Tensor) -> Rule:
    """Return what a seed must be, int64."""
    return Rule(seed >= 0, _says("seed must be 0 or more", seed))


def drawing_of(
    temperature: tf.Tensor,
    top_k: tf.Tensor,
    top_p: tf.Tensor,
    guidance: tf.Tensor,
    *,
    classes: int,
) -> tuple[tf.Tensor, tf.Tensor, list[Rule]]:
    """Return `Sampling.settings`, the place among `KINDS` of its `kind`, and what must hold."""
    rules = [
        Rule(
            (temperature >= 0) & (temperature < math.inf),
            _says("temperature must be 0 or more", temperature),
        ),
        Rule(top_k >= 0, _says(f"top_k must be 1 or more, or {ALL} for all levels", top_k)),
        Rule((top_p > 0) & (top_p <= 1), _says("top_p must be above 0 and at most 1", top_p)),
        Rule(
            (guidance >= 0) & (guidance <= MOST_GUIDANCE),
            _says(f"guidance must be 0 to {MOST_GUIDANCE:.0f}", guidance),
        ),
    ]
    among = tf.where(tf.equal(top_k, ALL), classes, tf.minimum(top_k, classes))
    settings = tf.stack([temperature, tf.cast(among, tf.float32), top_p, guidance])
    free = tf.equal(top_k, ALL) & tf.equal(top_p, 1)
    kind = tf.where(free, KINDS.index("free"), KINDS.index("restricted"))
    return settings, tf.where(tf.equal(temperature, 0), KINDS.index("greedy"), kind), rules


def samples_of(seconds: tf.Tensor, rate_hz: int) -> tuple[tf.Tensor, Rule]:
    """Return how many samples last so long, int32, and what must hold."""
    holds = (seconds > 0) & (seconds <= MOST_SECONDS)  # NaN fails here
    exact = tf.cast(tf.where(holds, seconds, 0), tf.float64) * rate_hz
    samples = tf.maximum(tf.cast(tf.round(exact), tf.int32), 1)  # as `requests.samples_of`
    return samples, Rule(holds, _too_long("seconds", seconds, "call start and go_on for longer"))


def length_rule(name: str, samples: tf.Tensor, rate_hz: int) -> Rule:
    """Return how long something given may be."""
    seconds = tf.cast(samples, tf.float32) / rate_hz
    holds = (samples >= 1) & (samples <= MOST_SECONDS * rate_hz)
    return Rule(holds, _too_long(f"seconds of {name}", seconds, "cut it into parts"))


def _too_long(name: str, seconds: tf.Tensor, remedy: str) -> tf.Tensor:
    got = _says(f"{name} must be above 0 and at most {MOST_SECONDS}", seconds)
    return tf.strings.join([got, f"; {remedy}"])


def _says(rule: str, value: tf.Tensor) -> tf.Tensor:
    written = tf.strings.as_string(value, shortest=value.dtype.is_floating)
    return tf.strings.join([f"{rule}; got ", written])

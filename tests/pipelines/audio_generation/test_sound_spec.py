"""What samples, labels and frames mean travels with the weights, and must fit them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipelines.audio import mu_expand
from pipelines.audio_generation.requests import Vocabulary
from pipelines.audio_generation.sound_spec import SoundSpec
from pipelines.audio_generation.stepping import Stepper
from tests.pipelines.audio_generation.generators import (
    DIGITS,
    LABELS,
    MEL,
    plain,
    speaker,
    vocoder,
)


def test_a_spec_comes_back_from_json() -> None:
    for spec in (speaker().spec, vocoder().spec):
        kept = json.loads(json.dumps(spec.to_dict()))
        assert SoundSpec.from_dict(kept) == spec
    np.testing.assert_array_equal(spec.table, mu_expand(np.arange(256)))
    assert not spec.table.flags.writeable


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rate_hz": "8000"}, "rate_hz must be 1,000 to 384,000; got '8000'"),
        ({"rate_hz": None}, "rate_hz must be"),
        ({"rate_hz": 0}, "rate_hz must be 1,000 to 384,000; got 0"),
        ({"level_db": 3}, "level_db must be finite and at most 0, or None; got 3"),
        ({"level_db": float("nan")}, "level_db must be finite"),
        ({"pitch": 1}, "must state rate_hz, level_db, labels, mel, guidance, and no more"),
        ({"labels": {"label": "abc"}}, "labels must map names to lists of words"),
        ({"labels": None}, "labels must map names to lists"),
        ({"labels": {"label": None}}, "labels must map names to lists"),
        ({"labels": {"seed": ["a"] * 10}}, "a label's name must be a word"),
        ({"guidance": "2"}, "guidance must be a number; got '2'"),
        ({"guidance": 11}, "guidance must be 0 to 10; got 11"),
        ({"guidance": 2, "labels": {}}, "guidance must be 1 for a network without labels"),
        ({"mel": {"rate_hz": 8000}}, "a mel spec lacks"),
        ({"mel": 5}, "a mel spec is a mapping"),
        ({"mel": MEL.to_dict(), "rate_hz": 16_000}, "network's rate, 16,000 Hz; got a mel spec of"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        SoundSpec.from_dict(speaker().spec.to_dict() | changes)


def test_what_does_not_fit_the_network_is_refused() -> None:
    labelled, unlabelled, framed = (Stepper(make().model) for make in (speaker, plain, vocoder))
    none, both = SoundSpec(rate_hz=8000), SoundSpec(rate_hz=8000, vocabulary=Vocabulary(LABELS))
    digits = replace(none, vocabulary=Vocabulary({"label": DIGITS}))
    mel = replace(none, mel=MEL)
    for spec, stepper, says in (
        (none, labelled, "numbers of classes, (10, 6); got () of ()"),
        (digits, labelled, "numbers of classes, (10, 6); got (10,) of ('label',)"),
        (both, unlabelled, "numbers of classes, (); got (10, 6)"),
        (none, framed, "takes frames of 12 values; pass the mel spec"),
        (mel, unlabelled, "the network takes no frames; got a mel spec of 12 bands every 80"),
        (
            replace(none, mel=replace(MEL, mels=10)),
            framed,
            "takes 12 values that last 80 samples; got a mel spec of 10 bands every 80 samples",
        ),
        (replace(none, mel=replace(MEL, hop_samples=40)), framed, "got a mel spec of 12 bands ev"),
        (replace(none, levels=64), unlabelled, "the network has 256 levels; got 64"),
    ):
        with pytest.raises(ValueError, match=re.escape(says)):
            spec.check(stepper)
    for spec, stepper in ((both, labelled), (none, unlabelled), (mel, framed)):
        spec.check(stepper)

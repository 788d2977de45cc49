"""Bits per sample of recordings: of the spoken digits by name, of a folder, of a list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from pipelines.audio_generation.data import DataError, fsdd
from pipelines.audio_generation.evaluation import evaluate_generator
from tests.pipelines.audio_generation.generators import RATE_HZ, plain, speaker, tone


def test_recordings_are_scored_with_their_own_labels(spoken: Path) -> None:
    recordings = fsdd(spoken, "test")[::60]
    report = evaluate_generator(speaker(), recordings)
    bits = []
    for one, score in zip(recordings, report.scores, strict=True):
        words: dict[str, Any] = {"label": speaker().labels["label"][one.digit]}
        words["speaker"] = speaker().labels["speaker"][one.speaker]
        found = speaker().score((one.samples, RATE_HZ), **words)
        assert (score.name, score.samples) == (one.name, len(one.samples))
        assert score.bits_per_sample == found.bits_per_sample
        bits.append(found.bits)
    assert report.bits_per_sample == pytest.approx(np.concatenate(bits).mean(), rel=1e-5)
    assert report.mean == pytest.approx(np.mean([part.mean() for part in bits]), rel=1e-5)
    assert report.deviation == pytest.approx(np.std([part.mean() for part in bits]), rel=1e-3)
    assert report.baselines == {}


def test_the_named_set_comes_with_baselines(spoken: Path) -> None:
    report = plain().evaluate("fsdd", folder=spoken)
    assert len(report.scores) == 180
    assert list(report.baselines) == ["uniform", "unigram", "bigram", "AR(32)"]
    header, rows = report.table()
    assert header == ("foretold by", "bits per sample")
    assert [row[0] for row in rows] == [*report.baselines, "plain"]
    assert rows[0][1] == "8.000"
    assert f"| plain | {report.bits_per_sample:.3f} |" in report.to_markdown()
    assert "180 recordings" in report.title
    plain_values = json.loads(report.to_json())
    assert plain_values["bits_per_sample"] == report.bits_per_sample
    assert plain_values["count"] == len(plain_values["recordings"]) == 180


def test_a_folder_may_hold_what_cannot_be_measured(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(), RATE_HZ)
    soundfile.write(tmp_path / "b.wav", tone(rate_hz=16_000), 16_000)
    (tmp_path / "c.wav").write_bytes(b"no sound")
    report = plain().evaluate(tmp_path)
    assert [score.samples for score in report.scores] == [800]
    assert [Path(source).name for source, _ in report.failed] == ["b.wav", "c.wav"]
    assert "8,000 Hz" in report.failed[0][1]
    assert report.data == tmp_path.name


def test_what_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no recordings"):
        plain().evaluate(tmp_path)
    with pytest.raises(DataError, match="0 recordings holds no recordings"):
        plain().evaluate([])
    with pytest.raises(DataError, match=r"the first: .*16,000 Hz"):
        plain().evaluate([(tone(), 16_000)])
    with pytest.raises(DataError, match="fsdd is not part of the package; give the folder"):
        plain().evaluate("fsdd")
    with pytest.raises(DataError, match="must be 'fsdd', a folder or a list; did you mean 'fsdd'"):
        plain().evaluate("fssd")
    with pytest.raises(TypeError, match="must be a name, a folder or a list; got int"):
        plain().evaluate(7)


def test_a_network_that_is_told_labels_needs_them(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(), RATE_HZ)
    with pytest.raises(DataError, match=r"is told labels .*label, speaker.*fsdd"):
        speaker().evaluate(tmp_path)

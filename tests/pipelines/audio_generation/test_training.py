"""A recipe's training: from recordings to a preset that gives what was measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.audio_generation.data import DataError
from pipelines.audio_generation.pipeline import AudioGeneration
from pipelines.audio_generation.recipes import RECIPES, GeneratorRecipe
from pipelines.recipes import recipe, train_recipe
from tests.pipelines.small_trainings import PLAN, logged

SMALL = GeneratorRecipe(
    title="For a test",
    model="wavenet_micro",
    given="labels",
    window_samples=200,
    plan=replace(PLAN, batch_size=64),
    expected="Nothing.",
)


@pytest.mark.parametrize(("given", "level_db"), [("labels", None), ("mel", -1.0)])
def test_it_learns_and_ships_what_it_measured(
    given: str, level_db: float | None, spoken: Path, tmp_path: Path
) -> None:
    guidance = 1.5 if given == "labels" else 1.0
    small = replace(SMALL, given=given, level_db=level_db, guidance=guidance)  # type: ignore[arg-type]
    report = train_recipe("small", out=tmp_path, instead=small, data=spoken)
    rows = logged(tmp_path / "seed_0")
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert report == json.loads((tmp_path / "report.json").read_text())
    # Recordings of more than 116 samples (takes 37 to 49) have a second window at a whole frame.
    windows = 2700 + (60 * 13 if given == "mel" else 0)
    assert report["steps"] == 2 * (windows // 64)
    generator = AudioGeneration.from_preset(report["preset"])
    assert list(generator.labels) == (["label", "speaker"] if given == "labels" else [])
    assert (generator.level_db, generator.mel is None) == (level_db, given != "mel")
    assert generator.guidance == guidance
    (metric,) = generator.metadata["metrics"]
    assert metric["value"] == generator.evaluate("fsdd", folder=spoken).bits_per_sample
    # Half precision's rounding of the weights, on some 6 bits.
    assert metric["value"] == pytest.approx(report["bits_per_sample"][0], abs=0.02)
    assert set(generator.metadata["score"]) == {"mean", "deviation"}
    assert logged(tmp_path / "small") == rows


def test_recordings_that_are_missing_are_named_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no spoken digits"):
        train_recipe("wavenet_digits", out=tmp_path / "run", data=tmp_path)
    assert not (tmp_path / "run").exists()


def test_recipes_are_found_by_name() -> None:
    assert recipe("wavenet_digits") is RECIPES["wavenet_digits"]
    with pytest.raises(ValueError, match="unknown recipe 'wavenet_digit'; did you mean"):
        recipe("wavenet_digit")
    with pytest.raises(ValueError, match="seeds must name at least one"):
        train_recipe("wavenet_digits", out="nowhere", seeds=())

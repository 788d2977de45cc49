"""A recipe's training: from pictures to a preset that gives what was measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines.recipes import recipe, train_recipe
from pipelines.super_resolution.data import DataError
from pipelines.super_resolution.pipeline import SuperResolution
from pipelines.super_resolution.recipes import RECIPES, UpscalerRecipe
from pipelines.super_resolution.training import training_pairs
from tests.pipelines.small_trainings import PLAN, logged

SMALL = 310  # px: three times the held-out patches' side, and some


@pytest.fixture(scope="module")
def folder(photographs, tmp_path_factory) -> Path:
    """Six parts of scikit-learn's photographs."""
    place: Path = tmp_path_factory.mktemp("photographs")
    for name, pixels in photographs.items():
        for part in range(3):
            left = 160 * part
            crop = pixels[:SMALL, left : left + SMALL]
            Image.fromarray(crop).save(place / f"{name}{part}.png")
    return place


@pytest.fixture(scope="module")
def small(folder: Path) -> UpscalerRecipe:
    return UpscalerRecipe(
        title="For a test",
        model="sesr_micro",
        scale=2,
        data=(str(folder),),
        held_out=2,
        side_px=16,
        steps=20,
        plan=replace(PLAN, epochs=3, peak_rate=2e-3),
        expected="Nothing.",
    )


@pytest.fixture(scope="module")
def report(small: UpscalerRecipe, tmp_path_factory) -> dict[str, Any]:
    return train_recipe("small_x2", out=tmp_path_factory.mktemp("run"), instead=small)


def test_it_learns_and_ships_what_it_measured(small: UpscalerRecipe, report) -> None:
    run = Path(report["preset"]).parent
    rows = logged(run / "seed_0")
    assert rows[-1]["val_loss"] < 0.9 * rows[0]["loss"]
    assert report == json.loads((run / "report.json").read_text())
    upscale = SuperResolution.from_preset(report["preset"])
    assert (upscale.scale, upscale.colour) == (2, "luma")
    # The network that comes back, on the middle of the held-out pictures: half precision's rounding
    # of the weights moves a PSNR of some 25 dB by less than a hundredth.
    (_, held_out), errors = training_pairs(small, None), []
    for pair in held_out:
        y, x = ((side - 100) // 2 for side in pair.low.shape[:2])
        low = pair.low[None, y : y + 100, x : x + 100] / np.float32(65535)
        high = pair.high[2 * y : 2 * y + 200, 2 * x : 2 * x + 200] / np.float32(65535)
        errors.append(np.mean((np.asarray(upscale.model(low))[0] - high) ** 2))
    psnr = -10 * np.log10(np.mean(errors))
    assert psnr == pytest.approx(report["held_out_psnr"][0], abs=0.01)
    assert logged(run / "small_x2") == rows


def test_a_start_is_begun_with(small: UpscalerRecipe, report, tmp_path: Path) -> None:
    """With no step worth the name, the next scale's network is the start's but for its end."""
    still = replace(small.plan, epochs=1, peak_rate=1e-12, average=0.0)
    then = replace(small, scale=3, start=report["preset"], plan=still, steps=1)
    second = train_recipe("small_x3", out=tmp_path, instead=then)
    a, b = (SuperResolution.from_preset(r["preset"]).model for r in (report, second))
    before, after = (m.get_layer("block2_conv").get_weights()[0] for m in (a, b))
    # Both are rounded to half precision, once each.
    np.testing.assert_allclose(after, before, atol=2e-3)
    assert b.output_shape == (None, None, None, 1)


def test_sets_that_are_not_there_are_named() -> None:
    with pytest.raises(DataError, match="t91"):
        train_recipe("sesr_c32_x2", out="nowhere")
    assert not Path("nowhere").exists()


def test_every_recipe_begins_with_a_preset_of_the_table() -> None:
    for name in RECIPES:
        assert RECIPES[name].start in ("", *RECIPES)
    with pytest.raises(ValueError, match="did you mean 'sesr_c32_x2'"):
        recipe("sesr_c32x2")

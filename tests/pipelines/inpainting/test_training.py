"""A recipe's training: from pictures to a preset that fills as was measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pipelines.devices import HardwareError
from pipelines.inpainting.data import DataError
from pipelines.inpainting.holes_stream import HeldOutHoles
from pipelines.inpainting.losses import HoleDecibels
from pipelines.inpainting.mask_sets import KINDS
from pipelines.inpainting.recipes import RECIPES, InpainterRecipe
from pipelines.inpainting.training import training_pictures
from pipelines.presets import load_preset
from pipelines.recipes import recipe, train_recipe
from tests.pipelines.small_trainings import PLAN, logged


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> InpainterRecipe:
    """Pictures of noise: their mean is a better guess than the smooth fill, and soon learned."""
    folder = tmp_path_factory.mktemp("noise")
    for number in range(10):
        noise = np.random.default_rng(number).integers(0, 256, (260, 270, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    return InpainterRecipe(
        title="For a test",
        model="gated_unet_micro",
        data=(str(folder),),
        side_px=64,
        steps=20,
        plan=replace(PLAN, average=0.8),
        expected="Nothing.",
    )


@pytest.fixture(scope="module")
def run(small: InpainterRecipe, tmp_path_factory) -> Path:
    out: Path = tmp_path_factory.mktemp("run")
    train_recipe("small", out=out, instead=small)
    return out


def test_it_learns_and_ships_what_it_measured(small: InpainterRecipe, run: Path) -> None:
    report = json.loads((run / "report.json").read_text())
    rows = logged(run / "seed_0")
    _, held_out = training_pictures(small, None)
    loss = HoleDecibels()
    ((inputs, target),) = HeldOutHoles(pictures=held_out).plain()
    # An untrained network returns the first fill: what was learned is the difference from it, some
    # hundredths of the 0.4 dB that the mean of all noise would gain.
    assert rows[-1]["val_loss"] < float(loss(target, inputs["image"])) - 0.01
    assert report["held_out_psnr"] == [-rows[-1]["val_loss"]] == [report["mean"]]

    preset = load_preset(report["preset"])
    assert (preset.task, preset.model) == ("inpainting", "gated_unet_micro")
    # Half precision's rounding of the weights moves a PSNR of some 10 dB by less than a hundredth.
    found = -float(loss(target, preset.build()(inputs)))
    assert found == pytest.approx(report["mean"], abs=0.01)
    assert [metric["name"] for metric in preset.metadata["metrics"]] == [
        f"PSNR of holes, {kind}" for kind in KINDS
    ]
    assert logged(run / "small") == rows


def test_a_start_is_begun_with(small: InpainterRecipe, run: Path, tmp_path: Path) -> None:
    """With no step worth the name, the network is the start's."""
    still = replace(small.plan, epochs=1, optimizer="adam", peak_rate=1e-12, average=0.0)
    then = replace(small, steps=1, plan=still, start=str(run / "small"))
    second = train_recipe("second", out=tmp_path, instead=then)
    before, after = (
        load_preset(place).build().get_weights() for place in (run / "small", second["preset"])
    )
    for value, other in zip(before, after, strict=True):
        np.testing.assert_allclose(value, other, atol=1e-6)


def test_held_out_pictures_are_not_trained_on(small: InpainterRecipe) -> None:
    train, held_out = training_pictures(small, None)
    assert (len(train), len(held_out)) == (8, 2)
    assert not {p.tobytes() for p in train} & {p.tobytes() for p in held_out}


def test_what_cannot_train_is_refused(small: InpainterRecipe) -> None:
    with pytest.raises(DataError, match="bsds400"):
        train_recipe("inpaint_gated", out="nowhere")
    with pytest.raises(DataError, match="no picture of 400 x 400"):
        train_recipe("small", out="nowhere", instead=replace(small, side_px=400))
    with pytest.raises(ValueError, match="seeds must name"):
        train_recipe("small", out="nowhere", instead=small, seeds=())
    with pytest.raises(ValueError, match="did you mean 'inpaint_gated'"):
        recipe("inpaint_gate")
    two = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    with pytest.raises(HardwareError, match="single device; there are 2 replicas"):
        train_recipe("small", out="nowhere", instead=small, strategy=two)
    assert not Path("nowhere").exists()


def test_every_recipe_begins_with_a_preset_of_the_table() -> None:
    for name in RECIPES:
        assert RECIPES[name].start in ("", *RECIPES)

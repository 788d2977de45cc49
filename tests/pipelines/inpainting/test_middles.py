"""Context encoders' training: what is hidden and what is wanted, with and without a judge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from models.catalog import create_model
from models.restoration.context_encoder import middle_of
from pipelines.inpainting.evaluation import evaluate_inpainting
from pipelines.inpainting.mask_sets import draw_mask
from pipelines.inpainting.middles import (
    AdversarialMiddles,
    BandedSquare,
    HeldOutMiddles,
    MiddleStream,
    hidden_decibels,
    middle_method,
    shrunk,
    with_middle,
)
from pipelines.inpainting.recipes import RECIPES, MiddleRecipe
from pipelines.recipes import train_recipe
from pipelines.training.replicas import Share
from tests.pipelines.small_trainings import PLAN, logged

SIDE = 32


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8)


def test_the_middle_is_wanted_and_all_but_its_band_is_hidden(pixels: np.ndarray) -> None:
    inputs, middle = with_middle(tf.constant(pixels))
    np.testing.assert_allclose(middle, pixels[:, 8:24, 8:24] / 255.0, rtol=1e-6)
    expected = np.zeros((3, SIDE, SIDE, 1))
    expected[:, 12:20, 12:20] = 1.0
    np.testing.assert_array_equal(inputs["mask"], expected)


def test_the_loss_weighs_the_band_ten_times() -> None:
    wanted = np.zeros((2, 16, 16, 3), "float32")
    made = wanted.copy()
    made[0, 4:12, 4:12] = 0.5  # 1 in [-1, 1]
    made[1] = made[0]
    made[1, :4] = 0.5
    inner, band = 64 / 256, 10 * 64 / 256
    np.testing.assert_allclose(BandedSquare().call(wanted, made), [inner, inner + band], rtol=1e-6)
    np.testing.assert_allclose(hidden_decibels(wanted, made), 2 * [10 * np.log10(0.25)], rtol=1e-4)


def test_a_stream_is_a_function_of_seed_and_step() -> None:
    y, x = np.mgrid[:40, :50]
    picture = np.stack([y, x, y], axis=-1).astype(np.uint8)
    stream = MiddleStream(
        pictures=[picture],
        side_px=SIDE,
        plan=PLAN,
        steps=3,
        seed=4,
    )
    whole = [np.rint(255 * inputs["image"]) for inputs, _ in stream.training()]
    assert len(whole) == 6
    for crop in np.concatenate(whole):
        assert (np.diff(crop[..., 0], axis=0) == 1).all()
        assert (np.abs(np.diff(crop[..., 1], axis=1)) == 1).all()
    lefts = np.concatenate(whole)[:, 0, 0, 1] - np.concatenate(whole)[:, 0, 1, 1]
    assert set(lefts) == {1.0, -1.0}  # mirrored or not
    half = [np.rint(255 * inputs["image"]) for inputs, _ in stream.training(4, Share(1, 2))]
    np.testing.assert_array_equal(half[0], whole[4][2:])
    assert stream.facts()["pictures"] == 1


def test_held_out_middles_are_those_of_the_middle_crops(pixels: np.ndarray) -> None:
    pictures = [np.pad(crop, [(3, 3), (0, 4), (0, 0)]) for crop in pixels]
    held_out = HeldOutMiddles(pictures=pictures, side_px=SIDE)
    (_, first), (_, second) = held_out.plain(batch_size=2)
    found = np.concatenate([first, second])
    expected = np.stack([crop[11:27, 10:26] for crop in pictures]) / 255.0
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert len(held_out) == 3


def test_pictures_become_smaller_and_keep_their_form() -> None:
    assert shrunk(np.zeros((300, 450, 3), np.uint8), 100).shape == (100, 150, 3)
    assert shrunk(np.zeros((301, 224, 3), np.uint8), 160).shape == (215, 160, 3)


def test_both_networks_move_in_a_step(pixels: np.ndarray) -> None:
    network = create_model("context_encoder_micro")
    learner = AdversarialMiddles(
        middle_of(network),
        l2_weight=0.9,
        adversarial_weight=0.1,
        judge_widths=(4, 4),
        judge_rate=1e-3,
    )
    learner.compile(optimizer="adam", loss="mse")
    before = [model.get_weights() for model in (network, learner.judge)]
    logs = learner.train_step(with_middle(tf.constant(pixels)))
    for weights, model in zip(before, (network, learner.judge), strict=True):
        moved = [(a != b).any() for a, b in zip(weights, model.get_weights(), strict=True)]
        assert all(moved), model.name
    parts = {name: float(value) for name, value in logs.items()}
    whole = 0.9 * parts["l2_loss"] + 0.1 * parts["adversarial_loss"]
    assert parts["loss"] == pytest.approx(whole, rel=1e-5)
    assert set(parts) == {"loss", "l2_loss", "adversarial_loss", "judge_loss"}


@pytest.fixture(scope="module")
def small(crops: Path) -> MiddleRecipe:
    return MiddleRecipe(
        title="For a test",
        model="context_encoder_micro",
        data=(str(crops),),
        side_px=SIDE,
        short_px=40,
        steps=12,
        plan=replace(PLAN, optimizer="adam", average=0.5),
        judge_widths=(4, 4),
        expected="Nothing.",
    )


@pytest.mark.parametrize("adversarial_weight", [0.0, 1e-3])
def test_it_learns_with_and_without_a_judge(small, adversarial_weight, tmp_path: Path) -> None:
    chosen = replace(small, adversarial_weight=adversarial_weight)
    report = train_recipe("small", out=tmp_path, instead=chosen)
    rows = logged(tmp_path / "seed_0")
    assert rows[-1]["val_decibels"] < rows[0]["val_decibels"]
    assert report["held_out_psnr"] == [-rows[-1]["val_decibels"]]
    assert ("judge_loss" in rows[0]) == bool(adversarial_weight)


def test_it_fills_the_middle_of_a_crop_of_any_size_by_its_own_size(photographs) -> None:
    image = photographs["china"][100:196, 100:228]
    mask = draw_mask("center", 96, 128, 0)
    network = create_model("context_encoder_micro")
    filled = middle_method(network)(image, mask)
    np.testing.assert_array_equal(filled[~mask], image[~mask])
    # An untrained network's tanh of almost nothing is grey, whatever it is made larger to.
    assert np.abs(filled[mask].astype(int) - 128).max() < 40
    with pytest.raises(ValueError, match="fills the middle half of both sides"):
        middle_method(network)(image, draw_mask("strokes", 96, 128, 0))
    report = evaluate_inpainting(network, [photographs["china"]], masks=("center",), beside=())
    assert list(report.psnr) == ["center"]


def test_the_recipes_are_the_papers() -> None:
    plain, judged = (RECIPES[f"context_encoder_l2{end}"] for end in ("", "_adversarial"))
    assert isinstance(plain, MiddleRecipe)
    assert isinstance(judged, MiddleRecipe)
    assert (plain.l2_weight, plain.adversarial_weight) == (1.0, 0.0)
    assert (judged.l2_weight, judged.adversarial_weight) == (0.999, 0.001)
    assert judged.judge_rate * 10 == judged.plan.peak_rate

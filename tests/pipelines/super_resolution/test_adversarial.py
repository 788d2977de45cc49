"""Training against a judge: what learns from what, and that an interrupted one loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from models.catalog import create_model
from pipelines.presets import PresetError, load_preset
from pipelines.recipes import train_recipe
from pipelines.super_resolution.adversarial import AdversarialUpscaler, content_network
from pipelines.super_resolution.pipeline import SuperResolution
from pipelines.super_resolution.recipes import RECIPES, Adversary, UpscalerRecipe
from pipelines.training.progress import Progress
from pipelines.training.stopping import TrainingStopped
from tests.pipelines.python_process import run_python
from tests.pipelines.small_trainings import PLAN, logged

SIDE_PX, SCALE = 8, 2
ADVERSARY = Adversary(
    content="resnet20_cifar10",
    layer="stage1_block1",
    pixel_weight=1.0,
    adversarial_weight=1e-2,
    judge_widths=(4, 8),
    judge_units=8,
    judge_rate=3e-3,
)


@pytest.fixture
def learner() -> AdversarialUpscaler:
    keras.utils.set_random_seed(1)
    shape = (None, None, 3)
    network = create_model("sesr_micro", scale=SCALE, input_shape=shape, expanded=True)
    made = AdversarialUpscaler(network, ADVERSARY, SCALE * SIDE_PX)
    made.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mae", metrics=["mse"])
    return made


@pytest.fixture(scope="module")
def batch(photographs: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Four patches of a photograph, small and large."""
    large = np.stack([photographs["china"][y : y + 16, y : y + 16] for y in (0, 60, 120, 180)])
    large = large.astype("float32") / 255
    return large.reshape(4, 8, 2, 8, 2, 3).mean(axis=(2, 4)), large


def test_both_networks_move_and_what_sees_content_does_not(learner, batch) -> None:
    kinds = {"upscaler": learner.upscaler, "judge": learner.judge}
    kinds["content"] = learner.content_loss.network
    before = {name: network.get_weights() for name, network in kinds.items()}
    logs = learner.train_step(tuple(map(tf.constant, batch)))
    for name, network in kinds.items():
        pairs = zip(before[name], network.get_weights(), strict=True)
        same = [np.array_equal(a, b) for a, b in pairs]
        assert all(same) if name == "content" else not all(same), name
    assert {"loss", "mse", "pixel_loss", "content_loss", "adversarial_loss", "judge_loss"} == {
        *logs
    }
    parts = {name: float(value) for name, value in logs.items()}
    whole = parts["pixel_loss"] + parts["content_loss"] + 1e-2 * parts["adversarial_loss"]
    assert parts["loss"] == pytest.approx(whole, rel=1e-5)


def test_the_upscaler_alone_is_averaged_and_moved_by_the_plans_optimizer(learner) -> None:
    assert learner.trainable_variables == learner.upscaler.trainable_variables
    kept = {id(v) for v in learner.variables}
    assert {id(v) for v in learner.judge_optimizer.variables} <= kept
    assert {id(v) for v in learner.judge.weights} <= kept


def test_the_judge_learns_to_tell(learner, batch) -> None:
    data = tuple(map(tf.constant, batch))
    step = tf.function(learner.train_step, autograph=False)
    for _ in range(60):
        step(data)
    # In the mode that trains: the running means of so few steps are mostly the first ones.
    real = np.asarray(learner.judge(batch[1], training=True))
    fake = np.asarray(learner.judge(learner.upscaler(batch[0]), training=True))
    assert real.mean() > fake.mean() + 0.5


def test_content_is_what_the_classifier_sees() -> None:
    image = np.random.default_rng(3).random((2, 32, 32, 3), np.float32)
    preset = load_preset("resnet20_cifar10")
    network, stated = preset.build(), preset.preprocessor
    maps = keras.Model(network.input, network.get_layer("stage2_block3").output)
    seen = maps(image * np.float32(stated["scale"]) + np.float32(stated["offset"]))
    ours = content_network("resnet20_cifar10", "stage2_block3")
    np.testing.assert_allclose(ours(image), seen, rtol=1e-4, atol=1e-5)
    assert ours(image[:, :20, :27]).shape == (2, 10, 14, 32)
    assert ours.trainable_variables == []
    with pytest.raises(ValueError, match="did you mean 'stage2_block3'"):
        content_network("resnet20_cifar10", "stage2_block33")
    with pytest.raises(PresetError, match="did you mean 'resnet20_cifar10'"):
        content_network("resnet20_cifar1", "stage2_block3")


@pytest.fixture(scope="module")
def small(photographs: dict[str, np.ndarray], tmp_path_factory) -> UpscalerRecipe:
    place = tmp_path_factory.mktemp("photographs")
    for number in range(4):
        pixels = photographs["flower"][:310, 100 * number :][:, :310]
        Image.fromarray(pixels).save(place / f"{number}.png")
    return UpscalerRecipe(
        title="For a test",
        model="sesr_micro",
        scale=SCALE,
        colour="rgb",
        data=(str(place),),
        held_out=1,
        side_px=SIDE_PX,
        steps=6,
        plan=replace(PLAN, epochs=3, peak_rate=1e-3, optimizer="adam"),
        adversary=ADVERSARY,
        expected="Nothing.",
    )


def test_an_interrupted_training_comes_to_the_same_weights(small, tmp_path: Path) -> None:
    def trained(folder: str, *monitors: Callable[[Progress], bool] | None) -> list[np.ndarray]:
        for monitor in monitors:
            try:
                train_recipe("a", out=tmp_path / folder, instead=small, monitor=monitor)
            except TrainingStopped:
                continue
        upscale = SuperResolution.from_preset(tmp_path / folder / "a")
        assert upscale.colour == "rgb"
        weights: list[np.ndarray] = upscale.model.get_weights()
        return weights

    whole = trained("whole", None)
    parts = trained("parts", lambda now: now.epoch == 2, None)
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(a, b)
    rows = logged(tmp_path / "parts" / "seed_0")
    assert len(rows) == small.plan.epochs
    assert {"judge_loss", "content_loss", "val_mse"} <= {*rows[0]}


def test_a_network_on_rgb_learns_without_a_judge(small, tmp_path: Path) -> None:
    plan = replace(small.plan, optimizer="muon", peak_rate=5e-3)
    plain = replace(small, adversary=None, plan=plan, steps=20)
    report = train_recipe("plain", out=tmp_path, instead=plain)
    rows = logged(tmp_path / "seed_0")
    assert rows[-1]["val_mse"] < rows[0]["val_mse"]
    assert SuperResolution.from_preset(report["preset"]).colour == "rgb"


def test_the_shipped_judges_begin_with_what_they_are_compared_to() -> None:
    judged = {name: recipe for name, recipe in RECIPES.items() if recipe.adversary}
    assert judged
    for name, recipe in judged.items():
        start = RECIPES[recipe.start]
        assert (start.scale, start.colour, start.adversary) == (recipe.scale, "rgb", None), name


def test_several_replicas_are_refused() -> None:
    script = """
import tensorflow as tf
from pipelines.devices import HardwareError
from pipelines.recipes import train_recipe
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
try:
    train_recipe("sesr_c32_gan_x4", out="nowhere", strategy=tf.distribute.MirroredStrategy())
except HardwareError as error:
    print(error)
"""
    assert "needs a single device; there are 2 replicas" in run_python(script)
    assert not Path("nowhere").exists()

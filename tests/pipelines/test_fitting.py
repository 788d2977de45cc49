"""Training: determined by its seed, and taken up again where it stopped."""

from __future__ import annotations

import csv
from pathlib import Path

import keras
import numpy as np
import pytest

from models.catalog import create_model
from pipelines import fitting
from pipelines.augmentation import Augmentation
from pipelines.fitting import CHECKPOINT, LOG, TrainingError, TrainingPlan, fit

PLAN = TrainingPlan(epochs=6, batch_size=32, peak_rate=2e-2, average=0.9)
AUGMENT = Augmentation(rotation_deg=10, log_scale=0.1, shear=0.1, shift_px=1)


@pytest.fixture(scope="module")
def images(digits) -> np.ndarray:
    small = digits.images[:320]
    return np.kron(small, np.ones((1, 2, 2), np.uint8))[..., None]  # (320, 16, 16, 1)


def train(images, labels, folder=None, seed=1):
    keras.utils.set_random_seed(seed)
    model = create_model("lenet_micro", input_shape=(16, 16, 1))
    log = fit(
        model,
        images,
        labels,
        plan=PLAN,
        prepare=lambda x: x,
        augment=AUGMENT,
        seed=seed,
        folder=folder,
    )
    return model, log


def weights(model) -> list[np.ndarray]:
    return [np.asarray(v) for v in model.weights]


def test_it_learns_and_logs(images, digits, tmp_path: Path) -> None:
    _, log = train(images, digits.labels[:320], tmp_path)
    assert log[-1]["loss"] < 0.9 * log[0]["loss"]
    with (tmp_path / LOG).open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert float(rows[-1]["loss"]) == log[-1]["loss"]
    assert not (tmp_path / CHECKPOINT).exists()


def test_the_same_seed_gives_the_same_weights_and_another_does_not(images, digits) -> None:
    labels = digits.labels[:320]
    first, _ = train(images, labels)
    again, _ = train(images, labels)
    other, _ = train(images, labels, seed=2)
    for a, b in zip(weights(first), weights(again), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(weights(first), weights(other), strict=True))


def test_an_interrupted_run_ends_as_if_it_had_not_been(
    images, digits, tmp_path: Path, monkeypatch
) -> None:
    labels = digits.labels[:320]
    whole, whole_log = train(images, labels)
    monkeypatch.setattr(fitting, "CHECKPOINT_EVERY_S", 0.0)

    saved = fitting._Keeper._save

    def save_then_stop(self, epoch: int) -> None:
        saved(self, epoch)
        if epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(fitting._Keeper, "_save", save_then_stop)
    with pytest.raises(KeyboardInterrupt):
        train(images, labels, tmp_path)
    monkeypatch.setattr(fitting._Keeper, "_save", saved)
    assert (tmp_path / CHECKPOINT).is_file()
    resumed, log = train(images, labels, tmp_path)
    for a, b in zip(weights(whole), weights(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    assert log == whole_log


def test_a_diverging_run_stops(images, digits) -> None:
    model = create_model("lenet_micro", input_shape=(16, 16, 1))
    model.get_layer("logits").bias.assign(np.full(10, np.nan))
    with pytest.raises(TrainingError, match="must stay a number"):
        fit(model, images, digits.labels[:320], plan=PLAN, prepare=lambda x: x)


def test_too_few_pictures_are_refused(images, digits) -> None:
    with pytest.raises(ValueError, match="a batch of 32 needs as many images; got 10"):
        train(images[:10], digits.labels[:10])


def test_alternate_mirror_shows_each_picture_both_ways_in_turn() -> None:
    from pipelines.fitting import _batches

    count, plan = 64, TrainingPlan(epochs=4, batch_size=32)
    numbered = np.zeros((count, 4, 6, 1), np.uint8)
    numbered[:, 0, 0, 0] = 255  # the side that it is on tells whether it was swapped
    augment = Augmentation(mirror="alternate")
    labels = np.arange(count)
    seen = np.zeros((4, count), bool)
    batches = _batches(numbered, labels, count, plan, augment, lambda x: x, 7, 0)
    for step, (x, y) in enumerate(batches):
        seen[step // 2, np.argmax(y, axis=1)] = np.asarray(x)[:, 0, 0, 0] == 0
    np.testing.assert_array_equal(seen[0], seen[2])
    np.testing.assert_array_equal(seen[0], ~seen[1])
    assert 16 <= seen[0].sum() <= 48  # half of 64, within four standard deviations


def test_muon_in_mixed_precision_learns_and_goes_on_after_an_interruption(
    images, digits, tmp_path: Path, monkeypatch
) -> None:
    labels = digits.labels[:320]
    plan = TrainingPlan(epochs=4, batch_size=32, peak_rate=0.02, average=0.9, optimizer="muon")

    def run(folder: Path | None) -> list[np.ndarray]:
        keras.utils.set_random_seed(1)
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            model = create_model("lenet_micro", input_shape=(16, 16, 1))
        finally:
            keras.config.set_dtype_policy("float32")
        log = fit(model, images, labels, plan=plan, prepare=lambda x: x, folder=folder)
        assert log[-1]["loss"] < log[0]["loss"]
        return weights(model)

    whole = run(None)
    monkeypatch.setattr(fitting, "CHECKPOINT_EVERY_S", 0.0)
    saved = fitting._Keeper._save

    def save_then_stop(self, epoch: int) -> None:
        saved(self, epoch)
        if epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(fitting._Keeper, "_save", save_then_stop)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    monkeypatch.setattr(fitting._Keeper, "_save", saved)
    for a, b in zip(whole, run(tmp_path), strict=True):
        np.testing.assert_array_equal(a, b)

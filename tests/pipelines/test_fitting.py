"""Training: determined by its seed, and taken up again where it stopped."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.catalog import create_model
from pipelines.fitting import TrainingError, TrainingPlan, TrainingStopped, fit
from pipelines.training.augmentation import Augmentation
from pipelines.training.batches import Examples
from pipelines.training.run_folder import BEST, CHECKPOINT, LOG, RUN
from pipelines.training.schedules import Schedule

PLAN = TrainingPlan(epochs=6, batch_size=32, peak_rate=2e-2, average=0.9)
AUGMENT = Augmentation(rotation_deg=10, log_scale=0.1, shear=0.1, shift_px=1)
STEPS = 10


@pytest.fixture(scope="module")
def images(digits) -> np.ndarray:
    return enlarged(digits.images[:320])


def enlarged(small: np.ndarray) -> np.ndarray:
    return np.kron(small, np.ones((1, 2, 2), np.uint8))[..., None]  # (N, 16, 16, 1)


def train(images, labels, folder=None, seed=1, *, plan=PLAN, dropout=0.0, **options):
    keras.utils.set_random_seed(seed)
    model = create_model("lenet_micro", input_shape=(16, 16, 1))
    if dropout:  # whose random state belongs to the run
        image = keras.Input((16, 16, 1))
        dropped = keras.layers.Dropout(dropout, seed=5)(image)
        model = keras.Model(image, model(dropped))
    settings: dict[str, Any] = {"augment": AUGMENT, "prepare": lambda x: x} | options
    log = fit(model, images, labels, plan=plan, seed=seed, folder=folder, **settings)
    return model, log


def weights(model) -> list[np.ndarray]:
    return [np.asarray(v) for v in model.weights]


def assert_same(first: keras.Model, second: keras.Model) -> None:
    for a, b in zip(weights(first), weights(second), strict=True):
        np.testing.assert_array_equal(a, b)


def stop_after(steps: int):
    """Return a monitor that stops a run when it is asked after that many steps."""
    return lambda progress: (progress.epoch - 1) * STEPS + progress.step >= steps


def test_it_learns_and_keeps_what_it_did(images, digits, tmp_path: Path) -> None:
    labels = digits.labels[:320]
    held_out = enlarged(digits.images[320:420]), digits.labels[320:420]
    model, log = train(images, labels, tmp_path, validation=held_out)
    assert log[-1]["loss"] < 0.9 * log[0]["loss"]
    with (tmp_path / LOG).open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    for row, kept in zip(log, rows, strict=True):
        assert row == {name: float(value) for name, value in kept.items()}
    assert set(rows[0]) == {"epoch", "accuracy", "loss", "val_accuracy", "val_loss", "rate"}
    assert not (tmp_path / CHECKPOINT).exists()
    run = json.loads((tmp_path / RUN).read_text())
    assert run["settings"]["plan"]["batch_size"] == 32
    assert run["settings"]["seed"] == 1
    assert run["versions"]["keras"] == keras.__version__
    # The last epoch is the best; its averaged weights, which the run ends with, were kept.
    assert min(log, key=lambda row: row["val_loss"]) == log[-1]
    with np.load(tmp_path / BEST) as best:
        kept = {i: best[f"{i:05}"] for i in range(len(model.weights))}
    for i, weight in enumerate(model.weights):
        if weight.trainable:
            np.testing.assert_array_equal(kept[i], np.asarray(weight))


def test_tensorboards_log_holds_the_same_figures(images, digits, tmp_path: Path) -> None:
    _, log = train(images, digits.labels[:320], tmp_path, plan=replace(PLAN, epochs=2))
    (events,) = (tmp_path / "tensorboard").iterdir()
    found = {}
    for record in tf.data.TFRecordDataset(str(events)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            found[event.step, value.tag] = float(tf.make_ndarray(value.tensor))
    assert found[2, "loss"] == pytest.approx(log[1]["loss"], rel=1e-6)  # written as float32
    assert found[1, "accuracy"] == pytest.approx(log[0]["accuracy"], rel=1e-6)


def test_the_same_seed_gives_the_same_weights_and_another_does_not(images, digits) -> None:
    labels = digits.labels[:320]
    first, _ = train(images, labels)
    again, _ = train(images, labels)
    other, _ = train(images, labels, seed=2)
    assert_same(first, again)
    assert any((a != b).any() for a, b in zip(weights(first), weights(other), strict=True))


@pytest.mark.parametrize(
    ("stops", "optimizer"), [((7,), "adamw"), ((20,), "muon"), ((13, 29, 59), "nesterov")]
)
def test_a_run_that_is_stopped_at_any_step_ends_as_if_it_had_not_been(
    images, digits, tmp_path: Path, monkeypatch, stops, optimizer
) -> None:
    monkeypatch.setattr("pipelines.training.keeper.LOOK_EVERY_S", 0.0)
    labels = digits.labels[:320]
    plan = replace(PLAN, optimizer=optimizer, label_noise=0.1)
    whole, whole_log = train(images, labels, plan=plan, dropout=0.2)
    for stop in stops:
        with pytest.raises(
            TrainingStopped, match=f"epoch {stop // STEPS + 1}, step {stop % STEPS}"
        ):
            train(images, labels, tmp_path, plan=plan, dropout=0.2, monitor=stop_after(stop))
        assert (tmp_path / CHECKPOINT).is_file()
    resumed, log = train(images, labels, tmp_path, plan=plan, dropout=0.2)
    assert_same(whole, resumed)
    assert log == whole_log


def test_a_plateau_is_followed_across_an_interruption(
    images, digits, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("pipelines.training.keeper.LOOK_EVERY_S", 0.0)
    schedule = Schedule(kind="plateau", warm_up=0.0, factor=0.5, patience=1)
    # A rate at which the loss rises now and then.
    plan = replace(PLAN, schedule=schedule, peak_rate=1.0, optimizer="sgd", weight_decay=0.0)
    whole, log = train(images, digits.labels[:320], plan=plan)
    losses, rates = [row["loss"] for row in log], [row["rate"] for row in log]
    lowest, fall = np.inf, 1.0
    for loss, rate in zip(losses, rates, strict=True):
        assert rate == pytest.approx(fall)
        if loss < lowest * (1 - 1e-4):
            lowest = loss
        else:
            fall *= 0.5
    with pytest.raises(TrainingStopped):
        train(images, digits.labels[:320], tmp_path, plan=plan, monitor=stop_after(33))
    resumed, _ = train(images, digits.labels[:320], tmp_path, plan=plan)
    assert_same(whole, resumed)


def test_a_diverging_run_stops_and_keeps_its_last_finite_state(
    images, digits, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("pipelines.training.keeper.LOOK_EVERY_S", 0.0)
    labels = digits.labels[:320]
    broken: list[keras.Model] = []

    def breaks_at_step_25(progress) -> bool:
        if stop_after(25)(progress):
            broken[0].get_layer("logits").bias.assign(np.full(10, np.nan))
        return False

    keras.utils.set_random_seed(1)
    model = create_model("lenet_micro", input_shape=(16, 16, 1))
    broken.append(model)
    options: dict[str, Any] = {"plan": PLAN, "prepare": lambda x: x, "seed": 1}
    with pytest.raises(TrainingError, match=r"is nan in epoch 3, step 6.*checkpoint.*is kept"):
        fit(
            model,
            images,
            labels,
            folder=tmp_path,
            monitor=breaks_at_step_25,
            checkpoint_every_s=0.0,
            **options,
        )
    whole, _ = train(images, labels, augment=None)
    resumed, _ = train(images, labels, tmp_path, augment=None)
    assert_same(whole, resumed)


def test_too_few_pictures_are_refused(images, digits) -> None:
    with pytest.raises(ValueError, match="a batch of 32 needs as many images; got 10"):
        train(images[:10], digits.labels[:10])


def test_a_folder_of_another_run_is_refused(images, digits, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("pipelines.training.keeper.LOOK_EVERY_S", 0.0)
    labels = digits.labels[:320]
    with pytest.raises(TrainingStopped):
        train(images, labels, tmp_path, monitor=stop_after(3))
    with pytest.raises(ValueError, match=r"another run: plan\.batch_size 32, now 64; take"):
        train(images, labels, tmp_path, plan=replace(PLAN, batch_size=64))
    with pytest.raises(ValueError, match=r"another run: labels_crc32 \d+, now"):
        train(images, labels[::-1], tmp_path)


def test_a_damaged_checkpoint_is_named(images, digits, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("pipelines.training.keeper.LOOK_EVERY_S", 0.0)
    with pytest.raises(TrainingStopped):
        train(images, digits.labels[:320], tmp_path, monitor=stop_after(3))
    file = tmp_path / CHECKPOINT
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"checkpoint\.npz must be a checkpoint.*remove it"):
        train(images, digits.labels[:320], tmp_path)


def test_alternate_mirror_shows_each_picture_both_ways_in_turn() -> None:
    count, plan = 64, TrainingPlan(epochs=4, batch_size=32)
    numbered = np.zeros((count, 4, 6, 1), np.uint8)
    numbered[:, 0, 0, 0] = 255  # the side that it is on tells whether it was swapped
    examples = Examples(
        images=numbered,
        labels=np.arange(count),
        classes=count,
        plan=plan,
        prepare=lambda x: x,
        augment=Augmentation(mirror="alternate"),
        seed=7,
    )
    seen = np.zeros((4, count), bool)
    for step, (x, y) in enumerate(examples.training()):
        seen[step // 2, np.argmax(y, axis=1)] = np.asarray(x)[:, 0, 0, 0] == 0
    np.testing.assert_array_equal(seen[0], seen[2])
    np.testing.assert_array_equal(seen[0], ~seen[1])
    assert 16 <= seen[0].sum() <= 48  # half of 64, within four standard deviations


def test_noise_on_labels_changes_as_many_as_it_says(images) -> None:
    plan = replace(PLAN, label_noise=0.3)
    labels = np.zeros(320, int)
    examples = Examples(
        images=images,
        labels=labels,
        classes=10,
        plan=plan,
        prepare=lambda x: x,
        augment=None,
        seed=1,
    )
    changed = np.concatenate([np.argmax(y, axis=1) != 0 for _, y in examples.training()])
    assert len(changed) == 6 * 320
    # Nine in ten of those that are drawn anew: 0.27, within four standard deviations of 1,920.
    assert abs(changed.mean() - 0.27) < 4 * (0.27 * 0.73 / 1920) ** 0.5


def test_the_penalty_is_in_the_loss_and_leaves_biases_out(images, digits) -> None:
    plan = replace(PLAN, epochs=1, batch_size=320, peak_rate=1e-12, average=0.0)
    labels = digits.labels[:320]
    plain, log = train(images, labels, plan=plan)
    _, penalised = train(images, labels, plan=replace(plan, l2=0.1))
    kernels = [np.asarray(v) for v in plain.trainable_variables if len(v.shape) > 1]
    penalty = 0.1 * sum(float((k**2).sum()) for k in kernels)
    assert penalised[0]["loss"] - log[0]["loss"] == pytest.approx(penalty, rel=1e-5)


def test_the_square_loss_is_what_it_says(images, digits) -> None:
    plan = replace(PLAN, epochs=1, batch_size=320, peak_rate=1e-12, average=0.0, loss="square")
    model = create_model("lenet_micro", input_shape=(16, 16, 1))
    model.get_layer("logits").kernel.assign(np.zeros_like(model.get_layer("logits").kernel))
    log = fit(model, images, digits.labels[:320], plan=plan, prepare=lambda x: x)
    assert log[0]["loss"] == pytest.approx(0.1)  # logits 0: one of ten squares is 1


def test_a_memory_map_trains_as_an_array_does(images, digits, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    plan, labels = replace(PLAN, epochs=2), digits.labels[:320]
    assert_same(train(images, labels, plan=plan)[0], train(mapped, labels, plan=plan)[0])


SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = [str(Path.cwd())]
from sklearn.datasets import load_digits
from pipelines.training import keeper
from tests.pipelines.test_fitting import PLAN, enlarged, train, weights
import numpy as np, resource
keeper.SAVING_AT_MOST = float("inf")  # a checkpoint whenever the run is looked at
bunch = load_digits()
images = enlarged(np.round(bunch.images[:320] * (255 / 16)).astype("uint8"))
folder, out, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
from dataclasses import replace
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
say = lambda progress: bool(print(progress.epoch, progress.step, flush=True))
model, log = train(images, bunch.target[:320], folder, plan=replace(PLAN, epochs=40),
                   monitor=say, checkpoint_every_s=0.0)
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1)) if not limit else None
np.savez(out, *weights(model)) if not limit else print("ended", flush=True)
"""


def start(folder: Path, out: Path, limit: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, str(folder), str(out), str(limit)]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """The weights of the run that nobody kills."""
    folder: Path = tmp_path_factory.mktemp("undisturbed")
    process = start(folder / "run", folder / "out.npz")
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    with np.load(folder / "out.npz") as file:
        return dict(file)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=str)
def test_a_process_that_is_killed_goes_on_to_the_same_weights(
    tmp_path: Path, number: int, undisturbed: dict[str, np.ndarray]
) -> None:
    broken = start(tmp_path / "broken", tmp_path / "broken.npz")
    assert broken.stdout is not None
    for line in broken.stdout:
        if int(line.split()[0]) >= 3:
            time.sleep(np.random.default_rng().uniform(0, 0.3))  # at a random step
            broken.send_signal(number)
            break
    _, errors = broken.communicate(timeout=60)
    assert broken.returncode != 0
    if number == signal.SIGTERM:
        assert "the same call goes on from" in errors
    assert (tmp_path / "broken" / CHECKPOINT).is_file()
    again = start(tmp_path / "broken", tmp_path / "broken.npz")
    assert again.stdout is not None
    first = again.stdout.readline().split()
    assert int(first[0]) >= 3  # it went on, and did not begin again
    _, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    with np.load(tmp_path / "broken.npz") as resumed:
        assert set(resumed.files) == set(undisturbed)
        for name, value in undisturbed.items():
            np.testing.assert_array_equal(resumed[name], value)


@pytest.mark.slow
def test_a_full_disk_is_said_and_the_run_goes_on(tmp_path: Path) -> None:
    # A limit on the size of files fails a write as a full disk does, with an OSError.
    process = start(tmp_path / "run", tmp_path / "out.npz", limit=6_000)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "ended" in out
    assert "the checkpoint could not be written, the run goes on" in errors
    assert not list((tmp_path / "run").glob("*.part"))
    assert not (tmp_path / "run" / CHECKPOINT).exists()


def test_a_thread_may_train_and_be_stopped(images, digits, monkeypatch) -> None:
    monkeypatch.setattr("pipelines.training.keeper.LOOK_EVERY_S", 0.0)
    caught: list[BaseException] = []

    def run() -> None:
        try:
            train(images, digits.labels[:320], monitor=stop_after(5))
        except TrainingStopped as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert "epoch 1, step 5" in str(caught[0])

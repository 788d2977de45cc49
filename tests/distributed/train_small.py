"""Train a small network under a strategy and keep what came of it: one process of a test.

    python tests/distributed/train_small.py STRATEGY FOLDER [kill]

Writes FOLDER/STRATEGY_INDEX.npz. `mirrored` runs the same on one device first. With `kill`, the
second worker is killed at a random step, the first time.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipelines.classification.data import load_data
from pipelines.devices import Hardware, open_strategy
from pipelines.fitting import TrainingPlan, TrainingStopped, fit
from pipelines.training import keeper
from pipelines.training.augmentation import Augmentation
from pipelines.training.checkpoints import load_checkpoint
from pipelines.training.progress import Progress
from pipelines.training.replicas import everyones
from pipelines.training.schedules import Schedule

CONSTANT = Schedule(kind="constant", warm_up=0.0)
PLANS = {
    # 25 steps an epoch: the workers' checkpoints, every 20 steps, fall inside the epochs.
    "sgd": TrainingPlan(
        epochs=3,
        batch_size=8,
        peak_rate=0.05,
        schedule=CONSTANT,
        optimizer="sgd",
        weight_decay=0.0,
        l2=1e-3,
        average=0.0,
        label_noise=0.1,
    ),
    "adamw": TrainingPlan(epochs=1, batch_size=20, optimizer="adamw", average=0.9),
    "muon": TrainingPlan(epochs=1, batch_size=20, optimizer="muon", peak_rate=0.02, average=0.9),
    "half": TrainingPlan(epochs=1, batch_size=20, precision="mixed_float16"),
}
AUGMENT = Augmentation(rotation_deg=10, shift_px=1, noise=0.05, mixup=0.2)
FIRST_CHECKPOINT = keeper.AGREE_EVERY_STEPS
DATA = load_data("digits")
PICTURES = np.asarray(DATA.images)[..., None]
IMAGES, LABELS = PICTURES[:200], DATA.labels[:200]
# One more than whole batches: one of two replicas would get nothing of the last one.
HELD_OUT = (PICTURES[200:241], DATA.labels[200:241])


def network() -> keras.Model:
    """Return the same weights each time; its batch normalisation needs the whole batch.

    Without a bias before it: the gradient of one is nothing but rounding errors, which AdamW and
    Muon would make as large as any other.
    """
    keras.utils.set_random_seed(3)
    image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(8, 3, use_bias=False)(image)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Flatten()(keras.layers.ReLU()(x))
    return keras.Model(image, keras.layers.Dense(10, name="logits")(x))


def train(
    name: str,
    strategy: tf.distribute.Strategy,
    *,
    watch: Callable[[keras.Model], None] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Train by a plan of ours; return each epoch's losses and the weights."""
    plan = PLANS[name]
    keras.config.set_dtype_policy(plan.precision)
    with strategy.scope():
        model = network()
    keras.config.set_dtype_policy("float32")
    if watch:
        watch(model)
    full: dict[str, Any] = {"augment": AUGMENT, "validation": HELD_OUT} if name == "sgd" else {}
    rows = fit(
        model,
        IMAGES,
        LABELS,
        plan=plan,
        prepare=lambda x: x - 0.5,
        seed=7,
        strategy=strategy,
        **full,
        **options,
    )
    kept = {name: [row[name] for row in rows] for name in rows[0] if name != "rate"}
    return {**kept, **weights(model)}


def weights(model: keras.Model) -> dict[str, np.ndarray]:
    return {f"weight{i}": w for i, w in enumerate(model.get_weights())}


def with_keras_alone(strategy: tf.distribute.Strategy) -> dict[str, Any]:
    """Train with callbacks, evaluate and predict from arrays, as any Keras user does."""
    x, y = IMAGES.astype("float32") / 255, LABELS
    with strategy.scope():
        model = network()
        model.layers[2].synchronized = strategy.num_replicas_in_sync > 1
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.05), loss, metrics=["accuracy"])
    never = {"min_delta": 100.0, "verbose": 0}  # no loss falls by so much
    callbacks = [
        keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5, **never),
        keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True, **never),
    ]
    kept = model.fit(
        x,
        y,
        batch_size=20,
        epochs=9,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
        validation_data=(x[:40], y[:40]),
    )
    rates = {"learning_rate": kept.history["learning_rate"]}
    return {
        **{name: kept.history[name] for name in ("loss", "val_loss")},
        **rates,
        **weights(model),
        "evaluated": model.evaluate(x, y, batch_size=40, verbose=0),
        "predicted": model.predict(x[:50], batch_size=20, verbose=0),
    }


def stopped_inside_an_epoch(
    strategy: tf.distribute.Strategy, folder: Path, index: int
) -> dict[str, Any]:
    """Stop in the second epoch, as the last process wishes, and go on."""
    keeper.LOOK_EVERY_S = 0.0
    last = index == len(everyones(0, strategy)) - 1
    seen: list[Progress] = []

    def monitor(progress: Progress) -> bool:
        seen.append(progress)
        return last and progress.epoch == 2

    try:
        train("sgd", strategy, folder=folder, monitor=monitor)
        raise AssertionError("the monitor must stop it")
    except TrainingStopped:
        assert seen[-1].epoch == 2
        assert 0 < seen[-1].step < seen[-1].steps
    return train("sgd", strategy, folder=folder)


def killed_once(strategy: tf.distribute.Strategy, folder: Path, index: int) -> dict[str, Any]:
    """Train; the second worker is killed at a random step of the first attempt."""
    checkpoint = folder / "checkpoint.npz"
    begun = load_checkpoint(checkpoint)[1]["done"] if checkpoint.is_file() else 0
    step = 0
    if index == 1 and not begun:
        step = random.randint(FIRST_CHECKPOINT + 1, 70)
    with (folder.parent / f"began_{index}.txt").open("a") as file:
        file.write(json.dumps({"at": begun, "killed": step}) + "\n")

    def kill(model: keras.Model) -> None:
        while not getattr(model, "optimizer", None):
            time.sleep(0.001)
        while np.asarray(model.optimizer.iterations) < step:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGKILL)

    def watch(model: keras.Model) -> None:
        if step:
            threading.Thread(target=kill, args=(model,), daemon=True).start()

    return train("sgd", strategy, folder=folder, watch=watch, checkpoint_every_s=0.0)


def refusals(strategy: tf.distribute.Strategy) -> dict[str, bool]:
    """Tell which of the ways in which Keras reduces TensorFlow's own strategy still refuses."""
    number = strategy.run(lambda: tf.constant(1.0))
    rows = tf.data.Dataset.from_tensors((tf.ones((4, 3)), tf.ones((4,), tf.int32)))
    batch = next(iter(strategy.experimental_distribute_dataset(rows)))
    found = {}
    for name, value, axis in (("structure", batch, None), ("number", number, 0)):
        try:
            tf.distribute.MultiWorkerMirroredStrategy.reduce(strategy, "MEAN", value, axis)
            found[name] = False
        except Exception:  # whatever it is, Keras does not catch it
            found[name] = True
    return found


def rejoin(folder: Path) -> None:
    """Be one of Ray's workers, of whom the second is killed the first time."""
    strategy = open_strategy(Hardware(strategy="multiworker", patience_s=120))
    index = strategy.cluster_resolver.task_id
    np.savez(folder / f"ray_{index}.npz", **killed_once(strategy, folder / "killed", index))


def main(kind: Any, folder: Path, *, killing: bool) -> None:
    if kind == "mirrored":
        halves = [tf.config.LogicalDeviceConfiguration()] * 2
        processor = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(processor, halves)
    strategy = open_strategy(Hardware(strategy=kind, patience_s=120))
    index = strategy.cluster_resolver.task_id if kind == "multiworker" else 0
    results: dict[str, dict[str, Any]] = {}
    if killing:
        results["rejoined"] = killed_once(strategy, folder / "killed", index)
    if kind == "mirrored":
        one = tf.distribute.get_strategy()
        results |= {f"one/{name}": train(name, one) for name in PLANS}
        results["one/keras"] = with_keras_alone(one)
    results["resumed"] = stopped_inside_an_epoch(strategy, folder / "stopped", index)
    results |= {name: train(name, strategy) for name in PLANS}
    results["keras"] = with_keras_alone(strategy)
    if kind == "multiworker":
        results["refused"] = refusals(strategy)
        results["together"] = {"index": everyones(index, strategy)}
    flat: dict[str, Any] = {f"{job}/{k}": v for job, r in results.items() for k, v in r.items()}
    np.savez(folder / f"{kind}_{index}.npz", **flat)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), killing="kill" in sys.argv[3:])

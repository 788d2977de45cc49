"""Training: the only caller of `Model.fit`.

A run is determined by its data, plan and seed: the order of the pictures and every random change
are functions of (seed, step), so a run that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from pipelines.augmentation import Augmentation
from pipelines.optimizers import ConvolutionalMuon

CHECKPOINT, LOG = "checkpoint.npz", "log.csv"
CHECKPOINT_EVERY_S = 60.0
SETTLING_BATCHES = 50


class TrainingError(RuntimeError):
    """A run that cannot go on, such as one whose loss is no longer a number."""


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """How long and how fast to train: a warm-up and a cosine, with averaged weights.

    Attributes:
        epochs: Passes over the data.
        batch_size: Pictures a step; the last, incomplete batch of an epoch is left out.
        peak_rate: Learning rate at the end of the warm-up (a sixth of the steps); then a cosine
            falls to 0.
        weight_decay: Decoupled decay (arXiv:1711.05101) of kernels; biases and norms are left out.
        average: Momentum of the exponential moving average of the weights that is kept at the end.
        label_smoothing: Probability spread evenly over all classes (arXiv:1512.00567).
        optimizer: AdamW; or Muon for kernels of convolutions and AdamW, at a quarter of the rate,
            for everything else.
        precision: What layers compute in; the weights are float32 all the same.
    """

    epochs: int
    batch_size: int = 128
    peak_rate: float = 3e-3
    weight_decay: float = 1e-2
    average: float = 0.998
    label_smoothing: float = 0.0
    optimizer: Literal["adamw", "muon"] = "adamw"
    precision: Literal["float32", "mixed_bfloat16"] = "float32"


def fit(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    plan: TrainingPlan,
    prepare: Callable[[tf.Tensor], tf.Tensor],
    augment: Augmentation | None = None,
    loss: keras.losses.Loss | None = None,
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> list[dict[str, float]]:
    """Train `model` in place and return the log, a row an epoch.

    Args:
        model: Maps prepared pictures to logits (N, classes).
        images: (N, H, W, C) uint8, of the size that the network takes without its margin.
        labels: (N,) int.
        plan: How long and how fast.
        prepare: Maps pixels (B, H, W, C) in [0, 1] to the network's input.
        augment: Random changes, made before `prepare`.
        loss: Takes one-hot labels and logits; softmax cross-entropy when None.
        seed: Determines the order and the changes.
        folder: Where log and checkpoint are kept; an unfinished run there is taken up again.
        progress: Whether to print a line an epoch on standard error.

    Raises:
        TrainingError: The loss became NaN or infinite.
    """
    steps = len(images) // plan.batch_size
    if steps < 1:
        raise ValueError(f"a batch of {plan.batch_size} needs as many images; got {len(images)}")
    classes = int(model.output_shape[-1])
    model.compile(
        optimizer=_optimizer(model, plan, steps * plan.epochs),
        loss=loss
        or keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=plan.label_smoothing
        ),
        metrics=["accuracy"],
    )
    keeper = _Keeper(plan.epochs, Path(folder) if folder else None, progress)
    keeper.set_model(model)
    start = keeper.restore()
    batches = _batches(images, labels, classes, plan, augment, prepare, seed, start)
    model.fit(
        batches,
        epochs=plan.epochs,
        initial_epoch=start,
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
        callbacks=[keeper],
    )
    settle_normalisation(model, _batches(images, labels, classes, plan, augment, prepare, seed, 0))
    keeper.finish()
    return keeper.rows


def settle_normalisation(model: keras.Model, batches: tf.data.Dataset) -> None:
    """Measure batch normalisation's means and variances anew, for the weights as they now are.

    Running statistics belong to weights that are gone: those before averaging, and, in a short
    run, mostly the initial ones. The mean over `SETTLING_BATCHES` batches replaces them
    (Wu, Johnson: Rethinking "Batch" in BatchNorm, arXiv:2105.07576, section 3).
    """
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for done, (inputs, _) in enumerate(batches.take(SETTLING_BATCHES if norms else 0)):
        for norm in norms:
            norm.momentum = done / (done + 1)  # so that the result is the plain mean
        model(inputs, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _optimizer(model: keras.Model, plan: TrainingPlan, steps: int) -> keras.optimizers.Optimizer:
    warm_up = max(1, steps // 6)
    rate = keras.optimizers.schedules.CosineDecay(
        plan.peak_rate / 20,
        max(1, steps - warm_up),
        warmup_target=plan.peak_rate,
        warmup_steps=warm_up,
    )
    averaging = {"use_ema": True, "ema_momentum": plan.average, "ema_overwrite_frequency": None}
    if plan.optimizer == "muon":
        optimizer = ConvolutionalMuon(
            rate,
            weight_decay=plan.weight_decay,
            adam_weight_decay=0.0,  # so small a part of the weights needs none
            adam_lr_ratio=0.25,
            exclude_layers=["logits"],
            **averaging,
        )
    else:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=plan.weight_decay, **averaging)
    optimizer.exclude_from_weight_decay(
        var_list=[v for v in model.trainable_variables if len(v.shape) < 2]
    )
    return optimizer


def _batches(
    images: np.ndarray,
    labels: np.ndarray,
    classes: int,
    plan: TrainingPlan,
    augment: Augmentation | None,
    prepare: Callable[[tf.Tensor], tf.Tensor],
    seed: int,
    first_epoch: int,
) -> tf.data.Dataset:
    steps = len(images) // plan.batch_size
    pixels, targets = tf.constant(images), tf.constant(labels.astype("int32"))
    first_swapped = tf.random.stateless_uniform((len(images),), (seed, 0)) < 0.5

    def order(epoch: tf.Tensor) -> tf.data.Dataset:
        shuffled = tf.random.experimental.stateless_shuffle(
            tf.range(len(images)), seed=tf.stack([tf.cast(seed, tf.int64), epoch])
        )
        return tf.data.Dataset.from_tensor_slices(
            tf.reshape(shuffled[: steps * plan.batch_size], (steps, plan.batch_size))
        )

    def load(step: tf.Tensor, chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = tf.cast(tf.gather(pixels, chosen), tf.float32) / 255.0
        x = tf.ensure_shape(x, (plan.batch_size, *images.shape[1:]))
        if augment is not None:
            step = step + first_epoch * steps
            odd_epoch = step // steps % 2 == 1
            swapped = tf.math.logical_xor(tf.gather(first_swapped, chosen), odd_epoch)
            x = augment(x, tf.stack([tf.cast(seed, tf.int64), step]), swapped=swapped)
        return prepare(x), tf.one_hot(tf.gather(targets, chosen), classes)

    epochs = tf.data.Dataset.range(first_epoch, plan.epochs)
    return epochs.flat_map(order).enumerate().map(load, num_parallel_calls=1).prefetch(4)


class _Keeper(keras.callbacks.Callback):
    """Keeps the log and the checkpoint, stops a run that diverged, and says how far it is."""

    def __init__(self, epochs: int, folder: Path | None, progress: bool) -> None:
        super().__init__()
        self.epochs, self.folder, self.progress = epochs, folder, progress
        self.rows: list[dict[str, float]] = []
        self.start = self.saved = time.monotonic()
        self.first = 0
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def restore(self) -> int:
        """Load the checkpoint, if there is one, and return the epoch to go on with."""
        path = self.folder / CHECKPOINT if self.folder else None
        if path is None or not path.is_file():
            return 0
        self.model.optimizer.build(self.model.trainable_variables)
        with np.load(path, allow_pickle=False) as file:
            for name, variable in self._variables().items():
                variable.assign(file[name])
            self.first = int(file["epoch"])
            columns = [str(name) for name in file["columns"]]
            self.rows = [dict(zip(columns, row, strict=True)) for row in file["rows"].tolist()]
        return self.first

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        row = {"epoch": epoch + 1.0, **{k: float(v) for k, v in (logs or {}).items()}}
        if not np.isfinite(row["loss"]):
            raise TrainingError(
                f"the loss must stay a number; it is {row['loss']} in epoch {epoch + 1}; "
                "lower the learning rate"
            )
        self.rows.append(row)
        elapsed = time.monotonic() - self.start
        left = elapsed / (epoch + 1 - self.first) * (self.epochs - epoch - 1)
        if self.progress:
            values = "  ".join(f"{k} {v:.4f}" for k, v in row.items() if k != "epoch")
            sys.stderr.write(f"epoch {epoch + 1}/{self.epochs}  {values}  {left:.0f} s left\n")
        if self.folder and time.monotonic() - self.saved > CHECKPOINT_EVERY_S:
            self._save(epoch + 1)
            self.saved = time.monotonic()

    def finish(self) -> None:
        """Write the log and remove the checkpoint of a run that is complete."""
        if self.folder and self.rows:
            with (self.folder / LOG).open("w", newline="") as file:
                writer = csv.DictWriter(file, self.rows[0].keys())
                writer.writeheader()
                writer.writerows(self.rows)
            (self.folder / CHECKPOINT).unlink(missing_ok=True)

    def _variables(self) -> dict[str, Any]:
        weights = {f"model/{v.path}": v for v in self.model.weights}
        # By place: Keras numbers an optimizer's name by how many the process has made.
        state = {f"optimizer/{i}": v for i, v in enumerate(self.model.optimizer.variables)}
        return weights | state

    def _save(self, epoch: int) -> None:
        if self.folder is None:
            return
        values: dict[str, Any] = {n: np.asarray(v) for n, v in self._variables().items()}
        columns = list(self.rows[0])
        table = np.array([[row[name] for name in columns] for row in self.rows])
        part = self.folder / f"{CHECKPOINT}.part"
        with part.open("wb") as file:
            np.savez(file, **values, epoch=epoch, columns=columns, rows=table)
        part.replace(self.folder / CHECKPOINT)

"""Training: the only caller of `Model.fit`.

A run is determined by its data, plan and seed: the order of the pictures and every random change
are functions of (seed, step), so a run that was interrupted, at whatever step, goes on as if it had
not been.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipelines.devices import HardwareError
from pipelines.training.augmentation import Augmentation
from pipelines.training.batches import Examples, HeldOut, Stream
from pipelines.training.keeper import CHECKPOINT_EVERY_S, Keeper
from pipelines.training.optimizers import make_optimizer
from pipelines.training.plan import TrainingPlan, plan_loss
from pipelines.training.progress import Monitor, ProgressLines
from pipelines.training.replicas import (
    check_fit,
    distributed,
    evaluation_batch,
    everyones,
    is_chief,
    synchronised_normalisation,
)
from pipelines.training.run_folder import CHECKPOINT, RunFolder
from pipelines.training.schedules import ScheduledRate
from pipelines.training.stopping import StopSignals, TrainingError, TrainingStopped

__all__ = [
    "TrainingError",
    "TrainingPlan",
    "TrainingStopped",
    "fit",
    "fit_stream",
    "settle_normalisation",
]

SETTLING_BATCHES = 50


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
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    monitor: Monitor | None = None,
    strategy: tf.distribute.Strategy | None = None,
    facts: Mapping[str, Any] | None = None,
    checkpoint_every_s: float = CHECKPOINT_EVERY_S,
) -> list[dict[str, float]]:
    """Train `model` in place and return the log, a row an epoch.

    Args:
        model: Maps prepared pictures to logits (N, classes).
        images: (N, H, W, C) uint8, of the size that the network takes without its margin; a
            memory map stays on the disk.
        labels: (N,) int.
        plan: How long and how fast.
        prepare: Maps pixels (B, H, W, C) in [0, 1] to the network's input.
        augment: Random changes, made before `prepare`.
        loss: Takes one-hot labels and logits; the plan's when None.
        seed: Determines the order and the changes.
        folder: The run's folder, see `pipelines.training.run_folder`; an unfinished run there is
            taken up again.
        progress: Whether to tell on standard error how far it is.
        validation: Pictures and labels that each epoch's averaged weights are measured on.
        monitor: Is told how far it is, and may stop it.
        strategy: What the model was made under, see `pipelines.devices`; None for one device. Of
            several workers, each makes this same call, and the chief alone writes.
        facts: What else identifies the run: a folder is taken up again only by the same.
        checkpoint_every_s: How often the state is saved.

    Raises:
        TrainingError: The loss became NaN or infinite.
        TrainingStopped: The monitor or SIGTERM stopped it; the state is saved.
        KeyboardInterrupt: Ctrl-C stopped it; the state is saved.
        ValueError: There are too few pictures, or the folder holds another run, or the devices
            cannot train so.
    """
    common: dict[str, Any] = {
        "classes": int(model.output_shape[-1]),
        "plan": plan,
        "prepare": prepare,
        "seed": seed,
    }
    examples = Examples(images=images, labels=labels, augment=augment, **common)
    if examples.steps < 1:
        raise ValueError(f"a batch of {plan.batch_size} needs as many images; got {len(images)}")
    held_out = None
    if validation is not None:
        held_out = Examples(images=validation[0], labels=validation[1], augment=None, **common)
    return fit_stream(
        model,
        examples,
        loss=loss or plan_loss(plan),
        metrics=["accuracy"],
        held_out=held_out,
        folder=folder,
        progress=progress,
        monitor=monitor,
        strategy=strategy,
        facts=facts,
        checkpoint_every_s=checkpoint_every_s,
    )


def fit_stream(
    model: keras.Model,
    stream: Stream,
    *,
    loss: keras.losses.Loss,
    metrics: Sequence[Any] = (),
    held_out: HeldOut | None = None,
    folder: str | os.PathLike[str] | None = None,
    progress: bool = False,
    monitor: Monitor | None = None,
    strategy: tf.distribute.Strategy | None = None,
    facts: Mapping[str, Any] | None = None,
    checkpoint_every_s: float = CHECKPOINT_EVERY_S,
) -> list[dict[str, float]]:
    """Train `model` in place on a stream of batches by the stream's plan, and return the log.

    Args:
        model: Maps the stream's inputs to what `loss` compares with its targets.
        stream: The batches.
        loss: What is made small.
        metrics: What else is measured, as Keras takes it.
        held_out: What each epoch's averaged weights are measured on.
        folder: As `fit` takes it; so are all that follow.
        progress: Whether to tell on standard error how far it is.
        monitor: Is told how far it is, and may stop it.
        strategy: What the model was made under.
        facts: What else identifies the run.
        checkpoint_every_s: How often the state is saved.

    Raises:
        TrainingError, TrainingStopped, KeyboardInterrupt, ValueError: As `fit` does.
    """
    plan = stream.plan
    strategy = strategy or tf.distribute.get_strategy()
    check_fit(model, strategy, batch_size=plan.batch_size, jit=plan.jit)
    signals = StopSignals()
    with strategy.scope():
        rate = ScheduledRate(plan.schedule, plan.peak_rate, plan.epochs, stream.steps)
        _compile(model, plan, rate, loss, metrics)
        keeper = Keeper(
            plan,
            rate,
            folder=_folder(folder, _settings(model, stream, facts), strategy),
            monitor=monitor,
            lines=ProgressLines(sys.stderr) if progress else None,
            signals=signals,
            strategy=strategy,
            checkpoint_every_s=checkpoint_every_s,
        )
        keeper.set_model(model)
        keeper.restore()
    _check_together(keeper.done, strategy)
    with signals.noted(), synchronised_normalisation(model, strategy):
        while keeper.done < plan.epochs * stream.steps:
            _go_on(model, stream, keeper, held_out, strategy)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    _penalise(model, 0.0)
    settle_normalisation(model, stream.training())
    everyones(keeper.done, strategy)  # a worker that is not here yet may have to begin again
    if keeper.folder and keeper.writes:
        (keeper.folder.path / CHECKPOINT).unlink(missing_ok=True)
    return keeper.rows


def _compile(
    model: keras.Model,
    plan: TrainingPlan,
    rate: ScheduledRate,
    loss: keras.losses.Loss,
    metrics: Sequence[Any],
) -> None:
    _penalise(model, plan.l2)
    model.compile(
        optimizer=make_optimizer(model, plan, rate),
        loss=loss,
        metrics=list(metrics),
        jit_compile=plan.jit,
    )


def _penalise(model: keras.Model, l2: float) -> None:
    """Add a penalty on the kernels to the loss; biases and normalisation have one axis."""
    for variable in model.trainable_variables:
        if len(variable.shape) > 1:
            variable.regularizer = keras.regularizers.L2(l2) if l2 else None


def _folder(
    folder: str | os.PathLike[str] | None,
    settings: Mapping[str, Any],
    strategy: tf.distribute.Strategy,
) -> RunFolder | None:
    return RunFolder(Path(folder), settings, writes=is_chief(strategy)) if folder else None


def _check_together(done: int, strategy: tf.distribute.Strategy) -> None:
    """Check that all workers begin at the same step."""
    steps = everyones(done, strategy)
    if len(set(steps)) > 1:
        raise HardwareError(
            "all workers must see the same run folder; they would begin at steps "
            f"{', '.join(f'{step:.0f}' for step in steps)}; put it where all of them can read"
        )


def _go_on(
    model: keras.Model,
    stream: Stream,
    keeper: Keeper,
    held_out: HeldOut | None,
    strategy: tf.distribute.Strategy,
) -> None:
    """Train to the end; where an epoch was interrupted, to the end of that epoch."""
    plan = stream.plan
    epoch, step = divmod(keeper.done, stream.steps)
    validation, validation_steps = _as_keras_takes_it(held_out, plan, strategy)
    model.fit(
        distributed(partial(stream.training, keeper.done), strategy),
        initial_epoch=epoch,
        epochs=epoch + 1 if step else plan.epochs,
        steps_per_epoch=stream.steps - step,
        validation_data=validation,
        validation_steps=validation_steps,
        shuffle=False,
        verbose=0,
        callbacks=[keeper],
    )
    if keeper.done < plan.epochs * stream.steps:
        # Keras ends each call with the averaged weights; the run goes on with its own.
        for variable, value in zip(model.trainable_variables, keeper.raw, strict=True):
            variable.assign(value)


def _as_keras_takes_it(
    held_out: HeldOut | None, plan: TrainingPlan, strategy: tf.distribute.Strategy
) -> tuple[Any, int | None]:
    """Return the held-out batches, and their number where Keras must know it."""
    if held_out is None:
        return None, None
    size = evaluation_batch(len(held_out), plan.batch_size, strategy)
    make = partial(held_out.plain, batch_size=size)
    several = strategy.num_replicas_in_sync > 1
    return distributed(make, strategy), -(-len(held_out) // size) if several else None


def _settings(
    model: keras.Model, stream: Stream, facts: Mapping[str, Any] | None
) -> dict[str, Any]:
    return {
        **(facts or {}),
        "parameters": int(model.count_params()),
        "plan": asdict(stream.plan),
        **stream.facts(),
    }


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

"""A training as data: how long, how fast, with what optimizer and against what."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import keras

from models.words import suggest
from pipelines.training.schedules import Schedule

OptimizerName = Literal["sgd", "momentum", "nesterov", "adam", "adamw", "lamb", "muon"]
LossName = Literal["cross_entropy", "square"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """How to train.

    Attributes:
        epochs: Passes over the data.
        batch_size: Pictures a step over all replicas; the last, incomplete batch of an epoch is
            left out.
        peak_rate: The largest learning rate.
        schedule: Its course; a warm-up and a cosine to 0 unless said.
        optimizer: `muon` is Muon for kernels of convolutions and AdamW, at a quarter of the rate,
            for everything else.
        momentum: Of `momentum` and `nesterov`.
        weight_decay: Decoupled decay (arXiv:1711.05101) of kernels; biases and normalisation are
            left out. `adamw`, `lamb` and `muon` are meant for it; any optimizer takes it.
        l2: Penalty on the kernels, `l2` times their sum of squares, added to the loss; biases and
            normalisation are left out.
        average: Momentum of the exponential moving average of the weights that is kept at the end;
            0 for the weights themselves.
        loss: Softmax cross-entropy, or the mean squared difference of logits and one-hot labels.
        label_smoothing: Probability spread evenly over all classes (arXiv:1512.00567).
        label_noise: Probability with which, at each step, a label is drawn anew among all classes
            (DisturbLabel, arXiv:1605.00055).
        precision: What layers compute in; the weights are float32 all the same.
        jit: Whether XLA compiles the step; not under a strategy of several replicas.
    """

    epochs: int
    batch_size: int = 128
    peak_rate: float = 3e-3
    schedule: Schedule = field(default_factory=Schedule)
    optimizer: OptimizerName = "adamw"
    momentum: float = 0.9
    weight_decay: float = 1e-2
    l2: float = 0.0
    average: float = 0.998
    loss: LossName = "cross_entropy"
    label_smoothing: float = 0.0
    label_noise: float = 0.0
    precision: Precision = "float32"
    jit: bool = False

    def __post_init__(self) -> None:
        """Check the ranges."""
        names = {"optimizer": OptimizerName, "loss": LossName, "precision": Precision}
        for name, choices in names.items():
            value = getattr(self, name)
            if value not in get_args(choices):
                raise ValueError(f"unknown {name} {value!r}; {suggest(value, get_args(choices))}")
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if not self.peak_rate > 0:
            raise ValueError(f"peak_rate must be above 0; got {self.peak_rate}")
        for name in ("weight_decay", "l2"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be 0 or more; got {getattr(self, name)}")
        for name in ("momentum", "average", "label_smoothing", "label_noise"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be 0 or more and below 1; got {getattr(self, name)}")

    def changed(self, **changes: Any) -> TrainingPlan:
        """Return the plan with other values; a schedule may be named by its kind.

        Raises:
            ValueError: A value is out of range.
        """
        if isinstance(kind := changes.get("schedule"), str):
            epochs = changes.get("epochs", self.epochs)
            changes["schedule"] = Schedule.standard(kind, epochs)  # type: ignore[arg-type]
        return replace(self, **changes)


def plan_loss(plan: TrainingPlan) -> keras.losses.Loss:
    """Return the plan's loss, of one-hot labels and logits."""
    if plan.loss == "square":
        return keras.losses.MeanSquaredError()
    return keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=plan.label_smoothing
    )

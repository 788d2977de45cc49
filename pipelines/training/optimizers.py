"""Keras's optimizers by name, with decay and averaging; Muon for convolutions too."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pipelines.training.plan import TrainingPlan
from pipelines.training.schedules import ScheduledRate

MUON_ADAM_RATIO = 0.25  # the rate of AdamW for the few weights that Muon does not take


@keras.saving.register_keras_serializable(package="sightsound")
class ConvolutionalMuon(keras.optimizers.Muon):
    """Muon for kernels of two to four axes; AdamW for all other weights.

    Muon moves a matrix by an orthogonal step: the momentum with all its singular values made equal.
    Keras applies it to matrices only; a convolution's kernel (k, k, in, out) is the matrix
    (k k in, out) that its patches are multiplied with (arXiv:2404.00498's author's use of it), and
    so is one over time, (k, in, out).
    `exclude_layers`, `rms_rate` and the rates are as in `keras.optimizers.Muon`.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        if len(variable.shape) not in (3, 4):
            return bool(super()._should_use_adamw(variable))
        return any(word in variable.path for word in self.exclude_layers)

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        self.assign_add(m, ops.add(gradient, m * (self.momentum - 1)))
        direction = ops.add(gradient, self.momentum * m) if self.nesterov else m
        rows = (-1, variable.shape[-1])
        step = self.zeropower_via_newtonschulz5(ops.reshape(direction, rows), self.ns_steps)
        step = ops.reshape(self.lr_adjust(lr * step), variable.shape)
        self.assign_sub(variable, ops.cast(step, variable.dtype))


def make_optimizer(
    model: keras.Model, plan: TrainingPlan, rate: ScheduledRate
) -> keras.optimizers.Optimizer:
    """Return the plan's optimizer for a network.

    Decay leaves out biases and normalisation, whose weights have one axis.
    """
    options: dict[str, Any] = {"weight_decay": plan.weight_decay or None}
    if plan.average:
        options |= {
            "use_ema": True,
            "ema_momentum": plan.average,
            "ema_overwrite_frequency": None,
        }
    optimizer = _named(rate, plan, options)
    if plan.weight_decay:
        optimizer.exclude_from_weight_decay(
            var_list=[v for v in model.trainable_variables if len(v.shape) < 2]
        )
    return optimizer


def _named(
    rate: ScheduledRate, plan: TrainingPlan, options: dict[str, Any]
) -> keras.optimizers.Optimizer:
    if plan.optimizer in ("sgd", "momentum", "nesterov"):
        momentum = 0.0 if plan.optimizer == "sgd" else plan.momentum
        nesterov = plan.optimizer == "nesterov"
        return keras.optimizers.SGD(rate, momentum=momentum, nesterov=nesterov, **options)
    if plan.optimizer in ("adam", "adamw"):
        return keras.optimizers.Adam(rate, **options)
    if plan.optimizer == "lamb":
        return keras.optimizers.Lamb(rate, **options)
    return ConvolutionalMuon(
        rate,
        adam_weight_decay=0.0,  # so small a part of the weights needs none
        adam_lr_ratio=MUON_ADAM_RATIO,
        exclude_layers=["logits"],
        **(options | {"weight_decay": plan.weight_decay}),
    )

"""Keras's Muon, for convolutions too.

Muon moves a matrix by an orthogonal step: the momentum with all its singular values made equal.
Keras applies it to matrices only; a convolution's kernel (k, k, in, out) is the matrix
(k k in, out) that its patches are multiplied with (arXiv:2404.00498's author's use of it).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="sightsound")
class ConvolutionalMuon(keras.optimizers.Muon):
    """Muon for kernels of two or four axes; AdamW for all other weights.

    `exclude_layers`, `rms_rate` and the rates are as in `keras.optimizers.Muon`.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        if len(variable.shape) != 4:
            return bool(super()._should_use_adamw(variable))
        return any(word in variable.path for word in self.exclude_layers)

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        self.assign_add(m, ops.add(gradient, m * (self.momentum - 1)))
        direction = ops.add(gradient, self.momentum * m) if self.nesterov else m
        rows = (-1, variable.shape[-1])
        step = self.zeropower_via_newtonschulz5(ops.reshape(direction, rows), self.ns_steps)
        step = ops.reshape(self.lr_adjust(lr * step), variable.shape)
        self.assign_sub(variable, ops.cast(step, variable.dtype))

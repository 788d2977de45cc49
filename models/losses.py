"""Loss functions that Keras does not have and more than one task may want."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="sightsound")
class MaximumAPosteriori(keras.losses.Loss):
    """LeNet-5's criterion (doi:10.1109/5.726791, equation 9): cross-entropy with a rubbish class.

    For distances y = -logits: `y[label] + log(exp(-j) + sum(exp(-y)))`. The constant j is the
    distance of an imaginary class "none of these"; it keeps already large distances from growing.
    """

    def __init__(self, rubbish_distance: float = 10.0, name: str = "map_criterion") -> None:
        """Take j, the rubbish class's distance; the paper asks only that it is positive."""
        super().__init__(name=name)
        self.rubbish_distance = rubbish_distance

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Map one-hot labels (B, classes) and logits (B, classes) to losses (B,)."""
        rubbish = ops.full_like(y_pred[:, :1], -self.rubbish_distance)
        everything = ops.concatenate([y_pred, rubbish], axis=-1)
        correct = ops.sum(ops.cast(y_true, y_pred.dtype) * y_pred, axis=-1)
        return ops.logsumexp(everything, axis=-1) - correct

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {"rubbish_distance": self.rubbish_distance, "name": self.name}

"""The gated activation unit: one half of the maps decides how much of the other passes.

Van den Oord and others: Conditional image generation with PixelCNN decoders, 2016
(arXiv:1606.05328), equation 2; WaveNet (arXiv:1609.03499) took it over.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="sightsound")
class GatedUnit(keras.layers.Layer):
    """Map (..., 2C) to (..., C): tanh of the first C maps times sigmoid of the others.

    No parameters.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Check that the maps have two halves.

        Raises:
            ValueError: Their number is odd.
        """
        if int(input_shape[-1] or 0) % 2:
            raise ValueError(f"a gated unit needs an even number of maps; got {input_shape[-1]}")

    def call(self, inputs: Any) -> Any:
        """Return what passes."""
        passing, gate = ops.split(inputs, 2, axis=-1)
        return ops.tanh(passing) * ops.sigmoid(gate)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (..., C)."""
        return (*input_shape[:-1], int(input_shape[-1] or 0) // 2)

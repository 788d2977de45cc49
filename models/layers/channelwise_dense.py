"""A fully connected layer for each map by itself, which carries values across a whole picture.

Pathak and others: Context encoders: feature learning by inpainting, 2016 (arXiv:1604.07379),
section 3.1. Of m maps of n x n values it makes as many, each value from all n^2 of its own map,
with m n^4 weights; a fully connected layer has m^2 n^4.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="sightsound")
class ChannelwiseDense(keras.layers.Layer):
    """Map (B, H, W, C) to (B, H, W, C): `C` fully connected layers side by side, with biases.

    H and W are those of the first input.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the kernels (C, H W, H W), from what is read to what is made.

        Raises:
            ValueError: Height or width is not known.
        """
        _, height, width, maps = input_shape
        if height is None or width is None or maps is None:
            raise ValueError(f"height and width must be known; got {input_shape!r}")
        places = height * width
        self.kernel = self.add_weight(
            shape=(maps, places, places),
            # A map's weights see `places` values, not the `maps` times as many that Keras counts.
            initializer=keras.initializers.RandomUniform(
                -math.sqrt(3 / places), math.sqrt(3 / places)
            ),
            name="kernel",
        )
        self.bias = self.add_weight(shape=(maps, places), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """Return the maps."""
        _, height, width, maps = inputs.shape
        flat = ops.transpose(ops.reshape(inputs, (-1, height * width, maps)), (2, 0, 1))
        made = ops.matmul(flat, self.kernel) + self.bias[:, None]  # (C, B, H W)
        return ops.reshape(ops.transpose(made, (1, 2, 0)), (-1, height, width, maps))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's."""
        return input_shape

    def multiply_adds(
        self, input_shape: tuple[int | None, ...], output_shape: tuple[int | None, ...]
    ) -> int:
        """Return one a weight, for one picture."""
        _, height, width, maps = output_shape
        return int(maps or 0) * (int(height or 0) * int(width or 0)) ** 2

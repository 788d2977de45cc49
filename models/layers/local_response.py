"""Local response normalisation: a channel's value is divided by the strength of its neighbours.

Krizhevsky, Sutskever, Hinton: ImageNet classification with deep convolutional neural networks
(doi:10.1145/3065386), section 3.3; i and j number the channels, the sum stops at the edges:

    b_i = a_i / (k + alpha * sum of a_j^2 for |j - i| <= n // 2) ^ beta

Here alpha is the paper's: it multiplies the sum itself. Caffe and PyTorch multiply the mean, which
is alpha / n times the sum (at the edges too): give them n times our alpha. `tf.nn.lrn` multiplies
the sum, as we do, and calls n // 2 `depth_radius`.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

PACKAGE = "sightsound"


@keras.saving.register_keras_serializable(package=PACKAGE)
class LocalResponseNormalization(keras.layers.Layer):
    """Divide each channel by the strength of the `n` channels around it; the shape stays.

    The defaults are the paper's constants. The sum over neighbours is a product with a matrix of
    ones around the diagonal. Forwards it takes as long as TensorFlow's own kernel, backwards half
    as long; shifted slices take three to six times as long backwards (one thread, AlexNet's maps).
    """

    def __init__(
        self,
        n: int = 5,
        *,
        k: float = 2.0,
        alpha: float = 1e-4,
        beta: float = 0.75,
        **kwargs: Any,
    ) -> None:
        """Take the paper's constants.

        Args:
            n: Number of channels summed; odd, so that as many lie on either side.
            k: What the sum is added to; positive.
            alpha: Factor of the sum (not of the mean).
            beta: Exponent of the divisor.
            **kwargs: What every layer takes.
        """
        super().__init__(**kwargs)
        if n < 1 or n % 2 == 0:
            raise ValueError(f"n must be odd and at least 1; got {n}")
        if k <= 0:
            raise ValueError(f"k must be positive, or maps of zeros divide by zero; got {k}")
        self.n, self.k, self.alpha, self.beta = n, k, alpha, beta

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the matrix of neighbours, (C, C)."""
        channel = np.arange(int(input_shape[-1] or 0))
        distance = np.abs(channel[:, None] - channel)
        self.neighbours = (distance <= self.n // 2).astype("float32")

    def call(self, inputs: Any) -> Any:
        """Map (B, H, W, C) to (B, H, W, C)."""
        # At least float32: the square of 256 is more than float16 holds.
        dtype = keras.backend.result_type(self.compute_dtype, "float32")
        x = ops.cast(inputs, dtype)
        strength = ops.matmul(ops.square(x), ops.cast(self.neighbours, dtype))
        # exp and log take a third of the time of `power` on the CPU.
        scale = ops.exp(-self.beta * ops.log(self.k + self.alpha * strength))
        return ops.cast(x * scale, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape as it is."""
        return input_shape

    def multiply_adds(
        self, input_shape: tuple[int | None, ...], output_shape: tuple[int | None, ...]
    ) -> int:
        """Return the formula's cost a picture: n for the sum, one for alpha and k, one to scale.

        The exponent is not counted, nor are the matrix's zeros.
        """
        return math.prod(int(size or 0) for size in output_shape[1:]) * (self.n + 2)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        constants = {"n": self.n, "k": self.k, "alpha": self.alpha, "beta": self.beta}
        return {**super().get_config(), **constants}

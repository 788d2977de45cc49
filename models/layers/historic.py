"""Layers of the early networks, computed as their papers state them.

LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, 1998
(doi:10.1109/5.726791), section II.B.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

PACKAGE = "sightsound"


@keras.saving.register_keras_serializable(package=PACKAGE)
def scaled_tanh(x: Any) -> Any:
    """Return 1.7159 tanh(2x/3), the paper's squashing function: f(1) = 1 and f(-1) = -1."""
    return 1.7159 * ops.tanh(x * (2.0 / 3.0))


@keras.saving.register_keras_serializable(package=PACKAGE)
class FanInUniform(keras.initializers.Initializer):
    """Uniform in +-2.4 / fan_in, the paper's initialisation (appendix A)."""

    def __init__(self, fan_in: int) -> None:
        """Take the number of inputs to one unit."""
        self.fan_in = fan_in

    def __call__(self, shape: Sequence[int], dtype: Any = None, **kwargs: Any) -> Any:
        """Return a tensor of `shape`."""
        limit = 2.4 / self.fan_in
        return keras.initializers.RandomUniform(-limit, limit)(shape, dtype=dtype, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {"fan_in": self.fan_in}


@keras.saving.register_keras_serializable(package=PACKAGE)
class TrainableSubsampling(keras.layers.Layer):
    """Sum each 2 x 2 block, times one trainable coefficient a channel, plus one bias a channel.

    Input (B, H, W, C) with even H and W; output (B, H/2, W/2, C); 2C parameters.
    """

    pool_size = strides = (2, 2)  # what models.costs reads of a pooling layer

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the coefficients (around 1/4, an average) and the biases."""
        channels = input_shape[-1]
        self.coefficient = self.add_weight(
            shape=(channels,), initializer=keras.initializers.Constant(0.25), name="coefficient"
        )
        self.bias = self.add_weight(shape=(channels,), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """Return the subsampled maps."""
        block_sum = 4.0 * ops.average_pool(inputs, 2, strides=2, data_format="channels_last")
        return block_sum * self.coefficient + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (B, H/2, W/2, C)."""
        batch, height, width, channels = input_shape
        return (batch, height and height // 2, width and width // 2, channels)

    def multiply_adds(
        self, input_shape: tuple[int | None, ...], output_shape: tuple[int | None, ...]
    ) -> int:
        """Return one for each value of one picture: its coefficient."""
        return math.prod(int(n or 0) for n in output_shape[1:])


@keras.saving.register_keras_serializable(package=PACKAGE)
class PartialConv2D(keras.layers.Layer):
    """A valid, stride 1 convolution in which each output map sees only some of the input maps.

    Only existing connections are parameters: one k x k kernel each, plus one bias an output map.
    They are laid into a dense kernel with zeros elsewhere, so it runs at a convolution's speed.
    """

    def __init__(self, table: Sequence[Sequence[int]], kernel_size: int, **kwargs: Any) -> None:
        """Take, for each output map, the input maps that it sees, and the kernel's side in px."""
        super().__init__(**kwargs)
        self.table = tuple(tuple(int(i) for i in row) for row in table)
        self.kernel_size = kernel_size

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create one kernel a connection, and the placement of each in the dense kernel."""
        in_maps, out_maps = int(input_shape[-1] or 0), len(self.table)
        size = self.kernel_size
        links = [(i, o) for o, row in enumerate(self.table) for i in row]
        placement = np.zeros((len(links), in_maps * out_maps), "float32")
        for link, (i, o) in enumerate(links):
            placement[link, i * out_maps + o] = 1.0
        fan_in = np.array([len(self.table[o]) * size * size for _, o in links])
        limit = 2.4 / fan_in[None, :]  # (1, links): scales a draw from +-1

        def initial(shape: tuple[int, ...], dtype: Any = None) -> Any:
            unit = keras.initializers.RandomUniform(-1.0, 1.0)(shape, dtype=dtype)
            return unit * ops.cast(limit, unit.dtype)

        self.kernels = self.add_weight(
            shape=(size * size, len(links)), initializer=initial, name="kernels"
        )
        self.bias = self.add_weight(shape=(out_maps,), initializer="zeros", name="bias")
        self.placement = placement
        self.dense_shape = (size, size, in_maps, out_maps)

    def call(self, inputs: Any) -> Any:
        """Map (B, H, W, in) to (B, H-k+1, W-k+1, out)."""
        placement = ops.cast(self.placement, self.compute_dtype)
        kernel = ops.reshape(ops.matmul(self.kernels, placement), self.dense_shape)
        maps = ops.conv(inputs, kernel, padding="valid", data_format="channels_last")
        return maps + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (B, H-k+1, W-k+1, out)."""
        batch, height, width, _ = input_shape
        cut = self.kernel_size - 1
        return (batch, height and height - cut, width and width - cut, len(self.table))

    def multiply_adds(
        self, input_shape: tuple[int | None, ...], output_shape: tuple[int | None, ...]
    ) -> int:
        """Return those of the connections that exist, for one picture."""
        _, height, width, _ = output_shape
        links = sum(map(len, self.table))
        return links * self.kernel_size**2 * int(height or 0) * int(width or 0)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "table": self.table, "kernel_size": self.kernel_size}


@keras.saving.register_keras_serializable(package=PACKAGE)
class RadialBasis(keras.layers.Layer):
    """Minus the squared Euclidean distance to each class's fixed code: logits (B, classes).

    The codes are stored with the weights but are not trained, as in the paper.
    """

    def __init__(self, codes: Sequence[Sequence[float]], **kwargs: Any) -> None:
        """Take one code a class, each as long as the input's last axis."""
        super().__init__(**kwargs)
        self.codes = tuple(tuple(float(v) for v in code) for code in codes)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the code matrix (features, classes)."""
        matrix = np.array(self.codes, "float32").T
        self.code = self.add_weight(
            shape=matrix.shape,
            initializer=lambda _, dtype=None: ops.cast(matrix, dtype or "float32"),
            trainable=False,
            name="code",
        )

    def call(self, inputs: Any) -> Any:
        """Map features (B, F) to logits (B, classes), all at most 0."""
        return -ops.sum(ops.square(ops.expand_dims(inputs, -1) - self.code), axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (B, classes)."""
        return (input_shape[0], len(self.codes))

    def multiply_adds(
        self, input_shape: tuple[int | None, ...], output_shape: tuple[int | None, ...]
    ) -> int:
        """Return one for each difference squared, of one picture."""
        return int(input_shape[-1] or 0) * len(self.codes)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "codes": self.codes}

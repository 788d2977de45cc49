"""A convolution in groups that also trains on the CPU and exports to ONNX.

`keras.layers.Conv2D(groups=2)` needs an XLA-compiled function on TensorFlow's CPU: AlexNet's conv2
then took 664 ms forwards and backwards instead of 65 (batch 8, one thread), and ONNX has no word
for the call. As AlexNet's paper has it, each group is a convolution by itself.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

PACKAGE = "sightsound"


@keras.saving.register_keras_serializable(package=PACKAGE)
class GroupedConv2D(keras.layers.Conv2D):
    """`Conv2D` with the same arguments, weights and result, computed group by group."""

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Map (B, H, W, in) with a kernel (k, k, in / groups, out) to (B, H', W', out)."""
        parts = [
            ops.conv(
                x,
                part,
                strides=list(self.strides),
                padding=self.padding,
                dilation_rate=self.dilation_rate,
                data_format=self.data_format,
            )
            for x, part in zip(
                ops.split(inputs, self.groups, axis=-1),
                ops.split(kernel, self.groups, axis=-1),
                strict=True,
            )
        ]
        return ops.concatenate(parts, axis=-1)

    def multiply_adds(
        self, input_shape: tuple[int | None, ...], output_shape: tuple[int | None, ...]
    ) -> int:
        """Return one for each weight at each place of the output, for one picture."""
        _, height, width, _ = output_shape
        return int(math.prod(self.kernel.shape)) * int(height or 0) * int(width or 0)

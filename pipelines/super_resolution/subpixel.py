"""A network for inference whose transposed convolutions are plain ones.

A transposed convolution of stride s makes s x s pixels of one. Each of those is a plain convolution
with every s-th weight of the kernel along each side; all of them are one convolution with s x s
times the channels, and a shuffle (Shi and others, arXiv:1609.07009). The results are equal to
rounding.

TensorFlow computes a transposed convolution as a gradient. For FSRCNN's, on a CPU, that takes twice
the time of the whole network with a plain one, and where a pixel lies decides how it is rounded, so
that tiles would show.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from models.layers.pixel_shuffle import PixelShuffle


class _Subpixel(keras.layers.Layer):
    """Another network's transposed convolution, with its weights where they are."""

    def __init__(self, layer: layers.Conv2DTranspose) -> None:
        super().__init__(name=layer.name, dtype=layer.dtype_policy)
        self.layer = layer
        self.stride, self.side = layer.strides[0], layer.kernel_size[0]
        self.taps = -(-self.side // self.stride)  # that one pixel is a sum of, along each side
        self.shuffle = PixelShuffle(self.stride, dtype=layer.dtype_policy)

    def call(self, inputs: Any) -> Any:
        """Map (B, H, W, C) to (B, s (H - 1) + k, s (W - 1) + k, filters)."""
        around = self.taps - 1
        padded = ops.pad(inputs, ((0, 0), (around, around), (around, around), (0, 0)))
        maps = ops.conv(padded, ops.cast(self._kernel(), inputs.dtype), padding="valid")
        shape = ops.shape(inputs)
        height, width = (self.stride * (shape[axis] - 1) + self.side for axis in (1, 2))
        enlarged = self.shuffle(maps)[:, :height, :width]
        if self.layer.use_bias:
            enlarged = enlarged + ops.cast(self.layer.bias, enlarged.dtype)
        return self.layer.activation(enlarged)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return what `call` returns."""
        return tuple(self.layer.compute_output_shape(input_shape))

    def _kernel(self) -> Any:
        """Return (taps, taps, C, s s filters) of the kernel (k, k, filters, C)."""
        taps, stride = self.taps, self.stride
        missing = taps * stride - self.side
        kernel = ops.pad(self.layer.kernel, ((0, missing), (0, missing), (0, 0), (0, 0)))
        filters, channels = kernel.shape[2:]
        # Pixel s q + r is the sum over j of input pixel q - j times weight s j + r.
        parts = ops.reshape(kernel, (taps, stride, taps, stride, filters, channels))
        parts = ops.transpose(ops.flip(parts, (0, 2)), (0, 2, 5, 1, 3, 4))
        return ops.reshape(parts, (taps, taps, channels, stride**2 * filters))


def with_plain_convolutions(network: keras.Model) -> keras.Model:
    """Return a network with the same weights and results; `network` itself where all are plain."""
    if not any(map(_replaceable, network.layers)):
        return network

    def replaced(operation: Any) -> Any:
        return _Subpixel(operation) if _replaceable(operation) else operation

    def called(operation: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs.pop("mask", None)  # belongs to the original's tensors
        return operation(*args, **kwargs)

    plain: keras.Model = keras.models.clone_model(
        network, clone_function=replaced, call_function=called
    )
    return plain


def _replaceable(layer: Any) -> bool:
    """Whether it is a transposed convolution that keeps all its values, alike along both sides."""
    return (
        type(layer) is layers.Conv2DTranspose
        and layer.data_format == "channels_last"
        and layer.padding == "valid"
        and layer.output_padding is None
        and tuple(layer.dilation_rate) == (1, 1)
        and len(set(layer.strides)) == len(set(layer.kernel_size)) == 1
        and layer.kernel_size[0] >= layer.strides[0]
    )

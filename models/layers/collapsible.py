"""A convolution that trains as two: one to many maps, one back, with nothing between them.

Bhardwaj et al.: Collapsible linear blocks for super-efficient super resolution (arXiv:2103.09404),
section 3. The product of both kernels is a single k x k kernel; a shortcut over the block is that
kernel plus the identity. As in section 3.3 the product is what convolves, in training too, so a
step costs hardly more than that of the single convolution, and collapsing it is exact: the same
numbers, computed once.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="sightsound")
class CollapsibleConv2D(keras.layers.Layer):
    """Map (B, H, W, C) to (B, H, W, filters) as `Conv2D` of stride 1, 'same', with a bias does.

    Its weights are a k x k kernel to `expansion` maps, a 1 x 1 kernel from these, and the bias.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        *,
        expansion: int,
        shortcut: bool = False,
        initial: str = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        """Take the maps of the result, the odd side, and the maps between.

        Args:
            filters: Maps of the result.
            kernel_size: Side of the kernel, odd.
            expansion: Maps between the two.
            shortcut: Whether the input is added to the result; needs as many maps in as out.
            initial: Where the second kernel starts; "zeros" for a result of 0 at first.
            **kwargs: What every layer takes.
        """
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.expansion, self.shortcut, self.initial = expansion, shortcut, initial

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the three weights."""
        channels, side = int(input_shape[-1] or 0), self.kernel_size
        if self.shortcut and channels != self.filters:
            raise ValueError(
                f"a shortcut needs as many maps in as out; got {channels} and {self.filters}"
            )
        self.expand = self.add_weight(
            shape=(side, side, channels, self.expansion),
            initializer="glorot_uniform",
            name="expand",
        )
        self.project = self.add_weight(
            shape=(1, 1, self.expansion, self.filters), initializer=self.initial, name="project"
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")
        identity = np.zeros((side, side, channels, self.filters), "float32")
        if self.shortcut:
            identity[side // 2, side // 2] = np.eye(channels)
        self._identity = identity

    def collapsed(self) -> Any:
        """Return the single kernel (k, k, C, filters)."""
        kernel = ops.tensordot(self.expand, self.project[0, 0], axes=1)
        return kernel + ops.convert_to_tensor(self._identity, kernel.dtype)

    def start_from(self, kernel: np.ndarray, bias: np.ndarray) -> None:
        """Begin with a single convolution's weights (k, k, C, filters) and (filters,)."""
        expand, project = (ops.convert_to_numpy(w).copy() for w in (self.expand, self.project))
        expand[..., : self.filters] = kernel - self._identity
        project[...] = 0.0
        project[0, 0, : self.filters] = np.eye(self.filters)
        self.set_weights([expand, project, bias])

    def call(self, inputs: Any) -> Any:
        """Convolve with the collapsed kernel."""
        maps = ops.conv(inputs, self.collapsed(), padding="same", data_format="channels_last")
        return maps + ops.cast(self.bias, maps.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (B, H, W, filters)."""
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "expansion": self.expansion,
            "shortcut": self.shortcut,
            "initial": self.initial,
        }

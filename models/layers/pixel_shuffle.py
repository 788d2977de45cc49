"""Sub-pixel rearrangement: channels become pixels, so that a network works at the small size.

Shi and others: Real-time single image and video super-resolution using an efficient sub-pixel
convolutional neural network, 2016 (arXiv:1609.05158), equation 4. The order of the channels is
that of TensorFlow's `depth_to_space`; PyTorch's `PixelShuffle` has the image's channels outermost,
which is the same order where the image has one channel.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def steps(scale: int) -> tuple[int, ...]:
    """Return the enlargements that make `scale`, as EDSR and SRResNet have them: 4 is 2 and 2."""
    return (2, 2) if scale == 4 else (scale,)


@keras.saving.register_keras_serializable(package="sightsound")
class PixelShuffle(keras.layers.Layer):
    """Map (B, H, W, scale scale C) to (B, scale H, scale W, C), any H and W; no parameters.

    Pixel (scale y + dy, scale x + dx) of channel c is channel (scale dy + dx) C + c of (y, x).
    """

    def __init__(self, scale: int, **kwargs: Any) -> None:
        """Take how many times as high and wide the output is.

        Raises:
            ValueError: It is not a whole number of at least 1.
        """
        super().__init__(**kwargs)
        if not isinstance(scale, int) or scale < 1:
            raise ValueError(f"scale must be a whole number of at least 1; got {scale!r}")
        self.scale = scale
        self.size = (scale, scale)  # what models.costs reads of an upsampling layer

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Check that the channels make whole blocks.

        Raises:
            ValueError: They do not.
        """
        if int(input_shape[-1] or 0) % self.scale**2:
            raise ValueError(
                f"scale {self.scale} needs a multiple of {self.scale**2} channels; "
                f"got {input_shape[-1]}"
            )

    def call(self, inputs: Any) -> Any:
        """Return the rearranged image."""
        scale = self.scale
        batch, height, width, channels = ops.shape(inputs)
        channels //= scale**2
        blocks = ops.reshape(inputs, (batch, height, width, scale, scale, channels))
        rows = ops.transpose(blocks, (0, 1, 3, 2, 4, 5))  # (B, H, scale, W, scale, C)
        return ops.reshape(rows, (batch, height * scale, width * scale, channels))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (B, scale H, scale W, C)."""
        batch, height, width, channels = input_shape
        sides = (side and side * self.scale for side in (height, width))
        return (batch, *sides, int(channels or 0) // self.scale**2)

    def multiply_adds(
        self, input_shape: tuple[int | None, ...], output_shape: tuple[int | None, ...]
    ) -> int:
        """Return 0: values are moved."""
        return 0

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "scale": self.scale}

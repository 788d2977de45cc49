"""Fills of holes that carry what lies around them inwards along one direction each.

Edges go on along themselves. Of several fills, each smooth along its own direction alone, the one
along an edge is right there; a network that reads them has only to choose.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

# Steps to the neighbour on one side, rows down and columns to the right; the other lies opposite.
DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))
ALONG = 1.0  # weight of the two neighbours along the direction
ACROSS = 0.05  # weight of each of the six others: holes that no line crosses are filled, too
OWN = 0.2  # share of a pixel's own value in a sweep; without it, sweeps flicker


@keras.saving.register_keras_serializable(package="sightsound")
class DirectedFills(keras.layers.Layer):
    """Map an image (B, H, W, C) with filled holes, and a mask (B, H, W, 1), to (B, H, W, 4C).

    Each group of C maps is the image whose holes were smoothed along one of `DIRECTIONS`, starting
    from the fill that they hold, less the image. Outside the holes all is 0. No parameters.
    """

    def __init__(self, sweeps: int, **options: Any) -> None:
        """Take how often pixels become means of their neighbours: how far values are carried."""
        super().__init__(**options)
        self.sweeps = sweeps
        reach = 2 * sweeps + 1  # along each side, what `models.costs` reads of a convolution
        self.kernel_size, self.strides, self.padding = (reach, reach), (1, 1), "same"

    def build(self, shapes: Any) -> None:
        """Note how many maps the image has."""
        self.kernels = np.repeat(_kernels(), int(shapes[0][-1]), axis=2)

    def call(self, inputs: tuple[Any, Any]) -> Any:
        """Return the changes."""
        image, mask = inputs
        start = ops.tile(image, (1, 1, 1, len(DIRECTIONS)))
        kernel = ops.convert_to_tensor(self.kernels, image.dtype)
        known, filled = start * (1.0 - mask), start
        for _ in range(self.sweeps):
            edged = ops.pad(filled, [[0, 0], [1, 1], [1, 1], [0, 0]], "symmetric")
            filled = known + mask * ops.depthwise_conv(edged, kernel, padding="valid")
        return filled - start

    def compute_output_shape(self, shapes: Any) -> tuple[int | None, ...]:
        """Return (B, H, W, 4C)."""
        shape = shapes[0]
        return (*shape[:-1], len(DIRECTIONS) * shape[-1])

    def multiply_adds(self, shapes: Any, output_shape: tuple[int | None, ...]) -> int:
        """Return the multiplications of one image: nine a value and sweep."""
        _, height, width, maps = (int(n or 1) for n in output_shape)
        return 9 * self.sweeps * height * width * maps

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "sweeps": self.sweeps}


@keras.saving.register_keras_serializable(package="sightsound")
class Mixture(keras.layers.Layer):
    """Map (B, H, W, 4 + C) and changes (B, H, W, 4C) to a correction (B, H, W, C).

    The first four maps are weights of the changes, the others are added. No parameters.
    """

    def call(self, inputs: tuple[Any, Any]) -> Any:
        """Return the weighted sum of the changes and what is added to it."""
        maps, changes = inputs
        count = len(DIRECTIONS)
        mixed = maps[..., count:]
        for number, change in enumerate(ops.split(changes, count, axis=-1)):
            mixed = mixed + maps[..., number : number + 1] * change
        return mixed

    def compute_output_shape(self, shapes: Any) -> tuple[int | None, ...]:
        """Return (B, H, W, C)."""
        maps = shapes[0]
        return (*maps[:-1], maps[-1] - len(DIRECTIONS))

    def multiply_adds(self, shapes: Any, output_shape: tuple[int | None, ...]) -> int:
        """Return the multiplications of one image: four a value."""
        _, height, width, channels = (int(n or 1) for n in output_shape)
        return len(DIRECTIONS) * height * width * channels


def _kernels() -> np.ndarray:
    """Return the weights (3, 3, 4, 1) of a pixel's neighbours, one kernel a direction."""
    kernels = np.full((3, 3, len(DIRECTIONS), 1), ACROSS)
    for number, (down, right) in enumerate(DIRECTIONS):
        kernels[1 + down, 1 + right, number] = kernels[1 - down, 1 - right, number] = ALONG
    kernels[1, 1] = 0.0
    kernels *= (1.0 - OWN) / kernels.sum((0, 1))
    kernels[1, 1] = OWN
    return kernels.astype(np.float32)

"""What networks that fill holes learn by: the difference in the holes alone.

Targets hold the mask as their last channel. What lies outside the holes comes back as it is and
would only thin out the loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import keras
from keras import ops

FLOOR = 1e-4  # of a squared difference: 40 dB; a plain sky counts no more than it should


class HoleDecibels(keras.losses.Loss):
    """Minus the PSNR of each image's holes in dB, of a peak of 1, but no lower than -40.

    It is what inpainting is measured by: an easy picture's error weighs as much as a hard one's.
    """

    def __init__(self, name: str = "hole_decibels") -> None:
        super().__init__(name=name)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Map targets (B, H, W, C + 1) and images (B, H, W, C) in [0, 1] to losses (B,)."""
        squared = hole_mean(ops.square(y_true[..., :-1] - y_pred), y_true[..., -1:])
        return 10.0 * ops.log10(squared + FLOOR)


class HoleDifference(keras.losses.Loss):
    """The mean absolute difference in each image's holes."""

    def __init__(self, name: str = "hole_difference") -> None:
        super().__init__(name=name)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Map targets (B, H, W, C + 1) and images (B, H, W, C) in [0, 1] to losses (B,)."""
        return hole_mean(ops.abs(y_true[..., :-1] - y_pred), y_true[..., -1:])


LOSSES: Mapping[str, type[keras.losses.Loss]] = MappingProxyType(
    {"decibels": HoleDecibels, "difference": HoleDifference}
)


def hole_mean(values: Any, mask: Any) -> Any:
    """Return each image's mean (B,) of (B, H, W, C), weighted by a mask (B, H, W, 1)."""
    area = ops.sum(mask, axis=(1, 2, 3)) * values.shape[-1]
    return ops.sum(values * mask, axis=(1, 2, 3)) / ops.maximum(area, 1.0)

"""The gate of a gated convolution: a soft mask, learned at each place and for each map.

Yu and others: Free-form image inpainting with gated convolution, 2018 (arXiv:1806.03589), section
3.1: two convolutions read the same maps, and the sigmoid of one decides how much of the other's
activation passes. Both are one convolution of twice as many maps here.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from models.layers.gated_unit import GatedUnit

SLOPE = 0.2  # below zero; the paper leaves the activation open


@keras.saving.register_keras_serializable(package="sightsound")
class GatedRectifier(GatedUnit):
    """Map (..., 2C) to (..., C): a leaky rectifier of the first C maps times sigmoid of the others.

    No parameters.
    """

    def call(self, inputs: Any) -> Any:
        """Return what passes."""
        passing, gate = ops.split(inputs, 2, axis=-1)
        return ops.leaky_relu(passing, SLOPE) * ops.sigmoid(gate)

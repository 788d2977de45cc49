"""A tiny network in which every weight counts, pipelines of it, and masks."""

from __future__ import annotations

import keras
import numpy as np

from models.catalog import create_model
from pipelines.inpainting.pipeline import Inpainting


def stirred(spread: float = 0.1) -> keras.Model:
    """Return the micro network, its weights moved away from their start."""
    keras.utils.set_random_seed(3)
    network = create_model("gated_unet_micro")
    random = np.random.default_rng(3)
    for variable in network.weights:
        variable.assign(np.asarray(variable) + random.normal(size=variable.shape) * spread)
    return network


def inpainter(method: str = "auto") -> Inpainting:
    """Return a pipeline that fills, and not well."""
    return Inpainting(stirred(), preset="gated_unet_micro", method=method)


def holes(height: int, width: int) -> np.ndarray:
    """Return a mask (H, W) uint8: a hole within, one at the border, a dot, and a soft edge."""
    mask: np.ndarray = np.zeros((height, width), np.uint8)
    mask[height // 4 : height // 2, width // 5 : width // 3] = 255
    mask[height // 2, width // 5 : width // 3] = 100
    mask[: height // 8, -width // 8 :] = 255
    mask[height - 3, width // 2] = 255
    return mask

"""Tiny networks in which every weight counts, and pipelines of them."""

from __future__ import annotations

import keras
import numpy as np

from models.catalog import create_model
from pipelines.super_resolution.pipeline import SuperResolution


def stirred(name: str, scale: int, spread: float = 0.1) -> keras.Model:
    """Return a network of the catalog, its weights moved away from their start."""
    keras.utils.set_random_seed(3)
    network = create_model(name, scale=scale)
    random = np.random.default_rng(3)
    for variable in network.weights:
        value = np.asarray(variable) + random.normal(size=variable.shape) * spread
        variable.assign(np.abs(value) + 0.1 if "variance" in variable.path else value)
    return network


def upscaler(name: str = "sesr_micro", scale: int = 2, spread: float = 0.1) -> SuperResolution:
    """Return a pipeline that enlarges, and not well."""
    return SuperResolution(stirred(name, scale, spread), scale=scale, preset=name)

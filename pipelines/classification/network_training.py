"""What every training of a classifier does: make the network, prepare pictures, adapt, fit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.catalog import create_model
from models.initialisation import initialise
from models.layers.whitening import PatchWhitening
from models.noise import Noise, with_noise
from pipelines.fitting import fit
from pipelines.preprocessing import ImagePreprocessing, scale_pixels
from pipelines.training.precision import computing_in

ADAPTED_ON = 5_000  # pictures that a whitening layer is measured on (arXiv:2404.00498)


def make_network(
    name: str,
    preprocessing: ImagePreprocessing,
    *,
    classes: int,
    precision: str = "float32",
    initialisation: str = "",
    noise: Noise | None = None,
    seed: int = 0,
    strategy: tf.distribute.Strategy | None = None,
) -> keras.Model:
    """Return a network of the catalog for prepared pictures, ready to be trained.

    Args:
        name: The network's.
        preprocessing: How pictures are prepared: their size and channels.
        classes: How many there are.
        precision: What layers compute in.
        initialisation: A name from `models.initialisation`; empty for the network's own choice.
        noise: Random layers to add. They have no weights: those of the network without them fit.
        seed: Of `initialisation` and of `noise`.
        strategy: What it will be trained under.
    """
    with computing_in(precision), strategy.scope() if strategy else nullcontext():
        network = create_model(name, classes=classes, input_shape=preprocessing.input_shape)
        if initialisation:
            initialise(network, initialisation, seed=seed)
        return with_noise(network, noise, seed=seed) if noise else network


def start_from(network: keras.Model, other: keras.Model) -> None:
    """Take another's weights where they fit; the rest, such as another last layer's, stay."""
    for new, old in zip(network.weights, other.weights, strict=True):
        if tuple(new.shape) == tuple(old.shape):
            new.assign(old)


def preparation(plan: ImagePreprocessing) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return what maps fitted pixels (B, H, W, C) in [0, 1] to the network's input."""
    edge = (plan.margin_px, plan.margin_px)

    def prepare(pixels: tf.Tensor) -> tf.Tensor:
        if plan.margin_px:
            pixels = tf.pad(pixels, ((0, 0), edge, edge, (0, 0)))
        return scale_pixels(plan, pixels)

    return prepare


def fit_network(
    network: keras.Model,
    preprocessing: ImagePreprocessing,
    images: np.ndarray,
    labels: np.ndarray,
    **options: Any,
) -> list[dict[str, float]]:
    """Train a classifier's network on fitted pictures (N, H, W, C) uint8, and return the log.

    A whitening layer that may change is measured on the first pictures. The options are those of
    `pipelines.fitting.fit`.
    """
    adapt_whitening(network, preprocessing, images)
    return fit(network, images, labels, prepare=preparation(preprocessing), **options)


def adapt_whitening(
    network: keras.Model, preprocessing: ImagePreprocessing, images: np.ndarray
) -> None:
    """Measure whitening layers that may change on the first of some fitted pictures."""
    prepare = preparation(preprocessing)
    for layer in network.layers:
        if isinstance(layer, PatchWhitening) and layer.trainable:
            layer.adapt(prepare(tf.constant(images[:ADAPTED_ON], tf.float32) / 255.0))

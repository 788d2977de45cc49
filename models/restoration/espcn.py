"""ESPCN: all convolutions at the small size; the last one's channels become the pixels.

Shi and others: Real-time single image and video super-resolution using an efficient sub-pixel
convolutional neural network, 2016 (arXiv:1609.05158). Its evaluated network has l = 3 layers,
(f1, n1) = (5, 64), (f2, n2) = (3, 32), f3 = 3, and tanh, which it finds better than ReLU.

Two departures. The channels of the last convolution are in TensorFlow's order (see
`models.layers.pixel_shuffle`), which for luma is the paper's. Initial weights are Glorot's, as the
paper names none.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

from models.layers.pixel_shuffle import PixelShuffle
from models.spec import Shape, UpscalerSpec


@dataclass(frozen=True, kw_only=True)
class ESPCNSpec(UpscalerSpec):
    """An ESPCN.

    Attributes:
        kernels: The sides of all kernels, f1 to fl.
        widths: Maps of all convolutions but the last, n1 to n(l-1).
    """

    kernels: tuple[int, ...] = (5, 3, 3)
    widths: tuple[int, ...] = (64, 32)
    paper: str = "arXiv:1609.05158"


SPECS = {
    "espcn": ESPCNSpec(title="ESPCN 5-3-3, sub-pixel convolution", params=21_284),
    "espcn_micro": ESPCNSpec(title="ESPCN made tiny, for fast tests", widths=(6, 4), params=524),
}


def feature_names(spec: ESPCNSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    return tuple(f"tanh{number}" for number in range(1, len(spec.kernels)))


def build(spec: ESPCNSpec, *, input_shape: Shape, scale: int = 2) -> keras.Model:
    """Return the network of `spec`: image (B, H, W, C) to (B, scale H, scale W, C), float32.

    Args:
        spec: Which.
        input_shape: (H, W, C); any H and W.
        scale: How many times larger, along each side.
    """
    x = image = keras.Input(input_shape, name="image")
    *kernels, last = spec.kernels
    for number, (width, kernel) in enumerate(zip(spec.widths, kernels, strict=True), start=1):
        x = layers.Conv2D(width, kernel, padding="same", name=f"conv{number}")(x)
        x = layers.Activation("tanh", name=f"tanh{number}")(x)  # (B, H, W, width)
    number, channels = len(spec.kernels), image.shape[-1] * scale**2
    x = layers.Conv2D(channels, last, padding="same", dtype="float32", name=f"conv{number}")(x)
    return keras.Model(image, PixelShuffle(scale, dtype="float32", name="shuffle")(x))

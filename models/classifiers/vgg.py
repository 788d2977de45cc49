"""VGG: stacks of 3 x 3 convolutions, as deep as they go, then three fully connected layers.

Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition
(arXiv:1409.1556), configurations A to E of table 1, and each but A-LRN with batch normalisation
(arXiv:1502.03167) after every convolution; the convolutions keep their biases then, as in
torchvision. A-LRN has AlexNet's normalisation and its constants.

Initial weights: the paper draws them from a normal distribution "with the zero mean and 10^-2
variance", starts with A, and the deeper networks from a trained A. It adds that Glorot and Bengio's
initialisation makes that detour unnecessary. We take that one (uniform, biases zero), one rule for
all depths. Standard noise into A then gives logits with a deviation of 0.03, into E 0.001; with
variance 10^-2, as printed, it is 2e6 and 5e10, and with deviation 10^-2, as most read it, 2e-5 and
5e-9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import keras
from keras import layers

from models.layers.heads import Pooling, flatten, logits, pool
from models.layers.local_response import LocalResponseNormalization
from models.spec import ClassifierSpec, Shape

Kernels = tuple[tuple[int, ...], ...]

# Table 1: the sides of each stage's kernels, from 64 to 512 maps.
A: Kernels = ((3,), (3,), (3, 3), (3, 3), (3, 3))
B: Kernels = ((3, 3), (3, 3), (3, 3), (3, 3), (3, 3))
C: Kernels = ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1))
D: Kernels = ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3))
E: Kernels = ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3))


@dataclass(frozen=True, kw_only=True)
class VGGSpec(ClassifierSpec):
    """A VGG.

    Attributes:
        kernels: The sides of each stage's kernels, in pixels.
        widths: Maps of each stage.
        fc: Units of fc6 and of fc7.
        norm: What follows convolutions: batch normalisation each of them, local response
            normalisation the first.
    """

    kernels: Kernels
    widths: tuple[int, ...] = (64, 128, 256, 512, 512)
    fc: int = 4096
    norm: Literal["batch", "local"] | None = None
    paper: str = "arXiv:1409.1556"
    input_shape: tuple[int, int, int] = (224, 224, 3)
    classes: int = 1000
    smallest_px: int = 32  # five times halved


SPECS = {
    "vgg11": VGGSpec(title="VGG A: 11 layers", kernels=A, params=132_863_336),
    "vgg11_lrn": VGGSpec(
        title="VGG A-LRN: 11 layers, local response normalisation after the first",
        kernels=A,
        norm="local",
        params=132_863_336,
    ),
    "vgg11_bn": VGGSpec(
        title="VGG A with batch normalisation", kernels=A, norm="batch", params=132_868_840
    ),
    "vgg13": VGGSpec(title="VGG B: 13 layers", kernels=B, params=133_047_848),
    "vgg13_bn": VGGSpec(
        title="VGG B with batch normalisation", kernels=B, norm="batch", params=133_053_736
    ),
    "vgg16_c": VGGSpec(
        title="VGG C: 16 layers, three of them 1 x 1", kernels=C, params=133_638_952
    ),
    "vgg16_c_bn": VGGSpec(
        title="VGG C with batch normalisation", kernels=C, norm="batch", params=133_647_400
    ),
    "vgg16": VGGSpec(title="VGG D: 16 layers", kernels=D, params=138_357_544),
    "vgg16_bn": VGGSpec(
        title="VGG D with batch normalisation", kernels=D, norm="batch", params=138_365_992
    ),
    "vgg19": VGGSpec(title="VGG E: 19 layers", kernels=E, params=143_667_240),
    "vgg19_bn": VGGSpec(
        title="VGG E with batch normalisation", kernels=E, norm="batch", params=143_678_248
    ),
    "vgg_micro": VGGSpec(
        title="VGG C with batch normalisation, made tiny, for fast tests",
        kernels=C,
        widths=(4, 4, 8, 8, 8),
        fc=16,
        norm="batch",
        input_shape=(32, 32, 3),
        classes=10,
        params=4_750,
    ),
}


def feature_names(spec: VGGSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    return tuple(f"pool{stage}" for stage in range(1, len(spec.kernels) + 1))


def _conv(spec: VGGSpec, x: Any, place: str, width: int, kernel: int) -> Any:
    """Convolve, normalise, rectify; `place` numbers the stage and the convolution in it."""
    x = layers.Conv2D(width, kernel, padding="same", name=f"conv{place}")(x)
    if spec.norm == "batch":
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"norm{place}")(x)
    x = layers.Activation("relu", name=f"relu{place}")(x)
    if spec.norm == "local" and place == "1_1":
        x = LocalResponseNormalization(name=f"lrn{place}")(x)
    return x


def _dense(spec: VGGSpec, x: Any, number: int) -> Any:
    x = layers.Dense(spec.fc, name=f"fc{number}")(x)
    x = layers.Activation("relu", name=f"relu{number}")(x)
    return layers.Dropout(0.5, name=f"dropout{number}")(x)


def build(
    spec: VGGSpec,
    *,
    input_shape: Shape,
    classes: int,
    include_top: bool = True,
    pooling: Pooling = None,
) -> keras.Model:
    """Return the network of `spec`: image (B, *input_shape) to logits (B, classes), float32."""
    x = image = keras.Input(input_shape, name="image")
    for stage, (kernels, width) in enumerate(zip(spec.kernels, spec.widths, strict=True), start=1):
        for number, kernel in enumerate(kernels, start=1):
            x = _conv(spec, x, f"{stage}_{number}", width, kernel)
        x = layers.MaxPooling2D(2, name=f"pool{stage}")(x)  # (B, H/2^stage, W/2^stage, width)
    if not include_top:
        return keras.Model(image, pool(x, pooling))
    x = _dense(spec, flatten(x), 6)
    x = _dense(spec, x, 7)
    return keras.Model(image, logits(x, classes))

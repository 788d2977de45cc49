"""AlexNet: the network that won ImageNet in 2012, and its later form in one column.

Krizhevsky, Sutskever, Hinton: ImageNet classification with deep convolutional neural networks
(doi:10.1145/3065386): `alexnet`, with local response normalisation, overlapping pooling, and
convolutions 2, 4 and 5 in two groups, one a graphics card. The paper says 224 pixels; its sizes
come out with 227. The normalisation runs over all maps of a layer, as the paper's formula has it;
whether the authors' code crossed from one card's maps to the other's is not known.

Krizhevsky: One weird trick for parallelizing convolutional neural networks (arXiv:1404.5997):
`alexnet_owt`, without groups or normalisation, with the widths, the padding and the dropout before
fc6 and fc7 of torchvision, which made it popular. Torchvision pools the last maps to 6 x 6 whatever
the image; at 224 that changes nothing, and at other sizes our fc6 takes the maps as they are.

Initial weights are the first paper's, section 5, in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import initializers, layers

from models.layers.grouped import GroupedConv2D
from models.layers.heads import Pooling, flatten, logits, pool
from models.layers.local_response import LocalResponseNormalization
from models.spec import ClassifierSpec, Shape


@dataclass(frozen=True, kw_only=True)
class AlexNetSpec(ClassifierSpec):
    """An AlexNet.

    Attributes:
        stem: Kernel, stride and padding of conv1, in pixels.
        widths: Maps of conv1 to conv5.
        fc: Units of fc6 and of fc7.
        groups: Groups of conv2, conv4 and conv5.
        normalised: Whether local response normalisation follows conv1 and conv2.
        dropout_first: Whether dropout stands before fc6 and fc7, or after.
    """

    stem: tuple[int, int, int] = (11, 4, 0)
    widths: tuple[int, int, int, int, int] = (96, 256, 384, 384, 256)
    fc: int = 4096
    groups: int = 2
    normalised: bool = True
    dropout_first: bool = False
    paper: str = "doi:10.1145/3065386"
    input_shape: tuple[int, int, int] = (227, 227, 3)
    classes: int = 1000
    smallest_px: int = 67


SPECS = {
    "alexnet": AlexNetSpec(
        title="AlexNet as published: two groups, local response normalisation",
        params=60_965_224,
    ),
    "alexnet_owt": AlexNetSpec(
        title="AlexNet in one column, as torchvision has it",
        paper="arXiv:1404.5997",
        stem=(11, 4, 2),
        widths=(64, 192, 384, 256, 256),
        groups=1,
        normalised=False,
        dropout_first=True,
        input_shape=(224, 224, 3),
        smallest_px=63,
        params=61_100_840,
    ),
    "alexnet_micro": AlexNetSpec(
        title="AlexNet made tiny, for fast tests",
        stem=(5, 2, 2),
        widths=(4, 8, 12, 12, 8),
        fc=16,
        input_shape=(32, 32, 3),
        classes=10,
        smallest_px=29,
        params=3_274,
    ),
}


def feature_names(_spec: AlexNetSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    return ("pool1", "pool2", "pool5")


def _start(bias: float) -> dict[str, Any]:
    """Return the paper's initial values; biases of 1 let the rectifiers see positive input."""
    return {
        "kernel_initializer": initializers.RandomNormal(stddev=0.01),
        "bias_initializer": initializers.Constant(bias),
    }


def _conv(x: Any, number: int, width: int, kernel: int, groups: int, bias: float) -> Any:
    options = {"padding": "same", "name": f"conv{number}", **_start(bias)}
    if groups == 1:
        x = layers.Conv2D(width, kernel, **options)(x)
    else:
        x = GroupedConv2D(width, kernel, groups=groups, **options)(x)
    return layers.Activation("relu", name=f"relu{number}")(x)


def _pool(x: Any, number: int, normalised: bool = False) -> Any:
    """Pool 3 x 3 windows that overlap: one starts every 2 pixels."""
    if normalised:
        x = LocalResponseNormalization(name=f"lrn{number}")(x)
    return layers.MaxPooling2D(3, strides=2, name=f"pool{number}")(x)


def _dense(spec: AlexNetSpec, x: Any, number: int) -> Any:
    dropout = layers.Dropout(0.5, name=f"dropout{number}")
    if spec.dropout_first:
        x = dropout(x)
    x = layers.Dense(spec.fc, name=f"fc{number}", **_start(1.0))(x)
    x = layers.Activation("relu", name=f"relu{number}")(x)
    return x if spec.dropout_first else dropout(x)


def convolutions(spec: AlexNetSpec, image: Any) -> Any:
    """Map images (B, H, W, 3) to the maps that the fully connected layers read: pool5."""
    kernel, stride, padding = spec.stem
    x = layers.ZeroPadding2D(padding, name="conv1_pad")(image) if padding else image
    x = layers.Conv2D(spec.widths[0], kernel, strides=stride, name="conv1", **_start(0.0))(x)
    x = layers.Activation("relu", name="relu1")(x)  # (B, 55, 55, 96)
    x = _pool(x, 1, spec.normalised)  # (B, 27, 27, 96)
    x = _conv(x, 2, spec.widths[1], 5, spec.groups, 1.0)
    x = _pool(x, 2, spec.normalised)  # (B, 13, 13, 256)
    x = _conv(x, 3, spec.widths[2], 3, 1, 0.0)  # (B, 13, 13, 384): sees both groups
    x = _conv(x, 4, spec.widths[3], 3, spec.groups, 1.0)
    x = _conv(x, 5, spec.widths[4], 3, spec.groups, 1.0)
    return _pool(x, 5)  # (B, 6, 6, 256)


def build(
    spec: AlexNetSpec,
    *,
    input_shape: Shape,
    classes: int,
    include_top: bool = True,
    pooling: Pooling = None,
) -> keras.Model:
    """Return the network of `spec`: image (B, *input_shape) to logits (B, classes), float32."""
    image = keras.Input(input_shape, name="image")
    x = convolutions(spec, image)
    if not include_top:
        return keras.Model(image, pool(x, pooling))
    x = _dense(spec, flatten(x), 6)
    x = _dense(spec, x, 7)
    return keras.Model(image, logits(x, classes, **_start(0.0)))

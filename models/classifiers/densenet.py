"""DenseNet: every layer reads all earlier ones of its block, and adds a few maps of its own.

Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks, 2016
(arXiv:1608.06993). `densenet121` to `densenet264` are table 1; 161, with growth rate 48, is in its
first versions only, and what the table calls 264 has 265 layers. The rest are table 2's nets for
CIFAR: `densenet40_k12` has 40 layers and growth rate 12, and `bc` means bottlenecks and
compression. The paper's dropout of 0.2, for data without augmentation, is an option.

Two departures, both the authors' code's: no convolution has a bias, and zero padding is
symmetrical, so that each layer equals Torch's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from models.classifiers.resnet import Stem, conv, imagenet_stem, norm, relu
from models.layers.heads import Pooling, logits, pool
from models.spec import ClassifierSpec, Shape


def _cifar_stem(image: Any, width: int) -> Any:
    return conv(image, width, 3, 1, "stem_conv")  # (B, H, W, width)


@dataclass(frozen=True, kw_only=True)
class DenseNetSpec(ClassifierSpec):
    """A DenseNet: `depths[i]` layers in dense block i; the default is table 1's frame.

    Attributes:
        depths: Layers of each dense block.
        growth: The paper's k: maps that a layer adds.
        stem_width: Maps before the first dense block.
        stem: What makes those of an image.
        bottleneck: A layer narrows its input to 4k maps by a 1 x 1 convolution first (B).
        compression: The paper's theta: the part of the maps that a transition keeps (C below 1).
    """

    depths: tuple[int, ...]
    growth: int = 32
    stem_width: int = 64
    stem: Stem = imagenet_stem
    bottleneck: bool = True
    compression: float = 0.5
    paper: str = "arXiv:1608.06993"
    input_shape: tuple[int, int, int] = (224, 224, 3)
    classes: int = 1000
    smallest_px: int = 29  # the stem leaves 8 x 8 maps, and three transitions 1 x 1


def _cifar(layers_in_all: int, growth: int, params: int) -> DenseNetSpec:
    """Return a net of section 4.1: three dense blocks, a stem, two transitions, a classifier."""
    return DenseNetSpec(
        title=f"DenseNet for CIFAR-10: {layers_in_all} layers, growth rate {growth}",
        depths=((layers_in_all - 4) // 3,) * 3,
        growth=growth,
        stem_width=16,
        stem=_cifar_stem,
        bottleneck=False,
        compression=1.0,
        input_shape=(32, 32, 3),
        classes=10,
        smallest_px=4,
        params=params,
    )


def _cifar_bc(layers_in_all: int, growth: int, params: int) -> DenseNetSpec:
    """Return a net of section 4.1 with bottlenecks, two convolutions a layer, and compression."""
    return DenseNetSpec(
        title=f"DenseNet-BC for CIFAR-10: {layers_in_all} layers, growth rate {growth}",
        depths=((layers_in_all - 4) // 6,) * 3,
        growth=growth,
        stem_width=2 * growth,
        stem=_cifar_stem,
        input_shape=(32, 32, 3),
        classes=10,
        smallest_px=4,
        params=params,
    )


SPECS = {
    "densenet121": DenseNetSpec(title="DenseNet-121", depths=(6, 12, 24, 16), params=7_978_856),
    "densenet161": DenseNetSpec(
        title="DenseNet-161, growth rate 48",
        depths=(6, 12, 36, 24),
        growth=48,
        stem_width=96,
        params=28_681_000,
    ),
    "densenet169": DenseNetSpec(title="DenseNet-169", depths=(6, 12, 32, 32), params=14_149_480),
    "densenet201": DenseNetSpec(title="DenseNet-201", depths=(6, 12, 48, 32), params=20_013_928),
    "densenet264": DenseNetSpec(title="DenseNet-264", depths=(6, 12, 64, 48), params=33_337_704),
    "densenet40_k12": _cifar(40, 12, params=1_019_722),
    "densenet100_k12": _cifar(100, 12, params=6_979_642),
    "densenet_bc100_k12": _cifar_bc(100, 12, params=769_162),
    "densenet_bc250_k24": _cifar_bc(250, 24, params=15_324_406),
    "densenet_bc190_k40": _cifar_bc(190, 40, params=25_624_430),
    "densenet_micro": DenseNetSpec(
        title="DenseNet-121 made tiny, for fast tests",
        depths=(2, 3),
        growth=4,
        stem_width=8,
        input_shape=(32, 32, 3),
        classes=10,
        smallest_px=5,
        params=5_650,
    ),
}


def feature_names(spec: DenseNetSpec) -> tuple[str, ...]:
    """Return the ends of the dense blocks; the last with the normalisation that follows it."""
    blocks = enumerate(spec.depths[:-1], start=1)
    return (*(f"block{block}_layer{depth}" for block, depth in blocks), "final_relu")


def build(
    spec: DenseNetSpec,
    *,
    input_shape: Shape,
    classes: int,
    include_top: bool = True,
    pooling: Pooling = None,
    dropout: float = 0.0,
) -> keras.Model:
    """Return the network of `spec`: image (B, *input_shape) to logits (B, classes), float32.

    `dropout` is the part of the maps' values that is dropped after each convolution but the first.
    """
    image = keras.Input(input_shape, name="image")
    x = spec.stem(image, spec.stem_width)  # (B, H/4, W/4, 2k); for CIFAR (B, H, W, 16 or 2k)
    for block, depth in enumerate(spec.depths, start=1):
        if block > 1:
            x = _transition(x, spec.compression, dropout, f"transition{block - 1}")  # halves H, W
        for layer in range(1, depth + 1):
            x = _dense_layer(spec, x, dropout, f"block{block}_layer{layer}")  # k more maps
    x = relu(name="final_relu")(norm(name="final_norm")(x))
    # (B, H/32, W/32, C); for CIFAR (B, H/4, W/4, C)
    return keras.Model(image, logits(pool(x, "avg"), classes) if include_top else pool(x, pooling))


def _dense_layer(spec: DenseNetSpec, x: Any, dropout: float, name: str) -> Any:
    """Equation 2: behind all maps so far, `growth` new ones computed from them."""
    new = x
    if spec.bottleneck:
        new = _composite(new, 4 * spec.growth, 1, dropout, name, "1")
    new = _composite(new, spec.growth, 3, dropout, name, "2" if spec.bottleneck else "1")
    return layers.Concatenate(name=name)([x, new])


def _transition(x: Any, compression: float, dropout: float, name: str) -> Any:
    x = _composite(x, int(compression * x.shape[-1]), 1, dropout, name)
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)


def _composite(x: Any, width: int, kernel: int, dropout: float, name: str, number: str = "") -> Any:
    """The paper's H: batch normalisation, ReLU, convolution; then dropout."""
    x = relu(name=f"{name}_relu{number}")(norm(name=f"{name}_norm{number}")(x))
    x = conv(x, width, kernel, 1, f"{name}_conv{number}")
    return layers.Dropout(dropout, name=f"{name}_dropout{number}")(x) if dropout else x

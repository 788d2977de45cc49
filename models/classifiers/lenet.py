"""LeNet: the convolutional network of 1998, as published, as everybody writes it, and as of today.

LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, 1998
(doi:10.1109/5.726791). `lenet5_1998` follows section II.B layer by layer: 60,000 trainable
parameters. Two departures: the targets' 7 x 12 bitmaps are drawn anew after figure 3, because the
paper prints no numbers, and the output layer has the ten digits' codes only, not all of ASCII.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from models.layers.heads import Pooling, flatten, logits, pool
from models.layers.historic import (
    FanInUniform,
    PartialConv2D,
    RadialBasis,
    TrainableSubsampling,
    scaled_tanh,
)
from models.spec import ClassifierSpec, Shape

# Table I: the S2 maps that each C3 map sees; 60 connections.
C3_TABLE = (
    *(tuple((first + k) % 6 for k in range(3)) for first in range(6)),
    *(tuple((first + k) % 6 for k in range(4)) for first in range(6)),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)

# Figure 3: one stylised digit a row of glyphs, 7 wide and 12 high; # is +1, . is -1.
_GLYPHS = """
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
..###.. ...#... .#####. .#####. .....#. ####### ...###. ####### .#####. .#####.
.#...#. ..##... #.....# #.....# ....##. #...... ..#.... ......# #.....# #.....#
#.....# .#.#... ......# ......# ...#.#. #...... .#..... .....#. #.....# #.....#
#.....# ...#... ......# ......# ..#..#. #...... #...... .....#. #.....# #.....#
#.....# ...#... .....#. ...###. .#...#. ######. #.####. ....#.. .#####. .######
#.....# ...#... ...##.. ......# #....#. ......# ##....# ....#.. #.....# ......#
#.....# ...#... ..#.... ......# ####### ......# #.....# ...#... #.....# ......#
#.....# ...#... .#..... ......# .....#. ......# #.....# ...#... #.....# .....#.
.#...#. ...#... #...... #.....# .....#. #.....# #.....# ..#.... #.....# ....#..
..###.. .#####. ####### .#####. .....#. .#####. .#####. ..#.... .#####. .###...
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""


def digit_codes() -> tuple[tuple[float, ...], ...]:
    """Return the ten digits' targets, each 84 values of -1 or +1 in rows of 7."""
    rows = [line.split() for line in _GLYPHS.split("\n") if line]
    return tuple(
        tuple(1.0 if pixel == "#" else -1.0 for row in rows for pixel in row[digit])
        for digit in range(10)
    )


def _squash(x: Any, name: str) -> Any:
    return layers.Activation(scaled_tanh, name=name)(x)


def _conv_1998(x: Any, maps: int, name: str) -> Any:
    fan_in = FanInUniform(5 * 5 * x.shape[-1])
    return layers.Conv2D(maps, 5, kernel_initializer=fan_in, name=name)(x)


def _trunk_1998(image: Any) -> Any:
    """Section II.B; `image` is (B, 32, 32, 1) with background -0.1 and ink 1.175."""
    if tuple(image.shape[1:]) != (32, 32, 1):
        raise ValueError(
            f"lenet5_1998 takes 32 x 32 pixels in one channel; got {tuple(image.shape[1:])}; "
            "use lenet5 or lenet_modern for other sizes"
        )
    x = _squash(_conv_1998(image, 6, "c1"), "c1_squash")  # (B, 28, 28, 6)
    x = _squash(TrainableSubsampling(name="s2")(x), "s2_squash")  # (B, 14, 14, 6)
    x = _squash(PartialConv2D(C3_TABLE, 5, name="c3")(x), "c3_squash")  # (B, 10, 10, 16)
    return _squash(TrainableSubsampling(name="s4")(x), "s4_squash")  # (B, 5, 5, 16)


def _head_1998(x: Any, classes: int) -> Any:
    if not 2 <= classes <= 10:
        raise ValueError(
            f"lenet5_1998 has codes for the ten digits; got classes={classes}; "
            "use lenet5 or lenet_modern for other numbers of classes"
        )
    x = _squash(_conv_1998(x, 120, "c5"), "c5_squash")
    x = layers.Flatten(name="flatten")(x)  # (B, 120)
    x = layers.Dense(84, kernel_initializer=FanInUniform(120), name="f6")(x)
    return RadialBasis(digit_codes()[:classes], name="logits")(_squash(x, "f6_squash"))


def _trunk_everybodys(image: Any) -> Any:
    """The form of the textbooks: dense connections, ReLU, maximum pooling, a linear output."""
    x = layers.Conv2D(6, 5, padding="same", activation="relu", name="c1")(image)  # (B, H, W, 6)
    x = layers.MaxPooling2D(name="s2")(x)  # (B, H/2, W/2, 6)
    x = layers.Conv2D(16, 5, activation="relu", name="c3")(x)  # (B, H/2-4, W/2-4, 16)
    return layers.MaxPooling2D(name="s4")(x)


def _head_everybodys(x: Any, classes: int) -> Any:
    x = flatten(x)
    x = layers.Dense(120, activation="relu", name="c5")(x)
    x = layers.Dense(84, activation="relu", name="f6")(x)
    return logits(x, classes)


def _trunk_modern(*stages: tuple[int, int, int]) -> Callable[[Any], Any]:
    """Return a stack of (width, kernel, stride) convolutions, each normalised."""

    def trunk(image: Any) -> Any:
        x = image
        for number, (width, kernel, stride) in enumerate(stages, start=1):
            x = layers.Conv2D(
                width, kernel, strides=stride, padding="same", use_bias=False, name=f"conv{number}"
            )(x)
            x = layers.BatchNormalization(momentum=0.98, name=f"norm{number}")(x)
            x = layers.Activation("relu", name=f"relu{number}")(x)
        return x

    return trunk


def _head_modern(x: Any, classes: int) -> Any:
    return logits(pool(x, "avg"), classes)


@dataclass(frozen=True, kw_only=True)
class LeNetSpec(ClassifierSpec):
    """A LeNet: `trunk` maps an image to feature maps, `head` those to logits.

    `stages` names the layers whose outputs `features` gives.
    """

    trunk: Callable[[Any], Any]
    head: Callable[[Any, int], Any]
    stages: tuple[str, ...]
    paper: str = "doi:10.1109/5.726791"
    input_shape: tuple[int, int, int] = (28, 28, 1)
    classes: int = 10
    smallest_px: int = 1


SPECS = {
    "lenet5_1998": LeNetSpec(
        title="LeNet-5 exactly as published: trainable subsampling, partial C3, RBF output",
        trunk=_trunk_1998,
        head=_head_1998,
        stages=("c1_squash", "s2_squash", "c3_squash", "s4_squash"),
        input_shape=(32, 32, 1),
        smallest_px=32,
        params=60_000,
    ),
    "lenet5": LeNetSpec(
        title="LeNet-5 as everybody writes it: ReLU, maximum pooling, linear output",
        trunk=_trunk_everybodys,
        head=_head_everybodys,
        stages=("c1", "s2", "c3", "s4"),
        smallest_px=12,
        params=61_706,
    ),
    "lenet_modern": LeNetSpec(
        title="LeNet's task and size with batch normalisation and a 3 x 3 stack",
        paper="arXiv:1502.03167",  # batch normalisation; the stack of 3 x 3 is VGG's
        trunk=_trunk_modern((16, 3, 1), (32, 3, 2), (48, 3, 1), (64, 3, 2), (72, 3, 1)),
        head=_head_modern,
        stages=("relu1", "relu3", "relu5"),
        params=88_890,
    ),
    "lenet_micro": LeNetSpec(
        title="lenet_modern made tiny, for fast tests",
        paper="arXiv:1502.03167",
        trunk=_trunk_modern((4, 5, 2), (8, 3, 2)),
        head=_head_modern,
        stages=("relu1", "relu2"),
        params=502,
    ),
}


def feature_names(spec: LeNetSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    return spec.stages


def build(
    spec: LeNetSpec,
    *,
    input_shape: Shape,
    classes: int,
    include_top: bool = True,
    pooling: Pooling = None,
) -> keras.Model:
    """Return the network of `spec`: image (B, *input_shape) to logits (B, classes), float32."""
    image = keras.Input(input_shape, name="image")
    x = spec.trunk(image)
    return keras.Model(image, spec.head(x, classes) if include_top else pool(x, pooling))

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

from models.layers.historic import (
    FanInUniform,
    PartialConv2D,
    RadialBasis,
    TrainableSubsampling,
    scaled_tanh,
)
from models.spec import ModelSpec

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


def _paper_1998(image: Any, classes: int) -> Any:
    """Section II.B; `image` is (B, 32, 32, 1) with background -0.1 and ink 1.175."""
    if tuple(image.shape[1:]) != (32, 32, 1):
        raise ValueError(
            f"lenet5_1998 takes 32 x 32 pixels in one channel; got {tuple(image.shape[1:])}; "
            "use lenet5 or lenet_modern for other sizes"
        )
    if not 2 <= classes <= 10:
        raise ValueError(
            f"lenet5_1998 has codes for the ten digits; got classes={classes}; "
            "use lenet5 or lenet_modern for other numbers of classes"
        )

    def squash(x: Any, name: str) -> Any:
        return layers.Activation(scaled_tanh, name=name)(x)

    def conv(x: Any, maps: int, name: str) -> Any:
        fan_in = FanInUniform(5 * 5 * x.shape[-1])
        return layers.Conv2D(maps, 5, kernel_initializer=fan_in, name=name)(x)

    x = squash(conv(image, 6, "c1"), "c1_squash")  # (B, 28, 28, 6)
    x = squash(TrainableSubsampling(name="s2")(x), "s2_squash")  # (B, 14, 14, 6)
    x = squash(PartialConv2D(C3_TABLE, 5, name="c3")(x), "c3_squash")  # (B, 10, 10, 16)
    x = squash(TrainableSubsampling(name="s4")(x), "s4_squash")  # (B, 5, 5, 16)
    x = layers.Flatten(name="flatten")(squash(conv(x, 120, "c5"), "c5_squash"))  # (B, 120)
    x = layers.Dense(84, kernel_initializer=FanInUniform(120), name="f6")(x)
    return RadialBasis(digit_codes()[:classes], name="logits")(squash(x, "f6_squash"))


def _everybodys(image: Any, classes: int) -> Any:
    """The form of the textbooks: dense connections, ReLU, maximum pooling, a linear output."""
    if min(image.shape[1:3]) < 12:
        raise ValueError(f"lenet5 takes 12 x 12 pixels or more; got {tuple(image.shape[1:3])}")
    x = layers.Conv2D(6, 5, padding="same", activation="relu", name="c1")(image)  # (B, H, W, 6)
    x = layers.MaxPooling2D(name="s2")(x)  # (B, H/2, W/2, 6)
    x = layers.Conv2D(16, 5, activation="relu", name="c3")(x)  # (B, H/2-4, W/2-4, 16)
    x = layers.MaxPooling2D(name="s4")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(120, activation="relu", name="c5")(x)
    x = layers.Dense(84, activation="relu", name="f6")(x)
    return layers.Dense(classes, name="logits", dtype="float32")(x)


def _modern(*stages: tuple[int, int, int]) -> Callable[[Any, int], Any]:
    """Return a stack of (width, kernel, stride) convolutions, each normalised, then averaged."""

    def trunk(image: Any, classes: int) -> Any:
        x = image
        for number, (width, kernel, stride) in enumerate(stages, start=1):
            x = layers.Conv2D(
                width, kernel, strides=stride, padding="same", use_bias=False, name=f"conv{number}"
            )(x)
            x = layers.BatchNormalization(momentum=0.98, name=f"norm{number}")(x)
            x = layers.Activation("relu", name=f"relu{number}")(x)
        x = layers.GlobalAveragePooling2D(name="pool")(x)  # (B, width)
        return layers.Dense(classes, name="logits", dtype="float32")(x)

    return trunk


@dataclass(frozen=True, kw_only=True)
class LeNetSpec(ModelSpec):
    """A LeNet: `trunk` maps an image tensor and a number of classes to logits."""

    trunk: Callable[[Any, int], Any]
    paper: str = "doi:10.1109/5.726791"
    input_shape: tuple[int, int, int] = (28, 28, 1)
    classes: int = 10


SPECS = {
    "lenet5_1998": LeNetSpec(
        title="LeNet-5 exactly as published: trainable subsampling, partial C3, RBF output",
        trunk=_paper_1998,
        input_shape=(32, 32, 1),
        params=60_000,
    ),
    "lenet5": LeNetSpec(
        title="LeNet-5 as everybody writes it: ReLU, maximum pooling, linear output",
        trunk=_everybodys,
        params=61_706,
    ),
    "lenet_modern": LeNetSpec(
        title="LeNet's task and size with batch normalisation and a 3 x 3 stack",
        paper="arXiv:1502.03167",  # batch normalisation; the stack of 3 x 3 is VGG's
        trunk=_modern((16, 3, 1), (32, 3, 2), (48, 3, 1), (64, 3, 2), (72, 3, 1)),
        params=88_890,
    ),
    "lenet_micro": LeNetSpec(
        title="lenet_modern made tiny, for fast tests",
        paper="arXiv:1502.03167",
        trunk=_modern((4, 5, 2), (8, 3, 2)),
        params=502,
    ),
}


def build(spec: LeNetSpec, *, input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Return the network of `spec`: image (B, *input_shape) to logits (B, classes), float32."""
    image = keras.Input(input_shape, name="image")
    return keras.Model(image, spec.trunk(image, classes))

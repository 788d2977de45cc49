"""EDSR: residual blocks without normalisation, wide and deep, enlarged by sub-pixel convolutions.

Lim, Son, Kim, Nah, Lee: Enhanced deep residual networks for single image super-resolution, 2017
(arXiv:1707.02921). `edsr_baseline` and `edsr` are table 1's; figure 3 has the enlargement: one step
for x2 and x3, two for x4. The mean colour of DIV2K is taken off the image and put on again, by
layers without weights, as the authors' code does; of luma it is that colour's.

The paper's images reach 255, ours 1. Everything here but the biases scales with the image, so
weights that were trained on 0 to 255 need their biases divided by 255.

Parameters at x2, x3, x4: 1,369,859, 1,554,499, 1,517,571 of the baseline; 40,729,603, 43,680,003,
43,089,923 of EDSR. Initial weights are uniform as the authors' framework draws them, because the
paper names none.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import keras
from keras import layers

from models.layers.pixel_shuffle import PixelShuffle, steps
from models.spec import Shape, UpscalerSpec

# DIV2K's mean, in [0, 1], by the image's channels: the authors' RGB, and its BT.601 luma.
MEANS = MappingProxyType({3: (0.4488, 0.4371, 0.4040), 1: (0.4379,)})


@dataclass(frozen=True, kw_only=True)
class EDSRSpec(UpscalerSpec):
    """An EDSR.

    Attributes:
        blocks: Residual blocks, the paper's B.
        width: Maps, the paper's F.
        residual_scaling: What a block learns is multiplied by this before it is added.
    """

    blocks: int
    width: int
    residual_scaling: float = 1.0
    paper: str = "arXiv:1707.02921"
    input_shape: tuple[int, int, int] = (256, 256, 3)


SPECS = {
    "edsr_baseline": EDSRSpec(
        title="EDSR baseline: 16 blocks of 64 maps", blocks=16, width=64, params=1_369_859
    ),
    "edsr": EDSRSpec(
        title="EDSR: 32 blocks of 256 maps, residuals scaled by 0.1",
        blocks=32,
        width=256,
        residual_scaling=0.1,
        params=40_729_603,
    ),
    "edsr_micro": EDSRSpec(
        title="EDSR made tiny, for fast tests",
        blocks=2,
        width=6,
        residual_scaling=0.1,
        params=3_303,
    ),
}


def feature_names(spec: EDSRSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    return ("first_conv", *(f"block{n}_add" for n in range(1, spec.blocks + 1)), "body_add")


def build(spec: EDSRSpec, *, input_shape: Shape, scale: int = 2) -> keras.Model:
    """Return the network of `spec`: image (B, H, W, C) to (B, scale H, scale W, C), float32.

    Args:
        spec: Which.
        input_shape: (H, W, C); any H and W.
        scale: How many times larger, along each side.
    """
    image = keras.Input(input_shape, name="image")
    channels = image.shape[-1]
    mean = list(MEANS[channels])
    x = layers.Rescaling(1.0, [-value for value in mean], name="subtract_mean")(image)
    x = first = _conv(x, spec.width, "first_conv")  # (B, H, W, width)
    for number in range(1, spec.blocks + 1):
        x = _block(spec, x, f"block{number}")
    x = _conv(x, spec.width, "body_conv")
    x = layers.Add(name="body_add")([x, first])
    for number, step in enumerate(steps(scale), start=1):  # (B, step H, step W, width)
        x = _conv(x, spec.width * step**2, f"up{number}_conv")
        x = PixelShuffle(step, name=f"up{number}_shuffle")(x)
    x = _conv(x, channels, "last_conv", dtype="float32")
    return keras.Model(image, layers.Rescaling(1.0, mean, dtype="float32", name="add_mean")(x))


def _block(spec: EDSRSpec, x: Any, name: str) -> Any:
    """Figure 2 (c)."""
    y = _conv(x, spec.width, f"{name}_conv1")
    y = layers.Activation("relu", name=f"{name}_relu")(y)
    y = _conv(y, spec.width, f"{name}_conv2")
    if spec.residual_scaling != 1:
        y = layers.Rescaling(spec.residual_scaling, name=f"{name}_scale")(y)
    return layers.Add(name=f"{name}_add")([x, y])


def _conv(x: Any, width: int, name: str, dtype: str | None = None) -> Any:
    """Convolve; weights start uniform in +-1 / sqrt(fan_in), as in Torch."""
    uniform = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return layers.Conv2D(
        width, 3, padding="same", kernel_initializer=uniform, name=name, dtype=dtype
    )(x)

"""VDSR: twenty 3 x 3 convolutions that learn what the enlarged image lacks.

Kim, Lee, Lee: Accurate image super-resolution using very deep convolutional networks, 2015
(arXiv:1511.04587), section 3.1: all layers but the last have 64 maps and a ReLU, zeros around each
map keep the size, and the output is added to the input. One network serves all scales, because
bicubic interpolation has enlarged the image already.

664,704 weights and 1,217 biases. Initial weights are He's (arXiv:1502.01852), as in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from models.spec import Shape, UpscalerSpec


@dataclass(frozen=True, kw_only=True)
class VDSRSpec(UpscalerSpec):
    """A VDSR.

    Attributes:
        depth: Convolutions, the paper's D.
        width: Maps of all but the last.
    """

    depth: int = 20
    width: int = 64
    paper: str = "arXiv:1511.04587"
    input_shape: tuple[int, int, int] = (512, 512, 1)
    enlarged: bool = True


SPECS = {
    "vdsr": VDSRSpec(title="VDSR: 20 layers, on the enlarged image", params=665_921),
    "vdsr_micro": VDSRSpec(title="VDSR made tiny, for fast tests", depth=4, width=6, params=775),
}


def feature_names(spec: VDSRSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    return tuple(f"relu{number}" for number in range(1, spec.depth))


def build(spec: VDSRSpec, *, input_shape: Shape) -> keras.Model:
    """Return the network of `spec`: enlarged image (B, H, W, C) to (B, H, W, C), float32."""
    x = image = keras.Input(input_shape, name="image")
    for number in range(1, spec.depth):
        x = _conv(x, spec.width, f"conv{number}")  # (B, H, W, width)
        x = layers.Activation("relu", name=f"relu{number}")(x)
    residual = _conv(x, image.shape[-1], f"conv{spec.depth}", dtype="float32")
    return keras.Model(image, layers.Add(dtype="float32", name="image_add")([image, residual]))


def _conv(x: Any, width: int, name: str, dtype: str | None = None) -> Any:
    return layers.Conv2D(
        width, 3, padding="same", kernel_initializer="he_normal", name=name, dtype=dtype
    )(x)

"""FSRCNN: SRCNN's idea at the small size, thin in the middle, enlarged by the last layer.

Dong, Loy, Tang: Accelerating the super-resolution convolutional neural network, 2016
(arXiv:1608.00367). Feature extraction, shrinking, mapping, expanding, and a deconvolution of 9 x 9
whose stride is the scale (section 3.2). A PReLU with a slope a map follows every convolution.

The paper counts weights without biases and slopes: 12,464 of FSRCNN(56,12,4), 3,937 of FSRCNN-s.
Ours are those with 173 biases and 172 slopes, and with 75 and 74.

The deconvolution computes every value that its windows reach, (H - 1) scale + 9 along a side, of
which the middle scale H are kept: each window lies around its pixel, half a pixel to the right and
below where the scale is even. It is what TensorFlow calls "same". Keras's "same" would give that on
TensorFlow and JAX, and half a pixel to the left and above on PyTorch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from models.spec import Shape, UpscalerSpec

DECONVOLUTION = 9  # section 3.2: the side of its kernel


@dataclass(frozen=True, kw_only=True)
class FSRCNNSpec(UpscalerSpec):
    """An FSRCNN(d,s,m).

    Attributes:
        d: Maps of the first convolution and the deconvolution's input.
        s: Maps between shrinking and expanding.
        m: 3 x 3 convolutions there.
    """

    d: int
    s: int
    m: int
    paper: str = "arXiv:1608.00367"


SPECS = {
    "fsrcnn": FSRCNNSpec(title="FSRCNN(56,12,4)", d=56, s=12, m=4, params=12_809),
    "fsrcnn_s": FSRCNNSpec(title="FSRCNN-s(32,5,1), for real time", d=32, s=5, m=1, params=4_086),
    "fsrcnn_micro": FSRCNNSpec(title="FSRCNN made tiny, for fast tests", d=6, s=3, m=1, params=790),
}


def feature_names(spec: FSRCNNSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    maps = (f"map{number}_prelu" for number in range(1, spec.m + 1))
    return ("extract_prelu", "shrink_prelu", *maps, "expand_prelu")


def build(spec: FSRCNNSpec, *, input_shape: Shape, scale: int = 2) -> keras.Model:
    """Return the network of `spec`: image (B, H, W, C) to (B, scale H, scale W, C), float32.

    Args:
        spec: Which.
        input_shape: (H, W, C); any H and W.
        scale: How many times larger, along each side.
    """
    image = keras.Input(input_shape, name="image")
    x = _conv(image, spec.d, 5, "extract")  # (B, H, W, d)
    x = _conv(x, spec.s, 1, "shrink")  # (B, H, W, s)
    for number in range(1, spec.m + 1):
        x = _conv(x, spec.s, 3, f"map{number}")
    x = _conv(x, spec.d, 1, "expand")  # (B, H, W, d)
    return keras.Model(image, _deconv(x, image.shape[-1], scale))


def _conv(x: Any, width: int, kernel: int, name: str) -> Any:
    """Convolve and rectify; the initial weights are PReLU's paper's (arXiv:1502.01852)."""
    x = layers.Conv2D(
        width, kernel, padding="same", kernel_initializer="he_normal", name=f"{name}_conv"
    )(x)
    slopes = keras.initializers.Constant(0.25)
    return layers.PReLU(slopes, shared_axes=[1, 2], name=f"{name}_prelu")(x)


def _deconv(x: Any, channels: int, scale: int) -> Any:
    """Map (B, H, W, d) to (B, scale H, scale W, channels)."""
    x = layers.Conv2DTranspose(
        channels,
        DECONVOLUTION,
        strides=scale,
        kernel_initializer=keras.initializers.RandomNormal(stddev=1e-3),  # section 4.1
        dtype="float32",
        name="deconv",
    )(x)  # (B, scale (H - 1) + 9, scale (W - 1) + 9, channels)
    extra = DECONVOLUTION - scale
    before = extra // 2
    edges = (before, extra - before)
    return layers.Cropping2D((edges, edges), dtype="float32", name="deconv_crop")(x)

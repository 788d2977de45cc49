"""SRCNN: three convolutions on the enlarged image, the first network of super-resolution.

Dong, Loy, He, Tang: Image super-resolution using deep convolutional networks, 2014
(arXiv:1501.00092). Bicubic interpolation has enlarged the image already; the three layers stand for
patch extraction, non-linear mapping and reconstruction (section 3.1).

Zeros around each map keep the size of any image. The paper trains without padding, on sub-images of
33 x 33 of which 21 x 21 remain (section 3.3): within half a receptive field of the edge, 6 pixels
for 9-1-5, ours computes what the paper's leaves out.

The paper counts weights without biases: 8,032 of 9-1-5, 24,416 of 9-3-5, 57,184 of 9-5-5. Ours are
those and 97 biases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from models.spec import Shape, UpscalerSpec


@dataclass(frozen=True, kw_only=True)
class SRCNNSpec(UpscalerSpec):
    """An SRCNN.

    Attributes:
        kernels: The sides of the three kernels, the paper's f1-f2-f3.
        widths: Maps of the first two convolutions, n1 and n2.
    """

    kernels: tuple[int, int, int]
    widths: tuple[int, int] = (64, 32)
    paper: str = "arXiv:1501.00092"
    input_shape: tuple[int, int, int] = (512, 512, 1)
    enlarged: bool = True


SPECS = {
    "srcnn": SRCNNSpec(title="SRCNN 9-1-5, on the enlarged image", kernels=(9, 1, 5), params=8_129),
    "srcnn_935": SRCNNSpec(
        title="SRCNN 9-3-5, on the enlarged image", kernels=(9, 3, 5), params=24_513
    ),
    "srcnn_955": SRCNNSpec(
        title="SRCNN 9-5-5, on the enlarged image", kernels=(9, 5, 5), params=57_281
    ),
    "srcnn_micro": SRCNNSpec(
        title="SRCNN made tiny, for fast tests", kernels=(5, 1, 3), widths=(4, 3), params=147
    ),
}


def feature_names(spec: SRCNNSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    return tuple(f"relu{number}" for number in range(1, len(spec.widths) + 1))


def build(spec: SRCNNSpec, *, input_shape: Shape) -> keras.Model:
    """Return the network of `spec`: enlarged image (B, H, W, C) to (B, H, W, C), float32."""
    image = keras.Input(input_shape, name="image")
    (f1, f2, f3), (n1, n2) = spec.kernels, spec.widths
    x = layers.Activation("relu", name="relu1")(_conv(image, n1, f1, "conv1"))  # (B, H, W, n1)
    x = layers.Activation("relu", name="relu2")(_conv(x, n2, f2, "conv2"))  # (B, H, W, n2)
    return keras.Model(image, _conv(x, image.shape[-1], f3, "conv3", dtype="float32"))


def _conv(x: Any, width: int, kernel: int, name: str, dtype: str | None = None) -> Any:
    """Convolve; section 3.3's initial weights."""
    normal = keras.initializers.RandomNormal(stddev=1e-3)
    return layers.Conv2D(
        width, kernel, padding="same", kernel_initializer=normal, name=name, dtype=dtype
    )(x)

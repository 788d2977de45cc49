"""The speed net: 94 % of CIFAR-10 for the least arithmetic.

Jordan: 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, arXiv:2404.00498, section 3 (airbench94):
a whitening first convolution, six 3 x 3 convolutions with normalisation and GELU, maximum pooling
throughout. The structure, widths, initialisation and the logits' scale are the paper's. We depart
in training only (`pipelines/classification/recipes.py`), and the last pooling is global, which is
the paper's 3 x 3 at 32 x 32 pixels, so that pictures of any size can be taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers

from models.layers.heads import Pooling, logits, pool
from models.layers.whitening import PatchWhitening
from models.spec import ClassifierSpec, Shape

SCALE = 1 / 9  # of the features before the logits (section 3.1)


@keras.saving.register_keras_serializable(package="sightsound")
class IdentityFirst(keras.initializers.Initializer):
    """The first maps pass the input through; the others are uniform in +-1 / sqrt(fan-in)."""

    def __init__(self, seed: int | None = None) -> None:
        """Take a seed; a new one from Keras's global generator when None."""
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: Any = None, **kwargs: Any) -> Any:
        """Return a kernel (k, k, in, out)."""
        height, width, maps_in, maps_out = shape
        limit = (height * width * maps_in) ** -0.5
        uniform = keras.initializers.RandomUniform(-limit, limit, seed=self.seed)
        kernel = np.array(keras.ops.convert_to_numpy(uniform(shape, dtype="float32")))
        same = min(maps_in, maps_out)
        kernel[..., :same] = 0.0
        kernel[height // 2, width // 2, range(same), range(same)] = 1.0
        return keras.ops.convert_to_tensor(kernel, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {"seed": self.seed}


@dataclass(frozen=True, kw_only=True)
class SpeedNetSpec(ClassifierSpec):
    """A speed net: the maps of each of its blocks of two convolutions."""

    widths: tuple[int, ...]
    paper: str = "arXiv:2404.00498"
    input_shape: tuple[int, int, int] = (32, 32, 3)
    classes: int = 10


SPECS = {
    "speed_net": SpeedNetSpec(
        title="airbench94's network: a whitening convolution, six of 3 x 3, GELU",
        widths=(64, 256, 256),
        params=1_971_352,
        smallest_px=9,
    ),
    "speed_net_micro": SpeedNetSpec(
        title="speed_net made tiny, for fast tests",
        widths=(8, 16),
        params=5_992,
        smallest_px=5,
    ),
}


def feature_names(spec: SpeedNetSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    return ("whiten_gelu", *(f"block{n}_gelu2" for n in range(1, len(spec.widths) + 1)))


def build(
    spec: SpeedNetSpec,
    *,
    input_shape: Shape,
    classes: int,
    include_top: bool = True,
    pooling: Pooling = None,
) -> keras.Model:
    """Return the network of `spec`: image (B, *input_shape) to logits (B, classes), float32.

    The image is standardised, a mean of 0 and a standard deviation of 1 in each channel; then
    `model.get_layer("whiten").adapt(images)` measures the first layer before training.
    """
    image = keras.Input(input_shape, name="image")
    x = PatchWhitening(2, name="whiten")(image)  # (B, H-1, W-1, 24)
    x = layers.Activation("gelu", name="whiten_gelu")(x)
    for number, width in enumerate(spec.widths, start=1):
        x = _conv(x, width, f"block{number}_conv1")
        x = layers.MaxPooling2D(name=f"block{number}_pool")(x)  # (B, H/2^n, W/2^n, width)
        x = _norm_gelu(x, f"block{number}", 1)
        x = _conv(x, width, f"block{number}_conv2")
        x = _norm_gelu(x, f"block{number}", 2)
    if not include_top:
        return keras.Model(image, pool(x, pooling))
    x = layers.Rescaling(SCALE, name="scale")(pool(x, "max"))  # (B, width)
    return keras.Model(image, logits(x, classes, use_bias=False))


def _conv(x: Any, maps: int, name: str) -> Any:
    conv = layers.Conv2D(
        maps, 3, padding="same", use_bias=False, kernel_initializer=IdentityFirst(), name=name
    )
    return conv(x)


def _norm_gelu(x: Any, block: str, number: int) -> Any:
    norm = layers.BatchNormalization(
        scale=False, momentum=0.9, epsilon=1e-5, name=f"{block}_norm{number}"
    )
    return layers.Activation("gelu", name=f"{block}_gelu{number}")(norm(x))

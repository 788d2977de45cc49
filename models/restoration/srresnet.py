"""SRResNet, which SRGAN trains against a discriminator to make images that look sharp.

Ledig and others: Photo-realistic single image super-resolution using a generative adversarial
network, 2016 (arXiv:1609.04802), figure 4. `srresnet` is the generator; trained for the squared
error the paper calls it SRResNet, trained with the loss of `models.perceptual_loss` and the network
of `build_discriminator` SRGAN.

Departures: the paper has x4 alone, two steps of 2; x2 and x3 are one step. Convolutions before a
batch normalisation have no bias, which it would remove. A PReLU has a slope a map. The paper's
enlarged images are in [-1, 1]; here the last layer maps that to [0, 1] and the discriminator's
first maps it back. The discriminator gives logits in place of the sigmoid of them.

Parameters at x2, x3, x4: 1,400,771, 1,585,411, 1,548,547. The discriminator for the paper's images
of 96 x 96 has 23,563,649.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
from keras import layers

from models.layers.pixel_shuffle import PixelShuffle, steps
from models.spec import Shape, UpscalerSpec

OUTER = 9  # figure 4: the side of the first and the last kernel


@dataclass(frozen=True, kw_only=True)
class SRResNetSpec(UpscalerSpec):
    """An SRResNet: `blocks` residual blocks of `width` maps, the paper's B and n."""

    blocks: int = 16
    width: int = 64
    paper: str = "arXiv:1609.04802"
    input_shape: tuple[int, int, int] = (256, 256, 3)


SPECS = {
    "srresnet": SRResNetSpec(
        title="SRResNet, SRGAN's generator: 16 blocks of 64 maps", params=1_400_771
    ),
    "srresnet_micro": SRResNetSpec(
        title="SRResNet made tiny, for fast tests", blocks=2, width=6, params=5_949
    ),
}

norm = partial(layers.BatchNormalization, momentum=0.9, epsilon=1e-5)


def feature_names(spec: SRResNetSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    return ("first_prelu", *(f"block{n}_add" for n in range(1, spec.blocks + 1)), "body_add")


def build(spec: SRResNetSpec, *, input_shape: Shape, scale: int = 2) -> keras.Model:
    """Return the network of `spec`: image (B, H, W, C) to (B, scale H, scale W, C), float32.

    Args:
        spec: Which.
        input_shape: (H, W, C); any H and W.
        scale: How many times larger, along each side.
    """
    image = keras.Input(input_shape, name="image")
    width = spec.width
    x = first = _prelu(_conv(image, width, OUTER, "first_conv"), "first")  # (B, H, W, width)
    for number in range(1, spec.blocks + 1):
        x = _block(x, width, f"block{number}")
    x = norm(name="body_norm")(_conv(x, width, 3, "body_conv", use_bias=False))
    x = layers.Add(name="body_add")([x, first])
    for number, step in enumerate(steps(scale), start=1):  # (B, step H, step W, width)
        x = _conv(x, width * step**2, 3, f"up{number}_conv")
        x = _prelu(PixelShuffle(step, name=f"up{number}_shuffle")(x), f"up{number}")
    x = _conv(x, image.shape[-1], OUTER, "last_conv", dtype="float32")  # in [-1, 1]
    return keras.Model(image, layers.Rescaling(0.5, 0.5, dtype="float32", name="last_range")(x))


def _block(x: Any, width: int, name: str) -> Any:
    y = norm(name=f"{name}_norm1")(_conv(x, width, 3, f"{name}_conv1", use_bias=False))
    y = _conv(_prelu(y, name), width, 3, f"{name}_conv2", use_bias=False)
    return layers.Add(name=f"{name}_add")([x, norm(name=f"{name}_norm2")(y)])


def _conv(x: Any, width: int, kernel: int, name: str, **options: Any) -> Any:
    return layers.Conv2D(width, kernel, padding="same", name=name, **options)(x)


def _prelu(x: Any, place: str) -> Any:
    slopes = keras.initializers.Constant(0.25)  # as arXiv:1502.01852 starts them
    return layers.PReLU(slopes, shared_axes=[1, 2], name=f"{place}_prelu")(x)


def build_discriminator(
    *,
    input_shape: Shape = (96, 96, 3),
    widths: tuple[int, ...] = (64, 128, 256, 512),
    units: int = 1024,
) -> keras.Model:
    """Return SRGAN's discriminator: image (B, *input_shape) in [0, 1] to logits (B, 1), float32.

    A logit is above 0 where the network takes the image for a photograph, below 0 where for one
    that was enlarged.

    Args:
        input_shape: (H, W, C), fixed: the fully connected layers have a weight a place.
        widths: Maps of each stage, two convolutions, of which the second halves the size.
        units: Of the fully connected layer before the last.

    Raises:
        ValueError: The height or the width is open.
    """
    if None in input_shape:
        raise ValueError(
            "fully connected layers need a fixed input_shape (height, width, channels); "
            f"got {input_shape!r}"
        )
    image = keras.Input(input_shape, name="image")
    x = layers.Rescaling(2.0, -1.0, name="image_range")(image)
    for stage, width in enumerate(widths, start=1):
        for number, stride in enumerate((1, 2), start=1):
            x = _judging_conv(x, width, stride, f"stage{stage}", number)
    x = layers.Flatten(name="flatten")(x)  # of (B, H/16, W/16, 512), rounded up
    x = layers.Dense(units, name="fc1")(x)
    x = layers.LeakyReLU(0.2, name="fc1_lrelu")(x)
    logits = layers.Dense(1, dtype="float32", name="logits")(x)
    return keras.Model(image, logits, name="srgan_discriminator")


def _judging_conv(x: Any, width: int, stride: int, stage: str, number: int) -> Any:
    """Convolve, normalise all but the image's, rectify; zeros on both sides, also at stride 2."""
    first = stage == "stage1" and number == 1
    x = layers.ZeroPadding2D(1, name=f"{stage}_pad{number}")(x)
    x = layers.Conv2D(width, 3, strides=stride, use_bias=first, name=f"{stage}_conv{number}")(x)
    if not first:
        x = norm(name=f"{stage}_norm{number}")(x)
    return layers.LeakyReLU(0.2, name=f"{stage}_lrelu{number}")(x)

"""The context encoder, which imagines the middle of a picture from what lies around it.

Pathak and others: Context encoders: feature learning by inpainting, 2016 (arXiv:1604.07379). This
is the paper's network for the middle of 128 x 128 pixels, its figure 9a: a bottleneck of 4,000
values, ordinary convolutions, 64 x 64 pixels out. Its other one, for features, is
`context_encoder_227`.

Of the 64 x 64 pixels that it makes, the outer `OVERLAP` on each side are known to it: they teach it
to join what it makes to what is there. What the paper leaves open is as in its authors' code: a
slope of 0.2, the colour of the hole, and no biases, which that code sets to 0 at every step.
Departures: images are in [0, 1], the network maps them to [-1, 1] and back; `build_discriminator`
gives logits in place of the sigmoid of them.

Parameters: 16 (3 64 + 64 64 + 64 128 + 128 256 + 256 512 + 512 4000), the same back without 64 64,
and two for each normalised map: 71,124,544. The discriminator has 2,765,568.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
from keras import layers

from models.spec import InpainterSpec, Shape

KERNEL = 4  # of every convolution, figure 9
SLOPE = 0.2
OVERLAP = 4  # pixels, section 3.2
HOLE_COLOUR = (117 / 255, 104 / 255, 123 / 255)  # red, green, blue

norm = partial(layers.BatchNormalization, momentum=0.9, epsilon=1e-5)


@dataclass(frozen=True, kw_only=True)
class ContextEncoderSpec(InpainterSpec):
    """A context encoder.

    Attributes:
        widths: Maps at one half of the image's sides, a quarter, and so on to 4 x 4.
        bottleneck: Values between encoder and decoder.
    """

    widths: tuple[int, ...]
    bottleneck: int
    fixed: bool = True
    paper: str = "arXiv:1604.07379"


SPECS = {
    "context_encoder": ContextEncoderSpec(
        title="Context encoder: the middle 64 x 64 of 128 x 128 pixels",
        widths=(64, 64, 128, 256, 512),
        bottleneck=4000,
        input_shape=(128, 128, 3),
        stride=128,
        smallest_px=128,
        params=71_124_544,
    ),
    "context_encoder_micro": ContextEncoderSpec(
        title="Context encoder made tiny, for fast tests: of 32 x 32 pixels",
        widths=(4, 4, 6),
        bottleneck=10,
        input_shape=(32, 32, 3),
        stride=32,
        smallest_px=32,
        params=3_388,
    ),
}


def feature_names(spec: ContextEncoderSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    return (*(f"stage{n}_lrelu" for n in range(1, len(spec.widths) + 1)), "bottleneck_lrelu")


def build(spec: ContextEncoderSpec, *, input_shape: Shape) -> keras.Model:
    """Return the network of `spec`.

    It maps {"image": (B, H, W, 3) in [0, 1], "mask": (B, H, W, 1), 1 where to fill} to the filled
    image (B, H, W, 3), float32. What the image holds where the mask is 1 is not looked at. Only the
    middle half of each side is filled; holes elsewhere come back as they are.

    Args:
        spec: Which.
        input_shape: `spec.input_shape`.
    """
    image = keras.Input(input_shape, name="image")
    mask = keras.Input((*input_shape[:2], 1), name="mask")
    x = layers.Rescaling(2.0, -1.0, name="image_range")(holes_painted(image, mask))
    for stage, width in enumerate(spec.widths, start=1):  # (B, H/2^stage, W/2^stage, width)
        x = _conv(x, width, f"stage{stage}", normalised=stage > 1, strides=2, padding="same")
    x = _conv(x, spec.bottleneck, "bottleneck")  # (B, 1, 1, bottleneck)
    x = _up(x, spec.widths[-1], "up1", padding="valid")  # (B, 4, 4, widths[-1])
    for number, width in enumerate(spec.widths[-2:0:-1], start=2):  # twice the sides each
        x = _up(x, width, f"up{number}", strides=2, padding="same")
    x = layers.Conv2DTranspose(
        3, KERNEL, strides=2, padding="same", use_bias=False, activation="tanh", name="last_deconv"
    )(x)
    middle = layers.Rescaling(0.5, 0.5, dtype="float32", name="middle")(x)  # (B, H/2, W/2, 3)
    filled = _put(middle, image, mask)
    return keras.Model({"image": image, "mask": mask}, filled)


def holes_painted(image: Any, mask: Any) -> Any:
    """Return an image (B, H, W, 3) with its holes in one colour: image + mask (colour - image)."""
    less = layers.Rescaling(-1.0, HOLE_COLOUR, name="hole_colour")(image)
    return layers.Add(name="painted")([image, layers.Multiply(name="paint")([less, mask])])


def _put(middle: Any, image: Any, mask: Any) -> Any:
    """Return the image with what was made in the holes of its middle; in float32."""
    quarter = tuple(side // 4 for side in image.shape[1:3])
    inner = [
        layers.Cropping2D(quarter, dtype="float32", name=f"{t.name}_middle")(t)
        for t in (image, mask)
    ]
    change = layers.Subtract(dtype="float32", name="change")([middle, inner[0]])
    change = layers.Multiply(dtype="float32", name="masked")([change, inner[1]])
    change = layers.ZeroPadding2D(quarter, dtype="float32", name="change_whole")(change)
    return layers.Add(dtype="float32", name="filled")([image, change])


def _conv(x: Any, width: int, name: str, *, normalised: bool = True, **options: Any) -> Any:
    x = layers.Conv2D(width, KERNEL, use_bias=False, name=f"{name}_conv", **options)(x)
    if normalised:
        x = norm(name=f"{name}_norm")(x)
    return layers.LeakyReLU(SLOPE, name=f"{name}_lrelu")(x)


def _up(x: Any, width: int, name: str, **options: Any) -> Any:
    x = layers.Conv2DTranspose(width, KERNEL, use_bias=False, name=f"{name}_deconv", **options)(x)
    return layers.ReLU(name=f"{name}_relu")(norm(name=f"{name}_norm")(x))


def middle_of(model: keras.Model) -> keras.Model:
    """Return the network up to the middle that it makes, (B, H/2, W/2, 3): what is trained."""
    return keras.Model(model.input, model.get_layer("middle").output, name=f"{model.name}_middle")


def build_discriminator(
    *, side_px: int = 64, widths: tuple[int, ...] = (64, 128, 256, 512)
) -> keras.Model:
    """Return the paper's adversary: middles (B, side, side, 3) in [0, 1] to logits (B, 1), float32.

    A logit is above 0 where the network takes a middle for a photograph's.

    Args:
        side_px: Height and width of what it judges: 4 pixels twice as many times as it has widths.
        widths: Maps of its convolutions, each of which halves the sides.

    Raises:
        ValueError: The widths do not lead from the side to 4 pixels.
    """
    if side_px != KERNEL * 2 ** len(widths):
        raise ValueError(
            f"{len(widths)} widths judge {KERNEL * 2 ** len(widths)} pixels a side; got {side_px}"
        )
    image = keras.Input((side_px, side_px, 3), name="image")
    x = layers.Rescaling(2.0, -1.0, name="image_range")(image)
    for stage, width in enumerate(widths, start=1):
        x = _conv(x, width, f"stage{stage}", normalised=stage > 1, strides=2, padding="same")
    x = layers.Conv2D(1, KERNEL, use_bias=False, dtype="float32", name="logits_conv")(x)
    logits = layers.Flatten(dtype="float32", name="logits")(x)
    return keras.Model(image, logits, name="context_encoder_discriminator")

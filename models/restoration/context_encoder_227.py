"""The context encoder that learns features: it fills holes anywhere in a picture of 227 pixels.

Pathak and others: Context encoders: feature learning by inpainting, 2016 (arXiv:1604.07379),
section 3.1 and figure 9b: AlexNet up to pool5, a fully connected layer for each map, a convolution
across the maps, and five up-convolutions to 161 pixels, which are resized to 227.

    6 -> 11 -> 21 -> 41 -> 81 -> 161 -> 227

What the paper's text leaves open: the convolution across the maps has a kernel of 1. The kernel of
5 and the 128, 64, 64 and 32 maps of the up-convolutions are the figure's as we remember it; the
figure was not at hand to check them. AlexNet is ours, `models.classifiers.alexnet`, with its two
groups and normalisations.
Departures: images are in [0, 1], the network maps them to [-1, 1] and back; the last up-convolution
has no rectifier, through which nothing darker than grey would pass.

Parameters: 2,334,080 of AlexNet's convolutions, 256 (36 36 + 36) for each map by itself, 256 257
across them, 25 (256 128 + 128 64 + 64 64 + 64 32 + 32 3) + 291 back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from models.classifiers import alexnet
from models.layers.channelwise_dense import ChannelwiseDense
from models.restoration.context_encoder import holes_painted
from models.spec import InpainterSpec, Shape

KERNEL = 5  # of the up-convolutions


@dataclass(frozen=True, kw_only=True)
class FeatureEncoderSpec(InpainterSpec):
    """A context encoder for holes anywhere.

    Attributes:
        encoder: Whose convolutions it has.
        widths: Maps of the up-convolutions but for the last, whose are the image's.
    """

    encoder: alexnet.AlexNetSpec
    widths: tuple[int, ...]
    fixed: bool = True
    paper: str = "arXiv:1604.07379"


SPECS = {
    "context_encoder_227": FeatureEncoderSpec(
        title="Context encoder for features: holes anywhere in 227 x 227 pixels",
        encoder=alexnet.SPECS["alexnet"],
        widths=(128, 64, 64, 32),
        input_shape=(227, 227, 3),
        stride=227,
        smallest_px=227,
        params=3_921_155,
    ),
    "context_encoder_227_micro": FeatureEncoderSpec(
        title="Context encoder for features made tiny, for fast tests: of 64 x 64 pixels",
        encoder=alexnet.SPECS["alexnet_micro"],
        widths=(6, 4),
        input_shape=(64, 64, 3),
        stride=64,
        smallest_px=64,
        params=5_593,
    ),
}


def feature_names(_spec: FeatureEncoderSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    return ("pool1", "pool2", "pool5", "across_relu")


def build(spec: FeatureEncoderSpec, *, input_shape: Shape) -> keras.Model:
    """Return the network of `spec`.

    It maps {"image": (B, H, W, 3) in [0, 1], "mask": (B, H, W, 1), 1 where to fill} to the filled
    image (B, H, W, 3), float32, which no bound keeps in [0, 1]. What the image holds where the mask
    is 1 is not looked at.

    Args:
        spec: Which.
        input_shape: `spec.input_shape`.
    """
    image = keras.Input(input_shape, name="image")
    mask = keras.Input((*input_shape[:2], 1), name="mask")
    x = layers.Rescaling(2.0, -1.0, name="image_range")(holes_painted(image, mask))
    x = alexnet.convolutions(spec.encoder, x)  # (B, 6, 6, 256)
    x = layers.ReLU(name="each_relu")(ChannelwiseDense(name="each")(x))
    x = layers.ReLU(name="across_relu")(layers.Conv2D(x.shape[-1], 1, name="across_conv")(x))
    for number, width in enumerate(spec.widths, start=1):  # (B, 2H - 1, 2W - 1, width)
        x = layers.ReLU(name=f"up{number}_relu")(_up(x, width, f"up{number}_deconv"))
    x = _up(x, image.shape[-1], "last_deconv")  # (B, 161, 161, 3)
    made = layers.Resizing(*input_shape[:2], dtype="float32", name="resized")(x)
    made = layers.Rescaling(0.5, 0.5, dtype="float32", name="made")(made)
    change = layers.Subtract(dtype="float32", name="change")([made, image])
    change = layers.Multiply(dtype="float32", name="masked")([change, mask])
    filled = layers.Add(dtype="float32", name="filled")([image, change])
    return keras.Model({"image": image, "mask": mask}, filled)


def _up(x: Any, width: int, name: str) -> Any:
    """Lay a window down for every value, two pixels apart, and cut its half off at the border."""
    options = {"strides": 2, "padding": "same", "output_padding": 0}
    return layers.Conv2DTranspose(width, KERNEL, name=name, **options)(x)

"""A gated U-Net that fills holes: it corrects a plain fill, and only within the holes.

The gated convolution is Yu and others': Free-form image inpainting with gated convolution, 2018
(arXiv:1806.03589), section 3.1. The paper's network fills in two stages, the second with attention,
and learns against a judge. This one departs from it, so that a processor trains and runs it: one
U-Net (arXiv:1505.04597), whose way up adds what the way down has seen, and whose first convolution
halves the image already; the last one gives all four pixels of each place (arXiv:1609.05158).

It is given an image whose holes hold some fill already, and the mask, and gives

    filled = image + mask (added + sum over d of weight_d (directed_d - image))

where directed_d is the image with its holes smoothed along direction d alone, `DirectedFills`. So
much is not in the paper: a network that chooses among fills learns in an hour of a processor what
one that only adds had not begun to learn. The last convolution starts at 0: what an untrained
network returns is what it was given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from models.layers.directed_fills import DIRECTIONS, DirectedFills, Mixture
from models.layers.gated_rectifier import GatedRectifier
from models.layers.pixel_shuffle import PixelShuffle
from models.spec import InpainterSpec, Shape

FIRST = 5  # the side of the first kernel, as in the paper's figure 3
# Maps keep their variance from layer to layer: of a normal one, the rectifier passes a mean square
# of 0.52 and the gate 0.293. With Glorot's, a gated layer leaves a seventh, and little is learned.
VARIANCE = 1 / (0.52 * 0.293)


@dataclass(frozen=True, kw_only=True)
class GatedUNetSpec(InpainterSpec):
    """A gated U-Net.

    Attributes:
        widths: Maps at one half of the image's sides, a quarter, and so on to 1 / `stride`.
        dilations: Of the convolutions at the smallest size.
        sweeps: Of the directed fills: how many pixels far they carry what lies around a hole.
    """

    widths: tuple[int, ...]
    dilations: tuple[int, ...]
    sweeps: int
    paper: str = "arXiv:1806.03589"


SPECS = {
    "gated_unet": GatedUNetSpec(
        title="Gated U-Net of 32 to 128 maps, the default of inpainting",
        widths=(32, 64, 96, 128),
        dilations=(1, 2, 4, 1),
        sweeps=24,
        stride=16,
        smallest_px=16,
        params=2_469_532,
    ),
    "gated_unet_micro": GatedUNetSpec(
        title="Gated U-Net made tiny, for fast tests",
        widths=(4, 6),
        dilations=(2,),
        sweeps=3,
        stride=4,
        smallest_px=4,
        params=6_380,
    ),
}


def feature_names(spec: GatedUNetSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    stages = (f"stage{stage}_gate2" for stage in range(1, len(spec.widths)))
    return (*stages, f"stage{len(spec.widths)}_gate{1 + len(spec.dilations)}")


def build(spec: GatedUNetSpec, *, input_shape: Shape) -> keras.Model:
    """Return the network of `spec`.

    It maps {"image": (B, H, W, C) in [0, 1], "mask": (B, H, W, 1), 1 where to fill} to the filled
    image (B, H, W, C), float32, which no bound keeps in [0, 1].

    Args:
        spec: Which.
        input_shape: (H, W, C); H and W multiples of `spec.stride`.
    """
    image = keras.Input(input_shape, name="image")
    mask = keras.Input((*input_shape[:2], 1), name="mask")
    ranged = layers.Rescaling(2.0, -1.0, name="image_range")(image)
    changes = DirectedFills(spec.sweeps, dtype="float32", name="directed")([image, mask])
    larger = layers.Rescaling(4.0, name="directed_range")(changes)
    x = layers.Concatenate(name="read")([ranged, mask, larger])
    seen, deepest = [], len(spec.widths)
    for stage, width in enumerate(spec.widths, start=1):  # (B, H/2^stage, W/2^stage, width)
        name, side = f"stage{stage}", FIRST if stage == 1 else 3
        x = _gated(x, width, name, 1, side=side, strides=2)
        for number, dilation in enumerate(spec.dilations if stage == deepest else (1,), start=2):
            x = _gated(x, width, name, number, dilation_rate=dilation)
        seen.append(x)
    for stage in range(deepest - 1, 0, -1):  # back to (B, H/2, W/2, widths[0])
        name, width = f"up{stage}", spec.widths[stage - 1]
        x = _gated(x, width, name, 1)
        x = layers.UpSampling2D(2, name=f"{name}_repeat")(x)
        x = layers.Add(name=f"{name}_add")([x, seen[stage - 1]])
        x = _gated(x, width, name, 2)
    x = layers.Conv2D(
        4 * (len(DIRECTIONS) + image.shape[-1]),
        3,
        padding="same",
        kernel_initializer="zeros",
        name="last_conv",
    )(x)
    # In float32 whatever the policy: a half-precision float has fewer steps than a picture.
    x = PixelShuffle(2, dtype="float32", name="last_places")(x)
    x = Mixture(dtype="float32", name="correction")([x, changes])
    x = layers.Multiply(dtype="float32", name="masked")([x, mask])
    filled = layers.Add(dtype="float32", name="filled")([image, x])
    return keras.Model({"image": image, "mask": mask}, filled)


def _gated(x: Any, width: int, place: str, number: int, *, side: int = 3, **options: Any) -> Any:
    """Convolve to `width` maps, gated."""
    name = f"{place}_conv{number}"
    start = keras.initializers.VarianceScaling(VARIANCE, "fan_in", "truncated_normal")
    x = layers.Conv2D(
        2 * width, side, padding="same", kernel_initializer=start, name=name, **options
    )(x)
    return GatedRectifier(name=f"{place}_gate{number}")(x)

"""SESR: plain 3 x 3 convolutions on the small image, trained with far more weights than they have.

Bhardwaj et al.: Collapsible linear blocks for super-efficient super resolution (arXiv:2103.09404).
`expanded=True` gives the form that trains: every convolution is the product of two
(`models.layers.collapsible`). `collapse` turns its weights into those of the plain form, which is
the one that is shipped and served; `lift` goes the other way, to train on.

M3 to XL are table 1's networks, with their PReLU and two long shortcuts. `sesr_c32` is the default
of our pipeline and departs from them: 8 blocks of 32 maps (between M11 and XL in size), and leaky
rectifiers of one fixed slope, which TensorFlow and oneDNN compute within the convolution before
them, where a PReLU costs passes over memory of its own. Every convolution has a bias, which the
paper's counts leave out (M5: 13,520 weights at x2; with biases and slopes 13,716).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import keras
from keras import layers, ops

from models.layers.collapsible import CollapsibleConv2D
from models.layers.pixel_shuffle import PixelShuffle
from models.spec import Shape, UpscalerSpec

EXPANSION = 256  # section 3.2: maps of the first of each two convolutions
FIRST, LAST = 5, 5  # figure 2: sides of the outer kernels
SLOPE = 0.1  # of the leaky rectifiers


@dataclass(frozen=True, kw_only=True)
class SESRSpec(UpscalerSpec):
    """A SESR.

    Attributes:
        blocks: 3 x 3 convolutions with a shortcut, the paper's m.
        width: Their maps, the paper's f.
        rectifier: What follows each convolution but the last.
    """

    blocks: int
    width: int = 16
    rectifier: Literal["prelu", "leaky"] = "prelu"
    paper: str = "arXiv:2103.09404"


SPECS = {
    "sesr_m3": SESRSpec(title="SESR-M3: 5 convolutions of 16 maps", blocks=3, params=9_044),
    "sesr_m5": SESRSpec(title="SESR-M5: 7 convolutions of 16 maps", blocks=5, params=13_716),
    "sesr_m7": SESRSpec(title="SESR-M7: 9 convolutions of 16 maps", blocks=7, params=18_388),
    "sesr_m11": SESRSpec(title="SESR-M11: 13 convolutions of 16 maps", blocks=11, params=27_732),
    "sesr_xl": SESRSpec(
        title="SESR-XL: 13 convolutions of 32 maps", blocks=11, width=32, params=106_148
    ),
    "sesr_c32": SESRSpec(
        title="10 plain convolutions of 32 maps, the default of super-resolution",
        blocks=8,
        width=32,
        rectifier="leaky",
        params=78_020,
    ),
    "sesr_micro": SESRSpec(
        title="sesr_c32 made tiny, for fast tests",
        blocks=2,
        width=4,
        rectifier="leaky",
        params=804,
    ),
}


def feature_names(spec: SESRSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    return ("first_act", *(f"block{n}_act" for n in range(1, spec.blocks + 1)), "long_add")


def build(
    spec: SESRSpec, *, input_shape: Shape, scale: int = 2, expanded: bool = False
) -> keras.Model:
    """Return the network of `spec`: image (B, H, W, C) to (B, scale H, scale W, C), float32.

    Args:
        spec: Which.
        input_shape: (H, W, C); any H and W.
        scale: How many times larger, along each side.
        expanded: Whether in the form that trains.
    """
    image = keras.Input(input_shape, name="image")
    channels = image.shape[-1] * scale**2
    x = first = _act(spec, _conv(image, spec.width, FIRST, "first_conv", expanded), "first")
    for number in range(1, spec.blocks + 1):  # (B, H, W, width)
        name = f"block{number}"
        x = _act(spec, _conv(x, spec.width, 3, f"{name}_conv", expanded, shortcut=True), name)
    x = layers.Add(name="long_add")([x, first])
    # At 0, so that training starts with repeated pixels and not with noise: (B, H, W, C scale^2)
    x = _conv(x, channels, LAST, "last_conv", expanded, initial="zeros")
    # In float32 whatever the policy: a half-precision float has fewer steps than a picture.
    x = layers.Add(name="image_add", dtype="float32")([x, _repeated(image, scale)])
    return keras.Model(image, PixelShuffle(scale, dtype="float32", name="enlarged")(x))


def _conv(
    x: Any,
    maps: int,
    side: int,
    name: str,
    expanded: bool,
    *,
    shortcut: bool = False,
    initial: str = "glorot_uniform",
) -> Any:
    """Convolve; in the plain form the shortcut is part of the kernel."""
    if expanded:
        return CollapsibleConv2D(
            maps, side, expansion=EXPANSION, shortcut=shortcut, initial=initial, name=name
        )(x)
    return layers.Conv2D(maps, side, padding="same", kernel_initializer=initial, name=name)(x)


def _act(spec: SESRSpec, x: Any, place: str) -> Any:
    if spec.rectifier == "prelu":
        return layers.PReLU(shared_axes=[1, 2], name=f"{place}_act")(x)
    return layers.LeakyReLU(SLOPE, name=f"{place}_act")(x)


def _repeated(image: Any, scale: int) -> Any:
    """Return each channel `scale`^2 times, in the order in which pixels are shuffled."""
    return layers.Concatenate(name="image_repeat", dtype="float32")([image] * scale**2)


def collapse(plain: keras.Model, expanded: keras.Model) -> None:
    """Give the plain form the weights with which it computes what the expanded one does."""
    for layer in plain.layers:
        if not layer.weights:
            continue
        source = expanded.get_layer(layer.name)
        if isinstance(source, CollapsibleConv2D):
            values = [source.collapsed(), source.bias]
            layer.set_weights([ops.convert_to_numpy(value) for value in values])
        else:
            layer.set_weights(source.get_weights())


def lift(expanded: keras.Model, plain: keras.Model) -> None:
    """Give the expanded form weights with which it computes what the plain one does.

    The kernel without the shortcut goes into the first maps of the first convolution, which the
    second passes on; from the others, which stay random, the second takes nothing at first. Layers
    of another shape, such as the last one's for another scale, are left as they are.
    """
    for layer in expanded.layers:
        if not layer.weights:
            continue
        weights = plain.get_layer(layer.name).get_weights()
        if not isinstance(layer, CollapsibleConv2D):
            layer.set_weights(weights)
        elif weights[0].shape[-1] == layer.filters:
            layer.start_from(*weights)

"""What one call of a layer costs, and how far it sees.

Multiply-adds are counted as the papers count them: those of convolutions and fully connected
layers, and of layers of ours, which state theirs by a method `multiply_adds(input_shape,
output_shape)`. Normalisation, pooling, activations and sums count as nothing; one for each of
their values would add less than one percent to ResNet-50.

The receptive field grows along a chain of windows: a window of `k` over values that lie `j` pixels
apart adds `(k - 1) j` (Araujo, Norris, Sim: Computing receptive fields of convolutional neural
networks, doi:10.23915/distill.00021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import keras
from keras import layers

from models.calls import Call
from models.layers.pixel_shuffle import PixelShuffle

Numbers = tuple[int, ...]  # one a spatial axis: (height, width)

_CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
_TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
_DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
_SEPARABLE = (layers.SeparableConv1D, layers.SeparableConv2D)
_ENLARGING = (layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D, PixelShuffle)
# Keras's own with parameters and no sum over inputs.
_WITHOUT_SUMS = (
    layers.BatchNormalization,
    layers.Embedding,
    layers.GroupNormalization,
    layers.LayerNormalization,
    layers.Normalization,
    layers.PReLU,
    layers.RMSNormalization,
)
# Without parameters, and yet with products that no rule here counts; so may be what anybody wrote.
_PRODUCTS = (layers.AdditiveAttention, layers.Attention, layers.Dot, layers.Lambda)
_PRODUCT_OPERATIONS = {
    *("Conv", "ConvTranspose", "DepthwiseConv", "SeparableConv", "DotProductAttention"),
    *("Dot", "Einsum", "Inner", "Matmul", "Outer", "Tensordot", "Vdot"),
}


def multiply_adds(call: Call) -> int | None:
    """Return the multiply-adds of one call for one image; None where they are not known."""
    layer: Any = call.operation
    if hasattr(layer, "multiply_adds"):
        (output,) = call.output_shapes
        inputs = call.input_shapes
        return int(layer.multiply_adds(inputs[0] if len(inputs) == 1 else list(inputs), output))
    if isinstance(layer, _PRODUCTS) or type(layer).__name__ in _PRODUCT_OPERATIONS:
        return None
    if isinstance(layer, (*_CONVOLUTIONS, *_TRANSPOSED, *_DEPTHWISE, *_SEPARABLE, layers.Dense)):
        (read,), (made,) = call.input_shapes, call.output_shapes
        return _of_sums(layer, read, made)
    free = isinstance(layer, _WITHOUT_SUMS) or not getattr(layer, "weights", ())
    return 0 if free else None


def _of_sums(layer: Any, read: Sequence[Any], made: Sequence[Any]) -> int:
    """Return the multiply-adds of a convolution or a fully connected layer."""
    values = math.prod(made[1:])
    if isinstance(layer, layers.Dense):
        return int(values * read[-1])
    window = math.prod(layer.kernel_size)
    channels = read[1] if layer.data_format == "channels_first" else read[-1]
    if isinstance(layer, _CONVOLUTIONS):
        return int(values * window * channels // layer.groups)
    if isinstance(layer, _TRANSPOSED):  # each value read is spread over a window
        return int(math.prod(read[1:]) * window * layer.filters)
    if isinstance(layer, _DEPTHWISE):
        return int(values * window)
    places, depth = values // layer.filters, channels * layer.depth_multiplier
    return int(places * depth * (window + layer.filters))


@dataclass(frozen=True)
class Window:
    """What a layer reads for one value, as its arguments state it; None where it has no window.

    `padding` is "same", "valid", or the pixels of a padding or cropping layer.
    """

    kernel: Numbers | None = None
    stride: Numbers | None = None
    padding: str | None = None
    dilation: Numbers | None = None
    groups: int | None = None


def window_of(call: Call) -> Window:
    """Return the window of a call's layer."""
    layer: Any = call.operation
    axes = max(1, len(call.output_shapes[0]) - 2)
    edges = getattr(layer, "cropping", None)
    if isinstance(layer, layers.ZeroPadding1D | layers.ZeroPadding2D | layers.ZeroPadding3D):
        edges = layer.padding
    if edges is not None:
        return Window(padding=_edges(edges))
    kernel = getattr(layer, "kernel_size", getattr(layer, "pool_size", None))
    stride = getattr(layer, "strides", getattr(layer, "stride", None))
    if kernel is None and stride is None:
        return Window()
    dilation = _each(getattr(layer, "dilation_rate", 1), axes)
    groups = getattr(layer, "groups", 1)
    return Window(
        kernel=_each(1 if kernel is None else kernel, axes),
        stride=_each(1 if stride is None else stride, axes),
        padding=getattr(layer, "padding", "valid"),
        dilation=None if set(dilation) == {1} else dilation,
        groups=None if groups == 1 else groups,
    )


def _each(value: Any, axes: int) -> Numbers:
    return (int(value),) * axes if isinstance(value, int) else tuple(map(int, value))


def _edges(edges: Any) -> str:
    """Write ((top, bottom), (left, right)): `3` where all are equal, else `0+1x0+1`."""
    pairs = [edges] if isinstance(edges[0], int) else list(edges)
    if len({pixels for pair in pairs for pixels in pair}) == 1:
        return str(pairs[0][0])
    return "x".join(f"{before}+{after}" for before, after in pairs)


@dataclass(frozen=True)
class Reach:
    """How far the values of a tensor see in the image.

    Attributes:
        field: Pixels along each axis on which one value depends, as if the image had no edge.
        step: Pixels from one value to the next.
    """

    field: Numbers
    step: tuple[Fraction, ...]


def reach_of(call: Call, inputs: Sequence[Reach | None]) -> Reach | None:
    """Return how far the outputs see, from how far the inputs do.

    None where a value depends on the whole image, or it is not known.
    """
    layer: Any = call.operation
    shape = call.output_shapes[0]
    if not call.input_shapes:
        axes = len(shape) - 2
        return Reach((1,) * axes, (Fraction(1),) * axes) if axes > 0 else None
    known = [reach for reach in inputs if reach is not None]
    channels_first = getattr(layer, "data_format", None) == "channels_first"
    if len(known) < len(inputs) or channels_first or multiply_adds(call) is None:
        return None
    before = Reach(
        tuple(map(max, zip(*(reach.field for reach in known), strict=True))), known[0].step
    )
    window = window_of(call)
    if window.kernel and window.stride:
        return _through(window, before, transposed=isinstance(layer, _TRANSPOSED))
    if window.padding:  # of a padding or cropping layer
        return before
    if isinstance(layer, _ENLARGING):
        sizes = _each(layer.size, len(before.step))
        return Reach(before.field, tuple(s / n for s, n in zip(before.step, sizes, strict=True)))
    place_by_place = all(read[1:-1] == shape[1:-1] for read in call.input_shapes)
    own = isinstance(layer, keras.layers.Layer) and not type(layer).__module__.startswith("keras.")
    return before if place_by_place and not (own and layer.weights) else None


def _through(window: Window, before: Reach, *, transposed: bool) -> Reach:
    fields, steps = [], []
    kernels, strides = window.kernel or (), window.stride or ()
    dilations = window.dilation or (1,) * len(kernels)
    for field, step, k, s, d in zip(
        before.field, before.step, kernels, strides, dilations, strict=True
    ):
        read = -(-k // s) if transposed else (k - 1) * d + 1  # values that one window reads
        fields.append(math.ceil(field + (read - 1) * step))
        steps.append(step / s if transposed else step * s)
    return Reach(tuple(fields), tuple(steps))

"""Random weights by name: what a network starts from decides whether a deep one learns at all.

With fan_in the inputs that one output adds up, and fan_out the outputs that one input reaches:

    gaussian     normal, deviation 0.01, whatever the layer      Krizhevsky, Sutskever, Hinton 2012
                                                                 (doi:10.1145/3065386), section 5
    lecun        normal, variance 1 / fan_in                     LeCun, Bottou, Orr, Müller 1998
                                                                 (doi:10.1007/3-540-49430-8_2), 4.6
    xavier       uniform, variance 2 / (fan_in + fan_out)        Glorot, Bengio 2010 (AISTATS;
                                                                 PMLR 9:249-256), equation 16
    he           normal, variance 2 / fan_in                     arXiv:1502.01852, equation 10
    orthogonal   orthonormal columns, or rows where those are    arXiv:1312.6120
                 fewer; each group of a convolution by itself

The numbers are drawn by NumPy, so that a seed gives the same network on every backend.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
from keras import layers

from models.words import suggest

GAUSSIAN_DEVIATION = 0.01


@dataclass(frozen=True)
class Kernel:
    """A kernel as `groups` matrices (rows, columns) that stand side by side.

    Attributes:
        variable: The weights.
        groups: Of a grouped convolution; the channels of a depthwise one.
        rows: Of one group's matrix.
        columns: Of one group's matrix.
        fan_in: Inputs that one output adds up.
        fan_out: Outputs that one input reaches, at stride 1.
    """

    variable: Any
    groups: int
    rows: int
    columns: int
    fan_in: float
    fan_out: float


Draw = Callable[[np.random.Generator, Kernel], np.ndarray]  # -> (groups, rows, columns)


def _normal(variance: Callable[[Kernel], float]) -> Draw:
    def draw(random: np.random.Generator, kernel: Kernel) -> np.ndarray:
        shape = (kernel.groups, kernel.rows, kernel.columns)
        return random.normal(0.0, math.sqrt(variance(kernel)), shape)

    return draw


def _xavier(random: np.random.Generator, kernel: Kernel) -> np.ndarray:
    limit = math.sqrt(6.0 / (kernel.fan_in + kernel.fan_out))  # a uniform's variance is limit^2 / 3
    return random.uniform(-limit, limit, (kernel.groups, kernel.rows, kernel.columns))


def _orthogonal(random: np.random.Generator, kernel: Kernel) -> np.ndarray:
    long, short = max(kernel.rows, kernel.columns), min(kernel.rows, kernel.columns)
    q: np.ndarray
    q, r = np.linalg.qr(random.normal(size=(kernel.groups, long, short)))
    # The signs of R's diagonal make Q uniform among all orthonormal ones (arXiv:math-ph/0609050).
    q = q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :]
    return q if kernel.rows >= kernel.columns else q.transpose(0, 2, 1)


INITIALISATIONS: Mapping[str, Draw] = MappingProxyType(
    {
        "gaussian": _normal(lambda _: GAUSSIAN_DEVIATION**2),
        "lecun": _normal(lambda kernel: 1.0 / kernel.fan_in),
        "xavier": _xavier,
        "he": _normal(lambda kernel: 2.0 / kernel.fan_in),
        "orthogonal": _orthogonal,
    }
)


def initialise(model: keras.Model, name: str, *, seed: int, ones: Collection[str] = ()) -> None:
    """Set every kernel of a built network anew, and every bias beside a kernel to 0.

    Normalisation, and weights that are not trained, stay as they are.

    Args:
        model: Of dense layers and convolutions: plain, grouped, depthwise, separable, transposed.
        name: One of `INITIALISATIONS`.
        seed: Determines all numbers; each kernel has its own.
        ones: Layers whose biases start at 1, as those of AlexNet's conv2, conv4, conv5 and hidden
            dense layers do in its paper.

    Raises:
        ValueError: Unknown name or layer, a network without weights, or a layer whose trained
            weights are none of the above; then nothing has been changed.
    """
    if name not in INITIALISATIONS:
        raise ValueError(f"unknown initialisation {name!r}; {suggest(name, INITIALISATIONS)}")
    if not model.built:
        raise ValueError(f"{model.name} must be built before it can be initialised: call it once")
    found = list(_layers(model))
    biased = {layer.name: layer.bias for layer in found if getattr(layer, "bias", None) is not None}
    for layer_name in ones:
        if layer_name not in biased:
            raise ValueError(f"no layer {layer_name!r} has biases; {suggest(layer_name, biased)}")
    kernels = [(layer, kernel) for layer in found for kernel in kernels_of(layer)]
    for number, (layer, kernel) in enumerate(kernels):
        values = INITIALISATIONS[name](np.random.default_rng([seed, number]), kernel)
        side_by_side = values.transpose(1, 0, 2)  # (rows, groups, columns)
        kernel.variable.assign(side_by_side.reshape(kernel.variable.shape).astype("float32"))
        if layer.name in biased:
            layer.bias.assign(np.full(layer.bias.shape, float(layer.name in ones), "float32"))


def kernels_of(layer: layers.Layer) -> list[Kernel]:
    """Return a layer's trained kernels: none of normalisation, two of a separable convolution.

    Raises:
        ValueError: It has other trained weights of two or more axes.
    """
    if isinstance(layer, layers.Dense):
        found = [_convolution(layer.kernel)]
    elif isinstance(layer, layers.SeparableConv1D | layers.SeparableConv2D):
        found = [_depthwise(layer.depthwise_kernel), _convolution(layer.pointwise_kernel)]
    elif isinstance(layer, layers.DepthwiseConv1D | layers.DepthwiseConv2D):
        found = [_depthwise(layer.kernel)]
    elif isinstance(layer, _TRANSPOSED):
        found = [_transposed(layer.kernel, layer.strides)]
    elif isinstance(layer, layers.Conv1D | layers.Conv2D | layers.Conv3D):
        found = [_convolution(layer.kernel, layer.groups)]
    else:
        found = []
    known = {id(kernel.variable) for kernel in found}
    for variable in layer.trainable_weights:
        if len(variable.shape) > 1 and id(variable) not in known:
            raise ValueError(
                f"{layer.name}: only dense layers and convolutions can be initialised by name; "
                f"{type(layer).__name__} has weights {tuple(variable.shape)} of its own kind"
            )
    return [kernel for kernel in found if kernel.variable.trainable]


_TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)


def _convolution(variable: Any, groups: int = 1) -> Kernel:
    """(k, k, in / groups, out), or a dense layer's (in, out)."""
    *places, inputs, outputs = variable.shape
    area, columns = math.prod(places), outputs // groups
    return Kernel(variable, groups, area * inputs, columns, area * inputs, area * columns)


def _depthwise(variable: Any) -> Kernel:
    """(k, k, in, multiplier): a channel adds up nothing but itself."""
    *places, inputs, multiplier = variable.shape
    area = math.prod(places)
    return Kernel(variable, inputs, area, multiplier, area, area * multiplier)


def _transposed(variable: Any, strides: tuple[int, ...]) -> Kernel:
    """(k, k, out, in): between an output's inputs lie as many zeros as the strides say."""
    *places, outputs, inputs = variable.shape
    area = math.prod(places)
    fan_in = area * inputs / math.prod(strides)
    return Kernel(variable, 1, area * outputs, inputs, fan_in, area * outputs)


def _layers(layer: Any) -> Iterator[layers.Layer]:
    """Yield the layers that compute, in order, also those of networks within networks."""
    if isinstance(layer, layers.Wrapper):
        yield from _layers(layer.layer)
    elif isinstance(layer, keras.Model):
        for inner in layer.layers:
            yield from _layers(inner)
    else:
        yield layer

"""A network for inference: each convolution and the normalisation after it as one convolution.

At inference batch normalisation is a fixed scale and shift of each channel, so it can be moved
into the convolution before it: `norm(conv(x, k) + b) = conv(x, k s) + (b - mean) s + beta`, with
`s = gamma / sqrt(variance + epsilon)`. The result is equal to rounding, and one pass over the
maps is saved. The folded kernel is computed from the original weights at every call (a few
thousand multiplications), so it is never out of date and no weight exists twice.
"""

from __future__ import annotations

import inspect
from typing import Any

import keras
from keras import ops, tree


class FoldedConv2D(keras.layers.Layer):
    """A convolution with the batch normalisation that follows it; inference only."""

    def __init__(self, conv: keras.layers.Conv2D, norm: keras.layers.BatchNormalization) -> None:
        """Take both layers; their weights are used, not copied."""
        super().__init__(name=conv.name, dtype=conv.dtype_policy)
        self.conv, self.norm = conv, norm

    def call(self, inputs: Any) -> Any:
        """Map (B, H, W, in) to (B, H', W', out)."""
        conv: Any = self.conv  # Keras types its weights as None until they are built
        kernel, shift = _folded(conv, self.norm)
        maps = ops.conv(
            inputs,
            ops.cast(kernel, self.compute_dtype),
            strides=conv.strides,
            padding=conv.padding,
            data_format=conv.data_format,
            dilation_rate=conv.dilation_rate,
        )
        return ops.add(maps, ops.cast(shift, self.compute_dtype))


class _Shared(keras.layers.Layer):
    """Another network's layer, called for inference, with its weights where they are."""

    def __init__(self, layer: keras.layers.Layer) -> None:
        super().__init__(name=layer.name, dtype=layer.dtype_policy)
        self.layer = layer
        self.takes_training = "training" in inspect.signature(layer.call).parameters

    def call(self, inputs: Any) -> Any:
        """Return what the layer returns."""
        return self.layer(inputs, training=False) if self.takes_training else self.layer(inputs)


def fold_normalisation(model: keras.Model) -> keras.Model:
    """Return a network for inference that gives what `model(x, training=False)` gives.

    It shares the weights of `model` and follows them when they change. Without any convolution
    that only a batch normalisation reads, it is `model` itself.

    Args:
        model: A functional network, channels last.
    """
    pairs = _pairs(model)
    if not pairs:
        return model
    folded = {conv.name: FoldedConv2D(conv, norm) for conv, norm in pairs}
    skipped = {norm.name for _, norm in pairs}

    def replace(layer: keras.layers.Layer) -> Any:
        if isinstance(layer, keras.layers.InputLayer):
            return layer.__class__.from_config(layer.get_config())
        if layer.name in skipped:
            return keras.layers.Identity(name=layer.name)
        return folded.get(layer.name) or _Shared(layer)

    def call(layer: keras.layers.Layer, *args: Any, **_: Any) -> Any:
        return layer(*args)  # without the keyword arguments, `mask` and `training`

    clone: keras.Model = keras.models.clone_model(model, clone_function=replace, call_function=call)
    return clone


def fold_into(plain: keras.Model, normalised: keras.Model) -> None:
    """Set the weights of `plain` so that it gives what `normalised` gives at inference.

    Args:
        plain: The same network without batch normalisation, its convolutions with a bias.
        normalised: Convolutions, each with a batch normalisation right after it; dense layers.

    Raises:
        ValueError: A layer of `plain` has no counterpart.
    """
    norms = {conv.name: norm for conv, norm in _pairs(normalised)}
    for layer in plain.layers:
        if not layer.weights:
            continue
        source = normalised.get_layer(layer.name)
        if layer.name in norms:
            kernel, shift = _folded(source, norms[layer.name])
            layer.set_weights([ops.convert_to_numpy(kernel), ops.convert_to_numpy(shift)])
        else:
            layer.set_weights(source.get_weights())


def _folded(conv: Any, norm: Any) -> tuple[Any, Any]:
    """Return kernel (k, k, in, out) and bias (out,) of the convolution that does both."""
    scale = ops.rsqrt(norm.moving_variance + norm.epsilon)
    if norm.scale:
        scale = scale * norm.gamma
    shift = -norm.moving_mean * scale
    if conv.use_bias:
        shift = shift + conv.bias * scale
    if norm.center:
        shift = shift + norm.beta
    return conv.kernel * scale, shift


def _pairs(
    model: keras.Model,
) -> list[tuple[keras.layers.Conv2D, keras.layers.BatchNormalization]]:
    """Return each plain convolution with the one normalisation that reads it."""
    if not any(isinstance(layer, keras.layers.InputLayer) for layer in model.layers):
        return []  # a subclassed network has no graph to look at
    readers: dict[int, list[Any]] = {id(tensor): [None] for tensor in model.outputs}
    for layer in model.layers:
        for tensor in tree.flatten(layer.input):
            readers.setdefault(id(tensor), []).append(layer)
    pairs = []
    for layer in model.layers:
        if type(layer) is not keras.layers.Conv2D or layer.data_format != "channels_last":
            continue
        (reader, *others) = readers.get(id(layer.output), [None])
        plain = layer.activation is keras.activations.linear and not others
        if plain and isinstance(reader, keras.layers.BatchNormalization) and reader.axis in (-1, 3):
            pairs.append((layer, reader))
    return pairs

"""A network for inference: each convolution and the normalisation after it as one convolution.

At inference batch normalisation is a fixed scale and shift of each channel, so it can be moved
into the convolution before it: `norm(conv(x, k) + b) = conv(x, k s) + (b - mean) s + beta`, with
`s = gamma / sqrt(variance + epsilon)`. The result is equal to rounding, and one pass over the
maps is saved. To fold at every call would multiply each weight at every call, a quarter of
ResNet-50's time for one picture; so the folded kernels are computed once, and held a second time.
"""

from __future__ import annotations

import inspect
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import keras
from keras import ops, tree


class _Shared(keras.layers.Layer):
    """Another network's layer, called for inference, with its weights where they are."""

    def __init__(self, layer: keras.layers.Layer) -> None:
        super().__init__(name=layer.name, dtype=layer.dtype_policy)
        self.layer = layer
        takes_training = "training" in inspect.signature(layer.call).parameters
        self.fixed = {"training": False} if takes_training else {}

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the layer returns."""
        return self.layer(*args, **kwargs, **self.fixed)


def fold_normalisation(model: keras.Model) -> keras.Model:
    """Return a network for inference that gives what `model(x, training=False)` gives now.

    Its folded convolutions have weights of their own, computed from those of `model` as they are
    now; after they changed, `fold_into` does it again. All other weights are `model`'s. Without
    any convolution that only a batch normalisation reads, it is `model` itself.

    Args:
        model: A functional network, channels last.
    """
    pairs = _pairs(model)
    if not pairs:
        return model
    folded = {conv.name for conv, _ in pairs}
    skipped = {norm.name for _, norm in pairs}

    def replace(operation: Any) -> Any:
        if operation.name in skipped:
            return keras.layers.Identity(name=operation.name)
        if operation.name in folded:
            return _with_bias(operation)
        return _Shared(operation) if isinstance(operation, keras.layers.Layer) else operation

    clone: keras.Model = _clone(model, replace, lambda copy, *args, **kwargs: copy(*args, **kwargs))
    fold_into(clone, model)
    return clone


def fold_into(plain: keras.Model, normalised: keras.Model) -> None:
    """Set the weights of `plain` so that it gives what `normalised` gives at inference.

    Args:
        plain: The same network without batch normalisation, its convolutions with a bias; or
            what `fold_normalisation` returned for `normalised`.
        normalised: Convolutions, each with a batch normalisation right after it; dense layers.

    Raises:
        ValueError: A layer of `plain` has no counterpart.
    """
    norms = {conv.name: norm for conv, norm in _pairs(normalised)}
    for layer in plain.layers:
        if not layer.weights or isinstance(layer, _Shared):
            continue
        source = normalised.get_layer(layer.name)
        if layer.name in norms:
            kernel, shift = _folded(source, norms[layer.name])
            layer.set_weights([ops.convert_to_numpy(kernel), ops.convert_to_numpy(shift)])
        else:
            layer.set_weights(source.get_weights())


def _with_bias(conv: keras.layers.Layer) -> keras.layers.Layer:
    """Return a copy with a bias, and without random values, which nobody would see."""
    zeros = {"kernel_initializer": "zeros", "bias_initializer": "zeros"}
    config = {**conv.get_config(), **zeros, "use_bias": True}
    copy: keras.layers.Layer = conv.__class__.from_config(config)
    return copy


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
    calls: Counter[str] = Counter()
    makers: dict[int, Any] = {}  # by the tensor's id
    readers: defaultdict[int, list[Any]] = defaultdict(list)

    def note(copy: _StandIn, *args: Any, **kwargs: Any) -> Any:
        outputs = copy(*args, **kwargs)
        calls[copy.name] += 1
        for tensor in tree.flatten((args, kwargs)):
            readers[id(tensor)].append(copy.original)
        makers.update((id(tensor), copy.original) for tensor in tree.flatten(outputs))
        return outputs

    clone = _clone(model, _StandIn, note)
    for tensor in clone.outputs:
        readers[id(tensor)].append(None)
    pairs = [
        (conv, readers[tensor][0])
        for tensor, conv in makers.items()
        if _foldable(conv) and len(readers[tensor]) == 1 and _normalises(readers[tensor][0])
    ]
    # A layer that is called at two places is one thing here and another there.
    return [(conv, norm) for conv, norm in pairs if calls[conv.name] == calls[norm.name] == 1]


def _foldable(layer: Any) -> bool:
    """Whether it is a plain convolution without an activation, channels last."""
    return (
        type(layer) is keras.layers.Conv2D
        and layer.data_format == "channels_last"
        and layer.activation is keras.activations.linear
    )


def _normalises(layer: Any) -> bool:
    """Whether it is a batch normalisation of the channels."""
    return isinstance(layer, keras.layers.BatchNormalization) and layer.axis in (-1, 3)


class _StandIn(keras.Operation):
    """Another network's layer, of which it knows the shapes only."""

    def __init__(self, original: Any) -> None:
        super().__init__(name=original.name)
        self.original = original

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return the spec of what the layer would give."""
        return self.original.compute_output_spec(*args, **kwargs)


def _clone(model: keras.Model, replace: Callable[[Any], Any], call: Callable[..., Any]) -> Any:
    """Return the graph of `model` with each layer replaced, and called by `call`."""

    def replaced(operation: Any) -> Any:
        if isinstance(operation, keras.layers.InputLayer):
            return operation.__class__.from_config(operation.get_config())
        return replace(operation)

    def called(copy: Any, *args: Any, **kwargs: Any) -> Any:
        for name in ("mask", "training"):  # they belong to the original's calls
            kwargs.pop(name, None)
        return call(copy, *args, **kwargs)

    return keras.models.clone_model(model, clone_function=replaced, call_function=called)

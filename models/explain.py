"""A network's cost laid open: shapes, activations, parameters and multiply-adds, layer by layer.

    print(explain("vgg16"))

Counted as the papers and textbooks count; `models.costs` tells which multiply-adds. Memory is that
of the values alone. A framework adds its workspace, and saves where it fuses layers or works in
place.

- All activations: the outputs of all layers together, the image among them. A layer that only looks
  at its input in another way (`Flatten`) adds none, nor does one that writes over it: a ReLU or a
  dropout, when nobody else reads its input.
- Live activations: the most that must be in memory at one moment, when the network runs layer after
  layer and drops a tensor once its last reader has run.
- Training: weights + gradients + the optimiser's slots + all activations, which the backward pass
  reads.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from operator import itemgetter
from typing import Any

import keras
from keras import layers

from models.calls import Call, Record, edited, record, without_values
from models.catalog import create_model, model_info
from models.costs import Reach, multiply_adds, reach_of, window_of
from models.explanation import Cost, Explanation

ADAM_SLOTS = 2  # running means of the gradient and of its square; momentum alone has one
# What comes out of these is what went in.
_VIEWS = (layers.Flatten, layers.Reshape, layers.Identity)
# These can write over what they read: what the backward pass needs follows from their output.
_IN_PLACE = (
    *(layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Softmax),
    *(layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D),
)
_NEEDS_INPUT = {"gelu", "silu", "mish"}  # fall and rise: two inputs have the same output


def explain(
    model: str | keras.Model,
    *,
    input_shape: Sequence[int] | None = None,
    batch: int = 1,
    dtype: str = "float32",
    optimizer_slots: int = ADAM_SLOTS,
    edits: Mapping[str, Mapping[str, Any]] | None = None,
    **options: Any,
) -> Explanation:
    """Return what each layer of a network costs; nothing is computed and no weight is made.

    Args:
        model: A name of the catalog, or a functional or sequential network of Keras.
        input_shape: (H, W, C) of the image; the network's own when None.
        batch: Images at a time. Memory is theirs; values and multiply-adds are those of one.
        dtype: Of activations and weights, or a policy such as "mixed_float16".
        optimizer_slots: Values that the optimiser keeps for each trainable parameter.
        edits: What if: other arguments for layers, by their names, such as
            `{"conv1": {"strides": 2, "filters": 32}}`. The rest of the network follows.
        **options: What `create_model` takes besides, for a name.

    Raises:
        ValueError: An unknown name, a network without a graph, or a size or an edit that it cannot
            take.
        TypeError: An option that the network does not have, or for one that is built already.
    """
    if batch < 1 or optimizer_slots < 0:
        rule = "batch must be at least 1 and optimizer_slots at least 0"
        raise ValueError(f"{rule}; got {batch} and {optimizer_slots}")
    if options and not isinstance(model, str):
        raise TypeError(f"{', '.join(options)}: options are for networks given by name")
    name = model if isinstance(model, str) else model.name
    shape: Any = None if input_shape is None else tuple(input_shape)

    def read() -> Record:
        network, wanted = model, shape
        if isinstance(network, str):
            size = shape or model_info(network).spec.input_shape
            network = create_model(network, input_shape=size, **options)
            if len(network.inputs) > 1:  # such as a mask: all have their sizes by now
                wanted = None
        return record(edited(network, edits) if edits else network, wanted)

    graph = without_values(read)
    policy = keras.DTypePolicy(dtype)
    value_bytes = batch * _bytes(policy.compute_dtype)
    stored = _stored(graph)
    rows = tuple(_rows(graph, stored, value_bytes))
    most, at = _most_live(graph, stored)
    return Explanation(
        name=name,
        input_shape=_sizes(graph.calls[0].output_shapes[0]),
        batch=batch,
        dtype=dtype,
        rows=rows,
        live_activation_bytes=most * value_bytes,
        live_most_at=at,
        uncounted=tuple(row.name for row in rows if row.multiply_adds is None),
        bytes_a_parameter=_bytes(policy.variable_dtype),
        optimizer_slots=optimizer_slots,
    )


def _bytes(dtype: str) -> int:
    """Return the bytes of one value; the bits stand in the dtype's name."""
    bits = "".join(filter(str.isdigit, dtype.partition("_")[0]))  # of float8_e4m3fn the 8
    return int(bits) // 8


def _sizes(shape: Sequence[int | None]) -> tuple[int, ...]:
    """Return a shape without its batch axis.

    Raises:
        ValueError: An axis is not known.
    """
    sizes = tuple(n for n in shape[1:] if n is not None)
    if len(sizes) < len(shape) - 1:
        raise ValueError(f"every layer must have a known size; got {tuple(shape)}")
    return sizes


def _stored(graph: Record) -> dict[int, int]:
    """Return, for each tensor, the one in whose memory it lies: itself or an earlier one."""
    readers = Counter(number for call in graph.calls for number in call.inputs)
    readers.update(graph.outputs)
    stored: dict[int, int] = {}
    for call in graph.calls:
        layer: Any = call.operation
        alone = len(call.inputs) == 1 and readers[call.inputs[0]] == 1
        function = getattr(getattr(layer, "activation", None), "__name__", "")
        over = isinstance(layer, _IN_PLACE) and alone and function not in _NEEDS_INPUT
        for number in call.outputs:
            same = over or isinstance(layer, _VIEWS)
            stored[number] = stored[call.inputs[0]] if same else number
    return stored


def _rows(graph: Record, stored: Mapping[int, int], value_bytes: int) -> Iterator[Cost]:
    """Yield a row a call; `value_bytes` is the memory of one value, for the whole batch."""
    counted: set[int] = set()  # variables; a layer may be called twice
    reaches: dict[int, Reach | None] = {}  # by the tensor's number
    for call in graph.calls:
        reach = reach_of(call, [reaches[number] for number in call.inputs])
        reaches |= dict.fromkeys(call.outputs, reach)
        new = [w for w in getattr(call.operation, "weights", ()) if id(w) not in counted]
        counted |= {id(weight) for weight in new}
        trained = {id(weight) for weight in getattr(call.operation, "trainable_weights", ())}
        sizes = Counter({True: 0, False: 0})
        for weight in new:
            sizes[id(weight) in trained] += math.prod(weight.shape)
        values = sum(size for number, size in _values(call).items() if stored[number] == number)
        yield Cost(
            name=call.name,
            kind=type(call.operation).__name__,
            **asdict(window_of(call)),
            input_shape=_sizes((*call.input_shapes, *call.output_shapes)[0]),
            output_shape=_sizes(call.output_shapes[0]),
            activations=values,
            activation_bytes=values * value_bytes,
            trainable=sizes[True],
            non_trainable=sizes[False],
            multiply_adds=multiply_adds(call),
            receptive_field=reach.field if reach else None,
        )


def _values(call: Call) -> dict[int, int]:
    """Return the number of values of each output."""
    shapes = zip(call.outputs, call.output_shapes, strict=True)
    return {number: math.prod(_sizes(shape)) for number, shape in shapes}


def _most_live(graph: Record, stored: Mapping[int, int]) -> tuple[int, str]:
    """Return the most values that are in memory at once, and the layer that then runs."""
    needed: dict[int, int] = {}  # the last moment at which each stored tensor is
    for moment, call in enumerate(graph.calls):
        needed |= {stored[number]: moment for number in (*call.inputs, *call.outputs)}
    needed |= {stored[number]: len(graph.calls) for number in graph.outputs}
    live: dict[int, int] = {}
    most = (0, "")
    for moment, call in enumerate(graph.calls):
        live |= {n: size for n, size in _values(call).items() if stored[n] == n}
        most = max(most, (sum(live.values()), call.name), key=itemgetter(0))
        live = {number: size for number, size in live.items() if needed[number] > moment}
    return most

"""NASNet-A: two cells found by a search on CIFAR-10, stacked.

Zoph, Vasudevan, Shlens, Le: Learning transferable architectures for scalable image recognition,
2017 (arXiv:1707.07012). `NORMAL` and `REDUCTION` are figure 4, the order of cells is figure 2.
"N @ P" is the paper's name for N normal cells a stage and P maps before the classifier.

What the paper leaves open follows the authors' code: the cell's inputs are brought to its width by
ReLU, 1 x 1 convolution and normalisation; an earlier output of twice the size is halved without
loss of pixels (`_halved`); pair 2 of the reduction cell is joined although pair 4 reads it; the
large net passes over the reduction's input (`skip_reduction`); dropout before the classifier of
ImageNet's nets; drop-path grows with depth. The paper's ScheduledDropPath grows over the training
steps as well: that is the trainer's matter, see `models.layers.drop_path`.

Two departures, both from keras.applications, whose weights these nets take: pooling with stride 2
reads zeros beyond the border, and the authors' SAME padding would leave them out; the two halves
of `_halved` are strided convolutions, which equals pooling over one pixel first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
from keras import layers

from models.layers.drop_path import DropPath, rates_by_depth
from models.layers.heads import Pooling, logits, pool
from models.spec import ClassifierSpec, Shape

Norm = Callable[..., Any]  # a batch normalisation; takes the layer's name
Operation = Callable[..., Any]  # maps, width, stride, name, norm -> maps
Path = tuple[Operation, str]  # what is done, and to which state of the cell


def _he() -> keras.initializers.Initializer:
    return keras.initializers.VarianceScaling(2.0, "fan_out", "truncated_normal")


_relu = partial(layers.Activation, "relu")


def _conv(x: Any, width: int, kernel: int | tuple[int, int], name: str, **options: Any) -> Any:
    return layers.Conv2D(
        width, kernel, use_bias=False, kernel_initializer=_he(), name=name, **options
    )(x)


def _projected(x: Any, width: int, name: str, norm: Norm) -> Any:
    return norm(name=f"{name}_norm")(_conv(x, width, 1, f"{name}_conv"))


def _halved(x: Any, width: int, name: str, norm: Norm) -> Any:
    """Halve H and W: half of the maps from the even pixels, half from the odd ones."""
    even = _conv(x, width // 2, 1, f"{name}_conv1", strides=2)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_pad")(x)
    x = layers.Cropping2D(((1, 0), (1, 0)), name=f"{name}_shift")(x)
    odd = _conv(x, width // 2, 1, f"{name}_conv2", strides=2)
    x = layers.Concatenate(name=f"{name}_join")([even, odd])
    return norm(name=f"{name}_norm")(x)


def _separable(kernel: int, x: Any, width: int, stride: int, name: str, norm: Norm) -> Any:
    """ReLU, separable convolution and normalisation, twice; the first takes the stride."""
    for number, strides in enumerate((stride, 1), start=1):
        x = _relu(name=f"{name}_relu{number}")(x)
        x = layers.SeparableConv2D(
            width,
            kernel,
            strides=strides,
            padding="same",
            use_bias=False,
            depthwise_initializer=_he(),
            pointwise_initializer=_he(),
            name=f"{name}_conv{number}",
        )(x)
        x = norm(name=f"{name}_norm{number}")(x)
    return x


def _pooled(kind: Any, x: Any, width: int, stride: int, name: str, norm: Norm) -> Any:
    """Pool 3 x 3; with stride 2, zeros beyond the border count."""
    if stride == 1:
        x = kind(3, strides=1, padding="same", name=f"{name}_pool")(x)
    else:
        # A window is to end one pixel beyond the last, so it begins on the first pixel of an even
        # size and one before that of an odd size. "same" does so for every size: two zeros on each
        # side keep odd and even, and the outer windows, which alone leave them, are cut off.
        x = layers.ZeroPadding2D(2, name=f"{name}_pad")(x)
        x = kind(3, strides=stride, padding="same", name=f"{name}_pool")(x)
        x = layers.Cropping2D(1, name=f"{name}_crop")(x)
    return x if x.shape[-1] == width else _projected(x, width, name, norm)


def _identity(x: Any, width: int, stride: int, name: str, norm: Norm) -> Any:
    assert stride == 1, "no cell of the paper halves by the identity"
    if x.shape[-1] == width:
        return x
    return _projected(_relu(name=f"{name}_relu")(x), width, name, norm)


separable3, separable5, separable7 = (partial(_separable, kernel) for kernel in (3, 5, 7))
average3 = partial(_pooled, layers.AveragePooling2D)
maximum3 = partial(_pooled, layers.MaxPooling2D)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell: pairs of paths that are added, then joined.

    A path reads the cell's own input (`current`), the input of the cell before (`previous`) or an
    earlier pair. The inputs are read with `stride`.
    """

    stride: int
    pairs: tuple[tuple[Path, Path], ...]
    joins: tuple[str, ...]


NORMAL = Cell(
    stride=1,
    pairs=(
        ((separable5, "current"), (separable3, "previous")),
        ((separable5, "previous"), (separable3, "previous")),
        ((average3, "current"), (_identity, "previous")),
        ((average3, "previous"), (average3, "previous")),
        ((separable3, "current"), (_identity, "current")),
    ),
    joins=("previous", "pair1", "pair2", "pair3", "pair4", "pair5"),
)

REDUCTION = Cell(
    stride=2,
    pairs=(
        ((separable5, "current"), (separable7, "previous")),
        ((maximum3, "current"), (separable7, "previous")),
        ((average3, "current"), (separable5, "previous")),
        ((average3, "pair1"), (_identity, "pair2")),
        ((separable3, "pair1"), (maximum3, "current")),
    ),
    joins=("pair2", "pair3", "pair4", "pair5"),
)


@dataclass(frozen=True, kw_only=True)
class NASNetSpec(ClassifierSpec):
    """A NASNet-A: `cells` @ `penultimate`.

    `stem_width` maps leave the first convolution. `stem_reductions` cells follow it at once;
    without them it keeps the image's size. `skip_reduction` gives the cell after a reduction the
    input of the one before it. `momentum` and `epsilon` are the batch normalisation's.
    """

    cells: int
    penultimate: int
    stem_width: int
    stem_reductions: int = 2
    skip_reduction: bool = False
    dropout: float = 0.5
    momentum: float = 0.9997
    epsilon: float = 1e-3
    paper: str = "arXiv:1707.07012"
    input_shape: tuple[int, int, int] = (224, 224, 3)
    classes: int = 1000
    smallest_px: int = 3  # the stem's convolution pads nothing


_CIFAR: dict[str, Any] = {
    "stem_reductions": 0,
    "dropout": 0.0,
    "momentum": 0.9,
    "epsilon": 1e-5,
    "input_shape": (32, 32, 3),
    "classes": 10,
    "smallest_px": 1,
}

SPECS = {
    "nasnet_mobile": NASNetSpec(
        title="NASNet-A (4 @ 1056) for mobile devices",
        cells=4,
        penultimate=1056,
        stem_width=32,
        params=5_289_978,
    ),
    "nasnet_large": NASNetSpec(
        title="NASNet-A (6 @ 4032), the large one",
        cells=6,
        penultimate=4032,
        stem_width=96,
        skip_reduction=True,
        input_shape=(331, 331, 3),
        params=88_753_150,
    ),
    "nasnet_cifar": NASNetSpec(
        title="NASNet-A (6 @ 768) for CIFAR-10",
        cells=6,
        penultimate=768,
        stem_width=96,
        params=3_346_538,
        **_CIFAR,
    ),
    "nasnet_micro": NASNetSpec(
        title="NASNet-A (1 @ 48) for fast tests",
        cells=1,
        penultimate=48,
        stem_width=6,
        params=10_072,
        **_CIFAR,
    ),
}


def feature_names(spec: NASNetSpec) -> tuple[str, ...]:
    """Return the last cell of each stage."""
    return tuple(f"stage{stage}_cell{spec.cells}" for stage in (1, 2, 3))


def build(
    spec: NASNetSpec,
    *,
    input_shape: Shape,
    classes: int,
    include_top: bool = True,
    pooling: Pooling = None,
    drop_path: float = 0.0,
    auxiliary: bool = False,
) -> keras.Model:
    """Return the network of `spec`: image (B, *input_shape) to logits (B, classes), float32.

    In training, `drop_path` is the rate at which the last cell's paths are dropped; the rate grows
    linearly from the first cell on. With `auxiliary`, the outputs are a dictionary of logits:
    `logits`, and `auxiliary1` of a second head after stage 2.

    Raises:
        ValueError: An auxiliary head without a top, or on maps that it cannot read; a rate of which
            nothing is left.
    """
    if auxiliary and not include_top:
        raise ValueError("auxiliary=True needs include_top=True: without a top there are no logits")
    norm = partial(layers.BatchNormalization, momentum=spec.momentum, epsilon=spec.epsilon)
    image = keras.Input(input_shape, name="image")
    outputs = _stacked(spec, image, drop_path, norm)
    last = feature_names(spec)[-1]
    x = _relu(name="last_relu")(outputs[last])  # (B, H/32, W/32, penultimate); for CIFAR H/4, W/4
    if not include_top:
        return keras.Model(image, pool(x, pooling))
    x = pool(x, "avg")
    if spec.dropout:
        x = layers.Dropout(spec.dropout, name="dropout")(x)
    top = logits(x, classes, kernel_initializer=_he())
    if not auxiliary:
        return keras.Model(image, top)
    middle = outputs[feature_names(spec)[1]]
    return keras.Model(image, {"logits": top, "auxiliary1": _auxiliary_head(middle, classes, norm)})


def _plan(spec: NASNetSpec) -> Iterator[tuple[str, Cell, int]]:
    """Yield figure 2 from the image on: each cell's name, kind and width."""
    width = spec.penultimate // 24  # six states are joined, and two reductions double the width
    for number in range(1, spec.stem_reductions + 1):
        yield f"stem_reduction{number}", REDUCTION, width >> (spec.stem_reductions + 1 - number)
    for stage in (1, 2, 3):
        if stage > 1:
            width *= 2
            yield f"stage{stage}_reduction", REDUCTION, width
        for number in range(1, spec.cells + 1):
            yield f"stage{stage}_cell{number}", NORMAL, width


def _stacked(spec: NASNetSpec, image: Any, drop_path: float, norm: Norm) -> dict[str, Any]:
    """Return every cell's output by its name."""
    if spec.stem_reductions:
        x = _conv(image, spec.stem_width, 3, "stem_conv", strides=2)  # (B, H/2, W/2, stem_width)
    else:
        x = _conv(image, spec.stem_width, 3, "stem_conv", padding="same")  # (B, H, W, stem_width)
    current, previous = norm(name="stem_norm")(x), None
    plan = tuple(_plan(spec))
    rates = rates_by_depth(drop_path, len(plan))
    outputs: dict[str, Any] = {}
    before = NORMAL
    for (name, cell, width), rate in zip(plan, rates, strict=True):
        fitted = _fitted(previous, current, width, f"{name}_previous", norm, before.stride)
        outputs[name] = _cell(cell, current, fitted, width, name, norm, rate)
        skipped = spec.skip_reduction and cell is REDUCTION and name.startswith("stage")
        current, previous = outputs[name], previous if skipped else current
        before = cell
    return outputs


def _fitted(
    previous: Any, current: Any, width: int, name: str, norm: Norm, stride_before: int
) -> Any:
    """Bring the input of the cell before to this cell's size and width.

    Sizes differ after a reduction and only there, whatever the image's size. The first cell has
    none before it and reads its own input twice.
    """
    if previous is None:
        return current
    if stride_before > 1:
        return _halved(_relu(name=f"{name}_relu")(previous), width, name, norm)
    return _identity(previous, width, 1, name, norm)


def _cell(
    cell: Cell, current: Any, previous: Any, width: int, name: str, norm: Norm, rate: float
) -> Any:
    """Figure 4: (B, H, W, C) to (B, H / stride, W / stride, joins x width)."""
    squeezed = _relu(name=f"{name}_current_relu")(current)
    states = {
        "current": _projected(squeezed, width, f"{name}_current", norm),
        "previous": previous,
    }
    for number, pair in enumerate(cell.pairs, start=1):
        added = []
        for side, (operation, state) in zip(("left", "right"), pair, strict=True):
            path = f"{name}_pair{number}_{side}"
            stride = 1 if state.startswith("pair") else cell.stride
            x = operation(states[state], width, stride, path, norm)
            if rate and operation is not _identity:
                x = DropPath(rate, name=f"{path}_drop")(x)
            added.append(x)
        states[f"pair{number}"] = layers.Add(name=f"{name}_pair{number}")(added)
    joined = [
        x if x.shape[-1] == width else _projected(x, width, f"{name}_joined", norm)
        for x in (states[state] for state in cell.joins)
    ]
    return layers.Concatenate(name=name)(joined)


def _auxiliary_head(x: Any, classes: int, norm: Norm) -> Any:
    """Classify the maps of stage 2, so that training reaches the cells below from near by."""
    sides = tuple(x.shape[1:3])
    if None in sides:
        raise ValueError(
            "the auxiliary head has one weight a place and needs a fixed input_shape; got an image "
            "of any size; give height and width, or pass auxiliary=False"
        )
    if min(sides) < 5:
        raise ValueError(
            f"the auxiliary head reads maps of 5 x 5 or more; stage 2 gives {sides[0]} x {sides[1]}"
            "; take a larger input_shape, or pass auxiliary=False"
        )
    x = _relu(name="auxiliary1_relu1")(x)
    x = layers.AveragePooling2D(5, strides=3, name="auxiliary1_pool")(x)
    x = norm(name="auxiliary1_norm1")(_conv(x, 128, 1, "auxiliary1_conv1"))
    x = _relu(name="auxiliary1_relu2")(x)
    x = norm(name="auxiliary1_norm2")(_conv(x, 768, tuple(x.shape[1:3]), "auxiliary1_conv2"))
    x = _relu(name="auxiliary1_relu3")(x)  # (B, 1, 1, 768)
    dense = layers.Dense(classes, kernel_initializer=_he(), dtype="float32", name="auxiliary1")
    return dense(layers.Flatten(name="auxiliary1_flatten")(x))

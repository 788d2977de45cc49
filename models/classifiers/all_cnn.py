"""All-CNN: pooling replaced by convolutions of stride 2, and the nets that it is compared with.

Springenberg, Dosovitskiy, Brox, Riedmiller: Striving for Simplicity: The All Convolutional Net,
arXiv:1412.6806, tables 1 and 2. Three base nets A, B, C; of each four forms:

    base          maximum pooling 3 x 3, stride 2
    strided       no pooling; the convolution before it takes its stride
    convpool      no striding; one more convolution before each pooling
    all_cnn       no pooling; a 3 x 3 convolution of stride 2 in its place

The 3 x 3 convolution after the second pooling is not padded: the average is then over the paper's
6 x 6 places. The paper's regularisation is dropout, 20 % of the inputs and 50 % after each pooling
or what replaces it: `dropout=True`. The paper has no batch normalisation; `all_cnn_c_bn` has it
after each convolution, to train in fewer steps, and `models.folding.fold_into` turns it into
`all_cnn_c` exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import keras
from keras import layers

from models.layers.heads import Pooling, pool
from models.spec import ClassifierSpec, Shape

Form = Literal["base", "strided", "convpool", "all_cnn"]
Stage = tuple[tuple[int, int], ...]  # (maps, kernel) of each convolution before a pooling

# Table 1, up to the first and the second pooling.
BASES: dict[str, tuple[Stage, Stage]] = {
    "a": (((96, 5),), ((192, 5),)),
    "b": (((96, 5), (96, 1)), ((192, 5), (192, 1))),
    "c": (((96, 3), (96, 3)), ((192, 3), (192, 3))),
}


@dataclass(frozen=True, kw_only=True)
class AllCNNSpec(ClassifierSpec):
    """One of the paper's twelve nets.

    Attributes:
        stages: (maps, kernel) of the convolutions before each pooling.
        last: Maps of the 3 x 3 and the first 1 x 1 convolution after the second pooling.
        form: What pools.
        normalised: Whether each convolution is followed by batch normalisation.
    """

    stages: tuple[Stage, ...]
    last: int = 192
    form: Form
    normalised: bool = False
    paper: str = "arXiv:1412.6806"
    input_shape: tuple[int, int, int] = (32, 32, 3)
    classes: int = 10
    smallest_px: int = 9


def _row(base: str, form: Form, title: str, params: int) -> AllCNNSpec:
    return AllCNNSpec(title=title, stages=BASES[base], form=form, params=params)


SPECS = {
    "all_cnn_a_base": _row("a", "base", "All-CNN's base net A: 5 x 5, maximum pooling", 839_242),
    "all_cnn_a_strided": _row("a", "strided", "Strided-CNN-A: the convolutions stride", 839_242),
    "all_cnn_a_convpool": _row(
        "a", "convpool", "ConvPool-CNN-A: one more before a pooling", 1_254_250
    ),
    "all_cnn_a": _row("a", "all_cnn", "All-CNN-A: convolutions of stride 2 for pooling", 1_254_250),
    "all_cnn_b_base": _row("b", "base", "All-CNN's base net B: 5 x 5 and 1 x 1", 885_610),
    "all_cnn_b_strided": _row("b", "strided", "Strided-CNN-B: the convolutions stride", 885_610),
    "all_cnn_b_convpool": _row(
        "b", "convpool", "ConvPool-CNN-B: one more before a pooling", 1_300_618
    ),
    "all_cnn_b": _row("b", "all_cnn", "All-CNN-B: convolutions of stride 2 for pooling", 1_300_618),
    "all_cnn_c_base": _row("c", "base", "All-CNN's base net C: 3 x 3, maximum pooling", 954_730),
    "all_cnn_c_strided": _row("c", "strided", "Strided-CNN-C: the convolutions stride", 954_730),
    "all_cnn_c_convpool": _row(
        "c", "convpool", "ConvPool-CNN-C: one more before a pooling", 1_369_738
    ),
    "all_cnn_c": _row("c", "all_cnn", "All-CNN-C: convolutions of stride 2 for pooling", 1_369_738),
    "all_cnn_micro": AllCNNSpec(
        title="all_cnn_c made tiny, for fast tests",
        stages=(((8, 3), (8, 3)), ((12, 3), (12, 3))),
        last=12,
        form="all_cnn",
        params=6_478,
    ),
}
SPECS["all_cnn_c_bn"] = replace(
    SPECS["all_cnn_c"],
    title="All-CNN-C with batch normalisation, to train in fewer steps",
    normalised=True,
    params=1_370_996,
)
SPECS["all_cnn_micro_bn"] = replace(
    SPECS["all_cnn_micro"],
    title="all_cnn_c_bn made tiny, for fast tests",
    normalised=True,
    params=6_572,
)


def feature_names(spec: AllCNNSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    pooled = "pool" if spec.form in ("base", "convpool") else "relu"
    ends = tuple(
        f"stage{n}_{pooled}" if pooled == "pool" else f"stage{n}_{pooled}{_depth(spec, n)}"
        for n in range(1, len(spec.stages) + 1)
    )
    return (*ends, "last_relu1")


def _depth(spec: AllCNNSpec, stage: int) -> int:
    """Return how many convolutions a stage has, counted from 1."""
    return len(spec.stages[stage - 1]) + (spec.form in ("convpool", "all_cnn"))


def build(
    spec: AllCNNSpec,
    *,
    input_shape: Shape,
    classes: int,
    include_top: bool = True,
    pooling: Pooling = None,
    dropout: bool = False,
) -> keras.Model:
    """Return the network of `spec`: image (B, *input_shape) to logits (B, classes), float32.

    Args:
        spec: Which.
        input_shape: (H, W, C); any H and W.
        classes: Maps of the last 1 x 1 convolution, whose averages are the logits.
        include_top: False ends before that convolution.
        pooling: What is then done with the maps.
        dropout: Whether to drop 20 % of the inputs and 50 % after each stage, as in the paper.
    """
    image = keras.Input(input_shape, name="image")
    x = layers.Dropout(0.2, name="input_drop")(image) if dropout else image
    for number, stage in enumerate(spec.stages, start=1):
        maps = stage[-1][0]
        for place, (width, kernel) in enumerate(stage, start=1):
            strides = 2 if spec.form == "strided" and place == len(stage) else 1
            x = _conv(spec, x, width, kernel, strides, f"stage{number}", place)
        if spec.form == "all_cnn":  # (B, H/2^n, W/2^n, maps)
            x = _conv(spec, x, maps, 3, 2, f"stage{number}", len(stage) + 1)
        if spec.form == "convpool":
            x = _conv(spec, x, maps, 3, 1, f"stage{number}", len(stage) + 1)
        if spec.form in ("base", "convpool"):
            x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"stage{number}_pool")(x)
        if dropout:
            x = layers.Dropout(0.5, name=f"stage{number}_drop")(x)
    x = _conv(spec, x, spec.last, 3, 1, "last", 1, "valid")  # (B, H/4-2, W/4-2, 192)
    x = _conv(spec, x, spec.last, 1, 1, "last", 2)
    if not include_top:
        return keras.Model(image, pool(x, pooling))
    x = _conv(spec, x, classes, 1, 1, "last", 3)  # (B, H/4-2, W/4-2, classes)
    x = pool(x, "avg")
    return keras.Model(image, layers.Activation("linear", dtype="float32", name="logits")(x))


def _conv(
    spec: AllCNNSpec,
    x: Any,
    maps: int,
    kernel: int,
    strides: int,
    stage: str,
    place: int,
    padding: str = "same",
) -> Any:
    """Return relu(conv(x)), normalised between the two where `spec` says so."""
    x = layers.Conv2D(
        maps,
        kernel,
        strides=strides,
        padding=padding,
        use_bias=not spec.normalised,
        kernel_initializer="he_normal",
        name=f"{stage}_conv{place}",
    )(x)
    if spec.normalised:
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{stage}_norm{place}")(x)
    return layers.Activation("relu", name=f"{stage}_relu{place}")(x)

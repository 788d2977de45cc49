"""GoogLeNet: nine inception blocks, the network that won ImageNet in 2014.

Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich: Going deeper with
convolutions (arXiv:1409.4842), table 1 and figure 3. `googlenet` has local response normalisation
after the first pooling and before the second; the paper names no constants, so they are AlexNet's.
`googlenet_bn` has batch normalisation after every convolution instead (arXiv:1502.03167), and no
biases there. It is not torchvision's, whose "5 x 5" kernels are 3 x 3 and whose last pooling is
2 x 2 (6,624,904 parameters).

Table 1 rounds sizes up: 3 x 3 pooling with stride 2 also reads a last window that half leaves the
image (`ceil_mode` in PyTorch, Caffe's rule), so 112 becomes 56. We add one row and one column of
zeros after the image, and leave over what does not fill a stride. Zeros change no maximum, because
the maps before each pooling are rectified. "Same" padding would differ where the size is odd.

Table 1's parameters do not all follow from its sizes. In units of 1,024 weights without biases,
112K (conv2), 159K (3a) and 1000K (linear) are exact; 3b (380K printed, 379.0) and 4b (437K, 438.0)
are off by one; 4a (364K, 366.8), 4d (580K, 590.5), 4e (840K, 847.0) and 5b (1388K, 1409.0) by one
or two percent; 4c (463K, 497.5) and 5a (1072K, 1018.0) by more; the first convolution (2.7K) has
9,408 weights. The sizes are right: all networks in use have them.

Initial weights are He's normal ones, the paper being silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import keras
from keras import layers

from models.layers.heads import Pooling, logits, pool
from models.layers.local_response import LocalResponseNormalization
from models.spec import ClassifierSpec, Shape


class Inception(NamedTuple):
    """One block of table 1: the width of each of its convolutions."""

    conv1x1: int
    reduce3x3: int
    conv3x3: int
    reduce5x5: int
    conv5x5: int
    pool_proj: int


# Table 1; the first line is 3a. The comment is the depth of the output.
STAGE_3 = (
    Inception(64, 96, 128, 16, 32, 32),  # 256
    Inception(128, 128, 192, 32, 96, 64),  # 480
)
STAGE_4 = (
    Inception(192, 96, 208, 16, 48, 64),  # 512
    Inception(160, 112, 224, 24, 64, 64),  # 512
    Inception(128, 128, 256, 24, 64, 64),  # 512
    Inception(112, 144, 288, 32, 64, 64),  # 528
    Inception(256, 160, 320, 32, 128, 128),  # 832
)
STAGE_5 = (
    Inception(256, 160, 320, 32, 128, 128),  # 832
    Inception(384, 192, 384, 48, 128, 128),  # 1024
)
AUXILIARY_AFTER = {"4a": "auxiliary1", "4d": "auxiliary2"}


@dataclass(frozen=True, kw_only=True)
class GoogLeNetSpec(ClassifierSpec):
    """A GoogLeNet.

    Attributes:
        norm: Local response normalisation in the stem, or batch normalisation everywhere.
        stem: Maps of conv1, of conv2's reduction, and of conv2.
        stages: The inception blocks of stages 3, 4 and 5.
        auxiliary: Maps and units of the auxiliary heads' hidden layers.
    """

    norm: Literal["local", "batch"]
    stem: tuple[int, int, int] = (64, 64, 192)
    stages: tuple[tuple[Inception, ...], ...] = (STAGE_3, STAGE_4, STAGE_5)
    auxiliary: tuple[int, int] = (128, 1024)
    paper: str = "arXiv:1409.4842"
    input_shape: tuple[int, int, int] = (224, 224, 3)
    classes: int = 1000
    smallest_px: int = 31


_TINY = Inception(2, 2, 4, 2, 2, 2)

SPECS = {
    "googlenet": GoogLeNetSpec(
        title="GoogLeNet as published: local response normalisation",
        norm="local",
        params=6_998_552,
    ),
    "googlenet_bn": GoogLeNetSpec(
        title="GoogLeNet with batch normalisation",
        norm="batch",
        params=7_005_832,
    ),
    "googlenet_micro": GoogLeNetSpec(
        title="GoogLeNet with batch normalisation, made tiny, for fast tests",
        norm="batch",
        stem=(4, 4, 8),
        stages=((_TINY,), (_TINY,) * 4, (_TINY,)),
        auxiliary=(4, 8),
        input_shape=(32, 32, 3),
        classes=10,
        params=2_698,
    ),
}


def feature_names(spec: GoogLeNetSpec) -> tuple[str, ...]:
    """Return the layers whose outputs `features` gives, from the image on."""
    last = (f"inception_{stage}{'abcde'[len(spec.stages[stage - 3]) - 1]}" for stage in (3, 4, 5))
    return ("conv1_relu", "conv2_relu", *last)


def _conv(spec: GoogLeNetSpec, x: Any, width: int, kernel: int, name: str, **options: Any) -> Any:
    """Convolve, normalise if the network does so everywhere, rectify."""
    batch = spec.norm == "batch"
    x = layers.Conv2D(
        width,
        kernel,
        use_bias=not batch,
        kernel_initializer="he_normal",
        name=name,
        **{"padding": "same", **options},
    )(x)
    if batch:  # epsilon and momentum as in torchvision's
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name=f"{name}_norm")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)


def _pool(x: Any, name: str) -> Any:
    """Halve the size, rounding down; `x` is nowhere below zero (see the module)."""
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name=name)(x)


def _stem(spec: GoogLeNetSpec, image: Any) -> Any:
    first, reduction, second = spec.stem
    x = layers.ZeroPadding2D(3, name="conv1_pad")(image)
    x = _conv(spec, x, first, 7, "conv1", strides=2, padding="valid")  # (B, 112, 112, 64)
    x = _pool(x, "pool1")  # (B, 56, 56, 64)
    if spec.norm == "local":
        x = LocalResponseNormalization(name="lrn1")(x)
    x = _conv(spec, x, reduction, 1, "conv2_reduce")
    x = _conv(spec, x, second, 3, "conv2")  # (B, 56, 56, 192)
    if spec.norm == "local":
        x = LocalResponseNormalization(name="lrn2")(x)
    return _pool(x, "pool2")  # (B, 28, 28, 192)


def _inception(spec: GoogLeNetSpec, x: Any, block: Inception, name: str) -> Any:
    """Figure 2b: four branches side by side, in the order of table 1."""
    conv1x1 = _conv(spec, x, block.conv1x1, 1, f"{name}_1x1")
    conv3x3 = _conv(spec, x, block.reduce3x3, 1, f"{name}_3x3_reduce")
    conv3x3 = _conv(spec, conv3x3, block.conv3x3, 3, f"{name}_3x3")
    conv5x5 = _conv(spec, x, block.reduce5x5, 1, f"{name}_5x5_reduce")
    conv5x5 = _conv(spec, conv5x5, block.conv5x5, 5, f"{name}_5x5")
    pooled = layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_pool")(x)
    pooled = _conv(spec, pooled, block.pool_proj, 1, f"{name}_pool_proj")
    return layers.Concatenate(name=name)([conv1x1, conv3x3, conv5x5, pooled])


def _auxiliary(spec: GoogLeNetSpec, x: Any, classes: int, name: str) -> Any:
    """Section 5: from maps (B, 14, 14, C) to logits; their loss weighs 0.3 of the network's."""
    if any(size is None or size < 5 for size in x.shape[1:3]):
        raise ValueError(
            "auxiliary heads need a fixed input_shape of 79 x 79 pixels or more; "
            f"got maps {tuple(x.shape[1:3])} before them, where 5 x 5 is the least"
        )
    maps, units = spec.auxiliary
    x = layers.AveragePooling2D(5, strides=3, name=f"{name}_pool")(x)  # (B, 4, 4, C)
    x = _conv(spec, x, maps, 1, f"{name}_conv")
    x = layers.Flatten(name=f"{name}_flatten")(x)
    x = layers.Dense(units, kernel_initializer="he_normal", name=f"{name}_fc")(x)
    x = layers.Activation("relu", name=f"{name}_fc_relu")(x)
    x = layers.Dropout(0.7, name=f"{name}_dropout")(x)
    return layers.Dense(classes, name=name, dtype="float32")(x)


def build(
    spec: GoogLeNetSpec,
    *,
    input_shape: Shape,
    classes: int,
    include_top: bool = True,
    pooling: Pooling = None,
    auxiliary: bool = False,
) -> keras.Model:
    """Return the network of `spec`: image (B, *input_shape) to logits (B, classes), float32.

    With `auxiliary`, the outputs are a dictionary of logits: `logits`, `auxiliary1`, `auxiliary2`.

    Raises:
        ValueError: Auxiliary heads without a top, or on maps too small for them.
    """
    if auxiliary and not include_top:
        raise ValueError("auxiliary=True needs include_top=True: auxiliary heads give logits")
    image = keras.Input(input_shape, name="image")
    x = _stem(spec, image)
    outputs = {}
    for stage, blocks in enumerate(spec.stages, start=3):  # 28, 14 and 7 pixels
        if stage > 3:
            x = _pool(x, f"pool{stage - 1}")
        for letter, block in zip("abcde", blocks, strict=False):
            x = _inception(spec, x, block, f"inception_{stage}{letter}")
            head = AUXILIARY_AFTER.get(f"{stage}{letter}")
            if auxiliary and head:
                outputs[head] = _auxiliary(spec, x, classes, head)
    if not include_top:
        return keras.Model(image, pool(x, pooling))  # (B, 7, 7, 1024)
    x = layers.Dropout(0.4, name="dropout")(pool(x, "avg"))
    outputs["logits"] = logits(x, classes)
    return keras.Model(image, outputs if auxiliary else outputs["logits"])

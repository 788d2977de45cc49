"""ResNet: layers that learn what to add to their input, and the plain nets that show why.

He, Zhang, Ren, Sun: Deep residual learning for image recognition, 2015 (arXiv:1512.03385).
`resnet18` to `resnet152` are table 1; the first block of a stage projects its shortcut (type B).
`resnet20` to `resnet110` are section 4.2's nets for CIFAR-10, whose shortcuts have no parameters
(type A). `plain*` are the same nets without shortcuts, for the degradation experiment.

`resnet50` has stride 2 in a bottleneck's first 1 x 1 convolution, as the paper and
keras.applications; `resnet50_v1_5` has it in the 3 x 3, as torchvision's and timm's weights need
(arXiv:1706.02677, section 5.1). Both have the same parameters; weights fit the one they are from.

Two departures, both the reference code's: no convolution has a bias, because batch normalisation
removes it, and padding is symmetrical, so that each layer equals Caffe's and PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
from keras import layers, ops

from models.layers.heads import Pooling, logits, pool
from models.spec import ClassifierSpec, Shape

Stem = Callable[[Any, int], Any]  # image, width -> maps
Body = Callable[[Any, int, int, str], Any]  # maps, width, stride, block's name -> maps
Shortcut = Callable[[Any, int, int, str], Any]  # maps, channels, stride, block's name -> maps


@keras.saving.register_keras_serializable(package="sightsound")
class PaddedIdentity(layers.Layer):
    """The shortcut of type A: every `stride`-th pixel, and zeros in the channels that are new.

    Input (B, H, W, C); output (B, ceil(H / stride), ceil(W / stride), channels); no parameters.
    """

    def __init__(self, channels: int, stride: int, **kwargs: Any) -> None:
        """Take the number of channels to return, at least those of the input."""
        super().__init__(**kwargs)
        self.channels = channels
        self.stride = stride

    def call(self, inputs: Any) -> Any:
        """Return the pixels kept, with channels of zeros behind their own."""
        new = self.channels - inputs.shape[-1]
        kept = inputs[:, :: self.stride, :: self.stride]
        return ops.pad(kept, ((0, 0), (0, 0), (0, 0), (0, new)))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (B, ceil(H / stride), ceil(W / stride), channels)."""
        batch, *sides, _ = input_shape
        return (batch, *(side and -(-side // self.stride) for side in sides), self.channels)

    def multiply_adds(
        self, input_shape: tuple[int | None, ...], output_shape: tuple[int | None, ...]
    ) -> int:
        """Return 0: pixels are copied."""
        return 0

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "channels": self.channels, "stride": self.stride}


norm = partial(layers.BatchNormalization, momentum=0.9, epsilon=1e-5)
relu = partial(layers.Activation, "relu")


def conv(x: Any, width: int, kernel: int, stride: int, name: str) -> Any:
    """Convolve with zeros on both sides: "same" puts more of them behind when the stride is 2."""
    if stride > 1 and kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
    return layers.Conv2D(
        width,
        kernel,
        strides=stride,
        padding="same" if stride == 1 else "valid",
        use_bias=False,
        # Section 3.4 names arXiv:1502.01852; the authors' code counts outputs.
        kernel_initializer=keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
        name=name,
    )(x)


def imagenet_stem(image: Any, width: int) -> Any:
    """Table 1's first two rows: (B, H, W, 3) to (B, H/4, W/4, width)."""
    x = conv(image, width, 7, 2, "stem_conv")  # (B, H/2, W/2, width)
    x = relu(name="stem_relu")(norm(name="stem_norm")(x))
    x = layers.ZeroPadding2D(1, name="stem_pool_pad")(x)  # zeros never win: nothing is below them
    return layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)  # (B, H/4, W/4, width)


def _cifar_stem(image: Any, width: int) -> Any:
    x = conv(image, width, 3, 1, "stem_conv")  # (B, H, W, width)
    return relu(name="stem_relu")(norm(name="stem_norm")(x))


def _basic(x: Any, width: int, stride: int, name: str) -> Any:
    """Figure 5, left: two 3 x 3 convolutions."""
    x = norm(name=f"{name}_norm1")(conv(x, width, 3, stride, f"{name}_conv1"))
    x = relu(name=f"{name}_relu1")(x)
    return norm(name=f"{name}_norm2")(conv(x, width, 3, 1, f"{name}_conv2"))


def _bottleneck(x: Any, width: int, stride: int, name: str, stride_in_3x3: bool = False) -> Any:
    """Figure 5, right: 1 x 1 to `width`, 3 x 3, and 1 x 1 to four times as many."""
    strides = (1, stride) if stride_in_3x3 else (stride, 1)
    x = norm(name=f"{name}_norm1")(conv(x, width, 1, strides[0], f"{name}_conv1"))
    x = relu(name=f"{name}_relu1")(x)
    x = norm(name=f"{name}_norm2")(conv(x, width, 3, strides[1], f"{name}_conv2"))
    x = relu(name=f"{name}_relu2")(x)
    return norm(name=f"{name}_norm3")(conv(x, 4 * width, 1, 1, f"{name}_conv3"))


_bottleneck_v1_5 = partial(_bottleneck, stride_in_3x3=True)


def _projection(x: Any, channels: int, stride: int, name: str) -> Any:
    """Type B: the identity, and a 1 x 1 convolution where the shape changes."""
    if stride == 1 and x.shape[-1] == channels:
        return x
    x = conv(x, channels, 1, stride, f"{name}_shortcut_conv")
    return norm(name=f"{name}_shortcut_norm")(x)


def _padded_identity(x: Any, channels: int, stride: int, name: str) -> Any:
    """Type A: the identity everywhere, with nothing to learn."""
    if stride == 1 and x.shape[-1] == channels:
        return x
    return PaddedIdentity(channels, stride, name=f"{name}_shortcut")(x)


@dataclass(frozen=True, kw_only=True)
class ResNetSpec(ClassifierSpec):
    """A ResNet: `depths[i]` blocks of `widths[i]` maps in stage i; the default is table 1's frame.

    `body` is what a block learns; `shortcut` is what it adds to, None for a plain net.
    """

    body: Body
    depths: tuple[int, ...]
    widths: tuple[int, ...] = (64, 128, 256, 512)
    stem: Stem = imagenet_stem
    shortcut: Shortcut | None = _projection
    paper: str = "arXiv:1512.03385"
    input_shape: tuple[int, int, int] = (224, 224, 3)
    classes: int = 1000
    smallest_px: int = 1


def _cifar(
    title: str,
    blocks: int,
    params: int,
    *,
    shortcut: Shortcut | None = _padded_identity,
    widths: tuple[int, ...] = (16, 32, 64),
) -> ResNetSpec:
    """Return a net of section 4.2: 6 x `blocks` + 2 layers."""
    return ResNetSpec(
        title=title,
        body=_basic,
        depths=(blocks,) * 3,
        widths=widths,
        stem=_cifar_stem,
        shortcut=shortcut,
        input_shape=(32, 32, 3),
        classes=10,
        params=params,
    )


SPECS = {
    "resnet18": ResNetSpec(title="ResNet-18", body=_basic, depths=(2, 2, 2, 2), params=11_689_512),
    "resnet34": ResNetSpec(title="ResNet-34", body=_basic, depths=(3, 4, 6, 3), params=21_797_672),
    "resnet50": ResNetSpec(
        title="ResNet-50", body=_bottleneck, depths=(3, 4, 6, 3), params=25_557_032
    ),
    "resnet101": ResNetSpec(
        title="ResNet-101", body=_bottleneck, depths=(3, 4, 23, 3), params=44_549_160
    ),
    "resnet152": ResNetSpec(
        title="ResNet-152", body=_bottleneck, depths=(3, 8, 36, 3), params=60_192_808
    ),
    "resnet50_v1_5": ResNetSpec(
        title="ResNet-50 with stride 2 in the 3 x 3, for torchvision's weights",
        body=_bottleneck_v1_5,
        depths=(3, 4, 6, 3),
        params=25_557_032,
    ),
    "resnet101_v1_5": ResNetSpec(
        title="ResNet-101 with stride 2 in the 3 x 3, for torchvision's weights",
        body=_bottleneck_v1_5,
        depths=(3, 4, 23, 3),
        params=44_549_160,
    ),
    "resnet152_v1_5": ResNetSpec(
        title="ResNet-152 with stride 2 in the 3 x 3, for torchvision's weights",
        body=_bottleneck_v1_5,
        depths=(3, 8, 36, 3),
        params=60_192_808,
    ),
    "plain18": ResNetSpec(
        title="ResNet-18 without shortcuts",
        body=_basic,
        depths=(2, 2, 2, 2),
        shortcut=None,
        params=11_515_688,
    ),
    "plain34": ResNetSpec(
        title="ResNet-34 without shortcuts",
        body=_basic,
        depths=(3, 4, 6, 3),
        shortcut=None,
        params=21_623_848,
    ),
    "resnet20": _cifar("ResNet-20 for CIFAR-10", 3, params=269_722),
    "resnet32": _cifar("ResNet-32 for CIFAR-10", 5, params=464_154),
    "resnet44": _cifar("ResNet-44 for CIFAR-10", 7, params=658_586),
    "resnet56": _cifar("ResNet-56 for CIFAR-10", 9, params=853_018),
    "resnet110": _cifar("ResNet-110 for CIFAR-10", 18, params=1_727_962),
    "plain20": _cifar("ResNet-20 without shortcuts", 3, params=269_722, shortcut=None),
    "plain32": _cifar("ResNet-32 without shortcuts", 5, params=464_154, shortcut=None),
    "plain44": _cifar("ResNet-44 without shortcuts", 7, params=658_586, shortcut=None),
    "plain56": _cifar("ResNet-56 without shortcuts", 9, params=853_018, shortcut=None),
    "plain110": _cifar("ResNet-110 without shortcuts", 18, params=1_727_962, shortcut=None),
    "resnet_micro": ResNetSpec(
        title="ResNet-50 made tiny, for fast tests",
        body=_bottleneck,
        depths=(1, 2),
        widths=(4, 8),
        input_shape=(32, 32, 3),
        classes=10,
        params=4_110,
    ),
    "resnet_cifar_micro": _cifar(
        "ResNet-8 made tiny, for fast tests", 1, params=3_654, widths=(4, 8, 12)
    ),
    "plain_micro": _cifar(
        "ResNet-8 without shortcuts made tiny, for fast tests",
        1,
        params=3_654,
        widths=(4, 8, 12),
        shortcut=None,
    ),
}


def feature_names(spec: ResNetSpec) -> tuple[str, ...]:
    """Return the last block of each stage."""
    return tuple(f"stage{stage}_block{depth}" for stage, depth in enumerate(spec.depths, start=1))


def build(
    spec: ResNetSpec,
    *,
    input_shape: Shape,
    classes: int,
    include_top: bool = True,
    pooling: Pooling = None,
) -> keras.Model:
    """Return the network of `spec`: image (B, *input_shape) to logits (B, classes), float32."""
    image = keras.Input(input_shape, name="image")
    x = spec.stem(image, spec.widths[0])  # (B, H/4, W/4, 64); for CIFAR (B, H, W, 16)
    for stage, (width, depth) in enumerate(zip(spec.widths, spec.depths, strict=True), start=1):
        for block in range(1, depth + 1):
            stride = 2 if stage > 1 and block == 1 else 1  # halves H and W
            x = _block(spec, x, width, stride, f"stage{stage}_block{block}")
    # (B, H/32, W/32, 512 or 2048); for CIFAR (B, H/4, W/4, 64)
    return keras.Model(image, logits(pool(x, "avg"), classes) if include_top else pool(x, pooling))


def _block(spec: ResNetSpec, x: Any, width: int, stride: int, name: str) -> Any:
    """Equation 1: the body's output plus the shortcut, then ReLU."""
    learned = spec.body(x, width, stride, name)
    if spec.shortcut is not None:
        shortcut = spec.shortcut(x, learned.shape[-1], stride, name)
        learned = layers.Add(name=f"{name}_add")([learned, shortcut])
    return relu(name=name)(learned)

"""ResNet against keras.applications, and against PyTorch modules written here."""

from __future__ import annotations

import re
from collections.abc import Iterator

import keras
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from models.catalog import create_model
from tests.parity.stirring import (
    assert_same_as_applications,
    assert_same_logits,
    noise_images,
    set_weights,
    stir_torch,
    torch_logits,
)

APPLICATIONS = keras.applications
EPSILON = 1e-5  # ours; keras.applications adds 1.001e-5 to the variance


def from_applications(theirs: keras.Model) -> dict[str, np.ndarray]:
    """Return the weights of a ResNet of keras.applications by our names."""
    arrays = {}
    for layer in theirs.layers:
        if not layer.weights:
            continue
        name = our_name(layer.name)
        for variable in layer.weights:
            arrays[f"{name}/{variable.name}"] = np.asarray(variable)
        if isinstance(layer, keras.layers.BatchNormalization):
            arrays[f"{name}/moving_variance"] += layer.epsilon - EPSILON
            # The convolution before it has a bias, ours has none: norm subtracts it as well.
            conv = name.replace("norm", "conv")
            arrays[f"{name}/moving_mean"] -= arrays.pop(f"{conv}/bias")
    return arrays


def our_name(theirs: str) -> str:
    """`conv3_block2_1_bn` is `stage2_block2_norm1`; number 0 is the shortcut."""
    fixed = {"conv1_conv": "stem_conv", "conv1_bn": "stem_norm", "predictions": "logits"}
    if theirs in fixed:
        return fixed[theirs]
    match = re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(conv|bn)", theirs)
    assert match, theirs
    stage, block, number, kind = match.groups()
    kind = {"conv": "conv", "bn": "norm"}[kind]
    layer = f"shortcut_{kind}" if number == "0" else f"{kind}{number}"
    return f"stage{int(stage) - 1}_block{block}_{layer}"


@pytest.mark.parametrize(
    ("name", "reference", "side"),
    [
        ("resnet50", APPLICATIONS.ResNet50, 75),
        pytest.param("resnet50", APPLICATIONS.ResNet50, 224, marks=pytest.mark.slow),
        pytest.param("resnet101", APPLICATIONS.ResNet101, 96, marks=pytest.mark.slow),
        pytest.param("resnet152", APPLICATIONS.ResNet152, 75, marks=pytest.mark.slow),
    ],
)
def test_network_equals_keras_applications(name: str, reference, side: int) -> None:
    assert_same_as_applications(name, reference, side, from_applications)


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class TypeA(nn.Module):
    def __init__(self, new_channels: int, stride: int) -> None:
        super().__init__()
        self.new_channels, self.stride = new_channels, stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.avg_pool2d(x, 1, self.stride)
        return torch.cat([x, x.new_zeros(len(x), self.new_channels, *x.shape[2:])], dim=1)


class Block(nn.Module):
    """A basic block, or a bottleneck with its stride in the 3 x 3; `downsample` None is plain."""

    def __init__(self, inputs: int, width: int, stride: int, deep: bool, shortcut: str) -> None:
        super().__init__()
        self.outputs = 4 * width if deep else width
        if deep:
            self.conv1, self.bn1 = conv(inputs, width, 1), nn.BatchNorm2d(width)
            self.conv2, self.bn2 = conv(width, width, 3, stride), nn.BatchNorm2d(width)
            self.conv3, self.bn3 = conv(width, self.outputs, 1), nn.BatchNorm2d(self.outputs)
        else:
            self.conv1, self.bn1 = conv(inputs, width, 3, stride), nn.BatchNorm2d(width)
            self.conv2, self.bn2 = conv(width, width, 3), nn.BatchNorm2d(width)
        self.deep = deep
        self.downsample: nn.Module | None = nn.Identity()
        if shortcut == "plain":
            self.downsample = None
        elif inputs != self.outputs and shortcut == "A":
            self.downsample = TypeA(self.outputs - inputs, stride)
        elif inputs != self.outputs:
            projection = conv(inputs, self.outputs, 1, stride)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(self.outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        if self.deep:
            y = self.bn3(self.conv3(functional.relu(y)))
        return functional.relu(y if self.downsample is None else y + self.downsample(x))


class TorchResNet(nn.Module):
    """Attributes are named as torchvision names them."""

    def __init__(
        self, depths: tuple[int, ...], *, deep: bool = False, shortcut: str = "B", classes: int = 40
    ) -> None:
        super().__init__()
        self.small = len(depths) == 3  # for CIFAR
        channels = 16 if self.small else 64
        self.conv1 = conv(3, channels, 3) if self.small else conv(3, channels, 7, 2)
        self.bn1 = nn.BatchNorm2d(channels)
        self.layers: list[nn.Sequential] = []
        for stage, depth in enumerate(depths):
            width = self.bn1.num_features * 2**stage
            blocks = []
            for index in range(depth):
                stride = 2 if stage > 0 and index == 0 else 1
                blocks.append(Block(channels, width, stride, deep, shortcut))
                channels = blocks[-1].outputs
            self.layers.append(nn.Sequential(*blocks))
            self.add_module(f"layer{stage + 1}", self.layers[-1])
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        if not self.small:
            x = functional.max_pool2d(x, 3, 2, padding=1)
        for layer in self.layers:
            x = layer(x)
        logits: torch.Tensor = self.fc(x.mean(dim=(2, 3)))
        return logits


def from_torch(module: nn.Module) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the module's weights by our names."""
    statistics = {"running_mean": "moving_mean", "running_var": "moving_variance", "bias": "beta"}
    for key, tensor in module.state_dict().items():
        owner, _, kind = key.rpartition(".")
        if kind == "num_batches_tracked":
            continue
        array = tensor.numpy()
        name = re.sub(r"^layer(\d)\.(\d+)\.", lambda m: f"stage{m[1]}_block{int(m[2]) + 1}_", owner)
        name = {"conv1": "stem_conv", "bn1": "stem_norm", "fc": "logits"}.get(name, name)
        name = name.replace("downsample.0", "shortcut_conv").replace(
            "downsample.1", "shortcut_norm"
        )
        name = name.replace("_bn", "_norm")
        if array.ndim == 4:
            yield f"{name}/kernel", array.transpose(2, 3, 1, 0)  # OIHW to HWIO
        elif name == "logits":
            yield (f"{name}/bias", array) if kind == "bias" else (f"{name}/kernel", array.T)
        else:
            yield f"{name}/{statistics.get(kind, 'gamma')}", array


@pytest.mark.parametrize(
    ("name", "make", "sizes"),
    [
        ("resnet18", lambda: TorchResNet((2, 2, 2, 2)), [(64, 97), (224, 224)]),
        ("resnet34", lambda: TorchResNet((3, 4, 6, 3)), [(75, 96)]),
        ("plain18", lambda: TorchResNet((2, 2, 2, 2), shortcut="plain"), [(65, 64)]),
        ("resnet50_v1_5", lambda: TorchResNet((3, 4, 6, 3), deep=True), [(64, 96), (97, 75)]),
        ("resnet20", lambda: TorchResNet((3, 3, 3), shortcut="A"), [(32, 32), (33, 30)]),
        ("plain20", lambda: TorchResNet((3, 3, 3), shortcut="plain"), [(32, 32), (33, 30)]),
    ],
)
def test_network_equals_its_pytorch_module(name: str, make, sizes) -> None:
    theirs = make()
    stir_torch(theirs, noise_images(4, 64, 64, 3, seed=12))
    ours = create_model(name, input_shape=(None, None, 3), classes=40)
    set_weights(ours, dict(from_torch(theirs)))
    for size in sizes:
        images = noise_images(2, *size, 3)
        assert_same_logits(np.asarray(ours(images)), torch_logits(theirs, images))

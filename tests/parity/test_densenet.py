"""DenseNet against keras.applications, and against a PyTorch module written here."""

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
    """Return the weights of a DenseNet of keras.applications by our names."""
    arrays = {}
    for layer in theirs.layers:
        for variable in layer.weights:
            arrays[f"{our_name(layer.name)}/{variable.name}"] = np.asarray(variable)
        if isinstance(layer, keras.layers.BatchNormalization):
            arrays[f"{our_name(layer.name)}/moving_variance"] += layer.epsilon - EPSILON
    return arrays


def our_name(theirs: str) -> str:
    """`conv2_block3_1_bn` is `block1_layer3_norm2`: theirs counts norms from 0, ours from 1."""
    fixed = {
        "conv1_conv": "stem_conv",
        "conv1_bn": "stem_norm",
        "bn": "final_norm",
        "predictions": "logits",
    }
    if theirs in fixed:
        return fixed[theirs]
    if match := re.fullmatch(r"pool(\d)_(conv|bn)", theirs):
        kind = "conv" if match[2] == "conv" else "norm"
        return f"transition{int(match[1]) - 1}_{kind}"
    match = re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(conv|bn)", theirs)
    assert match, theirs
    kind = f"conv{match[3]}" if match[4] == "conv" else f"norm{int(match[3]) + 1}"
    return f"block{int(match[1]) - 1}_layer{match[2]}_{kind}"


@pytest.mark.parametrize(
    ("name", "reference", "side"),
    [
        ("densenet121", APPLICATIONS.DenseNet121, 75),
        pytest.param("densenet121", APPLICATIONS.DenseNet121, 224, marks=pytest.mark.slow),
        pytest.param("densenet169", APPLICATIONS.DenseNet169, 96, marks=pytest.mark.slow),
        pytest.param("densenet201", APPLICATIONS.DenseNet201, 75, marks=pytest.mark.slow),
    ],
)
def test_network_equals_keras_applications(name: str, reference, side: int) -> None:
    assert_same_as_applications(name, reference, side, from_applications)


class Layer(nn.Module):
    """`conv2` and `norm2` exist in a bottleneck only."""

    def __init__(self, channels: int, growth: int, bottleneck: bool) -> None:
        super().__init__()
        self.bottleneck = bottleneck
        width = 4 * growth if bottleneck else growth
        self.norm1 = nn.BatchNorm2d(channels)
        if bottleneck:
            self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
            self.norm2 = nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, growth, 3, padding=1, bias=False)
        else:
            self.conv1 = nn.Conv2d(channels, growth, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        new = self.conv1(functional.relu(self.norm1(x)))
        if self.bottleneck:
            new = self.conv2(functional.relu(self.norm2(new)))
        return torch.cat([x, new], dim=1)


class TorchDenseNet(nn.Module):
    """Attributes are named as torchvision names them."""

    def __init__(
        self,
        depths: tuple[int, ...],
        growth: int,
        channels: int,
        *,
        small: bool = False,
        bottleneck: bool = True,
        classes: int = 40,
    ) -> None:
        super().__init__()
        self.features = nn.Sequential()
        if small:
            self.features.add_module("conv0", nn.Conv2d(3, channels, 3, padding=1, bias=False))
        else:
            conv0 = nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False)
            self.features.add_module("conv0", conv0)
            self.features.add_module("norm0", nn.BatchNorm2d(channels))
            self.features.add_module("relu0", nn.ReLU())
            self.features.add_module("pool0", nn.MaxPool2d(3, stride=2, padding=1))
        for number, depth in enumerate(depths, start=1):
            block = nn.Sequential()
            for layer in range(1, depth + 1):
                block.add_module(f"denselayer{layer}", Layer(channels, growth, bottleneck))
                channels += growth
            self.features.add_module(f"denseblock{number}", block)
            if number < len(depths):
                kept = channels // 2 if bottleneck else channels
                transition = nn.Sequential()
                transition.add_module("norm", nn.BatchNorm2d(channels))
                transition.add_module("relu", nn.ReLU())
                transition.add_module("conv", nn.Conv2d(channels, kept, 1, bias=False))
                transition.add_module("pool", nn.AvgPool2d(2))
                self.features.add_module(f"transition{number}", transition)
                channels = kept
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.classifier(functional.relu(self.features(x)).mean(dim=(2, 3)))
        return logits


def from_torch(module: nn.Module) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the module's weights by our names."""
    fixed = {"conv0": "stem_conv", "norm0": "stem_norm", "norm5": "final_norm"}
    norms = {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    }
    for key, tensor in module.state_dict().items():
        owner, _, kind = key.removeprefix("features.").rpartition(".")
        array = tensor.numpy()
        name = owner.replace(".", "_").replace("denseblock", "block").replace("denselayer", "layer")
        name = fixed.get(name, name)
        if owner == "classifier":
            yield ("logits/bias", array) if kind == "bias" else ("logits/kernel", array.T)
        elif array.ndim == 4:
            yield f"{name}/kernel", array.transpose(2, 3, 1, 0)  # OIHW to HWIO
        elif kind in norms:  # and not `num_batches_tracked`
            yield f"{name}/{norms[kind]}", array


@pytest.mark.parametrize(
    ("name", "make", "sizes"),
    [
        (
            "densenet40_k12",
            lambda: TorchDenseNet((12,) * 3, 12, 16, small=True, bottleneck=False),
            [(32, 32), (33, 30)],
        ),
        (
            "densenet_bc100_k12",
            lambda: TorchDenseNet((16,) * 3, 12, 24, small=True),
            [(32, 32), (33, 30)],
        ),
        ("densenet161", lambda: TorchDenseNet((6, 12, 36, 24), 48, 96), [(64, 65), (61, 74)]),
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

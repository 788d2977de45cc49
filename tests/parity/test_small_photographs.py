"""All-CNN and the speed net against independent PyTorch modules."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn

from models.catalog import create_model
from tests.parity.stirring import (
    assert_same_logits,
    noise_images,
    set_weights,
    stir_torch,
    torch_logits,
)


class AllCNN(nn.Module):
    """All-CNN-C, Strided-CNN-C or the base net C of arXiv:1412.6806."""

    def __init__(self, form: str) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        maps = 3

        def conv(width: int, kernel: int = 3, stride: int = 1, padding: int = 1) -> None:
            nonlocal maps
            layers.extend([nn.Conv2d(maps, width, kernel, stride, padding), nn.ReLU()])
            maps = width

        for width in (96, 192):
            conv(width)
            # TensorFlow's "same" at stride 2 puts the zeros of an even size behind it.
            if form == "strided":
                layers.append(nn.ZeroPad2d((0, 1, 0, 1)))
                conv(width, stride=2, padding=0)
            else:
                conv(width)
            if form == "all_cnn":
                layers.append(nn.ZeroPad2d((0, 1, 0, 1)))
                conv(width, stride=2, padding=0)
            if form == "base":
                layers.extend([nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(3, 2)])
        conv(192, padding=0)
        conv(192, kernel=1, padding=0)
        conv(10, kernel=1, padding=0)
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps: torch.Tensor = self.layers(x)
        return maps.mean(dim=(2, 3))


class SpeedNet(nn.Module):
    """The network of arXiv:2404.00498 at widths 64, 256, 256."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, 24, 2), nn.GELU()]
        maps = 24
        for width in (64, 256, 256):
            layers += [
                nn.Conv2d(maps, width, 3, padding="same", bias=False),
                nn.MaxPool2d(2),
                nn.BatchNorm2d(width),
                nn.GELU(),
                nn.Conv2d(width, width, 3, padding="same", bias=False),
                nn.BatchNorm2d(width),
                nn.GELU(),
            ]
            maps = width
        self.layers = nn.Sequential(*layers, nn.MaxPool2d(3))
        self.head = nn.Linear(maps, 10, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.layers(x).flatten(1) / 9)
        return logits


def in_order(module: nn.Module, kind: Any) -> list[Any]:
    return [part for part in module.modules() if isinstance(part, kind)]


def hwio(weight: torch.Tensor) -> np.ndarray:
    """Return a kernel (out, in, H, W) as (H, W, in, out)."""
    return weight.detach().numpy().transpose(2, 3, 1, 0)


@pytest.mark.parametrize("form", ["all_cnn", "strided", "base"])
def test_all_cnn_c(form: str) -> None:
    images = noise_images(3, 32, 32, 3)
    torch.manual_seed(3)
    module = AllCNN(form)
    for conv in in_order(module, nn.Conv2d):
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    stir_torch(module, images)
    model = create_model("all_cnn_c" if form == "all_cnn" else f"all_cnn_c_{form}")
    convs = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    arrays = {}
    for ours, theirs in zip(convs, in_order(module, nn.Conv2d), strict=True):
        arrays[f"{ours.name}/kernel"] = hwio(theirs.weight)
        arrays[f"{ours.name}/bias"] = theirs.bias.detach().numpy()
    set_weights(model, arrays)
    assert_same_logits(np.asarray(model(images)), torch_logits(module, images))


def test_speed_net() -> None:
    images = noise_images(3, 32, 32, 3)
    torch.manual_seed(3)
    module = SpeedNet()
    stir_torch(module, images)
    for norm in in_order(module, nn.BatchNorm2d):
        nn.init.ones_(norm.weight)  # ours has no gain
    model = create_model("speed_net")
    first, *convs = in_order(module, nn.Conv2d)
    arrays = {
        "whiten/kernel": hwio(first.weight),
        "whiten/bias": first.bias.detach().numpy(),
        "logits/kernel": module.head.weight.detach().numpy().T,
    }
    places = [f"block{block}_{{}}{number}" for block in (1, 2, 3) for number in (1, 2)]
    for place, conv, norm in zip(places, convs, in_order(module, nn.BatchNorm2d), strict=True):
        arrays[f"{place.format('conv')}/kernel"] = hwio(conv.weight)
        name = place.format("norm")
        arrays[f"{name}/beta"] = norm.bias.detach().numpy()
        arrays[f"{name}/moving_mean"] = norm.running_mean.numpy()
        arrays[f"{name}/moving_variance"] = norm.running_var.numpy()
    set_weights(model, arrays)
    assert_same_logits(np.asarray(model(images, training=False)), torch_logits(module, images))

"""VGG against keras.applications (16 and 19 layers) and against PyTorch (11 and 13 layers)."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from models.catalog import create_model
from tests.parity.stirring import assert_same_logits, noise_images, torch_logits
from tests.parity.torch_weights import copy_conv, copy_dense, copy_norm, stir

APPLICATIONS = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}


def our_name(theirs: str) -> str:
    """`block3_conv2` is `conv3_2`."""
    top = {"fc1": "fc6", "fc2": "fc7", "predictions": "logits"}
    return top.get(theirs) or "conv" + theirs.removeprefix("block").replace("_conv", "_")


def copy_weights(ours: keras.Model, theirs: keras.Model) -> None:
    for layer in theirs.layers:
        if layer.weights:
            mine = ours.get_layer(our_name(layer.name))
            for variable, value in zip(layer.weights, mine.weights, strict=True):
                variable.assign(value)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_logits_equal_keras_applications(name: str) -> None:
    ours = create_model(name)
    stir(ours)
    theirs = APPLICATIONS[name](weights=None, classifier_activation=None)
    copy_weights(ours, theirs)
    images = noise_images(2, 224, 224, 3)
    assert_same_logits(np.asarray(ours(images)), np.asarray(theirs(images)))


@pytest.mark.parametrize(("name", "size"), [("vgg16", (64, 97)), ("vgg19", (95, 33))])
def test_maps_equal_keras_applications(name: str, size: tuple[int, int]) -> None:
    ours = create_model(name, input_shape=(None, None, 3), include_top=False)
    stir(ours)
    theirs = APPLICATIONS[name](weights=None, include_top=False)
    copy_weights(ours, theirs)
    images = noise_images(2, *size, 3)
    assert_same_logits(np.asarray(ours(images)), np.asarray(theirs(images)))


class TorchVGG(nn.Module):
    """`depths` counts the convolutions of each stage; `places` those of the last maps."""

    def __init__(self, depths: tuple[int, ...], *, norm: str, places: int) -> None:
        super().__init__()
        self.features = nn.Sequential()
        channels = 3
        for stage, (depth, width) in enumerate(zip(depths, (64, 128, 256, 512, 512), strict=True)):
            for number in range(depth):
                place = f"{stage + 1}_{number + 1}"
                conv = nn.Conv2d(channels, width, 3, padding=1)
                self.features.add_module(f"conv{place}", conv)
                if norm == "batch":
                    self.features.add_module(f"norm{place}", nn.BatchNorm2d(width))
                self.features.add_module(f"relu{place}", nn.ReLU())
                if norm == "local" and channels == 3:
                    lrn = nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)
                    self.features.add_module("lrn", lrn)
                channels = width
            self.features.add_module(f"pool{stage + 1}", nn.MaxPool2d(2))
        self.fc6 = nn.Linear(channels * places, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.flatten(self.features(x), 1)
        x = functional.dropout(functional.relu(self.fc6(x)), training=self.training)
        x = functional.dropout(functional.relu(self.fc7(x)), training=self.training)
        logits: torch.Tensor = self.fc8(x)
        return logits


@pytest.mark.parametrize(
    ("name", "depths", "norm"),
    [
        ("vgg11", (1, 1, 2, 2, 2), "none"),
        ("vgg11_lrn", (1, 1, 2, 2, 2), "local"),
        ("vgg11_bn", (1, 1, 2, 2, 2), "batch"),
        ("vgg13", (2, 2, 2, 2, 2), "none"),
    ],
)
def test_network_equals_its_pytorch_module(name: str, depths: tuple[int, ...], norm: str) -> None:
    ours = create_model(name, input_shape=(65, 98, 3))
    stir(ours)
    theirs = TorchVGG(depths, norm=norm, places=2 * 3).eval()
    for layer, module in theirs.features.named_children():
        if isinstance(module, nn.Conv2d):
            copy_conv(ours.get_layer(layer), module)
        elif isinstance(module, nn.BatchNorm2d):
            copy_norm(ours.get_layer(layer), module)
    copy_dense(ours.get_layer("fc6"), theirs.fc6, maps=(2, 3, 512))
    copy_dense(ours.get_layer("fc7"), theirs.fc7)
    copy_dense(ours.get_layer("logits"), theirs.fc8)
    images = 10 * noise_images(2, 65, 98, 3)  # large enough for local normalisation to matter
    assert_same_logits(np.asarray(ours(images)), torch_logits(theirs, images))

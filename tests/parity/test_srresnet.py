"""SRResNet and SRGAN's discriminator against PyTorch modules written here."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from models.catalog import create_model
from models.restoration.srresnet import build_discriminator
from tests.parity.stirring import assert_same_logits, noise_images, torch_images, torch_logits
from tests.parity.torch_weights import (
    copy_conv,
    copy_dense,
    copy_norm,
    copy_prelu,
    copy_shuffled_conv,
    stir,
    stir_upscaler,
)


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.prelu(self.norm1(self.conv1(x)))
        added: torch.Tensor = x + self.norm2(self.conv2(y))
        return added

    def copy(self, ours: keras.Model, name: str) -> None:
        copy_conv(ours.get_layer(f"{name}_conv1"), self.conv1)
        copy_norm(ours.get_layer(f"{name}_norm1"), self.norm1)
        copy_prelu(ours.get_layer(f"{name}_prelu"), self.prelu)
        copy_conv(ours.get_layer(f"{name}_conv2"), self.conv2)
        copy_norm(ours.get_layer(f"{name}_norm2"), self.norm2)


class Enlarging(nn.Module):
    def __init__(self, width: int, step: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width * step**2, 3, padding=1)
        self.prelu = nn.PReLU(width)
        self.step = step

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        larger: torch.Tensor = self.prelu(functional.pixel_shuffle(self.conv(x), self.step))
        return larger


class TorchSRResNet(nn.Module):
    """Figure 4's generator; its images are in [-1, 1], those that it returns in [0, 1]."""

    def __init__(self, channels: int, scale: int, blocks: int = 16, width: int = 64) -> None:
        super().__init__()
        self.first, self.first_prelu = nn.Conv2d(channels, width, 9, padding=4), nn.PReLU(width)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.body = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.body_norm = nn.BatchNorm2d(width)
        steps = {2: [2], 3: [3], 4: [2, 2]}[scale]
        self.up = nn.Sequential(*(Enlarging(width, step) for step in steps))
        self.last = nn.Conv2d(width, channels, 9, padding=4)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        first = self.first_prelu(self.first(image))
        x = first + self.body_norm(self.body(self.blocks(first)))
        enlarged: torch.Tensor = (self.last(self.up(x)) + 1) / 2
        return enlarged

    def copy(self, ours: keras.Model) -> None:
        """Take the weights of our network."""
        copy_conv(ours.get_layer("first_conv"), self.first)
        copy_prelu(ours.get_layer("first_prelu"), self.first_prelu)
        for number, block in enumerate(self.blocks, start=1):
            assert isinstance(block, Block)
            block.copy(ours, f"block{number}")
        copy_conv(ours.get_layer("body_conv"), self.body)
        copy_norm(ours.get_layer("body_norm"), self.body_norm)
        for number, up in enumerate(self.up, start=1):
            assert isinstance(up, Enlarging)
            copy_shuffled_conv(ours.get_layer(f"up{number}_conv"), up.conv, up.step)
            copy_prelu(ours.get_layer(f"up{number}_prelu"), up.prelu)
        copy_conv(ours.get_layer("last_conv"), self.last)


@pytest.mark.parametrize(("channels", "scale"), [(3, 4), (3, 3), (1, 2)])
def test_generator_equals_its_pytorch_module(channels: int, scale: int) -> None:
    ours = create_model("srresnet", scale=scale, input_shape=(None, None, channels))
    images = noise_images(2, 11, 14, channels)
    stir_upscaler(ours, images, "last_conv")
    theirs = TorchSRResNet(channels, scale).eval()
    theirs.copy(ours)
    assert_same_logits(np.asarray(ours(images)), torch_images(theirs, images))


class TorchDiscriminator(nn.Module):
    """Figure 4's discriminator, less its sigmoid; `places` are those of the last maps."""

    def __init__(self, places: int) -> None:
        super().__init__()
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        channels = 3
        for width in (64, 128, 256, 512):
            for stride in (1, 2):
                first = channels == 3
                self.convs.append(nn.Conv2d(channels, width, 3, stride, padding=1, bias=first))
                self.norms.append(nn.Identity() if first else nn.BatchNorm2d(width))
                channels = width
        self.fc1, self.fc2 = nn.Linear(512 * places, 1024), nn.Linear(1024, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = 2 * image - 1
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = functional.leaky_relu(norm(conv(x)), 0.2)
        x = functional.leaky_relu(self.fc1(torch.flatten(x, 1)), 0.2)
        logits: torch.Tensor = self.fc2(x)
        return logits


@pytest.mark.parametrize(("height", "width"), [(96, 96), (33, 50)])
def test_discriminator_equals_its_pytorch_module(height: int, width: int) -> None:
    ours = build_discriminator(input_shape=(height, width, 3))
    stir(ours)
    rows, columns = -(-height // 16), -(-width // 16)
    theirs = TorchDiscriminator(rows * columns).eval()
    for place, (conv, norm) in enumerate(zip(theirs.convs, theirs.norms, strict=True)):
        assert isinstance(conv, nn.Conv2d)
        layer = f"stage{place // 2 + 1}_{{}}{place % 2 + 1}"
        copy_conv(ours.get_layer(layer.format("conv")), conv)
        if isinstance(norm, nn.BatchNorm2d):
            copy_norm(ours.get_layer(layer.format("norm")), norm)
    copy_dense(ours.get_layer("fc1"), theirs.fc1, maps=(rows, columns, 512))
    copy_dense(ours.get_layer("logits"), theirs.fc2)
    images = noise_images(2, height, width, 3)
    assert_same_logits(np.asarray(ours(images)), torch_logits(theirs, images))

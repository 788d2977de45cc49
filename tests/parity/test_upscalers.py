"""SRCNN, VDSR, FSRCNN, ESPCN and EDSR against PyTorch modules written here."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from models.catalog import create_model
from tests.parity.stirring import assert_same_logits, noise_images, torch_images
from tests.parity.torch_weights import (
    copy_conv,
    copy_deconv,
    copy_prelu,
    copy_shuffled_conv,
    stir_upscaler,
)

SIZE = (19, 26)  # one odd, so that paddings that differ by a pixel are seen


def assert_equal(ours: keras.Model, theirs: nn.Module, size: tuple[int, int] = SIZE) -> None:
    images = noise_images(2, *size, ours.input_shape[-1])
    assert_same_logits(np.asarray(ours(images)), torch_images(theirs, images))


def stirred(name: str, channels: int, last: str, **options: Any) -> keras.Model:
    model = create_model(name, input_shape=(None, None, channels), **options)
    stir_upscaler(model, noise_images(2, 8, 8, channels), last)
    return model


class TorchSRCNN(nn.Module):
    def __init__(self, kernels: tuple[int, int, int], channels: int) -> None:
        super().__init__()
        f1, f2, f3 = kernels
        self.patches = nn.Conv2d(channels, 64, f1, padding=f1 // 2)
        self.mapping = nn.Conv2d(64, 32, f2, padding=f2 // 2)
        self.reconstruction = nn.Conv2d(32, channels, f3, padding=f3 // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.mapping(self.patches(x).clamp(min=0)).clamp(min=0)
        image: torch.Tensor = self.reconstruction(x)
        return image


@pytest.mark.parametrize(
    ("name", "kernels", "channels"),
    [("srcnn", (9, 1, 5), 1), ("srcnn_935", (9, 3, 5), 3), ("srcnn_955", (9, 5, 5), 1)],
)
def test_srcnn_equals_its_pytorch_module(name: str, kernels, channels: int) -> None:
    ours, theirs = stirred(name, channels, "conv3"), TorchSRCNN(kernels, channels)
    modules = (theirs.patches, theirs.mapping, theirs.reconstruction)
    for number, module in enumerate(modules, start=1):
        copy_conv(ours.get_layer(f"conv{number}"), module)
    assert_equal(ours, theirs)


class TorchVDSR(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = [channels, *[64] * 19, channels]
        pairs = pairwise(widths)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairs)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = image
        *others, last = self.convs
        for conv in others:
            x = functional.relu(conv(x))
        added: torch.Tensor = image + last(x)
        return added


@pytest.mark.parametrize("channels", [1, 3])
def test_vdsr_equals_its_pytorch_module(channels: int) -> None:
    ours, theirs = stirred("vdsr", channels, "conv20"), TorchVDSR(channels)
    for number, module in enumerate(theirs.convs, start=1):
        assert isinstance(module, nn.Conv2d)
        copy_conv(ours.get_layer(f"conv{number}"), module)
    assert_equal(ours, theirs)


class TorchFSRCNN(nn.Module):
    """`before` are the pixels that are cut off the deconvolution, above and at the left."""

    def __init__(self, d: int, s: int, m: int, channels: int, scale: int, before: int) -> None:
        super().__init__()
        shapes = [(channels, d, 5), (d, s, 1), *[(s, s, 3)] * m, (s, d, 1)]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, k, padding=k // 2) for a, b, k in shapes)
        self.prelus = nn.ModuleList(nn.PReLU(b) for _, b, _ in shapes)
        self.deconv = nn.ConvTranspose2d(d, channels, 9, scale)
        self.before, self.scale = before, scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = (self.scale * side for side in x.shape[2:])
        for conv, prelu in zip(self.convs, self.prelus, strict=True):
            x = prelu(conv(x))
        first = self.before
        image: torch.Tensor = self.deconv(x)[..., first : first + height, first : first + width]
        return image


@pytest.mark.parametrize(
    ("name", "dsm", "channels", "scale", "before"),
    [
        ("fsrcnn", (56, 12, 4), 1, 2, 3),
        ("fsrcnn", (56, 12, 4), 1, 3, 3),
        ("fsrcnn", (56, 12, 4), 3, 4, 2),
        ("fsrcnn_s", (32, 5, 1), 1, 2, 3),
        ("fsrcnn_s", (32, 5, 1), 3, 3, 3),
    ],
)
def test_fsrcnn_equals_its_pytorch_module(
    name: str, dsm: tuple[int, int, int], channels: int, scale: int, before: int
) -> None:
    ours = stirred(name, channels, "deconv", scale=scale)
    theirs = TorchFSRCNN(*dsm, channels, scale, before)
    places = ("extract", "shrink", *(f"map{n + 1}" for n in range(dsm[2])), "expand")
    for place, conv, prelu in zip(places, theirs.convs, theirs.prelus, strict=True):
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(prelu, nn.PReLU)
        copy_conv(ours.get_layer(f"{place}_conv"), conv)
        copy_prelu(ours.get_layer(f"{place}_prelu"), prelu)
    copy_deconv(ours.get_layer("deconv"), theirs.deconv)
    assert_equal(ours, theirs)


class TorchESPCN(nn.Module):
    def __init__(self, channels: int, scale: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 5, padding=2)
        self.conv2 = nn.Conv2d(64, 32, 3, padding=1)
        self.conv3 = nn.Conv2d(32, channels * scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.tanh(self.conv2(torch.tanh(self.conv1(x))))
        image: torch.Tensor = self.shuffle(self.conv3(x))
        return image


@pytest.mark.parametrize(("channels", "scale"), [(1, 2), (1, 3), (3, 3), (3, 4)])
def test_espcn_equals_its_pytorch_module(channels: int, scale: int) -> None:
    ours, theirs = stirred("espcn", channels, "conv3", scale=scale), TorchESPCN(channels, scale)
    copy_conv(ours.get_layer("conv1"), theirs.conv1)
    copy_conv(ours.get_layer("conv2"), theirs.conv2)
    copy: Callable[..., None] = copy_conv if channels == 1 else copy_shuffled_conv
    copy(ours.get_layer("conv3"), theirs.conv3, *[scale] * (channels > 1))
    assert_equal(ours, theirs)


class TorchEDSR(nn.Module):
    """`head`, `body` and `tail`, as the authors' later code calls the parts."""

    def __init__(self, blocks: int, width: int, scaling: float, mean: list[float], scale: int):
        super().__init__()
        self.mean = torch.tensor(mean).reshape(1, -1, 1, 1)
        self.scaling = scaling
        self.head = nn.Conv2d(len(mean), width, 3, padding=1)
        self.first = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(blocks))
        self.second = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(blocks))
        self.body = nn.Conv2d(width, width, 3, padding=1)
        self.steps = {2: [2], 3: [3], 4: [2, 2]}[scale]
        self.up = nn.ModuleList(
            nn.Conv2d(width, width * step**2, 3, padding=1) for step in self.steps
        )
        self.tail = nn.Conv2d(width, len(mean), 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = head = self.head(image - self.mean)
        for first, second in zip(self.first, self.second, strict=True):
            x = x + self.scaling * second(functional.relu(first(x)))
        x = head + self.body(x)
        for conv, step in zip(self.up, self.steps, strict=True):
            x = functional.pixel_shuffle(conv(x), step)
        enlarged: torch.Tensor = self.tail(x) + self.mean
        return enlarged

    def copy(self, ours: keras.Model) -> None:
        """Take the weights of our network."""
        copy_conv(ours.get_layer("first_conv"), self.head)
        for place, convs in ((1, self.first), (2, self.second)):
            for block, conv in enumerate(convs, start=1):
                assert isinstance(conv, nn.Conv2d)
                copy_conv(ours.get_layer(f"block{block}_conv{place}"), conv)
        copy_conv(ours.get_layer("body_conv"), self.body)
        for number, (conv, step) in enumerate(zip(self.up, self.steps, strict=True), start=1):
            assert isinstance(conv, nn.Conv2d)
            copy_shuffled_conv(ours.get_layer(f"up{number}_conv"), conv, step)
        copy_conv(ours.get_layer("last_conv"), self.tail)


RGB = [0.4488, 0.4371, 0.4040]
LUMA = [(16 + 65.481 * RGB[0] + 128.553 * RGB[1] + 24.966 * RGB[2]) / 255]


@pytest.mark.parametrize(
    ("name", "sizes", "mean", "scale"),
    [
        ("edsr_baseline", (16, 64, 1.0), RGB, 2),
        ("edsr_baseline", (16, 64, 1.0), RGB, 3),
        ("edsr_baseline", (16, 64, 1.0), LUMA, 4),
        ("edsr", (32, 256, 0.1), RGB, 2),
    ],
)
def test_edsr_equals_its_pytorch_module(
    name: str, sizes: tuple[int, int, float], mean: list[float], scale: int
) -> None:
    ours = stirred(name, len(mean), "last_conv", scale=scale)
    theirs = TorchEDSR(*sizes, mean, scale)
    theirs.copy(ours)
    assert_equal(ours, theirs, size=(7, 10))

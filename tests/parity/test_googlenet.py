"""GoogLeNet, with both normalisations, against the same network written in PyTorch."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from models.catalog import create_model
from tests.parity.stirring import assert_same_logits, nchw, noise_images
from tests.parity.torch_weights import copy_conv, copy_dense, copy_norm, stir

# Name, input maps, 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj: the paper's table 1.
BLOCKS = [
    ("3a", 192, 64, 96, 128, 16, 32, 32),
    ("3b", 256, 128, 128, 192, 32, 96, 64),
    ("4a", 480, 192, 96, 208, 16, 48, 64),
    ("4b", 512, 160, 112, 224, 24, 64, 64),
    ("4c", 512, 128, 128, 256, 24, 64, 64),
    ("4d", 512, 112, 144, 288, 32, 64, 64),
    ("4e", 528, 256, 160, 320, 32, 128, 128),
    ("5a", 832, 256, 160, 320, 32, 128, 128),
    ("5b", 832, 384, 192, 384, 48, 128, 128),
]


class Conv(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, batch: bool
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=not batch)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3) if batch else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.norm(self.conv(x)))


class Inception(nn.Module):
    def __init__(self, inputs: int, *widths: int, batch: bool) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, proj = widths
        self.branches = nn.ModuleDict(
            {
                "1x1": Conv(inputs, one, 1, batch=batch),
                "3x3_reduce": Conv(inputs, reduce3, 1, batch=batch),
                "3x3": Conv(reduce3, three, 3, batch=batch),
                "5x5_reduce": Conv(inputs, reduce5, 1, batch=batch),
                "5x5": Conv(reduce5, five, 5, batch=batch),
                "pool_proj": Conv(inputs, proj, 1, batch=batch),
            }
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b = self.branches
        pooled = functional.max_pool2d(x, 3, stride=1, padding=1)
        return torch.cat(
            [
                b["1x1"](x),
                b["3x3"](b["3x3_reduce"](x)),
                b["5x5"](b["5x5_reduce"](x)),
                b["pool_proj"](pooled),
            ],
            dim=1,
        )


class Head(nn.Module):
    def __init__(self, inputs: int, places: int, *, batch: bool) -> None:
        super().__init__()
        self.conv = Conv(inputs, 128, 1, batch=batch)
        self.fc = nn.Linear(128 * places, 1024)
        self.last = nn.Linear(1024, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(functional.avg_pool2d(x, 5, stride=3)).flatten(1)
        x = functional.dropout(functional.relu(self.fc(x)), 0.7, self.training)
        logits: torch.Tensor = self.last(x)
        return logits


class TorchGoogLeNet(nn.Module):
    """`places` are those of the auxiliary heads' maps."""

    def __init__(self, *, batch: bool, places: int) -> None:
        super().__init__()
        self.conv1 = Conv(3, 64, 7, 2, batch=batch)
        self.conv2_reduce = Conv(64, 64, 1, batch=batch)
        self.conv2 = Conv(64, 192, 3, batch=batch)
        self.blocks = nn.ModuleDict({name: Inception(*w, batch=batch) for name, *w in BLOCKS})
        self.auxiliary1 = Head(512, places, batch=batch)
        self.auxiliary2 = Head(528, places, batch=batch)
        self.fc = nn.Linear(1024, 1000)
        self.lrn: nn.Module = nn.Identity()
        if not batch:
            self.lrn = nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        def pool(maps: torch.Tensor) -> torch.Tensor:
            return functional.max_pool2d(maps, 3, stride=2, ceil_mode=True)

        x = self.lrn(pool(self.conv1(x)))
        x = pool(self.lrn(self.conv2(self.conv2_reduce(x))))
        outputs = {}
        for name, block in self.blocks.items():
            x = block(pool(x) if name in ("4a", "5a") else x)
            if name == "4a":
                outputs["auxiliary1"] = self.auxiliary1(x)
            if name == "4d":
                outputs["auxiliary2"] = self.auxiliary2(x)
        x = functional.dropout(x.mean(dim=(2, 3)), 0.4, self.training)
        return {**outputs, "logits": self.fc(x)}


def copy_weights(ours: keras.Model, theirs: TorchGoogLeNet, maps: tuple[int, int, int]) -> None:
    convs: dict[str, nn.Module] = {
        "conv1": theirs.conv1,
        "conv2_reduce": theirs.conv2_reduce,
        "conv2": theirs.conv2,
    }
    for name, block in theirs.blocks.items():
        assert isinstance(block, Inception)
        convs |= {f"inception_{name}_{branch}": c for branch, c in block.branches.items()}
    for name, head in {"auxiliary1": theirs.auxiliary1, "auxiliary2": theirs.auxiliary2}.items():
        convs[f"{name}_conv"] = head.conv
        copy_dense(ours.get_layer(f"{name}_fc"), head.fc, maps=maps)
        copy_dense(ours.get_layer(name), head.last)
    for name, conv in convs.items():
        assert isinstance(conv, Conv)
        copy_conv(ours.get_layer(name), conv.conv)
        if isinstance(conv.norm, nn.BatchNorm2d):
            copy_norm(ours.get_layer(f"{name}_norm"), conv.norm)
    copy_dense(ours.get_layer("logits"), theirs.fc)


# Sizes are even and odd at each of the five halvings in turn: 224 is even to the end, 225 odd in
# the stem only; 97 gives 49, 24, 12, 6, 3 and 127 gives 64, 32, 16, 8, 4; 115: 58, 29, 14, 7, 3.
@pytest.mark.parametrize(
    ("name", "size", "places"),
    [
        ("googlenet", (224, 224), (4, 4)),
        ("googlenet", (97, 127), (1, 2)),
        ("googlenet_bn", (225, 115), (4, 1)),
        ("googlenet_bn", (96, 183), (1, 3)),
    ],
)
def test_network_equals_its_pytorch_module(name: str, size, places: tuple[int, int]) -> None:
    ours = create_model(name, input_shape=(*size, 3), auxiliary=True)
    stir(ours)
    theirs = TorchGoogLeNet(batch=name == "googlenet_bn", places=places[0] * places[1]).eval()
    copy_weights(ours, theirs, maps=(*places, 128))
    images = 10 * noise_images(2, *size, 3)  # large enough for local normalisation to matter
    with torch.inference_mode():
        expected = theirs(nchw(images))
    logits = ours(images)
    assert set(logits) == set(expected) == {"logits", "auxiliary1", "auxiliary2"}
    for head, value in logits.items():
        assert_same_logits(np.asarray(value), expected[head].numpy())

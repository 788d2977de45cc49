"""ResNet-50 in PyTorch, with the weights of our own; `benchmarks/inference.py` runs it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

DEPTHS = (3, 4, 6, 3)


class ConvNorm(nn.Sequential):
    """A convolution and its normalisation, as in `resnet50`: the name of the first tells both."""

    def __init__(self, ours: Any, name: str) -> None:
        """Take the network that has the weights, and its convolution's name."""
        conv, norm = ours.get_layer(name), ours.get_layer(name.replace("conv", "norm"))
        kernel = np.asarray(conv.kernel).transpose(3, 2, 0, 1)  # HWIO to OIHW
        outputs, inputs, side, _ = kernel.shape
        theirs = nn.Conv2d(inputs, outputs, side, conv.strides[0], side // 2, bias=False)
        batch_norm = nn.BatchNorm2d(outputs, eps=norm.epsilon)
        for to, values in (
            (theirs.weight, kernel),
            (batch_norm.weight, norm.gamma),
            (batch_norm.bias, norm.beta),
            (batch_norm.running_mean, norm.moving_mean),
            (batch_norm.running_var, norm.moving_variance),
        ):
            assert to is not None
            to.data.copy_(torch.tensor(np.asarray(values)))
        super().__init__(theirs, batch_norm)


class Bottleneck(nn.Module):
    """Figure 5, right, of arXiv:1512.03385."""

    def __init__(self, ours: Any, name: str, first: bool) -> None:
        """Take the network that has the weights, the block's name, and whether it is a first."""
        super().__init__()
        self.conv1, self.conv2, self.conv3 = (ConvNorm(ours, f"{name}_conv{i}") for i in (1, 2, 3))
        self.shortcut = ConvNorm(ours, f"{name}_shortcut_conv") if first else nn.Identity()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, C, H, W) to (B, 4 * width, H', W')."""
        y = self.conv3(self.relu(self.conv2(self.relu(self.conv1(x)))))
        y += self.shortcut(x)
        out: torch.Tensor = self.relu(y)
        return out


def torch_resnet50(ours: Any) -> nn.Module:
    """Return the network with the weights of `ours`, `create_model("resnet50")`, channels last."""
    blocks = [
        Bottleneck(ours, f"stage{stage}_block{block}", block == 1)
        for stage, depth in enumerate(DEPTHS, start=1)
        for block in range(1, depth + 1)
    ]
    kernel, bias = (torch.tensor(array) for array in ours.get_layer("logits").get_weights())
    dense = nn.Linear(*kernel.shape)
    dense.weight.data, dense.bias.data = kernel.T.contiguous(), bias
    network = nn.Sequential(
        ConvNorm(ours, "stem_conv"),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, padding=1),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        dense,
    )
    # PyTorch's types do not know this form of `to`.
    network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network

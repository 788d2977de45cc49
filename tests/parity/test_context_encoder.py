"""The context encoder and its adversary against PyTorch modules written here."""

from __future__ import annotations

import keras
import numpy as np
import torch
from torch import nn

from models.catalog import create_model
from models.restoration.context_encoder import build_discriminator, middle_of
from tests.parity.stirring import assert_same_logits, nchw, noise_images, torch_logits
from tests.parity.torch_weights import copy_conv, copy_norm, stir

HOLE_COLOUR = torch.tensor([117.0, 104.0, 123.0]) / 255
BOTTLENECK, SIDE = 10, 32


def halving(read: int, made: int, *, normalised: bool = True) -> list[nn.Module]:
    convolution = nn.Conv2d(read, made, 4, stride=2, padding=1, bias=False)
    norms: list[nn.Module] = [nn.BatchNorm2d(made)] if normalised else []
    return [convolution, *norms, nn.LeakyReLU(0.2)]


class TorchMiddle(nn.Module):
    """The paper's figure 9a, with the micro network's numbers: (B, 3, H, W) in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        down = [*halving(3, 4, normalised=False), *halving(4, 4), *halving(4, 6)]
        narrow = [nn.Conv2d(6, BOTTLENECK, 4, bias=False), nn.BatchNorm2d(BOTTLENECK)]
        self.layers = nn.Sequential(
            *down,
            *narrow,
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(BOTTLENECK, 6, 4, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1, bias=False),
            nn.Tanh(),
        )

    def forward(self, painted: torch.Tensor) -> torch.Tensor:
        middle: torch.Tensor = (self.layers(2 * painted - 1) + 1) / 2
        return middle


class TorchJudge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *halving(3, 4, normalised=False),
            *halving(4, 6),
            nn.Conv2d(6, 1, 4, bias=False),
            nn.Flatten(),
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.layers(2 * image - 1)
        return logits


def copy_in_order(ours: keras.Model, theirs: nn.Module) -> nn.Module:
    """Copy the weights of layers that stand in the same order, and leave training mode."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)
    modules = [module for module in theirs.modules() if isinstance(module, kinds)]
    layers = [layer for layer in ours.layers if layer.weights]
    for layer, module in zip(layers, modules, strict=True):
        if isinstance(module, nn.BatchNorm2d):
            copy_norm(layer, module)
        elif isinstance(module, nn.Conv2d):
            copy_conv(layer, module)
        else:  # (H, W, out, in) to (in, out, H, W)
            kernel = np.asarray(layer.weights[0]).transpose(3, 2, 0, 1)
            with torch.no_grad():
                module.weight.copy_(torch.from_numpy(kernel.copy()))
    return theirs.eval()


def test_the_middle_is_the_papers() -> None:
    ours = create_model("context_encoder_micro")
    stir(ours)
    theirs = copy_in_order(ours, TorchMiddle())
    image = noise_images(3, SIDE, SIDE, 3)
    mask = np.zeros((3, SIDE, SIDE, 1), "float32")
    mask[:, 10:22, 11:20] = 1.0
    painted = torch.where(torch.from_numpy(mask) == 1, HOLE_COLOUR, torch.from_numpy(image))
    with torch.inference_mode():
        expected = theirs(nchw(painted.numpy())).numpy().transpose(0, 2, 3, 1)
    given = {"image": image, "mask": mask}
    assert_same_logits(np.asarray(middle_of(ours)(given, training=False)), expected)
    filled = np.asarray(ours(given, training=False))
    np.testing.assert_allclose(filled[:, 10:22, 11:20], expected[:, 2:14, 3:12], atol=1e-4)


def test_the_adversary_is_the_papers() -> None:
    ours = build_discriminator(side_px=16, widths=(4, 6))
    stir(ours)
    theirs = copy_in_order(ours, TorchJudge())
    images = noise_images(4, 16, 16, 3)
    assert_same_logits(np.asarray(ours(images, training=False)), torch_logits(theirs, images))

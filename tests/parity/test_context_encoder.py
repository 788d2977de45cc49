"""The context encoders and the adversary against PyTorch modules written here."""

from __future__ import annotations

import keras
import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate, relu

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
        else:
            copy_convolution(layer, module)
    return theirs.eval()


def copy_convolution(layer: keras.Layer, module: nn.Conv2d | nn.ConvTranspose2d) -> None:
    if isinstance(module, nn.Conv2d):
        copy_conv(layer, module)
        return
    kernel, *bias = (np.asarray(weight).copy() for weight in layer.weights)
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()))
        if module.bias is not None:
            module.bias.copy_(torch.from_numpy(bias[0]))


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


class TorchFeatures(nn.Module):
    """The paper's figure 9b, with the micro network's numbers: (B, 3, 64, 64) in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()

        def lrn() -> nn.LocalResponseNorm:
            # PyTorch divides alpha by the window's size, the paper does not.
            return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)

        self.encoder = nn.Sequential(
            *(nn.Conv2d(3, 4, 5, 2, padding=2), nn.ReLU(), lrn(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(4, 8, 5, padding=2, groups=2), nn.ReLU(), lrn(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(8, 12, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(12, 12, 3, padding=1, groups=2), nn.ReLU()),
            *(nn.Conv2d(12, 8, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        )
        self.maps = [nn.Linear(9, 9) for _ in range(8)]
        self.decoder = nn.Sequential(
            *(nn.Conv2d(8, 8, 1), nn.ReLU()),
            *(nn.ConvTranspose2d(8, 6, 5, 2, padding=2), nn.ReLU()),
            *(nn.ConvTranspose2d(6, 4, 5, 2, padding=2), nn.ReLU()),
            nn.ConvTranspose2d(4, 3, 5, 2, padding=2),
        )

    def forward(self, painted: torch.Tensor) -> torch.Tensor:
        maps = self.encoder(2 * painted - 1)  # (B, 8, 3, 3)
        flat = maps.flatten(2).unbind(1)
        made = torch.stack([layer(x) for layer, x in zip(self.maps, flat, strict=True)], 1)
        small = self.decoder(relu(made.view(maps.shape)))
        whole: torch.Tensor = (interpolate(small, (64, 64), mode="bilinear") + 1) / 2
        return whole


def test_the_network_for_features_is_the_papers() -> None:
    ours = create_model("context_encoder_227_micro")
    stir(ours)
    theirs = TorchFeatures()
    each = ours.get_layer("each")
    with torch.no_grad():
        for number, layer in enumerate(theirs.maps):
            layer.weight.copy_(torch.from_numpy(np.asarray(each.kernel)[number].T.copy()))
            layer.bias.copy_(torch.from_numpy(np.asarray(each.bias)[number].copy()))
    others = [layer for layer in ours.layers if layer.weights and layer is not each]
    modules = [*theirs.encoder, *theirs.decoder]
    modules = [m for m in modules if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    for layer, module in zip(others, modules, strict=True):
        copy_convolution(layer, module)
    image = noise_images(3, 64, 64, 3)
    mask = np.zeros((3, 64, 64, 1), "float32")
    mask[:, 5:22, 30:] = 1.0
    painted = torch.where(torch.from_numpy(mask) == 1, HOLE_COLOUR, torch.from_numpy(image))
    with torch.inference_mode():
        expected = theirs.eval()(nchw(painted.numpy())).numpy().transpose(0, 2, 3, 1)
    filled = np.asarray(ours({"image": image, "mask": mask}, training=False))
    assert_same_logits(filled[:, 5:22, 30:], expected[:, 5:22, 30:])

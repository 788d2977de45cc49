"""AlexNet, both forms, against the same networks written in PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from models.catalog import create_model
from tests.parity.stirring import assert_same_logits, noise_images, torch_logits
from tests.parity.torch_weights import copy_conv, copy_dense, stir


def published(places: int) -> nn.Sequential:
    def lrn() -> nn.LocalResponseNorm:
        # PyTorch divides alpha by the window's size, the paper does not.
        return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)

    return nn.Sequential(
        *(nn.Conv2d(3, 96, 11, 4), nn.ReLU(), lrn(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), lrn(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        nn.Flatten(),
        *(nn.Linear(256 * places, 4096), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5)),
        nn.Linear(4096, 1000),
    )


def one_weird_trick(places: int) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(3, 64, 11, 4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)),
        nn.Flatten(),
        *(nn.Dropout(0.5), nn.Linear(256 * places, 4096), nn.ReLU()),
        *(nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU()),
        nn.Linear(4096, 1000),
    )


@pytest.mark.parametrize(
    ("name", "reference", "size", "last_maps"),
    [
        ("alexnet", published, (227, 227), (6, 6, 256)),
        ("alexnet", published, (100, 131), (2, 3, 256)),
        ("alexnet_owt", one_weird_trick, (224, 224), (6, 6, 256)),
        ("alexnet_owt", one_weird_trick, (97, 134), (2, 3, 256)),
    ],
)
def test_network_equals_its_pytorch_module(name: str, reference, size, last_maps) -> None:
    ours = create_model(name, input_shape=(*size, 3))
    stir(ours)
    theirs = reference(last_maps[0] * last_maps[1]).eval()
    convs = [module for module in theirs if isinstance(module, nn.Conv2d)]
    for number, conv in enumerate(convs, start=1):
        copy_conv(ours.get_layer(f"conv{number}"), conv)
    fc6, fc7, fc8 = (module for module in theirs if isinstance(module, nn.Linear))
    copy_dense(ours.get_layer("fc6"), fc6, maps=last_maps)
    copy_dense(ours.get_layer("fc7"), fc7)
    copy_dense(ours.get_layer("logits"), fc8)

    images = 10 * noise_images(2, *size, 3)  # large enough for local normalisation to matter
    assert_same_logits(np.asarray(ours(images)), torch_logits(theirs, images))

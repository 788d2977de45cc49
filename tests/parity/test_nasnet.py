"""NASNet-A against keras.applications, and CIFAR's stem and cells against PyTorch."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
import torch
from torch.nn.functional import (
    avg_pool2d,
    batch_norm,
    conv2d,
    linear,
    max_pool2d,
    pad,
    relu,
)

from models.catalog import create_model
from tests.parity.stirring import assert_same_logits, nchw, noise_images


def stir(model: keras.Model, seed: int) -> None:
    """Give every weight a random value with which signals neither die nor explode."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        shape = tuple(variable.shape)
        match variable.path.rsplit("/")[-1]:
            case "gamma":
                value = random.uniform(0.5, 0.9, shape)  # below 1: pairs and joins add up
            case "moving_variance":
                value = random.uniform(0.7, 1.4, shape)
            case "beta" | "moving_mean" | "bias":
                value = random.normal(0, 0.2, shape)
            case kernel:
                fan_in = np.prod(shape[:2] if kernel == "depthwise_kernel" else shape[:-1])
                value = random.standard_normal(shape, "float32") * np.sqrt(2 / fan_in, dtype="f4")
        variable.assign(value)


def name_in_keras(name: str, cells: int) -> str:
    """Return what keras.applications calls our layer `name` of a net of `cells` cells a stage."""
    fixed = {"stem_conv": "stem_conv1", "stem_norm": "stem_bn1", "logits": "predictions"}
    if name in fixed:
        return fixed[name]
    found = re.fullmatch(r"(stem|stage(\d))_(reduction|cell)(\d*)_(.*)", name)
    assert found, name
    stem, stage, kind, number, part = found.groups()
    if stem == "stem":
        cell = f"stem_{number}"
    elif kind == "reduction":
        cell = f"reduce_{(int(stage) - 1) * cells}"
    else:  # counted from 0 through all stages; the first reduction takes a number as well
        cell = f"{(int(stage) - 1) * cells + (stage != '1') + int(number) - 1}"
    kind = "reduction" if kind == "reduction" else "normal"
    parts = {
        "current_conv": f"{kind}_conv_1_{cell}",
        "current_norm": f"{kind}_bn_1_{cell}",
        "previous_conv": f"adjust_conv_projection_{cell}",
        "previous_conv1": f"adjust_conv_1_{cell}",
        "previous_conv2": f"adjust_conv_2_{cell}",
        "previous_norm": f"adjust_bn_{cell}",
    }
    if part in parts:
        return parts[part]
    found = re.fullmatch(r"pair(\d)_(left|right)_(conv|norm)(\d)", part)
    assert found, name
    pair, side, what, which = found.groups()
    if kind == "reduction" and (pair, side) == ("5", "left"):
        pair = "4"  # so it is called there
    return f"separable_conv_{which}{'_bn' * (what == 'norm')}_{kind}_{side}{pair}_{cell}"


def copy_to_keras(model: keras.Model, reference: keras.Model, cells: int) -> None:
    used = set()
    for layer in model.layers:
        if layer.weights:
            twin = reference.get_layer(name_in_keras(layer.name, cells))
            twin.set_weights(layer.get_weights())
            used.add(twin.name)
    assert used == {layer.name for layer in reference.layers if layer.weights}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "reference", "cells", "px"),
    [
        ("nasnet_mobile", keras.applications.NASNetMobile, 4, 224),
        ("nasnet_large", keras.applications.NASNetLarge, 6, 96),  # 331 would take minutes
    ],
)
def test_logits_equal_keras_applications(name: str, reference, cells: int, px: int) -> None:
    model = create_model(name, input_shape=(px, px, 3))
    stir(model, seed=1)
    twin = reference(weights=None, input_shape=(px, px, 3), classifier_activation=None)
    copy_to_keras(model, twin, cells)
    images = 2 * noise_images(2, px, px, 3) - 1
    assert_same_logits(model(images), twin(images))


@pytest.mark.slow
def test_maps_of_any_size_equal_keras_applications() -> None:
    # Every stage's height is odd (49, 25, 13, 7), every width even (64, 32, 16, 8).
    size = (99, 130)
    model = create_model("nasnet_mobile", input_shape=(None, None, 3), include_top=False)
    stir(model, seed=3)
    twin = keras.applications.NASNetMobile(weights=None, input_shape=(*size, 3), include_top=False)
    copy_to_keras(model, twin, 4)
    images = 2 * noise_images(2, *size, 3) - 1
    assert_same_logits(model(images), twin(images))


class CifarInTorch:
    """NASNet-A (1 @ P) for CIFAR, operation by operation; weights by our layers' names."""

    def __init__(self, model: keras.Model) -> None:
        self.weights = {v.path: torch.tensor(np.asarray(v)) for v in model.weights}

    def conv(self, x, name: str, stride: int = 1, padding: int = 0):
        kernel = self.weights[f"{name}_conv/kernel"].permute(3, 2, 0, 1)
        return self.norm(conv2d(x, kernel, stride=stride, padding=padding), f"{name}_norm")

    def norm(self, x, name: str):
        kinds = ("moving_mean", "moving_variance", "gamma", "beta")
        mean, variance, gamma, beta = (self.weights[f"{name}/{kind}"] for kind in kinds)
        return batch_norm(x, mean, variance, gamma, beta, eps=1e-5)

    def separable(self, x, name: str, stride: int = 1):
        for number, step in ((1, stride), (2, 1)):
            deep = self.weights[f"{name}_conv{number}/depthwise_kernel"].permute(2, 3, 0, 1)
            point = self.weights[f"{name}_conv{number}/pointwise_kernel"].permute(3, 2, 0, 1)
            x = zeros_around(relu(x), deep.shape[-1], step)
            x = conv2d(conv2d(x, deep, stride=step, groups=x.shape[1]), point)
            x = self.norm(x, f"{name}_norm{number}")
        return x

    def halved(self, x, name: str):
        rows, columns = x.shape[2:]
        shifted = pad(relu(x), (0, 1, 0, 1))[:, :, 1 : rows + 1, 1 : columns + 1]
        halves = [
            conv2d(half[:, :, ::2, ::2], self.weights[f"{name}_{c}/kernel"].permute(3, 2, 0, 1))
            for c, half in (("conv1", relu(x)), ("conv2", shifted))
        ]
        return self.norm(torch.cat(halves, 1), f"{name}_norm")

    def pairs_of_normal(self, h, p, name: str):
        """Return the five pairs; `p` has the cell's width."""
        return [
            self.separable(h, f"{name}_pair1_left") + self.separable(p, f"{name}_pair1_right"),
            self.separable(p, f"{name}_pair2_left") + self.separable(p, f"{name}_pair2_right"),
            average(h) + p,
            average(p) + average(p),
            self.separable(h, f"{name}_pair5_left") + h,
        ]

    def first(self, x, name: str):
        """The cell on the stem: it reads the stem twice, and what keeps channels projects."""
        h = self.conv(relu(x), f"{name}_current")
        separables = [
            self.separable(h, f"{name}_pair1_left") + self.separable(x, f"{name}_pair1_right"),
            self.separable(x, f"{name}_pair2_left") + self.separable(x, f"{name}_pair2_right"),
        ]
        pair3 = average(h) + self.conv(relu(x), f"{name}_pair3_right")
        pair4 = self.conv(average(x), f"{name}_pair4_left")
        pair4 = pair4 + self.conv(average(x), f"{name}_pair4_right")
        pair5 = self.separable(h, f"{name}_pair5_left") + h
        return torch.cat([self.conv(x, f"{name}_joined"), *separables, pair3, pair4, pair5], 1)

    def normal(self, x, before, name: str):
        h = self.conv(relu(x), f"{name}_current")
        p = self.halved(before, f"{name}_previous")
        return torch.cat([p, *self.pairs_of_normal(h, p, name)], 1)

    def reduction(self, x, before, name: str):
        h = self.conv(relu(x), f"{name}_current")
        p = self.conv(relu(before), f"{name}_previous")
        padded = zeros_around(h, 3, 2)
        s1 = self.separable(h, f"{name}_pair1_left", 2) + self.separable(
            p, f"{name}_pair1_right", 2
        )
        s2 = max_pool2d(padded, 3, 2) + self.separable(p, f"{name}_pair2_right", 2)
        s3 = avg_pool2d(padded, 3, 2) + self.separable(p, f"{name}_pair3_right", 2)
        s4 = average(s1) + s2
        s5 = self.separable(s1, f"{name}_pair5_left") + max_pool2d(padded, 3, 2)
        return torch.cat([s2, s3, s4, s5], 1)

    def __call__(self, image):
        stem = self.conv(image, "stem", padding=1)
        stage1 = self.first(stem, "stage1_cell1")
        reduced1 = self.reduction(stage1, stem, "stage2_reduction")
        stage2 = self.normal(reduced1, stage1, "stage2_cell1")
        reduced2 = self.reduction(stage2, reduced1, "stage3_reduction")
        stage3 = self.normal(reduced2, stage2, "stage3_cell1")
        logits = linear(
            relu(stage3).mean((2, 3)), self.weights["logits/kernel"].T, self.weights["logits/bias"]
        )
        return logits, self.auxiliary(relu(stage2))

    def auxiliary(self, x):
        x = avg_pool2d(x, 5, 3)
        for number in (1, 2):
            kernel = self.weights[f"auxiliary1_conv{number}/kernel"].permute(3, 2, 0, 1)
            x = relu(self.norm(conv2d(x, kernel), f"auxiliary1_norm{number}"))
        weights = self.weights["auxiliary1/kernel"].T, self.weights["auxiliary1/bias"]
        return linear(x[:, :, 0, 0], *weights)


def zeros_around(x, kernel: int, stride: int):
    """Pad so that windows end `kernel // 2` behind the last pixel."""
    after = kernel // 2
    top, left = (after - (stride == 2 and side % 2 == 0) for side in x.shape[2:])
    return pad(x, (left, after, top, after))


def average(x):
    return avg_pool2d(x, 3, 1, padding=1, count_include_pad=False)


@pytest.mark.parametrize("size", [(32, 32), (33, 46)])
def test_cifars_net_equals_pytorch(size: tuple[int, int]) -> None:
    torch.set_num_threads(1)
    model = create_model("nasnet_micro", input_shape=(*size, 3), auxiliary=True)
    stir(model, seed=5)
    images = 2 * noise_images(2, *size, 3) - 1
    ours = model(images)
    with torch.inference_mode():
        logits, auxiliary = CifarInTorch(model)(nchw(images))
    assert_same_logits(ours["logits"], logits.numpy())
    assert_same_logits(ours["auxiliary1"], auxiliary.numpy())

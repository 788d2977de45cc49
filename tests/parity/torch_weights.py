"""Random weights for networks without normalisation, and the way from ours to PyTorch's."""

from __future__ import annotations

import re
from typing import Any

import keras
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)


def stir(model: keras.Model) -> None:
    """Set weights at which every term counts and the image still tells after many layers."""
    # 100 million draws would take seconds; the period is prime, so that no two rows are the same.
    draws = np.random.default_rng(7).standard_normal(1_000_003, "float32")
    for number, variable in enumerate(model.weights):
        value = np.roll(draws, 10_007 * number)
        kind = variable.path.rsplit("/")[-1]
        if kind == "kernel":
            value *= np.sqrt(2 / np.prod(variable.shape[:-1]))  # He's deviation
        elif kind in ("gamma", "moving_variance"):
            value = np.abs(1 + 0.2 * value) + 0.1
        else:
            value *= 0.2
        variable.assign(np.resize(value, variable.shape))


def stir_upscaler(model: keras.Model, images: np.ndarray, last: str) -> None:
    """Stir a network that returns images so that its shortcuts and its last sum count, too.

    What a block adds is made small beside what it adds to, and the layer `last` makes values of the
    size of the image's.
    """
    stir(model)
    for layer in model.layers:
        if re.fullmatch(r"block\d+_(conv2|norm2)", layer.name):
            for variable in layer.trainable_weights:
                variable.assign(0.2 * np.asarray(variable))
    largest = np.abs(np.asarray(model(images))).max()
    for variable in model.get_layer(last).weights:
        variable.assign(np.asarray(variable) / largest)


def copy_conv(layer: Any, to: nn.Conv2d) -> None:
    """(H, W, in, out) to (out, in, H, W); with groups, `in` is the maps of one group."""
    _fill(to.weight, np.asarray(layer.kernel).transpose(3, 2, 0, 1))
    if to.bias is not None:
        _fill(to.bias, np.asarray(layer.bias))


def copy_shuffled_conv(layer: Any, to: nn.Conv2d, scale: int) -> None:
    """Copy what is shuffled to pixels: we have a pixel's channels together, PyTorch a channel's."""
    kernel, bias = np.asarray(layer.kernel), np.asarray(layer.bias)
    order = np.arange(len(bias)).reshape(scale**2, -1).T.ravel()
    _fill(to.weight, kernel[..., order].transpose(3, 2, 0, 1))
    _fill(to.bias, bias[order])


def copy_deconv(layer: Any, to: nn.ConvTranspose2d) -> None:
    """(H, W, out, in) to (in, out, H, W); both add a kernel times the value, unturned."""
    _fill(to.weight, np.asarray(layer.kernel).transpose(3, 2, 0, 1))
    _fill(to.bias, np.asarray(layer.bias))


def copy_prelu(layer: Any, to: nn.PReLU) -> None:
    _fill(to.weight, np.asarray(layer.alpha).ravel())


def copy_norm(layer: Any, to: nn.BatchNorm2d) -> None:
    _fill(to.weight, np.asarray(layer.gamma))
    _fill(to.bias, np.asarray(layer.beta))
    _fill(to.running_mean, np.asarray(layer.moving_mean))
    _fill(to.running_var, np.asarray(layer.moving_variance))


def copy_dense(layer: Any, to: nn.Linear, maps: tuple[int, int, int] | None = None) -> None:
    """(in, out) to (out, in); `maps` is the (H, W, C) that was flattened before.

    We flatten maps as (H, W, C), PyTorch as (C, H, W): the inputs of each unit change places.
    """
    kernel = np.asarray(layer.kernel)
    if maps is not None:
        kernel = kernel.reshape(*maps, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
    _fill(to.weight, kernel.T)
    _fill(to.bias, np.asarray(layer.bias))


def _fill(tensor: Any, value: np.ndarray) -> None:
    assert tuple(tensor.shape) == value.shape
    with torch.no_grad():
        tensor.copy_(torch.from_numpy(np.ascontiguousarray(value)))

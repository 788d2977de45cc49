"""Random weights with which every term of a network counts, and the comparison of logits.

As networks start, biases are 0, gains 1 and batch statistics those of nothing: a mapping that
mixed two of them up would pass. Here each is off its start, and the statistics are close to those
of the maps, so that signals keep their size through 200 layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import torch

from models.catalog import create_model

RELATIVE = 1e-4  # float32 through 200 layers, summed in two orders: 3e-7 to 4e-5 measured


def noise_images(*shape: int, seed: int = 11) -> np.ndarray:
    """Return images (*shape) in [0, 1): smooth at first, noise in the last, so that they differ."""
    images = np.random.default_rng(seed).uniform(size=shape).astype("float32")
    images[:-1] = images[:-1] * 0.3 + np.linspace(0, 0.7, shape[2], dtype="float32")[:, None]
    return images


def stir_keras(model: keras.Model, images: np.ndarray) -> None:
    """Stir biases, gains and statistics of a Keras network; `images` set its statistics."""
    random = np.random.default_rng(7)
    for v in model.trainable_variables:
        if len(v.shape) == 1:
            v.assign(np.asarray(v) + 0.2 * random.normal(size=v.shape))
    # Keras types their statistics as None until they are built.
    norms: list[Any] = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0
    model(images, training=True)
    for layer in norms:
        variance = np.asarray(layer.moving_variance) + 1e-3  # of a channel that is always 0
        shift = 0.2 * np.sqrt(variance) * random.normal(size=variance.shape)
        layer.moving_mean.assign_add(shift.astype("float32"))
        layer.moving_variance.assign(variance * random.uniform(0.7, 1.4, size=variance.shape))


def stir_torch(module: torch.nn.Module, images: np.ndarray) -> None:
    """Do the same to a PyTorch module, and leave it in evaluation mode."""
    torch.set_num_threads(1)
    torch.manual_seed(7)
    norms = [m for m in module.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    with torch.inference_mode():
        for parameter in module.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.2 * torch.randn_like(parameter))
        for norm in norms:
            norm.momentum = 1.0  # in PyTorch the new value's part
        module.train()(nchw(images))
        for norm in norms:
            mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
            variance += 1e-3
            mean += 0.2 * variance.sqrt() * torch.randn_like(mean)
            variance *= 0.7 + 0.7 * torch.rand_like(variance)
        module.eval()


def nchw(images: np.ndarray) -> torch.Tensor:
    """Return channels-last images as PyTorch wants them."""
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy())


def torch_logits(module: torch.nn.Module, images: np.ndarray) -> np.ndarray:
    """Run the module on channels-last images."""
    with torch.inference_mode():
        logits: np.ndarray = module(nchw(images)).numpy()
    return logits


def torch_images(module: torch.nn.Module, images: np.ndarray) -> np.ndarray:
    """Run a module that maps images to images, channels last."""
    return torch_logits(module, images).transpose(0, 2, 3, 1)


def set_weights(model: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Set every weight of `model` by its path; none may be missing or left over."""
    assert {v.path for v in model.weights} == set(arrays)
    for v in model.weights:
        v.assign(arrays[v.path])


def assert_same_logits(actual: np.ndarray, expected: np.ndarray) -> None:
    """Compare relative to the largest logit; logits that ignore the image prove nothing."""
    scale = np.abs(expected).max()
    assert np.ptp(expected, axis=0).max() > 0.01 * scale
    np.testing.assert_allclose(actual, expected, rtol=0, atol=RELATIVE * scale)


def assert_same_as_applications(
    name: str,
    reference: Callable[..., keras.Model],
    side: int,
    weights_of: Callable[[keras.Model], Mapping[str, np.ndarray]],
) -> None:
    """Compare a network of the catalog with one of keras.applications, stirred.

    `weights_of` gives the weights of theirs by our paths.
    """
    keras.utils.set_random_seed(5)
    shape = (side, side, 3)
    theirs = reference(weights=None, input_shape=shape, classes=40, classifier_activation=None)
    stir_keras(theirs, noise_images(3, *shape, seed=12))
    ours = create_model(name, input_shape=shape, classes=40)
    set_weights(ours, weights_of(theirs))
    images = noise_images(2, *shape)
    assert_same_logits(np.asarray(ours(images)), np.asarray(theirs(images)))

"""A first convolution that whitens small patches of the picture.

Its kernels are not learnt but measured: the eigenvectors of the covariance of all patches, each
divided by the root of its eigenvalue, and their negatives, so that a rectifier after it loses
nothing. Page: https://myrtle.ai/learn/how-to-train-your-resnet-8-bag-of-tricks/; Jordan: 94% on
CIFAR-10 in 3.29 Seconds on a Single GPU, arXiv:2404.00498, section 3.2.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

FLOOR = 5e-4  # added to the eigenvalues (arXiv:2404.00498): faint directions are not blown up


@keras.saving.register_keras_serializable(package="sightsound")
class PatchWhitening(keras.layers.Layer):
    """Map pictures (B, H, W, C) to whitened patches (B, H-k+1, W-k+1, 2 k k C).

    The kernel is stored with the weights but is not trained; the bias is. Before `adapt` the
    kernel is a random orthogonal one.
    """

    def __init__(self, kernel_size: int, **kwargs: Any) -> None:
        """Take the patches' side in px."""
        super().__init__(**kwargs)
        self.kernel_size = kernel_size

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create kernel and bias."""
        channels, size = int(input_shape[-1] or 0), self.kernel_size
        maps = 2 * size * size * channels
        self.kernel = self.add_weight(
            shape=(size, size, channels, maps),
            initializer="orthogonal",
            trainable=False,
            name="kernel",
        )
        self.bias = self.add_weight(shape=(maps,), initializer="zeros", name="bias")

    def adapt(self, pictures: Any) -> None:
        """Measure the kernel on pictures (N, H, W, C), prepared as the network takes them."""
        size = self.kernel_size
        pictures = np.asarray(pictures, "float32")
        windows = np.lib.stride_tricks.sliding_window_view(pictures, (size, size), axis=(1, 2))
        patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, size * size * pictures.shape[-1])
        values, vectors = np.linalg.eigh(patches.T @ patches / len(patches))
        whitening = (vectors / np.sqrt(values + FLOOR))[:, ::-1]  # strongest direction first
        both = np.concatenate([whitening, -whitening], axis=1)
        self.kernel.assign(both.reshape(self.kernel.shape))

    def call(self, inputs: Any) -> Any:
        """Return the whitened patches plus the bias."""
        maps = ops.conv(inputs, self.kernel, padding="valid", data_format="channels_last")
        return maps + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (B, H-k+1, W-k+1, 2 k k C)."""
        batch, height, width, channels = input_shape
        cut, size = self.kernel_size - 1, self.kernel_size
        maps = 2 * size * size * int(channels or 0)
        return (batch, height and height - cut, width and width - cut, maps)

    def multiply_adds(
        self, input_shape: tuple[int | None, ...], output_shape: tuple[int | None, ...]
    ) -> int:
        """Return the multiplications of one picture."""
        _, height, width, maps = (int(n or 1) for n in output_shape)
        return height * width * maps * self.kernel_size**2 * int(input_shape[-1] or 0)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "kernel_size": self.kernel_size}

"""The perceptual loss: images are close where VGG-19 sees the same in them.

Ledig and others: Photo-realistic single image super-resolution using a generative adversarial
network, 2016 (arXiv:1609.04802), equation 5 and section 3.2: the mean squared distance of two
images' maps, each multiplied by 1/12.75, so that the loss has the squared error's size. VGG22 looks
at edges and textures, VGG54 at content. Wang et al. (ESRGAN, arXiv:1809.00219, section 3.3) take
the maps before the activation, of which fewer are zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from types import MappingProxyType
from typing import Any, Literal

import keras
from keras import layers, ops

from models.catalog import create_model, features

Sight = Literal["vgg22", "vgg54", "vgg54_linear"]

# VGG i j is the j-th convolution before the i-th pooling, after its ReLU; `_linear` before it.
LAYERS: Mapping[Sight, str] = MappingProxyType(
    {"vgg22": "relu2_2", "vgg54": "relu5_4", "vgg54_linear": "conv5_4"}
)
MAP_SCALE = 1 / 12.75
# What the published VGG-19 takes: blue, green, red from 0 to 255, less ImageNet's mean colour.
MEAN_BGR = (103.939, 116.779, 123.68)


def vgg_features(
    sight: Sight = "vgg54", *, weights: str | PathLike[str] | None = "imagenet"
) -> keras.Model:
    """Return VGG-19 up to a layer, not to be trained: RGB (B, H, W, 3) in [0, 1] to its maps.

    Args:
        sight: Up to which layer, as the paper names them.
        weights: As `create_model` takes them for `vgg19`.

    Raises:
        ValueError: An unknown `sight`, or weights that do not fit.
        FileNotFoundError, ConnectionError: The weights cannot be had.
    """
    if sight not in LAYERS:
        raise ValueError(f"sight must be one of {', '.join(LAYERS)}; got {sight!r}")
    vgg = create_model("vgg19", input_shape=(None, None, 3), include_top=False, weights=weights)
    image = keras.Input((None, None, 3), name="image")
    bgr = ops.flip(layers.Rescaling(255.0, name="to_255")(image), axis=-1)
    centred = layers.Rescaling(1.0, [-value for value in MEAN_BGR], name="subtract_mean")(bgr)
    return _up_to(vgg, LAYERS[sight], image, centred, name=sight)


def classifier_features(
    network: keras.Model,
    layer: str,
    *,
    scale: float | Sequence[float] = 1.0,
    offset: float | Sequence[float] = 0.0,
) -> keras.Model:
    """Return a classifier up to a layer, not to be trained: images in [0, 1] to its maps.

    Args:
        network: A functional network that takes images (B, H, W, C) of any size.
        layer: Its name in the network.
        scale: What its input is the images times, a value or one a channel.
        offset: And what is added then.

    Raises:
        ValueError: The network has no such layer.
    """
    image = keras.Input(network.input_shape[1:], name="image")
    prepared = layers.Rescaling(scale, offset)(image)
    return _up_to(network, layer, image, prepared, name=layer)


def _up_to(network: keras.Model, layer: str, image: Any, prepared: Any, name: str) -> keras.Model:
    """Return images to the maps of a layer that reads what was prepared, not to be trained."""
    model = keras.Model(image, features(network, [layer])(prepared)[layer], name=name)
    model.trainable = False
    return model


class PerceptualLoss(keras.losses.Loss):
    """The mean squared distance of what a network sees in two images.

    It holds that network, which is not saved with a model that was compiled with it: load such a
    model with `compile=False`.
    """

    def __init__(
        self, network: keras.Model, scale: float = MAP_SCALE, name: str = "perceptual"
    ) -> None:
        """Take what maps images (B, H, W, C) to maps (B, H', W', C'), and their factor."""
        super().__init__(name=name)
        self.network = network
        self.scale = scale

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Map images (B, H, W, C) in [0, 1], wanted and made, to losses (B,)."""
        wanted, made = (self._maps(images) for images in (y_true, y_pred))
        return ops.mean(ops.square(made - wanted), axis=(1, 2, 3))

    def _maps(self, images: Any) -> Any:
        """Return the maps, in float32 whatever the policy."""
        return self.scale * ops.cast(self.network(images, training=False), "float32")

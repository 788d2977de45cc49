"""SRGAN's training: an upscaler against a network that tells photographs from what it made.

Ledig and others (arXiv:1609.04802), section 2: the upscaler's loss is a content loss, the squared
distance of what a classifier sees in both images, and an adversarial loss, how surely the judge
takes the made image for made. Added to them, as in ESRGAN (arXiv:1809.00219, equation 3), are the
absolute differences of the pixels.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from models.catalog import create_model
from models.perceptual_loss import LAYERS, PerceptualLoss, classifier_features, vgg_features
from models.restoration.srresnet import build_discriminator
from pipelines.presets import load_preset
from pipelines.super_resolution.recipes import Adversary
from pipelines.training.adversarial import ADVERSARIAL, AdversarialLearner


class AdversarialUpscaler(AdversarialLearner):
    """An upscaler as it learns against a judge of large images."""

    def __init__(self, upscaler: keras.Model, adversary: Adversary, side_px: int) -> None:
        """Make the judge of large patches of `side_px` pixels a side, and what sees content."""
        super().__init__(
            upscaler,
            build_discriminator(
                input_shape=(side_px, side_px, 3),
                widths=adversary.judge_widths,
                units=adversary.judge_units,
            ),
            part_weights={
                "pixel": adversary.pixel_weight,
                "content": adversary.content_weight,
                ADVERSARIAL: adversary.adversarial_weight,
            },
            judge_optimizer=keras.optimizers.Adam(adversary.judge_rate),
            name="adversarial_upscaler",
        )
        self.content_loss = PerceptualLoss(
            content_network(adversary.content, adversary.layer), adversary.content_scale
        )

    @property
    def upscaler(self) -> keras.Model:
        """Maps small images (B, H, W, 3) in [0, 1] to large ones."""
        return self.maker

    def differences(self, wanted: Any, made: Any) -> dict[str, Any]:
        """Return the pixels' absolute difference, and the content's squared one."""
        return {"pixel": self.measured(wanted, made), "content": self.content_loss(wanted, made)}

    def measured(self, wanted: Any, made: Any) -> Any:
        """Return the pixels' absolute difference."""
        return ops.mean(ops.abs(made - wanted))


def content_network(name: str, layer: str) -> keras.Model:
    """Return what sees content: RGB (B, H, W, 3) in [0, 1] to maps; not to be trained.

    Args:
        name: A preset of a classifier on colour pictures whose network takes any size, or one of
            VGG-19's sights, `vgg22`, `vgg54`, `vgg54_linear`, with Keras's published weights.
        layer: Of the preset's network; not for VGG-19, whose sight says it.

    Raises:
        PresetError: There is no such preset.
        ValueError: Its network has no such layer.
    """
    if name in LAYERS:
        return vgg_features(name)  # type: ignore[arg-type]
    preset = load_preset(name)
    trained = preset.build()
    network = create_model(preset.model, input_shape=(None, None, 3), include_top=False)
    for part in network.layers:
        part.set_weights(trained.get_layer(part.name).get_weights() if part.weights else [])
    stated = preset.preprocessor
    return classifier_features(network, layer, scale=stated["scale"], offset=stated["offset"])

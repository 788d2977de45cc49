"""SRGAN's training: an upscaler against a network that tells photographs from what it made.

Ledig and others (arXiv:1609.04802), section 2: the upscaler's loss is a content loss, the squared
distance of what a classifier sees in both images, and an adversarial loss, how surely the judge
takes the made image for made. Added to them, as in ESRGAN (arXiv:1809.00219, equation 3), are the
absolute differences of the pixels. In each step both networks learn from the same images.
"""

from __future__ import annotations

from typing import Any, cast

import keras
import tensorflow as tf
from keras import ops

from models.catalog import create_model
from models.perceptual_loss import LAYERS, PerceptualLoss, classifier_features, vgg_features
from models.restoration.srresnet import build_discriminator
from pipelines.presets import load_preset
from pipelines.super_resolution.recipes import Adversary


class AdversarialUpscaler(keras.Model):
    """An upscaler as it learns against a judge; what `fit_stream` trains and measures.

    Its weights, for an optimizer and its averages, are the upscaler's: the judge has an optimizer
    of its own, whose state is kept with this model's.

    Attributes:
        upscaler: Maps small images (B, H, W, 3) in [0, 1] to large ones.
        judge: Maps large images to logits (B, 1): above 0 for a photograph.
    """

    def __init__(self, upscaler: keras.Model, adversary: Adversary, side_px: int) -> None:
        """Make the judge of large patches of `side_px` pixels a side, and what sees content."""
        super().__init__(name="adversarial_upscaler")
        self.upscaler = upscaler
        self.judge = build_discriminator(
            input_shape=(side_px, side_px, 3),
            widths=adversary.judge_widths,
            units=adversary.judge_units,
        )
        self.content_loss = PerceptualLoss(
            content_network(adversary.content, adversary.layer), adversary.content_scale
        )
        self.adversary = adversary
        self.judge_optimizer = keras.optimizers.Adam(adversary.judge_rate)
        self.judge_optimizer.build(self.judge.trainable_variables)
        self.judge_optimizer_state = list(self.judge_optimizer.variables)  # tracked, so it is kept
        names = ("pixel", "content", "adversarial", "judge")
        self.parts = {name: keras.metrics.Mean(f"{name}_loss") for name in names}
        self.judge_loss = keras.losses.BinaryCrossentropy(from_logits=True)
        self.built = True

    @property
    def trainable_variables(self) -> list[Any]:
        """The upscaler's."""
        variables: list[Any] = self.upscaler.trainable_variables
        return variables

    def call(self, image: Any, training: bool | None = None) -> Any:
        """Enlarge."""
        return self.upscaler(image, training=training)

    def train_step(self, data: tuple[Any, Any]) -> dict[str, Any]:
        """Move both networks once."""
        small, large = data
        adversary = self.adversary
        with tf.GradientTape() as tape:
            made = self.upscaler(small, training=True)
            verdict = self.judge(made, training=True)
            parts = {
                "pixel": ops.mean(ops.abs(made - large)),
                "content": self.content_loss(large, made),
                "adversarial": self.judge_loss(ops.ones_like(verdict), verdict),
            }
            loss = (
                adversary.pixel_weight * parts["pixel"]
                + adversary.content_weight * parts["content"]
                + adversary.adversarial_weight * parts["adversarial"]
            )
        moved = self.upscaler.trainable_variables
        self.optimizer.apply(tape.gradient(loss, moved), moved)
        made = ops.stop_gradient(made)
        with tf.GradientTape() as tape:
            real, fake = self.judge(large, training=True), self.judge(made, training=True)
            parts["judge"] = self.judge_loss(ops.ones_like(real), real) + self.judge_loss(
                ops.zeros_like(fake), fake
            )
        moved = self.judge.trainable_variables
        self.judge_optimizer.apply(tape.gradient(parts["judge"], moved), moved)
        self._note_loss(loss, large)
        for name, value in parts.items():
            self.parts[name].update_state(value)
        found: dict[str, Any] = self.compute_metrics(small, large, made)
        return found

    def test_step(self, data: tuple[Any, Any]) -> dict[str, Any]:
        """Measure the upscaler alone: the loss is the pixels' absolute difference."""
        small, large = data
        made = self.upscaler(small, training=False)
        pixel = ops.mean(ops.abs(made - large))
        self._note_loss(pixel, large)
        found: dict[str, Any] = self.compute_metrics(small, large, made)
        return {name: value for name, value in found.items() if not name.endswith("_loss")}

    def _note_loss(self, loss: Any, images: Any) -> None:
        mean = cast(keras.metrics.Metric, self._loss_tracker)  # `compile` has made it
        mean.update_state(loss, sample_weight=ops.shape(images)[0])


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

"""Training against a judge: a network that makes images, and one that tells them from photographs.

Goodfellow and others: Generative adversarial networks, 2014 (arXiv:1406.2661), as SRGAN
(arXiv:1609.04802) and context encoders (arXiv:1604.07379) use it: what the maker's images must have
in common with the wanted ones is a part of its loss, and how surely the judge takes them for made
is another. In each step both networks learn from the same images.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, cast

import keras
import tensorflow as tf
from keras import ops

ADVERSARIAL, JUDGE = "adversarial", "judge"


class AdversarialLearner(keras.Model):
    """A maker as it learns against a judge; what `fit_stream` trains and measures.

    Its weights, for an optimizer and its averages, are the maker's: the judge has an optimizer of
    its own, whose state is kept with this model's.

    Attributes:
        maker: Maps inputs to images (B, H, W, C).
        judge: Maps images to logits (B, 1): above 0 for a photograph.
        part_weights: Of each part of the maker's loss: "adversarial", and those of `differences`.
    """

    def __init__(
        self,
        maker: keras.Model,
        judge: keras.Model,
        *,
        part_weights: Mapping[str, float],
        judge_optimizer: keras.optimizers.Optimizer,
        name: str,
    ) -> None:
        """Take both networks, the weights of the loss's parts, and what moves the judge."""
        super().__init__(name=name)
        self.maker, self.judge = maker, judge
        self.part_weights = dict(part_weights)
        self.judge_optimizer = judge_optimizer
        self.judge_optimizer.build(self.judge.trainable_variables)
        self.judge_optimizer_state = list(self.judge_optimizer.variables)  # tracked, so it is kept
        self.parts = {
            part: keras.metrics.Mean(f"{part}_loss") for part in (*self.part_weights, JUDGE)
        }
        self.judge_loss = keras.losses.BinaryCrossentropy(from_logits=True)
        self.built = True

    @abstractmethod
    def differences(self, wanted: Any, made: Any) -> dict[str, Any]:
        """Return the parts of the loss that compare images, by their names: scalars."""

    @abstractmethod
    def measured(self, wanted: Any, made: Any) -> Any:
        """Return what held-out images are measured by: a scalar."""

    @property
    def trainable_variables(self) -> list[Any]:
        """The maker's."""
        variables: list[Any] = self.maker.trainable_variables
        return variables

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Make images."""
        return self.maker(inputs, training=training)

    def train_step(self, data: tuple[Any, Any]) -> dict[str, Any]:
        """Move both networks once."""
        inputs, wanted = data
        with tf.GradientTape() as tape:
            made = self.maker(inputs, training=True)
            verdict = self.judge(made, training=True)
            parts = self.differences(wanted, made)
            parts[ADVERSARIAL] = self.judge_loss(ops.ones_like(verdict), verdict)
            loss = sum(weight * parts[part] for part, weight in self.part_weights.items())
        moved = self.maker.trainable_variables
        self.optimizer.apply(tape.gradient(loss, moved), moved)
        made = ops.stop_gradient(made)
        with tf.GradientTape() as tape:
            real, fake = self.judge(wanted, training=True), self.judge(made, training=True)
            parts[JUDGE] = self.judge_loss(ops.ones_like(real), real) + self.judge_loss(
                ops.zeros_like(fake), fake
            )
        moved = self.judge.trainable_variables
        self.judge_optimizer.apply(tape.gradient(parts[JUDGE], moved), moved)
        self._note_loss(loss, wanted)
        for part, mean in self.parts.items():
            mean.update_state(parts[part])
        found: dict[str, Any] = self.compute_metrics(inputs, wanted, made)
        return found

    def test_step(self, data: tuple[Any, Any]) -> dict[str, Any]:
        """Measure the maker alone."""
        inputs, wanted = data
        made = self.maker(inputs, training=False)
        self._note_loss(self.measured(wanted, made), wanted)
        found: dict[str, Any] = self.compute_metrics(inputs, wanted, made)
        return {name: value for name, value in found.items() if not name.endswith("_loss")}

    def _note_loss(self, loss: Any, images: Any) -> None:
        mean = cast(keras.metrics.Metric, self._loss_tracker)  # `compile` has made it
        mean.update_state(loss, sample_weight=ops.shape(images)[0])

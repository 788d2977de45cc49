"""How many bits a network needs for each sample of a recording."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from models.generative.wavenet import silence
from pipelines.audio_generation.stepping import Stepper

if TYPE_CHECKING:
    import keras

AT_A_TIME = 8192  # levels: 8 MB of logits, and 100 MB of the skipped maps of `wavenet_small`


class Scorer:
    """Foretells levels by a network, given those before them, as it is trained to do."""

    def __init__(self, model: keras.Model, stepper: Stepper) -> None:
        """Take a network, and what a stepper knows of it; weights are those of the day."""
        self._stepper, self._model = stepper, model
        specs: dict[str, Any] = {"samples": tf.TensorSpec((1, None), tf.int32)}
        if stepper.label_counts:
            specs["labels"] = tf.TensorSpec((1, len(stepper.label_counts)), tf.int32)
        if stepper.local_dim:
            specs["frames"] = tf.TensorSpec((1, None, stepper.local_dim), tf.float32)
        signature = (specs, tf.TensorSpec((None,), tf.int32))
        self._run = tf.function(self._last_bits, autograph=False, input_signature=signature)

    def bits(
        self, levels: np.ndarray, labels: tuple[int, ...] = (), frames: np.ndarray | None = None
    ) -> np.ndarray:
        """Return minus log2 of each level's probability, float32 (N,), in constant memory.

        Args:
            levels: int32 (N,), a clip from its beginning.
            labels: The place of each label's class.
            frames: (F, local_dim), F hop >= N.
        """
        heard = np.concatenate([[silence(self._stepper.classes)], levels[:-1]]).astype(np.int32)
        parts = [
            self._part(heard, levels, labels, frames, start)
            for start in range(0, len(levels), AT_A_TIME)
        ]
        return np.concatenate(parts)

    def _part(
        self,
        heard: np.ndarray,
        levels: np.ndarray,
        labels: tuple[int, ...],
        frames: np.ndarray | None,
        start: int,
    ) -> np.ndarray:
        hop, end = self._stepper.hop, min(start + AT_A_TIME, len(levels))
        # What came earlier than this does not matter; frames begin at whole ones.
        begin = max(0, start - self._stepper.field) // hop * hop
        inputs: dict[str, Any] = {"samples": tf.constant(heard[None, begin:end], tf.int32)}
        if self._stepper.label_counts:
            inputs["labels"] = tf.constant([labels], tf.int32)
        if frames is not None and self._stepper.local_dim:
            inputs["frames"] = tf.constant(frames[None, begin // hop : -(-end // hop)], tf.float32)
        bits: np.ndarray = self._run(inputs, tf.constant(levels[start:end], tf.int32)).numpy()
        return bits

    def _last_bits(self, inputs: Any, targets: Any) -> Any:
        logits = self._model(inputs, training=False)[0, -tf.shape(targets)[0] :]
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
        return nats / math.log(2)

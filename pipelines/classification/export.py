"""A classifier as a TensorFlow SavedModel with its preprocessing inside, and back as a classifier.

Two endpoints give the same outputs, a row a picture:

    serving_default   image_bytes (N,) strings: JPEG, PNG, WebP, GIF or BMP files
    serve_array       pictures (N, H, W, 3) uint8, RGB, of any one size

    labels, scores, indices   (N, K): the K = min(5, classes) best, best first
    probabilities             (N, classes)
    ok                        (N,) whether the picture was decoded; if not, its labels are empty,
                              its indices -1, its scores and probabilities 0

The graph is the pipeline's own, so arrays give its results to rounding. For what files hold that
TensorFlow's decoders do not tell, see `pipelines.graph_decoding`; for the folder,
`pipelines.export`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from pipelines.classification.classifier import (
    Classifier,
    Outcome,
    best_scores,
    checked_top_k,
    probabilities,
    stacks,
)
from pipelines.export import ARRAY_ENDPOINT, BYTES_ENDPOINT, UNDECODED, SavedModel, new_saved_model
from pipelines.graph_decoding import decode_picture, guarded
from pipelines.images import describe_source
from pipelines.picture import refusal
from pipelines.preprocessing import ImagePreprocessing, fit_pictures, scale_pixels

if TYPE_CHECKING:
    import keras

TASK = "image-classification"
BEST = 5  # labels a picture in the endpoints' answers; `probabilities` holds them all


def export_classifier(
    folder: str | os.PathLike[str],
    *,
    network: keras.Model,
    preprocessing: ImagePreprocessing,
    labels: Sequence[str],
    preset: str,
    metadata: Mapping[str, Any],
    overwrite: bool = False,
) -> Path:
    """Write `folder/1/`, whole or not at all, and return `folder`.

    Args:
        folder: Where.
        network: Maps prepared pictures (N, H, W, C) to logits (N, classes). Its weights are
            written as they are now.
        preprocessing: How pictures are prepared.
        labels: A name for each class.
        preset: What results call the classifier.
        metadata: What its preset states of itself.
        overwrite: Whether a SavedModel may be replaced.

    Raises:
        FileExistsError: `folder/1` exists and may not be replaced.
    """
    from models.folding import fold_normalisation  # here: an exported classifier has no Keras

    card = {
        "task": TASK,
        "preset": preset,
        "labels": labels,
        "preprocessing": preprocessing.to_dict(),
        "metadata": metadata,
    }
    with new_saved_model(folder, card, overwrite=overwrite) as archive:
        serve = _Endpoints(fold_normalisation(network), preprocessing, labels)
        images = tf.TensorSpec((None,), tf.string, name="image_bytes")
        pictures = tf.TensorSpec((None, None, None, 3), tf.uint8, name="pictures")
        archive.add_endpoint(BYTES_ENDPOINT, serve.files, [images])
        archive.add_endpoint(ARRAY_ENDPOINT, serve.arrays, [pictures])
    return Path(folder)


class ExportedClassifier(Classifier):
    """A SavedModel, called as the pipeline that it was written from.

    Attributes:
        metadata: What the preset states of itself.
        endpoints: The functions of the SavedModel by name, tensors in and out.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Load a folder that `export_classifier` wrote.

        Raises:
            ExportError: It is something else.
        """
        self._model = SavedModel(folder, TASK, needs=("labels",))
        card = self._model.card
        self.preset = str(card["preset"])
        self.labels = tuple(card["labels"])
        self.metadata: Mapping[str, Any] = card["metadata"]
        self.endpoints = self._model.endpoints

    def scores(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """Map pictures, each (H, W, 3) or (H, W, 1) uint8, to probabilities (N, classes)."""
        scores = np.empty((len(pixels), len(self.labels)), np.float32)
        for places, stack in stacks(pixels):
            rgb = tf.constant(np.broadcast_to(stack, (*stack.shape[:3], 3)))
            scores[places] = self.endpoints[ARRAY_ENDPOINT](pictures=rgb)["probabilities"]
        return scores

    def serve_bytes(self, images: Sequence[bytes], *, top_k: int = BEST) -> list[Outcome]:
        """Classify encoded pictures as a server does: TensorFlow decodes, in one batch.

        Args:
            images: The bytes of JPEG, PNG, WebP, GIF or BMP files.
            top_k: How many labels a result holds, at most all of them.

        Returns:
            A result for each; a `FailedResult` for what cannot be decoded.
        """
        top_k = checked_top_k(top_k, self.labels)
        if not images:  # TensorFlow's convolutions on the CPU cannot do nothing
            return []
        start = time.perf_counter()
        answer = self.endpoints[BYTES_ENDPOINT](image_bytes=tf.constant(images, tf.string))
        order, best = best_scores(answer["probabilities"].numpy(), top_k)
        share_ms = (time.perf_counter() - start) * 1000 / len(images)
        name = describe_source(images[0])
        return [
            self._result(name, order[i], best[i], share_ms)
            if ok
            else self._failed(name, refusal(name, UNDECODED))
            for i, ok in enumerate(answer["ok"].numpy())
        ]


@dataclass(frozen=True)
class _Endpoints:
    """The graphs."""

    network: Callable[..., tf.Tensor]
    preprocessing: ImagePreprocessing
    labels: Sequence[str]

    def files(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Decode and fit each picture on its own: they differ in size, and some may be damaged."""
        shape = self.preprocessing.input_shape

        def fit(data: tf.Tensor) -> tf.Tensor:
            fitted = fit_pictures(self.preprocessing, decode_picture(data)[None])
            return tf.ensure_shape(fitted[0], shape)

        signature = (tf.TensorSpec(shape, tf.float32), tf.TensorSpec((), tf.bool))
        fitted, ok = tf.map_fn(
            lambda data: guarded(fit, data, tf.zeros(shape)),
            image_bytes,
            fn_output_signature=signature,
        )
        return self._answer(fitted, ok)

    def arrays(self, pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        """Fit pictures of one size together."""
        fitted = fit_pictures(self.preprocessing, pictures)
        return self._answer(fitted, tf.fill(tf.shape(pictures)[:1], True))

    def _answer(self, fitted: tf.Tensor, ok: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return the outputs; of a picture without a result nothing looks like one."""
        scaled = scale_pixels(self.preprocessing, fitted)
        shares = probabilities(self.network(scaled, training=False))
        scores, indices = tf.math.top_k(shares, min(BEST, len(self.labels)))
        labels = tf.gather(tf.constant(self.labels), indices)
        known = ok[:, None]
        return {
            "labels": tf.where(known, labels, ""),
            "scores": tf.where(known, scores, 0.0),
            "indices": tf.where(known, indices, -1),
            "probabilities": tf.where(known, shares, 0.0),
            "ok": ok,
        }

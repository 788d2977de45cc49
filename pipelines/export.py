"""A classifier as a TensorFlow SavedModel with its preprocessing inside, and back as a classifier.

    folder/1/saved_model.pb, variables/      what TensorFlow Serving and every TensorFlow loads
    folder/1/assets.extra/sightsound.json    preset, labels and metadata; servers pass over it

Two endpoints give the same outputs, a row a picture:

    serving_default   image_bytes (N,) strings: JPEG, PNG, WebP, GIF or BMP files
    serve_array       pictures (N, H, W, 3) uint8, RGB, of any one size

    labels, scores, indices   (N, K): the K = min(5, classes) best, best first
    probabilities             (N, classes)
    ok                        (N,) whether the picture was decoded; if not, its labels are empty,
                              its indices -1, its scores and probabilities 0

The graph is the pipeline's own, so arrays give its results to rounding. For what files hold that
TensorFlow's decoders do not tell, see `pipelines.graph_decoding`.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipelines.classification.classifier import (
    Classifier,
    Outcome,
    best_scores,
    checked_top_k,
    stacks,
)
from pipelines.classification.pipeline import TASK, ImageClassification
from pipelines.graph_decoding import decode_picture
from pipelines.images import describe_source
from pipelines.picture import refusal
from pipelines.preprocessing import fit_pictures

VERSION = "1"  # TensorFlow Serving serves the folder of the highest number
SAVED_MODEL = "saved_model.pb"
CARD = Path("assets.extra", "sightsound.json")
BYTES_ENDPOINT, ARRAY_ENDPOINT = "serving_default", "serve_array"
UNDECODED = "TensorFlow cannot decode it; pass a whole JPEG, PNG, WebP, GIF, or plain BMP file"
Graph = Callable[[tf.Tensor], tf.Tensor]  # fitted pictures to probabilities
BEST = 5  # labels a picture in the endpoints' answers; `probabilities` holds them all


class ExportError(ValueError):
    """A folder that is no classifier written by `export_classifier`."""


def export_classifier(
    pipeline: ImageClassification, folder: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write `folder/1/`, whole or not at all, and return `folder`.

    Raises:
        FileExistsError: `folder/1` exists and may not be replaced.
    """
    import keras

    folder = Path(folder)
    place = folder / VERSION
    _check_free(place, overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    # Hidden, and no number: a server that watches the folder passes over it.
    part = Path(tempfile.mkdtemp(prefix=f".{VERSION}.", dir=folder))
    try:
        part.chmod(0o755)  # mkdtemp's 0o700 would hide the model from a server's user
        # The endpoints hold the network's variables. To track the network as well would write
        # them twice (keras issue 23553).
        archive = keras.export.ExportArchive()
        score = pipeline.scoring_graph()
        images = tf.TensorSpec((None,), tf.string, name="image_bytes")
        pictures = tf.TensorSpec((None, None, None, 3), tf.uint8, name="pictures")
        archive.add_endpoint(BYTES_ENDPOINT, partial(_serve_bytes, pipeline, score), [images])
        archive.add_endpoint(ARRAY_ENDPOINT, partial(_serve_array, pipeline, score), [pictures])
        archive.write_out(str(part), verbose=False)
        _write_card(part / CARD, pipeline)
        _put(part, place)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return folder


def load_exported(folder: str | os.PathLike[str]) -> ExportedClassifier:
    """Return the classifier that `export_classifier` wrote, ready to be called.

    Neither Keras nor the network's code is needed. A SavedModel is a program: load only what you
    trust.

    Args:
        folder: What was given to `export_classifier`, or its `1`; it may have been moved.

    Raises:
        ExportError: It is something else.
    """
    return ExportedClassifier(folder)


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
        place = _find(Path(folder))
        card = _read_card(place / CARD)
        self.preset = str(card["preset"])
        self.labels = tuple(card["labels"])
        self.metadata: Mapping[str, Any] = card["metadata"]
        # The signatures do not keep the variables alive that they use; the root does.
        self._root = tf.saved_model.load(os.fspath(place))
        self.endpoints = self._root.signatures

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


# The graphs of the endpoints.


def _serve_bytes(
    pipeline: ImageClassification, score: Graph, image_bytes: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Decode and fit each picture on its own: they differ in size, and some may be damaged."""
    shape = pipeline.preprocessing.input_shape

    def fit(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        fitted = fit_pictures(pipeline.preprocessing, decode_picture(data)[None])
        return tf.ensure_shape(fitted[0], shape), tf.constant(True)

    def fit_or_zeros(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # An error inside a data set is the only one that a graph can catch.
        zeros = tf.data.Dataset.from_tensors((tf.zeros(shape), False))
        fitted = tf.data.Dataset.from_tensors(data).map(fit).ignore_errors()
        found: tuple[tf.Tensor, tf.Tensor] = fitted.concatenate(zeros).take(1).get_single_element()
        return found

    signature = (tf.TensorSpec(shape, tf.float32), tf.TensorSpec((), tf.bool))
    fitted, ok = tf.map_fn(fit_or_zeros, image_bytes, fn_output_signature=signature)
    return _answer(pipeline, score(fitted), ok)


def _serve_array(
    pipeline: ImageClassification, score: Graph, pictures: tf.Tensor
) -> dict[str, tf.Tensor]:
    probabilities = score(fit_pictures(pipeline.preprocessing, pictures))
    return _answer(pipeline, probabilities, tf.fill(tf.shape(pictures)[:1], True))


def _answer(
    pipeline: ImageClassification, probabilities: tf.Tensor, ok: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Return the endpoints' outputs; of a picture without a result nothing looks like one."""
    scores, indices = tf.math.top_k(probabilities, min(BEST, len(pipeline.labels)))
    labels = tf.gather(tf.constant(pipeline.labels), indices)
    known = ok[:, None]
    return {
        "labels": tf.where(known, labels, ""),
        "scores": tf.where(known, scores, 0.0),
        "indices": tf.where(known, indices, -1),
        "probabilities": tf.where(known, probabilities, 0.0),
        "ok": ok,
    }


# The folder.


def _check_free(place: Path, overwrite: bool) -> None:
    if not place.exists():
        return
    replaceable = (place / SAVED_MODEL).is_file()
    if not (overwrite and replaceable):
        hint = "pass overwrite=True" if replaceable else "it is no SavedModel; choose another"
        raise FileExistsError(f"{str(place)!r} exists already; {hint}")


def _put(part: Path, place: Path) -> None:
    """Move the finished model to its place, the one that was there before out of it."""
    before = part.with_name(f"{part.name}.before")
    if place.exists():
        place.replace(before)
    part.replace(place)
    shutil.rmtree(before, ignore_errors=True)


def _write_card(path: Path, pipeline: ImageClassification) -> None:
    """Write what the graph does not tell, the licence among it: it belongs to the weights."""
    card = {
        "task": TASK,
        "preset": pipeline.preset,
        "labels": pipeline.labels,
        "preprocessing": json.loads(pipeline.preprocessing.to_json()),
        "metadata": pipeline.metadata,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _find(folder: Path) -> Path:
    for place in (folder, folder / VERSION):
        if (place / SAVED_MODEL).is_file():
            return place
    raise ExportError(f"{str(folder)!r} must hold {SAVED_MODEL} or {VERSION}/{SAVED_MODEL}")


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(
            f"{str(path)!r} must be what export_classifier writes: {error}"
        ) from error
    if not isinstance(card, dict) or card.get("task") != TASK:
        raise ExportError(f"{str(path)!r} must state the task {TASK!r}; got {card!r:.80}")
    missing = [key for key in ("preset", "labels", "metadata") if key not in card]
    if missing:
        raise ExportError(f"{str(path)!r} lacks {', '.join(missing)}")
    return card

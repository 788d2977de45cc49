"""Image classification: pictures of any kind in, labels with probabilities out."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import tensorflow as tf
from PIL import Image

from pipelines.classification.data import DataError, LabelledImages, load_data
from pipelines.classification.metrics import Evaluation, evaluate_scores
from pipelines.images import (
    ImageSource,
    Limits,
    Picture,
    describe_source,
    list_images,
    read_image,
    read_images,
)
from pipelines.mapping import OnError, count_of, map_batches, with_progress
from pipelines.preprocessing import ImagePreprocessing, fit_pictures, scale_pixels
from pipelines.presets import Preset, PresetError, load_preset, save_preset
from pipelines.results import ClassificationResult, FailedResult

if TYPE_CHECKING:
    import keras

    from pipelines.augmentation import Augmentation

TASK = "image-classification"
DEFAULT_LIMITS = Limits()
FIT_AT_ONCE = 256  # pictures prepared in one call: bounds the memory of large ones

Outcome = ClassificationResult | FailedResult


class ImageClassification:
    """A classifier with its preprocessing and labels.

    Call it with one picture (path, URL, bytes, PIL image, array) for one result; with a list, a
    folder or an array (N, H, W, C) for a list; with an iterator or a `tf.data.Dataset` for an
    iterator.

    Attributes:
        preset: The preset's name.
        labels: The classes' names, in the network's order.
        model: Prepared pictures (N, H, W, C) to logits (N, classes).
        preprocessing: How a picture is prepared.
        metadata: What the preset states of itself.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        preprocessing: ImagePreprocessing,
        labels: Sequence[str],
        preset: str = "unnamed",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Take a network from the catalog, its preprocessing, and a label for each class.

        Raises:
            ValueError: The three do not fit together.
        """
        shape, classes = tuple(model.input_shape[1:]), int(model.output_shape[-1])
        if shape != preprocessing.input_shape:
            raise ValueError(f"the network takes {shape}; got {preprocessing.input_shape} prepared")
        if classes != len(labels):
            raise ValueError(f"{classes} classes must have as many labels; got {len(labels)}")
        self.model = model
        self.preprocessing = preprocessing
        self.labels = tuple(labels)
        self.preset = preset
        self.metadata = dict(metadata or {})
        pictures = tf.TensorSpec((None, None, None, 3), tf.uint8, name="pictures")
        fitted = tf.TensorSpec((None, *shape), tf.float32, name="fitted")
        self._fit = tf.function(partial(fit_pictures, preprocessing), input_signature=[pictures])
        self._score_fitted = tf.function(self._scores_of_fitted, input_signature=[fitted])
        self._score = tf.function(self.scores_of_pictures, input_signature=[pictures])

    @classmethod
    def from_preset(
        cls, name: str | os.PathLike[str], *, offline: bool = False
    ) -> ImageClassification:
        """Return the pipeline of a shipped preset, a preset folder, or `hf://owner/name`.

        Raises:
            PresetError: Unknown, damaged, or made for another task.
        """
        preset = load_preset(name, offline=offline)
        if preset.task != TASK:
            raise PresetError(f"preset {preset.name!r} must be for {TASK}; it is for {preset.task}")
        return cls._of(preset)

    @classmethod
    def _of(cls, preset: Preset) -> ImageClassification:
        try:
            return cls(
                preset.build(),
                preprocessing=preset.preprocessing,
                labels=preset.labels,
                preset=preset.name,
                metadata=preset.metadata,
            )
        except PresetError:
            raise
        except ValueError as error:
            raise PresetError(f"preset {preset.name!r}: {error}") from error

    # One graph from pixels to probabilities; export.py traces the same.

    def scores_of_pictures(self, pictures: tf.Tensor) -> tf.Tensor:
        """Map pictures (N, H, W, 3) uint8 of one size to probabilities (N, classes)."""
        return self._scores_of_fitted(fit_pictures(self.preprocessing, pictures))

    def _scores_of_fitted(self, fitted: tf.Tensor) -> tf.Tensor:
        logits = self.model(scale_pixels(self.preprocessing, fitted), training=False)
        return tf.nn.softmax(tf.cast(logits, tf.float32))

    def __call__(
        self,
        inputs: Any,
        *,
        top_k: int = 5,
        batch_size: int = 32,
        on_error: OnError = "raise",
        limits: Limits = DEFAULT_LIMITS,
    ) -> Any:
        """Classify.

        Args:
            inputs: One picture, a list, a folder, an array (N, H, W, C), or an iterator.
            top_k: How many labels a result holds, at most all of them.
            batch_size: Most pictures in one step of the network.
            on_error: What a picture that cannot be read does: `raise` its error, `skip` it, or
                `return` a `FailedResult` in its place.
            limits: What is refused unread.

        Returns:
            A `ClassificationResult` for one picture; a list for many; an iterator for an iterator.

        Raises:
            ImageError: A picture cannot be read and `on_error` is "raise".
            ValueError: An argument is out of range.
        """
        stream = partial(
            self.stream, top_k=top_k, batch_size=batch_size, on_error=on_error, limits=limits
        )
        if _is_one(inputs):
            results = list(stream([inputs]))
            return results[0] if results else None
        if isinstance(inputs, Iterator | tf.data.Dataset):
            return stream(inputs)
        return list(stream(inputs))

    def stream(
        self,
        inputs: Any,
        *,
        top_k: int = 5,
        batch_size: int = 32,
        on_error: OnError = "raise",
        limits: Limits = DEFAULT_LIMITS,
        progress: bool = False,
    ) -> Iterator[Outcome]:
        """Classify a list, a folder, an iterator or a `tf.data.Dataset`, one result at a time.

        Memory does not grow with the number of inputs. Arguments as for `__call__`; `progress`
        prints a line on standard error once it takes over two seconds.
        """
        if not isinstance(top_k, int) or top_k < 1:
            raise ValueError(f"top_k must be a whole number of at least 1; got {top_k!r}")
        sources = _sources(inputs)
        results = map_batches(
            _read(sources, limits),
            partial(self._predict, top_k=min(top_k, len(self.labels))),
            batch_size=batch_size,
            on_error=on_error,
            failed=self._failed,
        )
        if progress:
            return with_progress(results, count_of(sources), "classified")
        return results

    def scores(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """Map pictures, each (H, W, 3) uint8 of its own size, to probabilities (N, classes)."""
        if _same_size(pixels):
            return cast("np.ndarray", self._score(np.stack(pixels)).numpy())
        return cast("np.ndarray", self._score_fitted(self._fitted(pixels)).numpy())

    def _fitted(self, pixels: Sequence[np.ndarray]) -> tf.Tensor:
        if _same_size(pixels):
            return self._fit(np.stack(pixels))
        return tf.concat([self._fit(array[None]) for array in pixels], axis=0)

    def _predict(
        self, sources: Sequence[Any], pixels: Sequence[np.ndarray], *, top_k: int
    ) -> list[ClassificationResult]:
        start = time.perf_counter()
        scores = self.scores(pixels)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
        best = np.take_along_axis(scores, order, axis=1)
        share_ms = (time.perf_counter() - start) * 1000 / len(pixels)
        return [
            ClassificationResult(
                source=describe_source(source),
                preset=self.preset,
                timing_ms=share_ms,
                indices=order[i],
                scores=best[i],
                labels=self.labels,
            )
            for i, source in enumerate(sources)
        ]

    def _failed(self, source: Any, error: Exception) -> FailedResult:
        return FailedResult(
            source=describe_source(source),
            preset=self.preset,
            timing_ms=0.0,
            error=str(error),
            error_type=type(error).__name__,
        )

    def prepared(self, source: ImageSource, *, limits: Limits = DEFAULT_LIMITS) -> np.ndarray:
        """Return what the network sees of a picture: (H, W, C) uint8, before scaling."""
        fitted = self._fit(opaque_rgb(read_image(source, limits=limits))[None]).numpy()[0]
        return cast("np.ndarray", np.round(fitted * 255).astype(np.uint8))

    def evaluate(
        self,
        data: LabelledImages | str | os.PathLike[str],
        *,
        batch_size: int = 256,
        progress: bool = False,
    ) -> Evaluation:
        """Measure accuracy, calibration and confusion on labelled pictures.

        Args:
            data: Labelled pictures, or what `load_data` takes (its test split).
            batch_size: Most pictures in one step of the network.
            progress: Whether to print progress on standard error.

        Raises:
            DataError: The data's classes are not among this preset's labels.
        """
        if not isinstance(data, LabelledImages):
            data = load_data(data)
        unknown = [name for name in data.classes if name not in self.labels]
        if unknown:
            raise DataError(
                f"the data's classes must be labels of {self.preset}; {unknown[:5]} are not among "
                f"{list(self.labels[:10])}"
            )
        to_label = np.array([self.labels.index(name) for name in data.classes])
        images = data.images
        outcomes = self._score_all(images, batch_size)
        if progress:
            outcomes = with_progress(outcomes, len(data), "evaluated")
        scores, kept, failed = [], [], []
        for place, outcome in enumerate(outcomes):
            if isinstance(outcome, Exception):
                failed.append((describe_source(images[place]), str(outcome)))
            else:
                scores.append(outcome)
                kept.append(place)
        if not scores:
            raise DataError(f"{data.name}: no picture could be read; the first: {failed[0][1]}")
        return evaluate_scores(
            np.stack(scores),
            to_label[data.labels[kept]],
            [images[place] for place in kept],
            preset=self.preset,
            data=data.name,
            classes=self.labels,
            failed=tuple(failed),
        )

    def _score_all(self, images: Any, batch_size: int) -> Iterator[Any]:
        """Yield each picture's (classes,) probabilities, or the exception that reading it gave."""
        chunk: list[np.ndarray | Exception] = []
        for _, item in _read(images, DEFAULT_LIMITS):
            chunk.append(item)
            if len(chunk) == batch_size:
                yield from self._score_chunk(chunk)
                chunk = []
        yield from self._score_chunk(chunk)

    def _score_chunk(self, chunk: list[np.ndarray | Exception]) -> Iterator[Any]:
        good = [item for item in chunk if not isinstance(item, Exception)]
        scores = iter(self.scores(good) if good else ())
        for item in chunk:
            yield item if isinstance(item, Exception) else next(scores)

    def fit(
        self,
        data: LabelledImages | str | os.PathLike[str],
        *,
        epochs: int = 20,
        batch_size: int = 32,
        peak_rate: float = 1e-3,
        augment: Augmentation | None = None,
        seed: int = 0,
        name: str = "fitted",
        folder: str | os.PathLike[str] | None = None,
        progress: bool = False,
    ) -> ImageClassification:
        """Return a new classifier for the data's classes, started from this one's weights.

        This one stays as it is. Layers whose shapes differ (the last, for another number of
        classes) start at random.

        Args:
            data: Labelled pictures, or what `load_data` takes (its train split), such as a folder
                with a folder of pictures for each class.
            epochs: Passes over the data.
            batch_size: Pictures a step; fewer when there are fewer.
            peak_rate: Highest learning rate.
            augment: Random changes; a little shift, rotation and scale when None.
            seed: Determines new weights, order and changes.
            name: The new classifier's preset name.
            folder: Where log and checkpoint are kept, if anywhere.
            progress: Whether to print a line an epoch on standard error.

        Raises:
            ImageError: A picture cannot be read.
            DataError: There is nothing to learn from.
        """
        from pipelines.classification.recipes import fit_classifier

        if not isinstance(data, LabelledImages):
            data = load_data(data, "train")
        return fit_classifier(
            self,
            data,
            epochs=epochs,
            batch_size=batch_size,
            peak_rate=peak_rate,
            augment=augment,
            seed=seed,
            name=name,
            folder=folder,
            progress=progress,
        )

    def fitted_pictures(self, images: Any) -> np.ndarray:
        """Return all pictures as the network sees them, (N, H, W, C) uint8 without the margin."""
        margin = self.preprocessing.margin_px
        height, width, _ = self.preprocessing.input_shape
        out: list[np.ndarray] = []
        chunk: list[np.ndarray] = []

        def take() -> None:
            whole = self._fitted(chunk).numpy()
            inner = whole[:, margin : height - margin, margin : width - margin]
            out.append(np.round(inner * 255).astype(np.uint8))
            chunk.clear()

        for _, item in _read(images, DEFAULT_LIMITS):
            if isinstance(item, Exception):
                raise item
            chunk.append(item)
            if len(chunk) == FIT_AT_ONCE:
                take()
        if chunk:
            take()
        return np.concatenate(out)

    def save(
        self,
        folder: str | os.PathLike[str],
        *,
        metadata: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write a preset folder that `from_preset` loads, and return its path.

        Args:
            folder: Where; its name becomes the preset's.
            metadata: Statements added to what is known: title, licence, data, metrics, ...
            overwrite: Whether an existing preset may be replaced.

        Raises:
            FileExistsError: The folder exists and may not be replaced.
        """
        from pipelines.classification.recipes import card

        name = Path(folder).name
        stated = {
            "title": name,
            "description": "",
            "licence": "not stated",
            "data": "not stated",
            "metrics": [],
            **self.metadata,
            **(metadata or {}),
            "labels": list(self.labels),
            "parameters": int(sum(np.prod(v.shape) for v in self.model.trainable_variables)),
        }
        options = {
            "classes": len(self.labels),
            "input_shape": list(self.preprocessing.input_shape),
        }
        return save_preset(
            folder,
            model=self.model,
            config={"task": TASK, "model": self.model.name, "options": options},
            preprocessing=self.preprocessing,
            metadata=stated,
            card=card(name, self.model.name, stated),
            overwrite=overwrite,
        )

    def export(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write a SavedModel with the preprocessing inside to `folder/1/` and return `folder`."""
        from pipelines.export import export_classifier

        return export_classifier(self, folder, overwrite=overwrite)


def opaque_rgb(picture: Picture) -> np.ndarray:
    """Return (H, W, 3) uint8, with what is transparent shown on white paper."""
    if picture.alpha is None:
        return picture.rgb8
    top = 255 if picture.bit_depth == 8 else 65535
    alpha = picture.alpha.astype(np.float32)[..., None] / top
    blended = picture.rgb8 * alpha + 255.0 * (1.0 - alpha)
    return np.round(blended).astype(np.uint8)


def _same_size(pixels: Sequence[np.ndarray]) -> bool:
    return len({array.shape for array in pixels}) == 1


def _is_one(inputs: Any) -> bool:
    if isinstance(inputs, str | os.PathLike):
        return not os.path.isdir(inputs)  # noqa: PTH112 - a URL or a hostile name is no Path
    if isinstance(inputs, np.ndarray):
        return inputs.ndim != 4
    return isinstance(inputs, bytes | Image.Image)


def _sources(inputs: Any) -> Iterable[Any]:
    """Return the inputs one by one; a folder becomes its pictures' paths."""
    if isinstance(inputs, str | os.PathLike):
        return cast("list[Any]", [inputs] if _is_one(inputs) else list_images(inputs))
    if isinstance(inputs, tf.data.Dataset):
        return cast("Iterable[Any]", inputs.as_numpy_iterator())
    if not isinstance(inputs, Iterable):
        raise TypeError(
            "inputs must be a picture (path, URL, bytes, PIL image, array), a list of them, a "
            f"folder or an iterator; got {type(inputs).__name__}"
        )
    return inputs


def _read(sources: Iterable[Any], limits: Limits) -> Iterator[tuple[Any, np.ndarray | Exception]]:
    """Read pictures as (H, W, 3) uint8; arrays at once, everything else in parallel."""
    if isinstance(sources, np.ndarray) or (
        isinstance(sources, list | tuple) and all(isinstance(s, np.ndarray) for s in sources)
    ):
        for source in sources:
            yield source, _attempt(source, limits)
        return
    for source, item in read_images(sources, limits=limits):
        yield source, item if isinstance(item, Exception) else opaque_rgb(item)


def _attempt(source: np.ndarray, limits: Limits) -> np.ndarray | Exception:
    try:
        return opaque_rgb(read_image(source, limits=limits))
    except Exception as error:
        return error

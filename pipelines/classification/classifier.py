"""What every classifier does with its inputs, whatever computes its probabilities."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from pipelines.calling import answer, failure, one_by_one
from pipelines.classification.data import LabelledImages, load_data
from pipelines.classification.metrics import Evaluation
from pipelines.classification.scoring import Scored, score_all, scored_data
from pipelines.images import Limits, Picture, describe_source, read_images
from pipelines.mapping import OnError, count_of, map_batches, with_progress
from pipelines.results import ClassificationResult, FailedResult

if TYPE_CHECKING:
    from pipelines.classification.monte_carlo import Sampled

DEFAULT_LIMITS = Limits()
SMALL_PX = 2**14  # 128 x 128: below, to prepare pictures by the batch is quicker than one by one
STACK_PX = 2**22  # of large pictures in one call: 50 MB as floats

Outcome = ClassificationResult | FailedResult


class Classifier(ABC):
    """Pictures in, labels with probabilities out.

    Call it with one picture (path, URL, bytes, PIL image, array) for one result; with a list, a
    folder or an array (N, H, W, C) for a list; with an iterator or a `tf.data.Dataset` for an
    iterator.

    Attributes:
        preset: The preset's name.
        labels: The classes' names, in the network's order.
    """

    preset: str
    labels: tuple[str, ...]

    @abstractmethod
    def scores(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """Map pictures to probabilities (N, classes).

        Args:
            pixels: (H, W, 3) or (H, W, 1) uint8, each of its own size; or what `_kept` returns.
        """

    def _kept(self, picture: Picture) -> np.ndarray:
        """Return what is kept of a picture until its batch is full: its (H, W, 3) uint8 pixels."""
        return opaque_rgb(picture)

    def _read(
        self, sources: Iterable[Any], limits: Limits
    ) -> Iterator[tuple[str, np.ndarray | Exception]]:
        """Yield what results call each source, with what `scores` takes, or with its exception.

        The source itself, which may be large, does not wait for its batch.
        """
        if _are_plain(sources, limits):
            for source in tuple(sources):
                yield "<array>", source if source.ndim == 3 else source[:, :, None]
        else:
            several = tuple(sources) if isinstance(sources, np.ndarray) else sources
            for source, item in read_images(several, limits=limits, then=self._kept):
                yield describe_source(source), item

    def __call__(
        self,
        inputs: Any,
        *,
        top_k: int = 5,
        batch_size: int = 32,
        on_error: OnError = "raise",
        limits: Limits = DEFAULT_LIMITS,
        mc_samples: int | None = None,
        seed: int = 0,
    ) -> Any:
        """Classify.

        Args:
            inputs: One picture, a list, a folder, an array (N, H, W, C), or an iterator.
            top_k: How many labels a result holds, at most all of them.
            batch_size: Most pictures in one step of the network.
            on_error: What a picture that cannot be read does: `raise` its error, `skip` it, or
                `return` a `FailedResult` in its place.
            limits: What is refused unread.
            mc_samples: How many thinned networks to ask (Monte-Carlo dropout), for results with a
                spread (`SampledResult`); None asks the whole network once.
            seed: Determines them; the same seed gives a picture the same result in any batch.

        Returns:
            A `ClassificationResult` for one picture; a list for many; an iterator for an iterator.

        Raises:
            ImageError: A picture cannot be read and `on_error` is "raise".
            ValueError: An argument is out of range.
        """
        stream = partial(
            self.stream,
            top_k=top_k,
            batch_size=batch_size,
            on_error=on_error,
            limits=limits,
            mc_samples=mc_samples,
            seed=seed,
        )
        return answer(inputs, stream)

    def stream(
        self,
        inputs: Any,
        *,
        top_k: int = 5,
        batch_size: int = 32,
        on_error: OnError = "raise",
        limits: Limits = DEFAULT_LIMITS,
        mc_samples: int | None = None,
        seed: int = 0,
        progress: bool = False,
    ) -> Iterator[Outcome]:
        """Classify a list, a folder, an iterator or a `tf.data.Dataset`, one result at a time.

        Memory does not grow with the number of inputs. Arguments as for `__call__`; `progress`
        prints a line on standard error once it takes over two seconds.
        """
        top_k = checked_top_k(top_k, self.labels)
        sampler = None if mc_samples is None else self._sampler(mc_samples, seed)
        sources = one_by_one(inputs)
        results = map_batches(
            self._read(sources, limits),
            partial(self._predict, top_k=top_k, sampler=sampler),
            batch_size=batch_size,
            on_error=on_error,
            failed=self._failed,
        )
        if progress:
            return with_progress(results, count_of(sources), "classified")
        return results

    def _sampler(self, samples: int, seed: int) -> Callable[[Sequence[np.ndarray]], Sampled]:
        """Return what asks thinned networks about pictures.

        Raises:
            ValueError: This classifier cannot, or the numbers are out of range.
        """
        raise ValueError(
            "mc_samples needs a preset's own network, whose dropout can be made active; got "
            f"mc_samples={samples}, seed={seed} for {self.preset}, a {type(self).__name__}"
        )

    def _predict(
        self,
        names: Sequence[str],
        pixels: Sequence[np.ndarray],
        *,
        top_k: int,
        sampler: Callable[[Sequence[np.ndarray]], Sampled] | None,
    ) -> Sequence[ClassificationResult]:
        start = time.perf_counter()
        sampled = sampler(pixels) if sampler else None
        scores = sampled.mean if sampled else self.scores(pixels)
        order, best = best_scores(scores, top_k)
        share_ms = (time.perf_counter() - start) * 1000 / len(pixels)
        rows = zip(names, order, best, strict=True)
        results = [self._result(name, indices, row, share_ms) for name, indices, row in rows]
        return sampled.added_to(results) if sampled else results

    def _result(
        self, name: str, indices: np.ndarray, scores: np.ndarray, share_ms: float
    ) -> ClassificationResult:
        return ClassificationResult(
            source=name,
            preset=self.preset,
            timing_ms=share_ms,
            indices=indices,
            scores=scores,
            labels=self.labels,
        )

    def _failed(self, name: str, error: Exception) -> FailedResult:
        return failure(name, error, self.preset)

    def evaluate(
        self,
        data: LabelledImages | str | os.PathLike[str],
        *,
        batch_size: int = 256,
        mirror: bool = False,
        progress: bool = False,
    ) -> Evaluation:
        """Measure accuracy, calibration and confusion on labelled pictures.

        Args:
            data: Labelled pictures, or what `load_data` takes (its test split).
            batch_size: Most pictures in one step of the network.
            mirror: Whether a picture's scores are the mean of its own and its mirror image's.
            progress: Whether to print progress on standard error.

        Raises:
            DataError: The data's classes are not among this preset's labels.
        """
        scored = self._scored(data, self.scores, batch_size, mirror, progress)
        return scored.evaluation(scored.scores, preset=self.preset, classes=self.labels)

    def _scored(
        self,
        data: LabelledImages | str | os.PathLike[str],
        score: Callable[[Sequence[np.ndarray]], np.ndarray],
        batch_size: int,
        mirror: bool,
        progress: bool,
    ) -> Scored:
        """Return what `score` gives for all pictures; arguments as for `evaluate`."""
        if not isinstance(data, LabelledImages):
            data = load_data(data)
        items = (item for _, item in self._read(data.images, DEFAULT_LIMITS))
        outcomes = score_all(items, score, batch_size, mirror)
        if progress:
            outcomes = with_progress(outcomes, len(data), "evaluated")
        return scored_data(data, outcomes, labels=self.labels, preset=self.preset)


def probabilities(logits: Any) -> tf.Tensor:
    """Map a network's logits (N, classes) of any precision to float32 probabilities."""
    return tf.nn.softmax(tf.cast(logits, tf.float32))


def best_scores(scores: np.ndarray, top_k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the (N, top_k) indices and scores of the highest, best first; of equals the first."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
    return order, np.take_along_axis(scores, order, axis=1)


def checked_top_k(top_k: int, labels: Sequence[str]) -> int:
    """Return how many labels a result holds: `top_k`, or all where there are fewer.

    Raises:
        ValueError: `top_k` is no whole number of at least 1.
    """
    if not isinstance(top_k, int) or top_k < 1:
        raise ValueError(f"top_k must be a whole number of at least 1; got {top_k!r}")
    return min(top_k, len(labels))


def opaque_rgb(picture: Picture) -> np.ndarray:
    """Return (H, W, 3) uint8, with what is transparent shown on white paper."""
    if picture.alpha is None:
        return picture.rgb8
    top = 255 if picture.bit_depth == 8 else 65535
    alpha = picture.alpha.astype(np.float32)[..., None] / top
    blended = picture.rgb8 * alpha + 255.0 * (1.0 - alpha)
    return np.round(blended).astype(np.uint8)


def stacks(pixels: Sequence[np.ndarray]) -> Iterator[tuple[list[int], np.ndarray]]:
    """Yield the pictures of one size and type as one array, with their places, group by group."""
    groups: dict[Any, list[int]] = {}
    for place, array in enumerate(pixels):
        groups.setdefault((array.shape, array.dtype), []).append(place)
    for places in groups.values():
        height, width = pixels[places[0]].shape[:2]
        step = max(1, STACK_PX // (height * width))
        for start in range(0, len(places), step):
            some = places[start : start + step]
            yield some, np.array([pixels[place] for place in some])  # half of np.stack's time


def _are_plain(sources: Any, limits: Limits) -> bool:
    """Whether these are small uint8 arrays of one size, (H, W), (H, W, 1) or (H, W, 3)."""
    if not (isinstance(sources, list | tuple | np.ndarray) and len(sources)):
        return False
    first = sources[0]
    if type(first) is not np.ndarray or first.ndim not in (2, 3) or first.dtype != np.uint8:
        return False  # a masked array, above all, is more than its pixels
    shape, dtype = first.shape, first.dtype
    if len(shape) == 3 and shape[2] not in (1, 3):
        return False
    if not 1 <= shape[0] * shape[1] <= min(SMALL_PX, limits.max_pixels):
        return False
    return isinstance(sources, np.ndarray) or all(
        type(source) is np.ndarray and source.shape == shape and source.dtype == dtype
        for source in sources
    )

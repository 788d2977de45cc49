"""Labelled pictures with the scores that a classifier gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.classification.data import DataError, LabelledImages
from pipelines.classification.metrics import Evaluation, evaluate_scores
from pipelines.images import describe_source

Pixels = np.ndarray
Score = Callable[[Sequence[Pixels]], np.ndarray]  # N pictures to (N, ...), a row a picture


@dataclass(frozen=True)
class Scored:
    """All pictures of a data set that could be read, with their scores.

    Attributes:
        scores: (N, ...), a row a picture.
        labels: (N,) int, the right ones among the classifier's.
        sources: The N pictures.
        data: The data's name.
        failed: The others, with their errors.
    """

    scores: np.ndarray
    labels: np.ndarray
    sources: Sequence[Any]
    data: str
    failed: tuple[tuple[str, str], ...]

    def evaluation(
        self, scores: np.ndarray, *, preset: str, classes: tuple[str, ...]
    ) -> Evaluation:
        """Return the figures of `scores` (N, classes), probabilities."""
        return evaluate_scores(
            scores,
            self.labels,
            self.sources,
            preset=preset,
            data=self.data,
            classes=classes,
            failed=self.failed,
        )


def score_all(
    items: Iterable[Pixels | Exception], score: Score, batch_size: int, mirror: bool
) -> Iterator[np.ndarray | Exception]:
    """Yield each picture's scores, or the exception that reading it gave.

    With `mirror` they are the mean of its own and its mirror image's.
    """
    chunk: list[Pixels | Exception] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == batch_size:
            yield from _score_chunk(chunk, score, mirror)
            chunk = []
    yield from _score_chunk(chunk, score, mirror)


def scored_data(
    data: LabelledImages,
    outcomes: Iterable[np.ndarray | Exception],
    *,
    labels: tuple[str, ...],
    preset: str,
) -> Scored:
    """Return the data with the outcomes of `score_all`.

    Raises:
        DataError: Its classes are not among the labels, or no picture could be read.
    """
    unknown = [name for name in data.classes if name not in labels]
    if unknown:
        raise DataError(
            f"the data's classes must be labels of {preset}; {unknown[:5]} are not among "
            f"{list(labels[:10])}"
        )
    to_label = np.array([labels.index(name) for name in data.classes])
    scores, kept, failed = [], [], []
    for place, outcome in enumerate(outcomes):
        if isinstance(outcome, Exception):
            failed.append((describe_source(data.images[place]), str(outcome)))
        else:
            scores.append(outcome)
            kept.append(place)
    if not scores:
        raise DataError(f"{data.name}: no picture could be read; the first: {failed[0][1]}")
    return Scored(
        np.stack(scores),
        to_label[data.labels[kept]],
        [data.images[place] for place in kept],
        data.name,
        tuple(failed),
    )


def _score_chunk(
    chunk: Sequence[Pixels | Exception], score: Score, mirror: bool
) -> Iterator[np.ndarray | Exception]:
    good = [item for item in chunk if not isinstance(item, Exception)]
    scores = score(good) if good else np.empty((0,))
    if mirror and good:
        scores = (scores + score([item[:, ::-1] for item in good])) / 2
    row: Iterator[Any] = iter(scores)
    for item in chunk:
        yield item if isinstance(item, Exception) else next(row)

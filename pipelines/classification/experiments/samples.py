"""Few labelled pictures, and a network trained on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from pipelines.classification.data import DataError, LabelledImages, load_data
from pipelines.fitting import TrainingPlan, fit

BATCH = 256  # pictures at a time, in a test
DIGITS_HELD_OUT = 500  # the last of scikit-learn's 1,797, by other hands than the first


@dataclass(frozen=True)
class Sample:
    """Pictures (N, H, W, C) uint8 with labels (N,) int, to learn and to be tested on."""

    images: np.ndarray
    labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: int
    name: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    def prepare(self, pixels: Any) -> Any:
        """Standardise pixels in [0, 1] by the mean and deviation of those to learn."""
        return (pixels - self.images.mean() / 255.0) / (self.images.std() / 255.0)


def load_sample(data: str, *, pictures: int, test_pictures: int) -> Sample:
    """Return the first pictures of a data set, fewer where it has not so many.

    Args:
        data: A known set or a path, see `pipelines.classification.data`; `digits` has no split, so
            its last 500 are the test.
        pictures: To learn.
        test_pictures: To be tested on.

    Raises:
        DataError: It cannot be had, or its pictures are files of any size.
    """
    if data == "digits":
        whole = load_data(data)
        count = len(whole) - DIGITS_HELD_OUT
        train, test = whole.take(count), whole.take(DIGITS_HELD_OUT, start=count)
    else:
        train, test = load_data(data, "train"), load_data(data, "test")
    train, test = train.take(pictures), test.take(test_pictures)
    return Sample(
        _pixels(train), train.labels, _pixels(test), test.labels, len(train.classes), train.name
    )


def _pixels(part: LabelledImages) -> np.ndarray:
    if not isinstance(part.images, np.ndarray):
        raise DataError(
            f"{part.name}: an experiment takes pictures of one size, from a known set or an npz "
            "file; got picture files"
        )
    return part.images if part.images.ndim == 4 else part.images[..., None]


def train(
    model: keras.Model, sample: Sample, plan: TrainingPlan, *, seed: int
) -> list[dict[str, float]]:
    """Train a network on a sample and return the log, a row an epoch."""
    return fit(model, sample.images, sample.labels, plan=plan, prepare=sample.prepare, seed=seed)


def accuracy_on_test(model: keras.Model, sample: Sample) -> float:
    """Return the part of the test pictures that a network knows."""
    pixels = sample.prepare(sample.test_images.astype("float32") / 255.0)
    batches = np.array_split(pixels, -(-len(pixels) // BATCH))
    # Called, not `predict`: tracing a graph takes longer than so few pictures.
    logits = [keras.ops.convert_to_numpy(model(batch, training=False)) for batch in batches]
    return float(np.mean(np.concatenate(logits).argmax(axis=1) == sample.test_labels))

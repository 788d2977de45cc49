"""A classifier of other classes that starts from a trained one; see `ImageClassification.fit`."""

from __future__ import annotations

from typing import Any

import keras

from pipelines.classification.labelled_images import DataError, LabelledImages
from pipelines.classification.network_training import fit_network, make_network, start_from
from pipelines.classification.pipeline import ImageClassification
from pipelines.training.augmentation import Augmentation
from pipelines.training.plan import TrainingPlan


def fit_classifier(
    start: ImageClassification,
    data: LabelledImages,
    *,
    epochs: int,
    batch_size: int,
    peak_rate: float,
    augment: Augmentation | None,
    seed: int,
    name: str,
    **options: Any,
) -> ImageClassification:
    """Train a copy of `start` on the data's classes; options are those of `pipelines.fitting`."""
    if len(data.classes) < 2:
        raise DataError(f"a classifier needs at least two classes; {data.name} has {data.classes}")
    keras.utils.set_random_seed(seed)
    preprocessing = start.preprocessing
    network = make_network(start.model.name, preprocessing, classes=len(data.classes))
    start_from(network, start.model)
    plan = TrainingPlan(
        epochs=epochs,
        batch_size=min(batch_size, len(data)),
        peak_rate=peak_rate,
        # Short runs have few steps to average over: a tenth of an epoch's worth at most.
        average=min(0.998, 1 - 10 / max(20, len(data) // batch_size * epochs)),
    )
    shift_px = preprocessing.input_shape[0] / 14
    fit_network(
        network,
        preprocessing,
        start.fitted_pictures(data.images),
        data.labels,
        plan=plan,
        augment=augment or Augmentation(rotation_deg=8.0, log_scale=0.1, shift_px=shift_px),
        seed=seed,
        **options,
    )
    return ImageClassification(
        network, preprocessing=preprocessing, labels=data.classes, preset=name
    )

"""The plan for a training on a person's own pictures, from how many there are.

Few pictures are seen more often and changed more. The figures are our own choice, tuned on nothing:
they are where to begin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.classification.labelled_images import DataError, LabelledImages
from pipelines.classification.pipeline import ImageClassification
from pipelines.preprocessing import ImagePreprocessing
from pipelines.training.augmentation import Augmentation
from pipelines.training.plan import TrainingPlan

SEEN = 40_000  # pictures shown in a training, the same one many times where there are few
FEWEST_EPOCHS, MOST_EPOCHS = 15, 150
STEPS_AN_EPOCH = 16  # that few pictures are cut into batches for
SMALLEST_BATCH, LARGEST_BATCH = 8, 128
RATE, RATE_BATCH = 3e-3, 128  # the rate of that batch; it grows with the root of the batch
FINE_TUNING = 1 / 3  # of the epochs and of the rate, where the weights are not random
FEW = 2_000  # pictures: below, changes and decay are strong
ENOUGH_A_CLASS = 20  # below, a person is told that the figures say little


@dataclass(frozen=True, kw_only=True)
class OwnRecipe:
    """How to train on a person's own pictures.

    Attributes:
        model: The network's name in the catalog.
        preprocessing: How a picture is fitted; the scale is measured on the training pictures.
        plan: How long and how fast.
        augment: Random changes of training pictures.
        warnings: What the person should know before it begins.
    """

    model: str
    preprocessing: ImagePreprocessing
    plan: TrainingPlan
    augment: Augmentation
    warnings: tuple[str, ...] = ()


def own_recipe(
    data: LabelledImages,
    *,
    network: str = "resnet20",
    size_px: int = 64,
    epochs: int | None = None,
    mirror: bool = True,
    start: ImageClassification | None = None,
) -> OwnRecipe:
    """Return a plan for these training pictures.

    Args:
        data: The training pictures.
        network: A classifier's name in the catalog; `start`'s own where that is given.
        size_px: Side of the square that the network sees; `start`'s own where that is given.
        epochs: Instead of what suits the number of pictures.
        mirror: Whether a picture's mirror image has the same class, unlike that of a letter.
        start: A classifier whose weights to start from, for fewer epochs at a lower rate.

    Raises:
        DataError: There are fewer than two classes, or one has no training picture.
    """
    check_classes(data)
    few = {name: count for name, count in data.counts.items() if count < ENOUGH_A_CLASS}
    preprocessing = ImagePreprocessing(height_px=size_px, width_px=size_px, fit="crop")
    if start is not None:
        network, preprocessing = start.model.name, start.preprocessing
    shared = 1.0 if start is None else FINE_TUNING
    batch = 2 ** round(math.log2(max(1, len(data) / STEPS_AN_EPOCH)))
    batch = min(max(SMALLEST_BATCH, batch), LARGEST_BATCH, len(data))
    suited = min(max(FEWEST_EPOCHS, SEEN / len(data)), MOST_EPOCHS)
    epochs = epochs or round(suited * shared)
    steps = len(data) // batch * epochs
    return OwnRecipe(
        model=network,
        preprocessing=preprocessing,
        plan=TrainingPlan(
            epochs=epochs,
            batch_size=batch,
            peak_rate=RATE * math.sqrt(batch / RATE_BATCH) * shared,
            weight_decay=0.05 if len(data) < FEW else 0.02,
            # A short run has few steps to average over: the last tenth at most.
            average=min(0.998, 1 - 10 / max(20, steps)),
        ),
        augment=_changes(len(data), preprocessing, mirror),
        warnings=tuple(_warnings(few)),
    )


def check_classes(data: LabelledImages) -> None:
    """Refuse what nothing can be learned from.

    Raises:
        DataError: There are fewer than two classes, or one has no training picture.
    """
    if len(data.classes) < 2:
        raise DataError(f"a classifier needs at least two classes; {data.name} has {data.classes}")
    missing = [name for name, count in data.counts.items() if not count]
    if missing:
        raise DataError(
            f"each class needs pictures to train on; {data.name} has none of {missing[:5]}; add "
            f"some, {ENOUGH_A_CLASS} a class"
        )


def _changes(count: int, preprocessing: ImagePreprocessing, mirror: bool) -> Augmentation:
    side = min(preprocessing.height_px, preprocessing.width_px)
    strength = 1.0 if count < FEW else 0.5
    return Augmentation(
        rotation_deg=15.0 * strength,
        log_scale=0.25 * strength,
        shift_px=side / 8 * strength,
        mirror=mirror,
        brightness=0.1 * strength,
        contrast=0.2 * strength,
        cutout_px=side // 4 if count < FEW else 0,
    )


def _warnings(few: Mapping[str, int]) -> list[str]:
    if not few:
        return []
    named = ", ".join(f"{name} ({count})" for name, count in list(few.items())[:5])
    more = ", ..." if len(few) > 5 else ""
    return [
        f"below {ENOUGH_A_CLASS} training pictures: {named}{more}; it works, but a few more of "
        "each would make the classifier better and its figures surer"
    ]

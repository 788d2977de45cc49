"""A recipe's training with other parameters, measured on validation pictures, for a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras

from pipelines.classification.data import LabelledImages, load_data
from pipelines.classification.network_training import fit_network, make_network
from pipelines.classification.picture_cache import CachedPictures, cached_pictures
from pipelines.classification.pipeline import ImageClassification
from pipelines.classification.recipes import Recipe, recipe
from pipelines.preprocessing import ImagePreprocessing
from pipelines.training.plan import TrainingPlan
from pipelines.training.progress import Monitor


@dataclass(frozen=True)
class RecipeTraining:
    """Trains a recipe's network by any plan; a `TrainOnce` for `pipelines.training.search`.

    Attributes:
        name: The recipe's.
        data: Where its data set lies; None lets Keras download it.
        seed: Of each training.
    """

    name: str
    data: str | None = None
    seed: int = 0

    @cached_property
    def recipe(self) -> Recipe:
        """What is trained."""
        return recipe(self.name)

    @cached_property
    def parts(self) -> tuple[LabelledImages, LabelledImages]:
        """Training and validation pictures; the test pictures are never read."""
        name = self.recipe.data
        train = load_data(name, "train", folder=self.data, held_out=True)
        return train, load_data(name, "validation", folder=self.data)

    @cached_property
    def fitted(self) -> tuple[CachedPictures, CachedPictures]:
        """The same pictures as the network sees them; trials share them."""
        train, validation = (cached_pictures(p, self.recipe.preprocessing) for p in self.parts)
        return train, validation

    @cached_property
    def preprocessing(self) -> ImagePreprocessing:
        """The recipe's, with what is measured on the training pictures."""
        plain, kind = self.recipe.preprocessing, self.recipe.standardise
        return plain.standardised(kind, self.fitted[0].images) if kind else plain

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process without the pictures."""
        return type(self), (self.name, self.data, self.seed)

    def facts(self) -> Mapping[str, Any]:
        """Return what makes this another search than a search for another recipe."""
        return {"recipe": self.name, "pictures": [len(part) for part in self.parts]}

    def __call__(self, plan: TrainingPlan, monitor: Monitor, folder: Path) -> float:
        """Return the validation accuracy after a training; see `TrainOnce`."""
        chosen, (train, validation) = self.recipe, self.fitted
        labels = self.parts[0].classes
        # A short run has few steps to average over: the last tenth at most.
        steps = len(train.images) // plan.batch_size * plan.epochs
        plan = replace(plan, average=min(plan.average, 1 - 10 / max(20, steps)))
        keras.utils.set_random_seed(self.seed)
        network = make_network(
            chosen.model,
            self.preprocessing,
            classes=len(labels),
            precision=plan.precision,
            initialisation=chosen.initialisation,
            noise=chosen.noise,
            seed=self.seed,
        )
        fit_network(
            network,
            self.preprocessing,
            train.images,
            train.labels,
            plan=plan,
            augment=chosen.augment,
            loss=chosen.criterion(),
            seed=self.seed,
            folder=folder,
            validation=(validation.images, validation.labels),
            monitor=monitor,
        )
        classifier = ImageClassification(
            network, preprocessing=self.preprocessing, labels=labels, preset=self.name
        )
        return classifier.evaluate(self.parts[1]).accuracy

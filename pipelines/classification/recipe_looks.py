"""What a recipe does, to look at before it is trained: schedule, augmentation, learning rate."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import keras
import numpy as np

from pipelines.classification.data import LabelledImages, load_data
from pipelines.classification.network_training import adapt_whitening, make_network, preparation
from pipelines.classification.picture_cache import cached_pictures
from pipelines.classification.recipes import Recipe, recipe
from pipelines.training.augmentation_sheet import draw_augmentation
from pipelines.training.batches import Examples
from pipelines.training.plan import TrainingPlan, plan_loss
from pipelines.training.range_test import RangeTest, range_test
from pipelines.training.schedules import KINDS, Schedule, draw_schedules

PICTURES_SHOWN = 6


class RecipeLooks:
    """A recipe with changes of its plan, and its training pictures, which are read when needed.

    Attributes:
        recipe: What is looked at.
    """

    def __init__(
        self,
        name: str,
        changes: Mapping[str, Any] | None = None,
        data: str | None = None,
        seed: int = 0,
    ) -> None:
        """Take a recipe's name, and what `pipelines.recipes.train_recipe` takes besides.

        Raises:
            ValueError: There is no such recipe, or a change does not fit.
        """
        found = recipe(name)
        self.recipe: Recipe = found.changed(**(changes or {}))
        self._data, self._seed = data, seed

    @property
    def plan(self) -> TrainingPlan:
        """How it trains."""
        return self.recipe.plan

    @cached_property
    def _train(self) -> LabelledImages:
        return load_data(self.recipe.data, "train", folder=self._data)

    def draw_schedule(self, path: str | os.PathLike[str]) -> None:
        """Draw the plan's learning rate, and all other schedules beside it, over the epochs."""
        own, epochs = self.plan.schedule, self.plan.epochs
        schedules: dict[str, Schedule] = {f"{own.kind} (the recipe's)": own}
        for kind in KINDS:
            if kind != own.kind:
                schedules[kind] = Schedule.standard(kind, epochs)
        draw_schedules(schedules, path, peak=self.plan.peak_rate, epochs=epochs)

    def draw_augmentation(self, path: str | os.PathLike[str]) -> None:
        """Draw some training pictures, each of another class, and changed versions of them."""
        train = self._train
        _, places = np.unique(train.labels, return_index=True)
        shown = train.at(np.sort(places)[:PICTURES_SHOWN])
        fitted = cached_pictures(shown, self.recipe.preprocessing)
        labels = [train.classes[label] for label in fitted.labels]
        draw_augmentation(
            self.recipe.augment, np.asarray(fitted.images), path, seed=self._seed, labels=labels
        )

    def find_rate(self, path: str | os.PathLike[str], *, progress: bool = False) -> RangeTest:
        """Train some steps at rising rates, draw the loss over them, and return what was found.

        Raises:
            ValueError: The loss fell nowhere.
        """
        chosen, train = self.recipe, self._train
        fitted = cached_pictures(train, chosen.preprocessing, progress=progress)
        keras.utils.set_random_seed(self._seed)
        preprocessing = chosen.preprocessing
        if chosen.standardise:
            preprocessing = preprocessing.standardised(chosen.standardise, fitted.images)
        network = make_network(
            chosen.model,
            preprocessing,
            classes=len(train.classes),
            precision=chosen.plan.precision,
            initialisation=chosen.initialisation,
            noise=chosen.noise,
            seed=self._seed,
        )
        adapt_whitening(network, preprocessing, fitted.images)
        examples = Examples(
            images=fitted.images,
            labels=fitted.labels,
            classes=len(train.classes),
            plan=chosen.plan,
            prepare=preparation(preprocessing),
            augment=chosen.augment,
            seed=self._seed,
        )
        found = range_test(
            network,
            examples,
            loss=chosen.criterion() or plan_loss(chosen.plan),
            tell=_say_step if progress else None,
        )
        found.draw(path)
        return found


def _say_step(done: int, steps: int) -> None:
    if done % 10 == 0 or done == steps:
        sys.stderr.write(f"step {done} of at most {steps}\n")
        sys.stderr.flush()

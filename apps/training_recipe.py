"""The recipe behind a wish: what `sightsound train` runs, with the visitor's settings in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from apps.training_wish import NETWORKS, UPLOADED, Wish
from pipelines.classification.data import LabelledImages
from pipelines.classification.own_recipe import own_recipe
from pipelines.classification.recipes import RECIPES, Recipe

ALIKE = {"digits": "mnist"}  # prepared and changed as the pictures of that set are
# Side of a visitor's pictures as the network sees them. Arrays of small ones are not enlarged more
# than the networks need.
SMALLEST_PX, SIDE_PX = 28, 64
OPTIONS = {
    "epochs": "--epochs",
    "batch_size": "--batch-size",
    "peak_rate": "--rate",
    "schedule": "--schedule",
    "average": "--average",
}


def recipe_name(data: str, network: str) -> str:
    """Return the recipe for a named set: the network's own there, else the first on such data."""
    data = ALIKE.get(data, data)
    there = {r.model: name for name, r in RECIPES.items() if r.data == data and r.model in NETWORKS}
    return there.get(network) or next(iter(there.values()))


def has_own_recipe(data: str, network: str) -> bool:
    """Tell whether the command line knows a recipe for just this."""
    found = RECIPES[recipe_name(data, network)]
    return (found.data, found.model) == (data, network)


def named_recipe(data: str, network: str) -> Recipe:
    """Return how to train on a named set."""
    found = replace(RECIPES[recipe_name(data, network)], model=network)
    if found.data == data:
        return found
    return replace(found, data=data, measured="validation", licence="not stated")


def uploaded_recipe(wish: Wish, training: LabelledImages) -> Recipe:
    """Return how to train on a visitor's own pictures."""
    images = training.images
    side = max(images.shape[1:3]) if isinstance(images, np.ndarray) else SIDE_PX
    side = min(max(side, SMALLEST_PX), SIDE_PX)
    found = own_recipe(
        training, network=wish.network, size_px=side, epochs=wish.epochs, mirror=wish.mirror
    )
    return Recipe(
        title="",
        model=found.model,
        data=UPLOADED,
        preprocessing=found.preprocessing,
        plan=found.plan,
        augment=found.augment,
        expected="",
        licence="not stated",
        measured="validation",
        standardise="standard",
    )


def changes_of(wish: Wish, recipe: Recipe, count: int) -> dict[str, Any]:
    """Return what the wish changes of a recipe's plan, as `TrainingPlan.changed` takes it.

    Args:
        wish: The visitor's.
        recipe: Its recipe.
        count: How many pictures there are to train on.
    """
    plan = recipe.plan
    batch_size = min(wish.batch_size or plan.batch_size, count)
    steps = count // batch_size * wish.epochs
    wanted: dict[str, Any] = {
        "epochs": wish.epochs,
        "batch_size": batch_size,
        "peak_rate": wish.peak_rate or plan.peak_rate,
    }
    if wish.schedule != plan.schedule.kind:
        wanted["schedule"] = wish.schedule
    # A short run has few steps to average over: the last tenth at most.
    longest = round(1 - 10 / max(20, steps), 4)
    if longest < plan.average:
        wanted["average"] = longest
    return {name: value for name, value in wanted.items() if value != getattr(plan, name)}


def command_line(wish: Wish, changes: Mapping[str, Any]) -> str:
    """Return the command that trains the same; empty where there is none."""
    if wish.data == UPLOADED:
        words = ["sightsound train --data FOLDER --network", wish.network]
        words += ["--epochs", str(wish.epochs), *([] if wish.mirror else ["--no-mirror"])]
    elif has_own_recipe(wish.data, wish.network):
        words = ["sightsound train", recipe_name(wish.data, wish.network)]
    else:
        return ""
    for name, value in changes.items():
        words += [OPTIONS[name], f"{value:g}" if isinstance(value, float) else str(value)]
    return " ".join([*words, "--seeds", str(wish.seed)])

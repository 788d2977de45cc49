"""Every task's recipes by name: how the shipped presets were trained, and how to do it again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from models.words import suggest

if TYPE_CHECKING:
    from pipelines.classification.recipes import Recipe
    from pipelines.super_resolution.recipes import UpscalerRecipe


def recipes() -> dict[str, Recipe | UpscalerRecipe]:
    """Return all recipes by name."""
    from pipelines.classification.recipes import RECIPES as CLASSIFIERS
    from pipelines.super_resolution.recipes import RECIPES as UPSCALERS

    return {**CLASSIFIERS, **UPSCALERS}


def recipe(name: str) -> Recipe | UpscalerRecipe:
    """Return the recipe of that name.

    Raises:
        ValueError: There is none; the message names the nearest.
    """
    known = recipes()
    if name not in known:
        raise ValueError(f"unknown recipe {name!r}; {suggest(name, known)}")
    return known[name]


def train_recipe(name: str, *, out: str | os.PathLike[str], **options: Any) -> dict[str, Any]:
    """Train a recipe once a seed, measure each, write the preset, and return the report.

    Args:
        name: A recipe's.
        out: The run's folder; a training there that was interrupted goes on.
        **options: What the task's own `train_recipe` takes: `instead`, `data`, `seeds`, `changes`,
            `strategy`, `progress`, `monitor`; see `pipelines.classification.recipe_runs` and
            `pipelines.super_resolution.training`.

    Raises:
        ValueError: There is no such recipe, or the folder holds another run.
        TrainingError: The training failed.
    """
    from pipelines.super_resolution.recipes import UpscalerRecipe

    if isinstance(recipe(name), UpscalerRecipe):
        from pipelines.super_resolution import training

        return training.train_recipe(name, out=out, **options)
    from pipelines.classification import recipe_runs

    return recipe_runs.train_recipe(name, out=out, **options)

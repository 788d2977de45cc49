"""Every task's recipes by name: how the shipped presets were trained, and how to do it again."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from models.words import suggest

if TYPE_CHECKING:
    from pipelines.audio_generation.recipes import GeneratorRecipe
    from pipelines.classification.recipes import Recipe
    from pipelines.inpainting.recipes import InpainterRecipe
    from pipelines.super_resolution.recipes import UpscalerRecipe

    AnyRecipe = Recipe | UpscalerRecipe | InpainterRecipe | GeneratorRecipe


def recipes() -> dict[str, AnyRecipe]:
    """Return all recipes by name."""
    from pipelines.audio_generation.recipes import RECIPES as GENERATORS
    from pipelines.classification.recipes import RECIPES as CLASSIFIERS
    from pipelines.inpainting.recipes import RECIPES as INPAINTERS
    from pipelines.super_resolution.recipes import RECIPES as UPSCALERS

    return {**CLASSIFIERS, **UPSCALERS, **INPAINTERS, **GENERATORS}


def recipe(name: str) -> AnyRecipe:
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
            `strategy`, `progress`, `monitor`; see the modules below.

    Raises:
        ValueError: There is no such recipe, or the folder holds another run.
        TrainingError: The training failed.
    """
    from pipelines.audio_generation.recipes import GeneratorRecipe
    from pipelines.inpainting.recipes import InpainterRecipe
    from pipelines.super_resolution.recipes import UpscalerRecipe

    train: Callable[..., dict[str, Any]]
    match recipe(name):
        case UpscalerRecipe():
            from pipelines.super_resolution.training import train_recipe as train
        case InpainterRecipe():
            from pipelines.inpainting.training import train_recipe as train
        case GeneratorRecipe():
            from pipelines.audio_generation.training import train_recipe as train
        case _:
            from pipelines.classification.recipe_runs import train_recipe as train
    return train(name, out=out, **options)

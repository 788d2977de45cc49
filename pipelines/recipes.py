"""Every task's recipes by name: how the shipped presets were trained, and how to do it again."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.words import suggest

if TYPE_CHECKING:
    import tensorflow as tf

    from pipelines.audio_generation.recipes import GeneratorRecipe
    from pipelines.classification.recipes import Recipe
    from pipelines.inpainting.recipes import InpainterRecipe
    from pipelines.super_resolution.recipes import UpscalerRecipe
    from pipelines.training.progress import Monitor

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


def train_recipe(
    name: str,
    *,
    out: str | os.PathLike[str],
    instead: AnyRecipe | None = None,
    data: str | os.PathLike[str] | None = None,
    seeds: Sequence[int] = (0,),
    epochs: int | None = None,
    changes: Mapping[str, Any] | None = None,
    strategy: tf.distribute.Strategy | None = None,
    progress: bool = False,
    monitor: Monitor | None = None,
) -> dict[str, Any]:
    """Train a recipe once a seed, measure each, write the preset, and return the report.

    A training that was interrupted goes on where it stopped. Of several classifiers, the ensemble
    is measured, too; one that is complete is not trained again.

    Args:
        name: A recipe's.
        out: The run's folder, see `pipelines.recipe_runs`.
        instead: A recipe to train instead of the one of that name.
        data: The folder that holds the recipe's sets, and those that its card reports. None lets
            Keras download classifiers' sets; for recordings it is this folder.
        seeds: One training each: first weights, and the order of what is learned from.
        epochs: Instead of the recipe's, in each of its stages.
        changes: What `TrainingPlan.changed` takes, such as `precision` and `jit`; likewise.
        strategy: What to train on, see `pipelines.devices`; of several workers each makes this same
            call, and the chief alone writes. The others return nothing.
        progress: Whether to tell on standard error how far it is.
        monitor: Is told how far it is, and may stop it.

    Raises:
        ValueError: There is no such recipe, or the folder holds another run.
        DataError: The data is not there.
        HardwareError: There are several replicas, and the recipe trains against a judge or fills
            holes.
        TrainingError: The training failed, see `pipelines.fitting.fit`.
    """
    import tensorflow as tf

    from pipelines.audio_generation.recipes import GeneratorRecipe
    from pipelines.classification.recipes import Recipe
    from pipelines.inpainting.recipes import InpainterRecipe, MiddleRecipe
    from pipelines.recipe_runs import RecipeRun
    from pipelines.super_resolution.recipes import UpscalerRecipe

    chosen: Any = instead or recipe(name)
    changes = {**(changes or {}), **({} if epochs is None else {"epochs": epochs})}
    if isinstance(chosen, Recipe):
        changed = chosen.changed(**changes)
    else:
        changed = replace(chosen, plan=chosen.plan.changed(**changes))
    run = RecipeRun[Any](
        name=name,
        recipe=changed,
        out=Path(out),
        data=None if data is None else os.fspath(data),
        seeds=seeds,
        strategy=strategy or tf.distribute.get_strategy(),
        progress=progress,
        monitor=monitor,
    )
    match chosen:
        case UpscalerRecipe():
            from pipelines.super_resolution.training import UpscalerTraining

            return UpscalerTraining(run).train()
        case MiddleRecipe():
            from pipelines.inpainting.training import MiddleTraining

            return MiddleTraining(run).train()
        case InpainterRecipe():
            from pipelines.inpainting.training import InpainterTraining

            return InpainterTraining(run).train()
        case GeneratorRecipe():
            from pipelines.audio_generation.training import GeneratorTraining

            return GeneratorTraining(run).train()
        case _:
            from pipelines.classification.training import train_classifiers

            return train_classifiers(run)

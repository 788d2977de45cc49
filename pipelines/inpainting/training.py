"""Trains an inpainter's recipe, measures what came of it, and writes the preset.

Of a context encoder, "held_out_psnr" is that of what was hidden from it, at the size it sees.

OUT/NAME/           the preset to ship: the first seed's, with its log and all figures
OUT/report.json     the figures of all seeds
OUT/seed_N/         a training, see `pipelines.training.run_folder`
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.catalog import create_model
from models.restoration.context_encoder import middle_of
from pipelines.devices import HardwareError
from pipelines.fitting import fit_stream
from pipelines.inpainting.data import (
    CROP_PX,
    DataError,
    PictureSet,
    large_enough,
    load_pictures,
    split,
)
from pipelines.inpainting.evaluation import evaluate_inpainting
from pipelines.inpainting.holes_stream import HeldOutHoles, HoleStream
from pipelines.inpainting.losses import LOSSES
from pipelines.inpainting.mask_sets import KINDS, Kind
from pipelines.inpainting.middles import (
    AdversarialMiddles,
    BandedSquare,
    HeldOutMiddles,
    MiddleStream,
    hidden_decibels,
    shrunk,
)
from pipelines.inpainting.recipes import InpainterRecipe, MiddleRecipe, recipe
from pipelines.preset_card import card, stated_metadata
from pipelines.presets import load_preset, save_preset
from pipelines.training.batches import HeldOut, Stream
from pipelines.training.checkpoints import write_whole
from pipelines.training.precision import computing_in
from pipelines.training.progress import Monitor
from pipelines.training.replicas import is_chief
from pipelines.training.run_folder import LOG

REPORT = "report.json"
TASK = "inpainting"


def train_recipe(
    name: str,
    *,
    out: str | os.PathLike[str],
    instead: InpainterRecipe | None = None,
    data: str | os.PathLike[str] | None = None,
    seeds: Sequence[int] = (0,),
    changes: Mapping[str, Any] | None = None,
    strategy: tf.distribute.Strategy | None = None,
    progress: bool = False,
    monitor: Monitor | None = None,
) -> dict[str, Any]:
    """Train a recipe once a seed, measure each, publish the first, and return the report.

    A training that was interrupted goes on where it stopped.

    Args:
        name: One of `RECIPES`.
        out: The run's folder, see the module.
        instead: A recipe to train instead of the one of that name.
        data: The folder that holds the recipe's sets.
        seeds: One training each: first weights, crops and masks.
        changes: What `TrainingPlan.changed` takes, such as `epochs`.
        strategy: What to train on, see `pipelines.devices`: one device.
        progress: Whether to tell on standard error how far it is.
        monitor: Is told how far it is, and may stop it.

    Raises:
        ValueError: There is no such recipe, or the folder holds another run.
        DataError: The pictures are not there.
        HardwareError: There are several replicas, between which batches of two inputs are not
            shared.
        TrainingError: The training failed, see `pipelines.fitting.fit`.
    """
    chosen = instead or recipe(name)
    if not seeds:
        raise ValueError("seeds must name at least one training; got none")
    chosen = replace(chosen, plan=chosen.plan.changed(**(changes or {})))
    strategy = strategy or tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync > 1:
        raise HardwareError(
            "a training of an inpainter needs a single device; there are "
            f"{strategy.num_replicas_in_sync} replicas; leave the strategy out"
        )
    train, held_out = training_pictures(chosen, data)
    start, trained, figures = time.monotonic(), [], []
    for seed in seeds:
        network, rows = _train_once(
            chosen,
            train,
            held_out,
            seed=seed,
            folder=Path(out) / f"seed_{seed}",
            strategy=strategy,
            progress=progress,
            monitor=monitor,
        )
        trained.append(network)
        figures.append(-rows[-1]["val_decibels"])
    if not is_chief(strategy):
        return {}
    report: dict[str, Any] = {
        "recipe": name,
        "seeds": list(seeds),
        "steps": chosen.plan.epochs * chosen.steps,
        "minutes": round((time.monotonic() - start) / 60, 1),
        "held_out_psnr": figures,
        "mean": statistics.mean(figures),
        "preset": str(Path(out) / name),
    }
    _publish(trained[0], chosen, report, held_out)
    shutil.copy(Path(out) / f"seed_{seeds[0]}" / LOG, Path(report["preset"], LOG))
    text = json.dumps(report, indent=2) + "\n"
    write_whole(Path(out) / REPORT, lambda file: file.write(text.encode()))
    return report


def training_pictures(
    chosen: InpainterRecipe, folder: str | os.PathLike[str] | None
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the pictures (H, W, 3) uint8 to train on, and those that are held out.

    Raises:
        DataError: A named set is not in the folder, or no picture is large enough.
    """
    first, *others = (
        load_pictures(name, None if Path(name).is_dir() else folder) for name in chosen.data
    )
    rest, last = split(first)
    train = [p for pictures in (rest, *others) for p in large_enough(pictures, chosen.side_px)]
    held_out = list(large_enough(last, CROP_PX))
    for pictures, side in ((train, chosen.side_px), (held_out, CROP_PX)):
        if not pictures:
            raise DataError(f"{first.name} holds no picture of {side} x {side} pixels or more")
    return train, held_out


def _train_once(
    chosen: InpainterRecipe,
    train: Sequence[np.ndarray],
    held_out: Sequence[np.ndarray],
    *,
    seed: int,
    folder: Path,
    strategy: tf.distribute.Strategy,
    progress: bool,
    monitor: Monitor | None,
) -> tuple[keras.Model, list[dict[str, float]]]:
    """Return the trained network and the log."""
    keras.utils.set_random_seed(seed)
    with strategy.scope(), computing_in(chosen.plan.precision):
        network = create_model(chosen.model)
        if chosen.start:
            network.set_weights(load_preset(chosen.start).build().get_weights())
        if isinstance(chosen, MiddleRecipe):
            lesson = _middles(chosen, network, train, held_out, seed)
        else:
            lesson = _holes(chosen, network, train, held_out, seed)
    rows = fit_stream(
        lesson.learner,
        lesson.stream,
        loss=lesson.loss,
        metrics=[keras.metrics.MeanMetricWrapper(f, n) for n, f in lesson.measures.items()],
        held_out=lesson.held_out,
        folder=folder,
        progress=progress,
        monitor=monitor,
        strategy=strategy,
        facts={"recipe": _identity(chosen)},
    )
    return network, rows


@dataclass(frozen=True)
class Lesson:
    """What is fitted, on what, and by what: `decibels` is always among the measures."""

    learner: keras.Model
    stream: Stream
    held_out: HeldOut
    loss: keras.losses.Loss
    measures: Mapping[str, Callable[[Any, Any], Any]]


def _holes(
    chosen: InpainterRecipe,
    network: keras.Model,
    train: Sequence[np.ndarray],
    held_out: Sequence[np.ndarray],
    seed: int,
) -> Lesson:
    """Return how a network learns to fill holes of any form."""
    stream = HoleStream(
        pictures=train, side_px=chosen.side_px, plan=chosen.plan, steps=chosen.steps, seed=seed
    )
    measures = {name: make().call for name, make in LOSSES.items()}
    return Lesson(network, stream, HeldOutHoles(pictures=held_out), LOSSES[chosen.loss](), measures)


def _middles(
    chosen: MiddleRecipe,
    network: keras.Model,
    train: Sequence[np.ndarray],
    held_out: Sequence[np.ndarray],
    seed: int,
) -> Lesson:
    """Return how a context encoder learns to make the middles of pictures."""
    side = chosen.side_px
    smaller, smaller_held_out = (
        [shrunk(pixels, chosen.short_px) for pixels in pictures] for pictures in (train, held_out)
    )
    stream = MiddleStream(
        pictures=smaller, side_px=side, plan=chosen.plan, steps=chosen.steps, seed=seed
    )
    learner = middle_of(network)
    if chosen.adversarial_weight:
        learner = AdversarialMiddles(
            learner,
            l2_weight=chosen.l2_weight,
            adversarial_weight=chosen.adversarial_weight,
            judge_widths=chosen.judge_widths,
            judge_rate=chosen.judge_rate,
        )
    measured = HeldOutMiddles(pictures=smaller_held_out, side_px=side)
    return Lesson(learner, stream, measured, BandedSquare(), {"decibels": hidden_decibels})


def _identity(chosen: InpainterRecipe) -> dict[str, Any]:
    """Return what decides the result, besides the plan, which is told anyway."""
    settings = asdict(chosen)
    for words in ("title", "expected", "licence", "plan"):
        del settings[words]
    return settings


def _publish(
    network: keras.Model,
    chosen: InpainterRecipe,
    report: Mapping[str, Any],
    held_out: Sequence[np.ndarray],
) -> None:
    """Write the preset with all that was measured of it, as it comes back from half precision."""
    name = str(report["recipe"])
    command = f"sightsound train {name} --data FOLDER"
    known = {
        "title": chosen.title,
        "description": f"{chosen.expected}. Trained by `{command}`: {report['steps']:,} steps.",
        "data": f"{' and '.join(chosen.data)}, without every eighth picture of the first",
        "licence": f"weights Apache-2.0; data: {chosen.licence}",
    }

    def save(metrics: Sequence[Mapping[str, Any]]) -> None:
        facts = stated_metadata(name, network, {**known, "metrics": list(metrics)})
        save_preset(
            report["preset"],
            model=network,
            config={"task": TASK, "model": network.name, "options": {}},
            preprocessor={"first_fill": "harmonic"},
            metadata=facts,
            card=card(name, network.name, facts),
            overwrite=True,
        )

    save(())
    masks: tuple[Kind, ...] = ("center",) if isinstance(chosen, MiddleRecipe) else KINDS
    pictures = PictureSet(f"{len(held_out)} held-out pictures of {chosen.data[0]}", tuple(held_out))
    found = evaluate_inpainting(
        load_preset(report["preset"]).build(), pictures, masks=masks, beside=()
    )
    save(
        [
            {
                "name": f"PSNR of holes, {kind}",
                "value": psnr,
                "unit": "dB",
                "data": found.data,
                "command": f"sightsound evaluate inpainting --preset {name} --masks {kind} "
                "--data held_out --folder FOLDER",
            }
            for kind, psnr in found.psnr.items()
        ]
    )

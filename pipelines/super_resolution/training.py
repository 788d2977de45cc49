"""Trains an upscaler's recipe, measures what came of it, and writes the preset.

OUT/NAME/           the preset to ship: the first seed's, with its log and all figures
OUT/report.json     the figures of all seeds
OUT/seed_N/         a training, see `pipelines.training.run_folder`
"""

from __future__ import annotations

import json
import math
import os
import shutil
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.catalog import create_model
from models.restoration import sesr
from pipelines.devices import HardwareError
from pipelines.fitting import fit_stream
from pipelines.super_resolution.adversarial import AdversarialUpscaler
from pipelines.super_resolution.colour import luma, unit
from pipelines.super_resolution.data import DataError, NamedPicture, PictureSet, load_pictures
from pipelines.super_resolution.patches import WHITE, CentrePatches, Pair, PatchStream
from pipelines.super_resolution.pipeline import SuperResolution
from pipelines.super_resolution.recipes import UpscalerRecipe, recipe
from pipelines.super_resolution.resampling import bicubic, crop_to_multiple, shrink
from pipelines.training.checkpoints import write_whole
from pipelines.training.precision import computing_in
from pipelines.training.progress import Monitor
from pipelines.training.replicas import is_chief
from pipelines.training.run_folder import LOG

REPORT = "report.json"
# Sides of a small patch from the middle of each held-out picture, and of the large one at most:
# BSDS's pictures are 321 px high or wide.
HELD_OUT_PX, HELD_OUT_LARGE_PX = 100, 320
MEASURED = ("set5", "set14")  # in the card, where they are at hand


def train_recipe(
    name: str,
    *,
    out: str | os.PathLike[str],
    instead: UpscalerRecipe | None = None,
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
        data: The folder that holds the recipe's sets, and Set5 and Set14 for the card.
        seeds: One training each: first weights and patches.
        changes: What `TrainingPlan.changed` takes, such as `epochs`.
        strategy: What to train on, see `pipelines.devices`; of several workers each makes this same
            call, and the chief alone writes. The others return nothing.
        progress: Whether to tell on standard error how far it is.
        monitor: Is told how far it is, and may stop it.

    Raises:
        ValueError: There is no such recipe, or the folder holds another run.
        DataError: The pictures are not there.
        HardwareError: A training against a judge has several replicas, whose steps its own step
            does not share.
        TrainingError: The training failed, see `pipelines.fitting.fit`.
    """
    chosen = instead or recipe(name)
    if not seeds:
        raise ValueError("seeds must name at least one training; got none")
    chosen = replace(chosen, plan=chosen.plan.changed(**(changes or {})))
    strategy = strategy or tf.distribute.get_strategy()
    if chosen.adversary and strategy.num_replicas_in_sync > 1:
        raise HardwareError(
            "a training against a judge needs a single device; there are "
            f"{strategy.num_replicas_in_sync} replicas; leave the strategy out"
        )
    measured = [load_pictures(name, data) for name in MEASURED if _is_there(name, data)]
    pairs = training_pairs(chosen, data)
    start, trained, figures = time.monotonic(), [], []
    for seed in seeds:
        network, rows = _train_once(
            chosen,
            *pairs,
            seed=seed,
            folder=Path(out) / f"seed_{seed}",
            strategy=strategy,
            progress=progress,
            monitor=monitor,
        )
        trained.append(network)
        figures.append(-10 * math.log10(rows[-1]["val_mse"]))
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
    shipped = _shipped(chosen, trained[0])
    _publish(SuperResolution(shipped, scale=chosen.scale, preset=name), chosen, report, measured)
    shutil.copy(Path(out) / f"seed_{seeds[0]}" / LOG, Path(report["preset"], LOG))
    text = json.dumps(report, indent=2) + "\n"
    write_whole(Path(out) / REPORT, lambda file: file.write(text.encode()))
    return report


def _train_once(
    chosen: UpscalerRecipe,
    train: Sequence[Pair],
    held_out: Sequence[Pair],
    *,
    seed: int,
    folder: Path,
    strategy: tf.distribute.Strategy,
    progress: bool,
    monitor: Monitor | None,
) -> tuple[keras.Model, list[dict[str, float]]]:
    """Return the trained network, in the form that trains, and the log."""
    keras.utils.set_random_seed(seed)
    with strategy.scope(), computing_in(chosen.plan.precision):
        network = learner = _begun(chosen)
        if chosen.adversary:
            large_px = chosen.scale * chosen.side_px
            learner = AdversarialUpscaler(network, chosen.adversary, large_px)
    stream = PatchStream(
        pairs=train,
        scale=chosen.scale,
        side_px=chosen.side_px,
        plan=chosen.plan,
        steps=chosen.steps,
        seed=seed,
    )
    rows = fit_stream(
        learner,
        stream,
        loss=keras.losses.MeanAbsoluteError(),
        metrics=[keras.metrics.MeanSquaredError(name="mse")],
        held_out=CentrePatches(
            pairs=held_out, scale=chosen.scale, side_px=held_out_px(chosen.scale)
        ),
        folder=folder,
        progress=progress,
        monitor=monitor,
        strategy=strategy,
        facts={"recipe": _identity(chosen)},
    )
    return network, rows


def training_pairs(
    chosen: UpscalerRecipe, folder: str | os.PathLike[str] | None
) -> tuple[list[Pair], list[Pair]]:
    """Return the pictures to train on, in all their sizes, and those that are held out.

    Raises:
        DataError: A named set is not in the folder.
    """
    sets = (load_pictures(name, None if Path(name).is_dir() else folder) for name in chosen.data)
    pictures = [picture for pictures in sets for picture in pictures]
    rest, last = pictures[: -chosen.held_out], pictures[-chosen.held_out :]
    train = [pair for p in rest for pair in _pairs(p, chosen, chosen.factors)]
    side = held_out_px(chosen.scale)
    return train, [pair for p in last for pair in _pairs(p, chosen, (1.0,), side)]


def held_out_px(scale: int) -> int:
    """Return the side of a small patch to measure on."""
    return min(HELD_OUT_PX, HELD_OUT_LARGE_PX // scale)


def _pairs(
    picture: NamedPicture,
    chosen: UpscalerRecipe,
    factors: tuple[float, ...],
    least_px: int | None = None,
) -> Iterator[Pair]:
    """Yield a picture in each size that holds a patch, with its small version."""
    for factor in factors:
        pixels = picture.pixels
        height, width = (round(length * factor) for length in pixels.shape[:2])
        if min(height, width) < chosen.scale * (least_px or chosen.side_px):
            continue
        high = crop_to_multiple(bicubic(pixels, height, width), chosen.scale)
        yield Pair(*(_mapped16(rgb, chosen) for rgb in (shrink(high, chosen.scale), high)))


def _mapped16(rgb: np.ndarray, chosen: UpscalerRecipe) -> np.ndarray:
    """Return what the network maps: the luma (H, W, 1), or the picture (H, W, 3), uint16."""
    mapped = luma(rgb)[..., None] if chosen.colour == "luma" else unit(rgb)
    rounded: np.ndarray = np.rint(mapped * WHITE)
    return rounded.astype(np.uint16)


def _network(chosen: UpscalerRecipe, *, expanded: bool) -> keras.Model:
    shape = (None, None, 1 if chosen.colour == "luma" else 3)
    return create_model(chosen.model, scale=chosen.scale, input_shape=shape, expanded=expanded)


def _begun(chosen: UpscalerRecipe) -> keras.Model:
    """Return the network in the form that trains, with the weights that it starts from."""
    network = _network(chosen, expanded=True)
    if chosen.start:
        sesr.lift(network, SuperResolution.from_preset(chosen.start).model)
    return network


def _shipped(chosen: UpscalerRecipe, network: keras.Model) -> keras.Model:
    plain = _network(chosen, expanded=False)
    sesr.collapse(plain, network)
    return plain


def _identity(chosen: UpscalerRecipe) -> dict[str, Any]:
    """Return what decides the result, besides the plan, which is told anyway."""
    settings = asdict(chosen)
    for words in ("title", "expected", "licence", "plan"):
        del settings[words]
    return settings


def _is_there(name: str, folder: str | os.PathLike[str] | None) -> bool:
    try:
        return bool(load_pictures(name, folder))
    except DataError:
        return False


def _publish(
    pipeline: SuperResolution,
    chosen: UpscalerRecipe,
    report: Mapping[str, Any],
    measured: Sequence[PictureSet],
) -> None:
    """Write the preset with all that was measured of it, as it comes back from half precision."""
    command = f"sightsound train {report['recipe']} --data FOLDER"
    facts = {
        "title": chosen.title,
        "description": f"{chosen.expected}. Trained by `{command}`: {report['steps']:,} steps.",
        "data": f"{' and '.join(chosen.data)} without the last {chosen.held_out} pictures",
        "licence": f"weights Apache-2.0; data: {chosen.licence}",
    }
    saved = pipeline.save(report["preset"], metadata=facts, overwrite=True)
    read_back = SuperResolution.from_preset(saved)
    metrics = []
    for pictures in measured:
        found = read_back.evaluate(pictures)
        common = {
            "data": pictures.name,
            "command": f"sightsound evaluate super-resolution --preset {report['recipe']} "
            f"--data {pictures.name.lower()} --folder FOLDER",
        }
        metrics += [
            {"name": f"PSNR x{chosen.scale}", "value": found.psnr, "unit": "dB", **common},
            {"name": f"SSIM x{chosen.scale}", "value": found.ssim, **common},
        ]
    read_back.save(report["preset"], metadata={"metrics": metrics}, overwrite=True)

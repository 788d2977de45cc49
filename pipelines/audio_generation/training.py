"""Trains a generator's recipe, measures what came of it, and writes the preset.

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
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.catalog import create_model
from models.generative.wavenet import silence
from pipelines.audio_features import log_mel
from pipelines.audio_generation.data import DIGITS, RATE_HZ, SPEAKERS, Recording, fsdd
from pipelines.audio_generation.evaluation import BitsReport, evaluate_generator
from pipelines.audio_generation.pipeline import AudioGeneration
from pipelines.audio_generation.recipes import MEL, GeneratorRecipe, recipe
from pipelines.audio_generation.stepping import Stepper
from pipelines.audio_generation.windows import NOT_LEARNED, Sound, WindowStream, longest_tail
from pipelines.audio_mu_law import mu_compress
from pipelines.fitting import fit_stream
from pipelines.training.checkpoints import write_whole
from pipelines.training.precision import computing_in
from pipelines.training.progress import Monitor
from pipelines.training.replicas import is_chief
from pipelines.training.run_folder import LOG

REPORT = "report.json"
LEVELS = 256
LABELS = {"label": DIGITS, "speaker": SPEAKERS}
# Of the network, by what it is told.
OPTIONS: Mapping[str, dict[str, Any]] = {
    "nothing": {},
    "labels": {"global_classes": [len(words) for words in LABELS.values()]},
    "mel": {"local_dim": MEL.mels, "hop": MEL.hop_samples},
}


def train_recipe(
    name: str,
    *,
    out: str | os.PathLike[str],
    instead: GeneratorRecipe | None = None,
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
        data: The folder that holds the spoken digits; this one when None.
        seeds: One training each: first weights and order.
        changes: What `TrainingPlan.changed` takes, such as `epochs`.
        strategy: What to train on, see `pipelines.devices`; of several workers each makes this same
            call, and the chief alone writes. The others return nothing.
        progress: Whether to tell on standard error how far it is.
        monitor: Is told how far it is, and may stop it.

    Raises:
        ValueError: There is no such recipe, or the folder holds another run.
        DataError: The recordings are not there.
        TrainingError: The training failed, see `pipelines.fitting.fit`.
    """
    chosen = instead or recipe(name)
    if not seeds:
        raise ValueError("seeds must name at least one training; got none")
    chosen = replace(chosen, plan=chosen.plan.changed(**(changes or {})))
    strategy = strategy or tf.distribute.get_strategy()
    folder = Path(data or ".")
    recordings = fsdd(folder, "train", level_db=chosen.level_db)
    held_out = fsdd(folder, "test", level_db=chosen.level_db)
    start = time.monotonic()
    trained = [
        _train_once(
            chosen,
            recordings,
            seed=seed,
            folder=Path(out) / f"seed_{seed}",
            strategy=strategy,
            progress=progress,
            monitor=monitor,
        )
        for seed in seeds
    ]
    if not is_chief(strategy):
        return {}
    figures = [_measured(chosen, network, name, held_out) for network in trained]
    report: dict[str, Any] = {
        "recipe": name,
        "seeds": list(seeds),
        "steps": chosen.plan.epochs * _stream(chosen, trained[0], recordings, 0).steps,
        "minutes": round((time.monotonic() - start) / 60, 1),
        "bits_per_sample": [found.bits_per_sample for found in figures],
        "mean": statistics.mean(found.bits_per_sample for found in figures),
        "preset": str(Path(out) / name),
    }
    _publish(_pipeline(chosen, trained[0], name), chosen, report, held_out)
    shutil.copy(Path(out) / f"seed_{seeds[0]}" / LOG, Path(report["preset"], LOG))
    text = json.dumps(report, indent=2) + "\n"
    write_whole(Path(out) / REPORT, lambda file: file.write(text.encode()))
    return report


def _train_once(
    chosen: GeneratorRecipe,
    recordings: Sequence[Recording],
    *,
    seed: int,
    folder: Path,
    strategy: tf.distribute.Strategy,
    progress: bool,
    monitor: Monitor | None,
) -> keras.Model:
    keras.utils.set_random_seed(seed)
    with strategy.scope(), computing_in(chosen.plan.precision):
        network = create_model(chosen.model, **OPTIONS[chosen.given])
    fit_stream(
        network,
        _stream(chosen, network, recordings, seed),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=NOT_LEARNED),
        folder=folder,
        progress=progress,
        monitor=monitor,
        strategy=strategy,
        facts={"recipe": _identity(chosen)},
    )
    return network


def _stream(
    chosen: GeneratorRecipe, network: keras.Model, recordings: Sequence[Recording], seed: int
) -> WindowStream:
    field = Stepper(network).field
    return WindowStream(
        sounds=[_sound(chosen, recording, field) for recording in recordings],
        samples=chosen.window_samples,
        field=field,
        hop=MEL.hop_samples if chosen.given == "mel" else 1,
        silence=silence(LEVELS),
        joined=chosen.given == "nothing",
        plan=chosen.plan,
        seed=seed,
    )


def _sound(chosen: GeneratorRecipe, recording: Recording, field: int) -> Sound:
    frames = None
    if chosen.given == "mel":
        padded = np.pad(recording.samples, (0, longest_tail(field)))
        frames = log_mel(tf.constant(padded[None]), MEL).numpy()[0]
    return Sound(
        levels=mu_compress(recording.samples, LEVELS),
        labels=recording.labels if chosen.given == "labels" else (),
        frames=frames,
        voice=recording.speaker,
    )


def _pipeline(chosen: GeneratorRecipe, network: keras.Model, name: str) -> AudioGeneration:
    return AudioGeneration(
        network,
        rate_hz=RATE_HZ,
        level_db=chosen.level_db,
        labels=LABELS if chosen.given == "labels" else None,
        mel=MEL if chosen.given == "mel" else None,
        preset=name,
    )


def _measured(
    chosen: GeneratorRecipe, network: keras.Model, name: str, held_out: Sequence[Recording]
) -> BitsReport:
    return evaluate_generator(_pipeline(chosen, network, name), held_out)


def _identity(chosen: GeneratorRecipe) -> dict[str, Any]:
    """Return what decides the result, besides the plan, which is told anyway."""
    settings = asdict(chosen)
    for words in ("title", "expected", "licence", "plan"):
        del settings[words]
    return settings


def _publish(
    pipeline: AudioGeneration,
    chosen: GeneratorRecipe,
    report: Mapping[str, Any],
    held_out: Sequence[Recording],
) -> None:
    """Write the preset with all that was measured of it, as it comes back from half precision."""
    facts = {
        "title": chosen.title,
        "description": f"{chosen.expected}. Trained by `sightsound train {report['recipe']} --data "
        f"FOLDER`: {report['steps']:,} steps.",
        "data": "Free Spoken Digit Dataset, takes 5 to 49 of each digit and speaker",
        "licence": f"weights Apache-2.0; data: {chosen.licence}",
    }
    saved = pipeline.save(report["preset"], metadata=facts, overwrite=True)
    read_back = AudioGeneration.from_preset(saved)
    found = evaluate_generator(read_back, held_out)
    metric = {
        "name": "bits per sample",
        "value": found.bits_per_sample,
        "data": "Free Spoken Digit Dataset, takes 2 to 4",
        "command": f"sightsound evaluate audio-generation --preset {report['recipe']} --data fsdd "
        "--folder FOLDER",
    }
    stated = {"metrics": [metric], "score": {"mean": found.mean, "deviation": found.deviation}}
    read_back.save(report["preset"], metadata=stated, overwrite=True)

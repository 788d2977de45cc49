"""Trains a generator by its recipe, measures what came of it, and writes the preset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.catalog import create_model
from models.generative.wavenet import silence
from pipelines.audio_features import log_mel
from pipelines.audio_generation.data import DIGITS, RATE_HZ, SPEAKERS, Recording, fsdd
from pipelines.audio_generation.evaluation import evaluate_generator
from pipelines.audio_generation.pipeline import AudioGeneration
from pipelines.audio_generation.recipes import MEL, GeneratorRecipe
from pipelines.audio_generation.stepping import Stepper
from pipelines.audio_generation.windows import NOT_LEARNED, Sound, WindowStream, longest_tail
from pipelines.audio_mu_law import mu_compress
from pipelines.recipe_runs import Lesson, RecipeRun, RecipeTraining, Trained

LEVELS = 256
LABELS = {"label": DIGITS, "speaker": SPEAKERS}
# Of the network, by what it is told.
OPTIONS: Mapping[str, dict[str, Any]] = {
    "nothing": {},
    "labels": {"global_classes": [len(words) for words in LABELS.values()]},
    "mel": {"local_dim": MEL.mels, "hop": MEL.hop_samples},
}


class GeneratorTraining(RecipeTraining[GeneratorRecipe]):
    """The training of a generator; its data is the folder that holds the spoken digits."""

    figure = "bits_per_sample"
    trained_on = "Free Spoken Digit Dataset, takes 5 to 49 of each digit and speaker"

    def __init__(self, run: RecipeRun[GeneratorRecipe]) -> None:
        """Read the recordings.

        Raises:
            DataError: They are not there.
        """
        super().__init__(run)
        folder = Path(run.data or ".")
        self._recordings, self._held_out = (
            fsdd(folder, part, level_db=self.recipe.level_db) for part in ("train", "test")
        )

    def begin(self) -> keras.Model:
        """Return the network, with random weights."""
        return create_model(self.recipe.model, **OPTIONS[self.recipe.given])

    def lesson(self, network: keras.Model, seed: int) -> Lesson:
        """Return how it learns from windows of the recordings, by the cross-entropy of levels."""
        chosen, field = self.recipe, Stepper(network).field
        stream = WindowStream(
            sounds=[self._sound(recording, field) for recording in self._recordings],
            samples=chosen.window_samples,
            field=field,
            hop=MEL.hop_samples if chosen.given == "mel" else 1,
            silence=silence(LEVELS),
            joined=chosen.given == "nothing",
            plan=chosen.plan,
            seed=seed,
        )
        loss = keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, ignore_class=NOT_LEARNED
        )
        return Lesson(learner=network, stream=stream, loss=loss)

    def measure(self, trained: Trained) -> float:
        """Return the bits per sample of held-out recordings."""
        generator = self._generator(trained.network)
        return evaluate_generator(generator, self._held_out).bits_per_sample

    def publish(self, network: keras.Model, facts: Mapping[str, Any]) -> None:
        """Write the preset, measured on held-out recordings as it comes back."""
        run = self.run
        generator = self._generator(network)
        read_back = AudioGeneration.from_preset(
            generator.save(run.preset, metadata=facts, overwrite=True)
        )
        found = evaluate_generator(read_back, self._held_out)
        metric = {
            "name": "bits per sample",
            "value": found.bits_per_sample,
            "data": "Free Spoken Digit Dataset, takes 2 to 4",
            "command": f"sightsound evaluate audio-generation --preset {run.name} --data fsdd "
            "--folder FOLDER",
        }
        stated = {"metrics": [metric], "score": {"mean": found.mean, "deviation": found.deviation}}
        read_back.save(run.preset, metadata=stated, overwrite=True)

    def _sound(self, recording: Recording, field: int) -> Sound:
        given, frames = self.recipe.given, None
        if given == "mel":
            padded = np.pad(recording.samples, (0, longest_tail(field)))
            frames = log_mel(tf.constant(padded[None]), MEL).numpy()[0]
        return Sound(
            levels=mu_compress(recording.samples, LEVELS),
            labels=recording.labels if given == "labels" else (),
            frames=frames,
            voice=recording.speaker,
        )

    def _generator(self, network: keras.Model) -> AudioGeneration:
        chosen = self.recipe
        return AudioGeneration(
            network,
            rate_hz=RATE_HZ,
            level_db=chosen.level_db,
            labels=LABELS if chosen.given == "labels" else None,
            mel=MEL if chosen.given == "mel" else None,
            guidance=chosen.guidance,
            preset=self.run.name,
        )

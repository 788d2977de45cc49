"""Trains an inpainter by its recipe, measures what came of it, and writes the preset.

Of a context encoder, "held_out_psnr" is that of what was hidden from it, at the size it sees.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from models.catalog import create_model
from models.restoration.context_encoder import middle_of
from pipelines.inpainting.crop_stream import CropStream
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
from pipelines.inpainting.pipeline import save_inpainter
from pipelines.inpainting.recipes import InpainterRecipe, MiddleRecipe
from pipelines.presets import load_preset
from pipelines.recipe_runs import Lesson, RecipeRun, RecipeTraining, Trained


class InpainterTraining(RecipeTraining[InpainterRecipe]):
    """The training of a network that fills holes of any form; its data is a folder of sets."""

    figure = "held_out_psnr"
    masks: Sequence[Kind] = KINDS  # that the preset is measured with

    def __init__(self, run: RecipeRun[InpainterRecipe]) -> None:
        """Read the pictures.

        Raises:
            DataError: They are not there.
            HardwareError: There are several replicas, between which batches of two inputs are not
                shared.
        """
        super().__init__(run)
        run.need_single_device("a training of an inpainter")
        self._train, self._held_out = training_pictures(self.recipe, run.data)

    @property
    def trained_on(self) -> str:
        """All sets, and what is left out."""
        return f"{' and '.join(self.recipe.data)}, without every eighth picture of the first"

    def begin(self) -> keras.Model:
        """Return the network with the weights that it starts from."""
        network = create_model(self.recipe.model)
        if self.recipe.start:
            network.set_weights(load_preset(self.recipe.start).build().get_weights())
        return network

    def lesson(self, network: keras.Model, seed: int) -> Lesson:
        """Return how it learns to fill holes of any form by one loss; all of them are measured."""
        return Lesson(
            learner=network,
            stream=self.stream(HoleStream, self._train, seed),
            loss=LOSSES[self.recipe.loss](),
            measures={name: make().call for name, make in LOSSES.items()},
            held_out=HeldOutHoles(pictures=self._held_out),
        )

    def stream(
        self, kind: type[CropStream], pictures: Sequence[np.ndarray], seed: int
    ) -> CropStream:
        """Return crops of the recipe's size, as many as it takes."""
        chosen = self.recipe
        return kind(
            pictures=pictures,
            side_px=chosen.side_px,
            plan=chosen.plan,
            steps=chosen.steps,
            seed=seed,
        )

    def measure(self, trained: Trained) -> float:
        """Return the PSNR of the last epoch's weights, in dB."""
        return -trained.rows[-1]["val_decibels"]

    def publish(self, network: keras.Model, facts: Mapping[str, Any]) -> None:
        """Write the preset, measured on the held-out pictures as it comes back."""
        preset = save_inpainter(self.run.preset, network, facts, overwrite=True)
        pictures = PictureSet(
            f"{len(self._held_out)} held-out pictures of {self.recipe.data[0]}",
            tuple(self._held_out),
        )
        read_back = load_preset(preset).build()
        found = evaluate_inpainting(read_back, pictures, masks=self.masks, beside=())
        metrics = [
            {
                "name": f"PSNR of holes, {kind}",
                "value": psnr,
                "unit": "dB",
                "data": found.data,
                "command": f"sightsound evaluate inpainting --preset {self.run.name} "
                f"--masks {kind} --data held_out --folder FOLDER",
            }
            for kind, psnr in found.psnr.items()
        ]
        save_inpainter(preset, network, {**facts, "metrics": metrics}, overwrite=True)


class MiddleTraining(InpainterTraining):
    """The training of a context encoder, which makes the middles of pictures."""

    recipe: MiddleRecipe
    masks = ("center",)

    def lesson(self, network: keras.Model, seed: int) -> Lesson:
        """Return how it learns to make middles, by squared differences and maybe a judge."""
        chosen = self.recipe
        learner = middle_of(network)
        if chosen.adversarial_weight:
            learner = AdversarialMiddles(
                learner,
                l2_weight=chosen.l2_weight,
                adversarial_weight=chosen.adversarial_weight,
                judge_widths=chosen.judge_widths,
                judge_rate=chosen.judge_rate,
            )
        train, held_out = (
            [shrunk(pixels, chosen.short_px) for pixels in pictures]
            for pictures in (self._train, self._held_out)
        )
        return Lesson(
            learner=learner,
            stream=self.stream(MiddleStream, train, seed),
            loss=BandedSquare(),
            measures={"decibels": hidden_decibels},
            held_out=HeldOutMiddles(pictures=held_out, side_px=chosen.side_px),
        )


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

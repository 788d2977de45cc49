"""Trains an upscaler by its recipe, measures what came of it, and writes the preset."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from models.catalog import create_model
from models.restoration import sesr
from pipelines.recipe_runs import Lesson, RecipeRun, RecipeTraining, Trained
from pipelines.super_resolution.adversarial import AdversarialUpscaler
from pipelines.super_resolution.colour import luma, unit
from pipelines.super_resolution.data import DataError, NamedPicture, load_pictures
from pipelines.super_resolution.patches import WHITE, CentrePatches, Pair, PatchStream
from pipelines.super_resolution.pipeline import SuperResolution
from pipelines.super_resolution.recipes import UpscalerRecipe
from pipelines.super_resolution.resampling import bicubic, crop_to_multiple, shrink

# Sides of a small patch from the middle of each held-out picture, and of the large one at most:
# BSDS's pictures are 321 px high or wide.
HELD_OUT_PX, HELD_OUT_LARGE_PX = 100, 320
MEASURED = ("set5", "set14")  # in the card, where they are at hand


class UpscalerTraining(RecipeTraining[UpscalerRecipe]):
    """The training of an upscaler; its data is a folder of the recipe's sets, Set5 and Set14."""

    figure = "held_out_psnr"

    def __init__(self, run: RecipeRun[UpscalerRecipe]) -> None:
        """Read the pictures.

        Raises:
            DataError: The recipe's are not there.
            HardwareError: A training against a judge has several replicas, whose steps its own step
                does not share.
        """
        super().__init__(run)
        if self.recipe.adversary:
            run.need_single_device("a training against a judge")
        self._in_card = [load_pictures(name, run.data) for name in MEASURED if _is_there(name, run)]
        self._train, self._held_out = training_pairs(self.recipe, run.data)

    @property
    def trained_on(self) -> str:
        """All sets, and what is left out."""
        sets = " and ".join(self.recipe.data)
        return f"{sets} without the last {self.recipe.held_out} pictures"

    def begin(self) -> keras.Model:
        """Return the network in the form that trains, with the weights that it starts from."""
        network = self._network(expanded=True)
        if self.recipe.start:
            sesr.lift(network, SuperResolution.from_preset(self.recipe.start).model)
        return network

    def lesson(self, network: keras.Model, seed: int) -> Lesson:
        """Return how it learns from patches and their absolute differences, or against a judge."""
        chosen, learner = self.recipe, network
        if chosen.adversary:
            large_px = chosen.scale * chosen.side_px
            learner = AdversarialUpscaler(network, chosen.adversary, large_px)
        return Lesson(
            learner=learner,
            stream=PatchStream(
                pairs=self._train,
                scale=chosen.scale,
                side_px=chosen.side_px,
                plan=chosen.plan,
                steps=chosen.steps,
                seed=seed,
            ),
            loss=keras.losses.MeanAbsoluteError(),
            measures={"mse": keras.losses.mean_squared_error},
            held_out=CentrePatches(
                pairs=self._held_out, scale=chosen.scale, side_px=held_out_px(chosen.scale)
            ),
        )

    def measure(self, trained: Trained) -> float:
        """Return the PSNR of the last epoch's weights, in dB."""
        return -10 * math.log10(trained.rows[-1]["val_mse"])

    def publish(self, network: keras.Model, facts: Mapping[str, Any]) -> None:
        """Write the preset in its plain form, measured on those of Set5 and Set14 at hand."""
        run, scale = self.run, self.recipe.scale
        plain = self._network(expanded=False)
        sesr.collapse(plain, network)
        upscale = SuperResolution(plain, scale=scale, preset=run.name)
        read_back = SuperResolution.from_preset(
            upscale.save(run.preset, metadata=facts, overwrite=True)
        )
        metrics = []
        for pictures in self._in_card:
            found = read_back.evaluate(pictures)
            common = {
                "data": pictures.name,
                "command": f"sightsound evaluate super-resolution --preset {run.name} "
                f"--data {pictures.name.lower()} --folder FOLDER",
            }
            metrics += [
                {"name": f"PSNR x{scale}", "value": found.psnr, "unit": "dB", **common},
                {"name": f"SSIM x{scale}", "value": found.ssim, **common},
            ]
        read_back.save(run.preset, metadata={"metrics": metrics}, overwrite=True)

    def _network(self, *, expanded: bool) -> keras.Model:
        chosen = self.recipe
        shape = (None, None, 1 if chosen.colour == "luma" else 3)
        return create_model(chosen.model, scale=chosen.scale, input_shape=shape, expanded=expanded)


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


def _is_there(name: str, run: RecipeRun[UpscalerRecipe]) -> bool:
    try:
        return bool(load_pictures(name, run.data))
    except DataError:
        return False

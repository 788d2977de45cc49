"""The context encoder's two trainings on the same pictures, as its paper compares them.

    python benchmarks/context_encoders.py [--folder FOLDER] [--presets L2 JUDGED] [--picture FILE]

Claims: learned against a judge, too, the middles have more detail than by squared differences
alone; the default preset is more exact than either. Pictures are made smaller, to a shorter side of
160 pixels; of the middle 128 x 128 of each the middle 56 x 56 are hidden. Detail is the energy of
the Laplacian there as a part of the original's: 1 is as sharp.

FOLDER holds BSDS400, of which the held-out pictures are; without it scikit-learn's two photographs
serve. The presets are what `sightsound train context_encoder_l2` and `sightsound train
context_encoder_l2_adversarial` write; without them the others are measured alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `make bench` runs this as a script
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.inpainting import OURS, held_out, pixels_by
from benchmarks.perceptual import laplacian_energy
from benchmarks.picture_sheet import sheet
from benchmarks.timing import table
from pipelines import pipeline
from pipelines.inpainting import classical
from pipelines.inpainting.classical import Method
from pipelines.inpainting.data import center_crop
from pipelines.inpainting.middles import shrunk, with_middle
from pipelines.inpainting.recipes import L2
from pipelines.presets import load_preset
from pipelines.super_resolution.colour import luma

HOLE = np.uint8(128)  # in what methods are given
SHOWN = 5  # pictures, evenly among those that are measured
TRAININGS = ("L2", "L2 and judge")


@dataclass(frozen=True)
class Figures:
    """PSNR in dB, mean absolute and squared difference of values in [0, 1], and detail."""

    psnr: float
    l1: float
    l2: float
    detail: float


def main() -> int:
    """Measure, and print the table and which claims hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="holds BSDS400; else two photographs serve")
    parser.add_argument("--presets", nargs=2, default=[], help="of squared differences; judged")
    parser.add_argument("--picture", type=Path, help="where to write some of them, side by side")
    options = parser.parse_args()
    networks = {
        name: load_preset(path).build()
        for name, path in zip(TRAININGS, options.presets, strict=False)  # both or none
    }
    side = next((network.inputs[0].shape[1] for network in networks.values()), L2.side_px)
    pictures = held_out(options.folder, few=False)
    crops = np.stack([middle_crop(picture.pixels, side) for picture in pictures])
    mask = with_middle(crops[:1])[0]["mask"][0, ..., 0].numpy() > 0
    methods = {name: by_network(network) for name, network in networks.items()}
    methods |= {OURS: pixels_by(pipeline("inpainting"))}
    installed = filter(classical.is_installed, classical.METHODS)
    methods |= {name: classical.METHODS[name] for name in installed}
    filled = {name: made(fill, crops, mask) for name, fill in methods.items()}
    found = {name: figures(crops, pixels, mask) for name, pixels in filled.items()}
    rows = [
        (name, f"{x.psnr:.2f} dB", f"{x.l1:.2%}", f"{x.l2:.2%}", f"{x.detail:.3f}")
        for name, x in found.items()
    ]
    header = (f"{pictures.name}, {side} x {side} pixels", "PSNR", "L1", "L2", "detail")
    print(table(header, rows), "\n")
    print(*verdicts(found), sep="\n")
    if options.picture:
        holed = np.where(mask[None, ..., None], HOLE, crops)
        columns = {"given": holed, **{name: filled[name] for name in networks}}
        columns |= {"our preset": filled[OURS], "original": crops}
        chosen = np.linspace(0, len(crops) - 1, min(SHOWN, len(crops))).astype(int)
        picture = sheet(
            list(columns), [[pixels[row] for pixels in columns.values()] for row in chosen]
        )
        picture.save(options.picture)
    return 0


def middle_crop(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return the middle of a picture (H, W, 3) uint8 made smaller, as the recipes do."""
    return center_crop(shrunk(pixels, side * L2.short_px // L2.side_px), side)


def by_network(network: keras.Model) -> Method:
    """Return what fills the middle by a context encoder, at the size that it knows."""

    def fill(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        inputs = {
            "image": image[None].astype(np.float32) / 255.0,
            "mask": mask[None, ..., None].astype(np.float32),
        }
        whole = np.asarray(network(inputs, training=False))[0]
        return classical.kept(image, mask, np.rint(whole.clip(0.0, 1.0) * 255.0))

    return fill


def made(fill: Method, crops: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the crops (N, H, W, 3) uint8, filled."""
    return np.stack([fill(np.where(mask[..., None], HOLE, crop), mask.copy()) for crop in crops])


def figures(crops: np.ndarray, filled: np.ndarray, mask: np.ndarray) -> Figures:
    """Return the means over crops (N, H, W, 3) uint8 of what was hidden, a rectangle of them."""
    rows, columns = (slice(axis.min(), axis.max() + 1) for axis in np.nonzero(mask))
    each = []
    for crop, pixels in zip(crops[:, rows, columns], filled[:, rows, columns], strict=True):
        difference = (pixels / 255.0) - (crop / 255.0)
        squared = np.square(difference).mean()
        detail = laplacian_energy(luma(pixels)) / laplacian_energy(luma(crop))
        each.append((-10.0 * np.log10(squared), np.abs(difference).mean(), squared, detail))
    return Figures(*np.mean(each, axis=0).tolist())


def verdicts(found: Mapping[str, Figures]) -> Iterator[str]:
    """Yield a line a claim."""
    if not found.keys() >= set(TRAININGS):
        yield "- not measured: the two trainings (--presets)"
        return
    plain, judged = (found[name] for name in TRAININGS)
    yield verdict("judged middles have more detail", judged.detail > plain.detail)
    best = max(plain.psnr, judged.psnr)
    yield verdict(f"the {OURS} is more exact than both", found[OURS].psnr > best)


def verdict(claim: str, holds: bool) -> str:
    """Return a claim with whether it holds."""
    return f"- {'holds' if holds else 'FAILS'}: {claim}"


if __name__ == "__main__":
    sys.exit(main())

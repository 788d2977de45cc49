"""What an upscaler gains and loses that learned against a judge, beside its twin of pixels alone.

    python benchmarks/perceptual.py [--folder SETS] [--picture FILE.png]

Claims, at x4 on Set5 and Set14 together: `sesr_c32_gan_x4` has a lower PSNR and SSIM than
`sesr_c32_rgb_x4`, the same network with the same start, and is nearer to the original in detail and
in what the classifier sees that it learned from; what another sees stands beside. Detail is the
energy of the luma's Laplacian as a part of the original's: 1 is as sharp. What a classifier sees is
the squared distance of its maps as a part of their square: 0 is the same. SETS is the folder that
holds both sets; where it is not given, scikit-learn's two photographs take their place. The picture
shows parts of these.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `make bench` runs this as a script
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from benchmarks.picture_sheet import sheet
from benchmarks.timing import table
from pipelines import pipeline
from pipelines.super_resolution.adversarial import content_network
from pipelines.super_resolution.colour import luma, unit
from pipelines.super_resolution.data import load_pictures
from pipelines.super_resolution.evaluation import Enlarger
from pipelines.super_resolution.metrics import cut_border, psnr, ssim
from pipelines.super_resolution.resampling import crop_to_multiple, enlarge, shrink

SCALE = 4
PIXELS, JUDGED = "sesr_c32_rgb_x4", "sesr_c32_gan_x4"
LEARNED_FROM = ("resnet20_cifar10", "stage2_block3")  # by the recipe
NEVER_SEEN = ("speed_net_cifar10", "block2_gelu2")
PART_PX = 240


@dataclass(frozen=True)
class Looks:
    """One picture's figures, or their means; see the module."""

    psnr: float
    ssim: float
    detail: float
    learned: float
    unseen: float


def main() -> int:
    """Measure, and print the table and which claims hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="holds Set5 and Set14")
    parser.add_argument("--picture", type=Path, help="where to write parts of both, side by side")
    options = parser.parse_args()
    enlargers: dict[str, Enlarger] = {"bicubic": lambda low: enlarge(low, SCALE)}
    for name in (PIXELS, JUDGED):
        enlargers[name] = pipeline("super-resolution", name)
    found = measured(enlargers, list(pictures(options.folder)))
    rows = [
        (name, f"{x.psnr:.2f} dB", *(f"{value:.3f}" for value in astuple(x)[1:]))
        for name, x in found.items()
    ]
    seen = (f"seen by {name}" for name, _ in (LEARNED_FROM, NEVER_SEEN))
    data = "Set5 and Set14" if options.folder else "two photographs"
    print(table((f"x{SCALE}, {data}", "PSNR", "SSIM", "detail", *seen), rows), "\n")
    for holds, claim in verdicts(found[PIXELS], found[JUDGED]):
        print(f"- {'holds' if holds else 'FAILS'}: {claim}")
    if options.picture:
        parts(enlargers).save(options.picture)
    return 0


def pictures(folder: Path | None) -> Iterator[np.ndarray]:
    """Yield pictures in colour (H, W, 3) uint8."""
    if folder is None:
        yield from load_sample_images().images
        return
    for name in ("set5", "set14"):
        yield from (picture.pixels for picture in load_pictures(name, folder) if not picture.grey)


def measured(
    enlargers: Mapping[str, Enlarger], originals: Sequence[np.ndarray]
) -> dict[str, Looks]:
    """Return the means of each over the pictures."""
    eyes = [content_network(*which) for which in (LEARNED_FROM, NEVER_SEEN)]
    found: dict[str, list[Looks]] = {name: [] for name in enlargers}
    for original in originals:
        high = crop_to_multiple(original, SCALE)
        low = shrink(high, SCALE)
        for name, enlarger in enlargers.items():
            made = enlarger(low)
            found[name].append(looks(np.asarray(getattr(made, "pixels", made)), high, eyes))
    return {
        name: Looks(*map(statistics.mean, zip(*map(astuple, each), strict=True)))
        for name, each in found.items()
    }


def looks(made: np.ndarray, original: np.ndarray, eyes: list[keras.Model]) -> Looks:
    """Compare (H, W, 3) uint8 with the original."""
    ours, wanted = (cut_border(luma(pixels), SCALE) for pixels in (made, original))
    seen = []
    for eye in eyes:
        a, b = (np.asarray(eye(unit(pixels)[None])) for pixels in (made, original))
        seen.append(float(np.sum((a - b) ** 2) / np.sum(b**2)))
    detail = laplacian_energy(ours) / laplacian_energy(wanted)
    return Looks(psnr(wanted, ours), ssim(wanted, ours), detail, *seen)


def laplacian_energy(luma: np.ndarray) -> float:
    """Return the mean square of the five-point Laplacian of (H, W)."""
    inner = luma[1:-1, 1:-1]
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float(np.mean((around - 4 * inner) ** 2))


def verdicts(pixels: Looks, judged: Looks) -> Iterator[tuple[bool, str]]:
    """Yield whether each claim holds, and the claim."""
    less_exact = judged.psnr < pixels.psnr and judged.ssim < pixels.ssim
    yield less_exact, f"{JUDGED} has a lower PSNR and SSIM"
    yield abs(judged.detail - 1) < abs(pixels.detail - 1), "its detail is nearer to the original's"
    yield judged.learned < pixels.learned, f"so is what {LEARNED_FROM[0]} sees"


def parts(enlargers: Mapping[str, Enlarger]) -> Image.Image:
    """Return parts of two photographs: the original, and what each made of it made small."""
    places = ((110, 40), (120, 250))  # top, left of each photograph's part
    rows = []
    for photograph, (top, left) in zip(load_sample_images().images, places, strict=True):
        high = crop_to_multiple(photograph, SCALE)
        made = [enlarger(shrink(high, SCALE)) for enlarger in enlargers.values()]
        whole = [np.asarray(getattr(result, "pixels", result)) for result in (high, *made)]
        rows.append([pixels[top : top + PART_PX, left : left + PART_PX] for pixels in whole])
    return sheet(("original", *enlargers), rows)


if __name__ == "__main__":
    sys.exit(main())

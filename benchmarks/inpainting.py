"""How well holes are filled and what it costs, by every method and kind of mask.

    python benchmarks/inpainting.py [--quick] [--folder FOLDER] [--presets PRESET ...]

Claims: the default preset's holes have at least the PSNR that is wanted with each kind of mask; in
no part of the masks is it more than 0.1 dB below the best classical method; a megapixel with a
small hole takes at most 2 s on two cores, 24 megapixels at most 2 GB, Python and TensorFlow
included. Core-seconds are the processor time of all threads, for a crop of 256 x 256 pixels.

FOLDER holds BSDS400, of which the held-out crops are; without it, two crops of scikit-learn's
photographs serve, and the figures mean little. Other presets, such as a folder of `sightsound
train context_encoder_l2`, are measured beside; context encoders on "center" alone. Each photograph
is a process of its own, whose peak of memory is what the system reports.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `make bench` runs this as a script
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.large_photographs import run, write_photograph
from benchmarks.timing import machine, table
from models.catalog import model_info
from models.restoration.context_encoder import ContextEncoderSpec
from pipelines import pipeline
from pipelines.images import write_image
from pipelines.inpainting import classical
from pipelines.inpainting.classical import Method
from pipelines.inpainting.data import HELD_OUT, PictureSet, load_pictures
from pipelines.inpainting.evaluation import evaluate_inpainting
from pipelines.inpainting.mask_sets import KINDS, Kind, draw_mask
from pipelines.inpainting.middles import middle_method
from pipelines.inpainting.report import HoleScore, InpaintingReport
from pipelines.inpainting_results import InpaintedImage
from pipelines.picture_sets import as_pictures
from pipelines.presets import load_preset

WANTED: Mapping[Kind, float] = {"strokes": 21.2, "freeform": 18.6, "center": 15.7}  # dB
MOST_BEHIND = 0.1  # dB
MOST_WALL_S, MOST_GB = 2.0, 2.0
OURS = "default preset, pipeline"
SIZES, QUICK_SIZES = ((1000, 1000), (4000, 6000)), ((250, 250),)
HOLE_SHARE = 0.1  # of both sides: a small hole
ONE_CASE = """
import os
import resource
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from pipelines import pipeline

source, mask, target = sys.argv[1:]
inpaint = pipeline("inpainting")
seconds = []
for _ in range(2):
    start = time.perf_counter()
    result = inpaint(source, mask)
    seconds.append(time.perf_counter() - start)
result.save(target)
print(*seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


class Timed:
    """A method that notes the core-seconds of each call."""

    def __init__(self, fill: Method) -> None:
        self._fill = fill
        self.core_s: list[float] = []

    def __call__(self, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Fill, and note what it cost."""
        start = time.process_time()
        filled = self._fill(image, mask)
        self.core_s.append(time.process_time() - start)
        return filled


def main() -> int:
    """Measure, and print the tables and which claims hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run: figures mean nothing")
    parser.add_argument("--folder", type=Path, help="holds BSDS400; else two crops serve")
    parser.add_argument("--presets", nargs="*", default=[], help="others that are measured beside")
    options = parser.parse_args()
    print(f"{machine()}\n")
    pictures = held_out(options.folder, few=options.quick)
    report, rows = quality(pictures, dict(fillers(options.presets)))
    print(f"{pictures.name}, crops of 256 x 256 pixels\n")
    header = ("masks", "method", "PSNR of the holes", "SSIM", "L1", "core-seconds")
    print(table(header, rows), "\n")
    costs = list(photographs(QUICK_SIZES if options.quick else SIZES))
    header_of_costs = ("photograph, JPEG", "first call", "second call", "peak memory")
    print(table(header_of_costs, [(name, *shown(cost)) for name, cost in costs]))
    print("", *verdicts(report, costs), sep="\n")
    return 0


def held_out(folder: Path | None, *, few: bool) -> PictureSet:
    """Return what is measured on."""
    if folder is None or few:
        from sklearn.datasets import load_sample_images

        print("scikit-learn's photographs serve; give the folder that holds BSDS400 (--folder)\n")
        return as_pictures(load_sample_images().images, None, {})
    return load_pictures(HELD_OUT, folder)


def fillers(others: Sequence[str]) -> Iterator[tuple[str, tuple[Method, Sequence[Kind]]]]:
    """Yield everything that fills holes with its name, and the kinds of masks that it knows."""
    inpaint = pipeline("inpainting")
    yield OURS, (pixels_by(inpaint), KINDS)
    for name, fill in classical.METHODS.items():
        if classical.is_installed(name):
            yield name, (fill, KINDS)
        else:
            print(f"left out: {name}; pip install 'sightsound[inpaint]'")
    for path in others:
        network = load_preset(path).build()
        if isinstance(model_info(network.name).spec, ContextEncoderSpec):
            yield Path(path).name, (middle_method(network), ("center",))
        else:
            other = pipeline("inpainting", path)
            yield Path(path).name, (pixels_by(other), KINDS)


def pixels_by(inpaint: Callable[..., InpaintedImage]) -> Method:
    """Return a pipeline as a method: pixels in, pixels out."""
    return lambda image, mask: inpaint(image, mask).pixels


def quality(
    pictures: PictureSet, methods: Mapping[str, tuple[Method, Sequence[Kind]]]
) -> tuple[InpaintingReport, list[tuple[str, ...]]]:
    """Return the figures of all, those of the classical methods beside ours; and them as rows."""
    scores: list[HoleScore] = []
    rows: list[tuple[str, ...]] = []
    for kind in KINDS:
        for name, (fill, kinds) in methods.items():
            if kind not in kinds:
                continue
            timed = Timed(fill)
            found = evaluate_inpainting(timed, pictures, method=name, masks=[kind], beside=[])
            scores += found.scores
            mean = found.mean(name)
            assert mean is not None
            cells = (f"{mean.holes.psnr:.2f} dB", f"{mean.holes.ssim:.3f}", f"{mean.holes.l1:.4f}")
            rows.append((kind, name, *cells, f"{statistics.median(timed.core_s):.3f}"))
    report = InpaintingReport(
        method=OURS,
        beside=tuple(name for name in methods if name in classical.METHODS),
        data=pictures.name,
        masks=KINDS,
        scores=tuple(scores),
    )
    return report, rows


def photographs(sizes: Sequence[tuple[int, int]]) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Yield what filling large photographs costs: two calls in seconds, and the peak in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        source, mask_path = Path(folder, "photograph.jpg"), Path(folder, "mask.png")
        for height, width in sizes:
            write_photograph(source, height, width)
            hole = np.zeros((height, width), bool)
            part = [
                slice(round(side / 3), round(side * (1 / 3 + HOLE_SHARE))) for side in hole.shape
            ]
            hole[tuple(part)] = True
            masks = {"one small hole": hole, "strokes": draw_mask("strokes", height, width, 0)}
            for name, mask in masks.items():
                write_image(mask_path, mask.astype(np.uint8) * 255)
                cost = run(ONE_CASE, source, mask_path, Path(folder, "filled.jpg"))
                yield f"{width} x {height}, {name}: {mask.mean():.0%}", cost


def shown(cost: tuple[float, ...]) -> tuple[str, ...]:
    """Return a photograph's cost for people."""
    first_s, second_s, peak = cost
    return f"{first_s:.1f} s", f"{second_s:.1f} s", f"{peak / 1e9:.2f} GB"


def verdicts(
    report: InpaintingReport, costs: Sequence[tuple[str, tuple[float, ...]]]
) -> Iterator[str]:
    """Yield a line a claim."""
    for kind, wanted in WANTED.items():
        found = report.psnr[kind]
        yield verdict(f"{kind}: {found:.2f} dB", f"at least {wanted} dB", found >= wanted)
    gain, part = report.worst_gain
    yield verdict(
        f"{gain:+.2f} dB against the best classical method where that is least ({part})",
        f"at most {MOST_BEHIND} dB behind",
        gain >= -MOST_BEHIND,
    )
    (small, (first_s, _, _)), peak = costs[0], max(cost[2] for _, cost in costs) / 1e9
    yield verdict(f"{small}: {first_s:.1f} s", f"at most {MOST_WALL_S} s", first_s <= MOST_WALL_S)
    yield verdict(f"{peak:.2f} GB", f"at most {MOST_GB} GB", peak <= MOST_GB)


def verdict(found: str, wanted: str, holds: bool) -> str:
    """Return a claim with whether it holds."""
    return f"- {'holds' if holds else 'FAILS'}: {found} ({wanted})"


if __name__ == "__main__":
    sys.exit(main())

"""What enlarging to 512 x 512 costs, and how good it is, beside what others published.

    python benchmarks/super_resolution.py [--quick] [--folder SETS] [--peers FILE.zip]

Claims, at x2: the default preset, from RGB pixels to RGB pixels through the pipeline, takes at most
0.25 core-seconds; on Set5 it is above every peer in PSNR, and above what FSRCNN's paper states.
Core-seconds are the processor time of all threads, whatever the number of cores. All take their
turn in one process. Of our other networks, which have random weights here, only the cost is
measured, from luma (or RGB) to the same. SETS is the folder that holds Set5; the file is an archive
as `benchmarks/published_upscalers.py` reads it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `make bench` runs this as a script
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from benchmarks.published_upscalers import opencv_cubic, read_published
from benchmarks.timing import Cost, machine, measure, table
from models.catalog import create_model, list_models, model_info
from models.spec import UpscalerSpec
from pipelines import pipeline
from pipelines.super_resolution.colour import luma, to_8bit, unit
from pipelines.super_resolution.data import PictureSet, load_pictures
from pipelines.super_resolution.evaluation import Enlarger, evaluate_enlarger
from pipelines.super_resolution.metrics import cut_border, psnr
from pipelines.super_resolution.resampling import crop_to_multiple, enlarge

SCALE = 2
SIDE_PX = 512  # of the enlarged picture
MOST_CORE_S = 0.25
FSRCNN_PSNR = 37.00  # arXiv:1608.00367, table 4: Set5, x2
MOST_PARAMETERS = 5_000_000  # a larger network takes minutes a picture
OURS, BICUBIC = "default preset, pipeline", "bicubic"


def main() -> int:
    """Measure, and print the tables and which claims hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run: figures mean nothing")
    parser.add_argument("--folder", type=Path, help="holds Set5; without it, no PSNR")
    parser.add_argument("--peers", type=Path, metavar="ZIP", help="networks that others published")
    options = parser.parse_args()
    side = 64 if options.quick else SIDE_PX
    print(f"{machine()}\n")
    upscalers = dict(all_upscalers(options.peers))
    small = photograph(side // SCALE)
    costs = measure(
        {name: partial(run, small) for name, run in upscalers.items()},
        rounds=2 if options.quick else 20,
    )
    protocol, of_opencv = quality(upscalers, options.folder)
    rows = [
        (
            name,
            f"{cost.core_s:.3f}",
            f"{cost.wall_s * 1e3:.0f} ms",
            decibels(protocol.get(name)),
            decibels(of_opencv.get(name)),
        )
        for name, cost in costs.items()
    ]
    header = ("core-seconds", "wall", "PSNR on Set5", "likewise, made smaller by OpenCV's cubic")
    print()
    print(table((f"picture, {side} x {side}", *header), rows), "\n")
    print(networks_alone(side, rounds=1 if options.quick else 3), "\n")
    print("\n".join(verdicts(costs, protocol)))
    return 0


def all_upscalers(peers: Path | None) -> Iterator[tuple[str, Enlarger]]:
    """Yield everything that enlarges pictures, with its name; name what is left out."""
    try:
        upscale = pipeline("super-resolution", scale=SCALE)
    except ValueError as error:
        print(f"left out: the default preset; {error}")
    else:
        yield OURS, lambda pixels: upscale(pixels).pixels
    yield BICUBIC, lambda pixels: enlarge(pixels, SCALE)
    if peers is None:
        print("left out: what others published; give the archive (--peers)")
        return
    for name, published in read_published(peers, SCALE).items():
        yield f"{name}, published graph", published.of_pictures()


def photograph(side: int) -> np.ndarray:
    """Return a piece (side, side, 3) uint8 of scikit-learn's photograph of a temple."""
    from sklearn.datasets import load_sample_images

    piece: np.ndarray = load_sample_images().images[0][100 : 100 + side, 200 : 200 + side]
    return np.ascontiguousarray(piece)


def quality(
    upscalers: Mapping[str, Enlarger], folder: Path | None
) -> tuple[dict[str, float], dict[str, float]]:
    """Return each one's PSNR on Set5 in dB: the papers' protocol, and what it is with OpenCV's.

    The second is what some of the published graphs were trained for. Nothing without the folder.
    """
    if folder is None:
        print("left out: PSNR; give the folder that holds Set5 (--folder)")
        return {}, {}
    data = load_pictures("set5", folder)
    protocol = {
        name: evaluate_enlarger(upscale, data, scale=SCALE, method=name).psnr
        for name, upscale in upscalers.items()
    }
    return protocol, {name: psnr_of_opencv(upscale, data) for name, upscale in upscalers.items()}


def psnr_of_opencv(upscale: Enlarger, data: PictureSet) -> float:
    """Return the mean PSNR of the luma of pictures that OpenCV's cubic made smaller."""
    found = []
    for picture in data:
        high = crop_to_multiple(picture.pixels, SCALE)
        height, width = (size // SCALE for size in high.shape[:2])
        low = to_8bit(opencv_cubic(unit(high), height, width))
        pair = (cut_border(luma(pixels), SCALE) for pixels in (high, upscale(low)))
        found.append(psnr(*pair))
    return statistics.mean(found)


def networks_alone(side: int, *, rounds: int) -> str:
    """Return the cost of our networks, with random weights, as a table."""
    names = [name for name in list_models(task="super-resolution") if not name.endswith("_micro")]
    large = [name for name in names if model_info(name).spec.params > MOST_PARAMETERS]
    print(f"left out: {', '.join(large)}, of more than {MOST_PARAMETERS:,} parameters\n")
    chosen = [name for name in names if name not in large]
    costs = measure({name: network(name, side) for name in chosen}, rounds=rounds, warm_up=1)
    rows = [
        (name, f"{model_info(name).spec.params:,}", f"{cost.core_s:.3f}", f"{cost.wall_s:.3f} s")
        for name, cost in costs.items()
    ]
    return table((f"network alone, {side} x {side}", "parameters", "core-seconds", "wall"), rows)


def network(name: str, side: int) -> Callable[[], Any]:
    """Return a run of a network of ours on one picture."""
    spec = model_info(name).spec
    model = create_model(name, scale=SCALE)
    enlarged = isinstance(spec, UpscalerSpec) and spec.enlarged
    size = side if enlarged else side // SCALE
    image = tf.random.uniform((1, size, size, model.input_shape[-1]), seed=0)
    graph = tf.function(lambda image: model(image, training=False), autograph=False)
    traced = graph.get_concrete_function(tf.TensorSpec(image.shape, tf.float32))
    return lambda: traced(image).numpy()


def verdicts(costs: Mapping[str, Cost], found_psnr: Mapping[str, float]) -> Iterator[str]:
    """Yield a line a claim."""
    core_s = costs[OURS].core_s if OURS in costs else None
    own = found_psnr.get(OURS)
    peers = [value for name, value in found_psnr.items() if name not in (OURS, BICUBIC)]
    best = max(peers, default=None)
    yield verdict(
        f"the default preset takes {core_s or 0:.3f}",
        f"at most {MOST_CORE_S} core-seconds",
        None if core_s is None else core_s <= MOST_CORE_S,
    )
    yield verdict(
        f"on Set5 it reaches {decibels(own)}",
        f"above every peer, the best of which reaches {decibels(best)}",
        None if own is None or best is None else own > best,
    )
    yield verdict(
        f"on Set5 it reaches {decibels(own)}",
        f"above the {decibels(FSRCNN_PSNR)} that FSRCNN's paper states",
        None if own is None else own > FSRCNN_PSNR,
    )


def verdict(found: str, wanted: str, holds: bool | None) -> str:
    """Return a claim with whether it holds; None where it was not measured."""
    if holds is None:
        return f"- not measured: the default preset: {wanted}"
    return f"- {'holds' if holds else 'FAILS'}: {found} ({wanted})"


def decibels(value: float | None) -> str:
    """Return a PSNR for people."""
    return "-" if value is None else f"{value:.2f} dB"


if __name__ == "__main__":
    sys.exit(main())

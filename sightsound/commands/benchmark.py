"""Measure a preset's latency and throughput on this machine, in less than twenty seconds.

From an RGB array in memory to a labelled result; reading and decoding files is not measured.
Several engines take turns, batch size by batch size.

Examples:
  sightsound benchmark --preset lenet5_mnist
  sightsound benchmark --engine tensorflow openvino
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

import numpy as np

from sightsound.console import table
from sightsound.preset_options import add_preset_options, open_pipeline

BATCHES = (1, 8, 32, 128)
BUDGET_S = 1.5  # a batch size: together, with the start, they stay below twenty seconds
SIDE_PX = 224  # of the pictures: the usual size of a classifier's input


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    add_preset_options(parser)
    parser.add_argument(
        "--engine",
        nargs="+",
        default=["tensorflow"],
        metavar="NAME",
        help="what computes: tensorflow, openvino, or both",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: argparse.Namespace) -> int:
    """Print a row a batch size and engine."""
    tasks = [open_pipeline(options, engine=engine) for engine in dict.fromkeys(options.engine)]
    pictures = list(_noise(max(BATCHES)))
    rows = [_measure(task, pictures[:batch]) for batch in BATCHES for task in tasks]
    preset = tasks[0].preset
    if options.json:
        print(json.dumps({"preset": preset, "side_px": SIDE_PX, "batches": rows}, indent=2))
        return 0
    print(f"{preset}, pictures of {SIDE_PX}x{SIDE_PX} from memory")
    cells = [
        (
            row["batch"],
            row["engine"],
            f"{row['first_ms']:.1f}",
            f"{row['median_ms']:.1f}",
            f"{row['slowest_ms']:.1f}",
            f"{row['pictures_per_s']:.0f}",
        )
        for row in rows
    ]
    header = ("batch", "engine", "first call ms", "median ms", "slowest ms", "pictures/s")
    print(table(header, cells))
    return 0


def _noise(count: int) -> np.ndarray:
    """Return pictures (count, SIDE_PX, SIDE_PX, 3) that no cache or codec can shorten."""
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (count, SIDE_PX, SIDE_PX, 3), np.uint8)


def _measure(task: Any, pictures: list[np.ndarray]) -> dict[str, Any]:
    """Call `task` on one batch until the budget is spent; the first call compiles."""
    durations_ms: list[float] = []
    start = time.perf_counter()
    while time.perf_counter() - start < BUDGET_S or len(durations_ms) < 2:
        before = time.perf_counter()
        task(pictures, batch_size=len(pictures))
        durations_ms.append((time.perf_counter() - before) * 1000)
    first, *rest = durations_ms
    median = statistics.median(rest)
    return {
        "batch": len(pictures),
        "engine": task.engine,
        "first_ms": round(first, 3),
        "median_ms": round(median, 3),
        "slowest_ms": round(max(rest), 3),
        "pictures_per_s": round(len(pictures) / median * 1000, 1),
    }

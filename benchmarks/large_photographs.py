"""Photographs of any size, and what is measured of them in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np


def write_photograph(path: Path, height: int, width: int, bits: int = 8) -> None:
    """Write scikit-learn's photograph of a temple, repeated and noisy, in that size."""
    from sklearn.datasets import load_sample_images

    from pipelines.images import write_image

    small = load_sample_images().images[0]
    times = (-(-height // small.shape[0]), -(-width // small.shape[1]), 1)
    pixels = np.tile(small, times)[:height, :width]
    noise = np.random.default_rng(0).integers(0, 9, (height, width, 1), np.uint8)
    pixels = np.minimum(pixels, 240) + noise
    write_image(path, pixels if bits == 8 else pixels.astype(np.uint16) * 257)


def run(script: str, *arguments: str | Path) -> tuple[float, ...]:
    """Return the numbers that a script prints on one line, run as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=Path(__file__).resolve().parents[1],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return tuple(map(float, done.stdout.split()))

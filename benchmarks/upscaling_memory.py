"""The memory that a large photograph takes, from its file to the file of the enlarged one.

    python benchmarks/upscaling_memory.py [--quick]

Claim: a photograph of 24 megapixels is enlarged twice, to 96, within 4 GB, Python and TensorFlow
included. Each case is a process of its own; its peak is what the system reports. The network is
that of the default preset with random weights, which take the same memory.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `make bench` runs this as a script

from benchmarks.large_photographs import run, write_photograph
from benchmarks.timing import machine, table

MOST_GB = 4.0
SIZE, QUICK_SIZE = (4000, 6000), (400, 600)
CASES = (
    ("8 bits, JPEG to JPEG", 8, ".jpg", ".jpg"),
    ("8 bits, JPEG to PNG", 8, ".jpg", ".png"),
    ("8 bits, JPEG to TIFF", 8, ".jpg", ".tif"),
    ("16 bits, PNG to PNG", 16, ".png", ".png"),
)
ONE_CASE = """
import os
import resource
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from models.catalog import create_model
from pipelines.super_resolution.pipeline import SuperResolution

source, target = sys.argv[1:]
upscale = SuperResolution(create_model("sesr_c32", scale=2), scale=2)
start = time.perf_counter()
result = upscale(source)
made = time.perf_counter()
result.save(target)
seconds = made - start, time.perf_counter() - made
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(*seconds, peak)
"""


def main() -> int:
    """Measure, and print the table and whether the claim holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run: figures mean nothing")
    height, width = QUICK_SIZE if parser.parse_args().quick else SIZE
    print(f"{machine()}\n")
    rows, peaks = [], []
    with tempfile.TemporaryDirectory() as folder:
        for title, bits, before, after in CASES:
            source = Path(folder, f"{bits}{before}")
            if not source.exists():
                write_photograph(source, height, width, bits)
            target = Path(folder, f"enlarged{after}")
            enlarging_s, writing_s, peak = run(ONE_CASE, source, target)
            peaks.append(peak / 1e9)
            rows.append(
                (title, f"{enlarging_s:.0f} s", f"{writing_s:.0f} s", f"{peaks[-1]:.2f} GB")
            )
    what = f"{width} x {height}, x2"
    print(table((what, "reading and enlarging", "writing", "peak memory"), rows), "\n")
    holds = max(peaks) <= MOST_GB
    print(f"- {'holds' if holds else 'FAILS'}: at most {max(peaks):.2f} GB (of {MOST_GB:.0f} GB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())

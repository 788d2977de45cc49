"""The benchmark of large pictures runs at a small size; what it measures is for a large one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_smoke_run_writes_every_kind_of_file() -> None:
    finished = subprocess.run(
        [sys.executable, "benchmarks/upscaling_memory.py", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.splitlines()
    assert " cores, " in lines[0]
    assert lines[2].startswith("| 600 x 400, x2 |")
    assert sum(line.startswith("| ") for line in lines) == 2 + 4
    assert lines[-1].startswith("- holds: at most ")

"""The benchmark of inference runs at a tiny size; what it measures is for a quiet machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_smoke_run_checks_and_shows_every_contender() -> None:
    finished = subprocess.run(
        [sys.executable, "benchmarks/inference.py", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.splitlines()
    assert " cores, " in lines[0]
    assert any(line.startswith("All 7 give the same logits") for line in lines)
    assert sum(line.startswith("| ") for line in lines) == 2 + 7
    assert sum(line.startswith(("- holds:", "- FAILS:")) for line in lines) == 4

"""The benchmark of large pictures runs at a small size; what it measures is for a large one."""

from __future__ import annotations

import pytest

from tests.benchmarks.smoke_run import smoke_run


@pytest.mark.slow
def test_a_smoke_run_writes_every_kind_of_file() -> None:
    lines = smoke_run("upscaling_memory.py")
    assert " cores, " in lines[0]
    assert lines[2].startswith("| 600 x 400, x2 |")
    assert sum(line.startswith("| ") for line in lines) == 2 + 4
    assert lines[-1].startswith("- holds: at most ")

"""The benchmark of inference runs at a tiny size; what it measures is for a quiet machine."""

from __future__ import annotations

import pytest

from tests.benchmarks.smoke_run import smoke_run


@pytest.mark.slow
def test_a_smoke_run_checks_and_shows_every_contender() -> None:
    lines = smoke_run("inference.py")
    assert " cores, " in lines[0]
    assert any(line.startswith("All 7 give the same logits") for line in lines)
    assert sum(line.startswith("| ") for line in lines) == 2 + 7
    assert sum(line.startswith(("- holds:", "- FAILS:")) for line in lines) == 4

"""The benchmark of filling holes runs at a tiny size; what it measures is for a quiet machine."""

from __future__ import annotations

import pytest

from benchmarks import inpainting as benchmark
from pipelines.inpainting import classical
from pipelines.inpainting.mask_sets import KINDS
from pipelines.inpainting.metrics import Figures
from pipelines.inpainting.report import HoleScore, InpaintingReport
from tests.benchmarks.smoke_run import smoke_run


def report(ours_db: float) -> InpaintingReport:
    """Figures of one crop, 19 dB by Telea's method with every kind of mask."""
    found = {benchmark.OURS: ours_db, "telea": 19.0}
    return InpaintingReport(
        method=benchmark.OURS,
        beside=("telea",),
        data="a crop",
        masks=KINDS,
        scores=tuple(
            HoleScore("a", kind, 0.25, name, Figures(db, 0.5, 0.1), Figures(40.0, 0.9, 0.01))
            for kind in KINDS
            for name, db in found.items()
        ),
    )


def test_a_claim_holds_or_fails() -> None:
    costs = [("small", (1.9, 0.1, 1.2e9)), ("large", (9.0, 8.0, 1.9e9))]
    lines = list(benchmark.verdicts(report(18.95), costs))
    wanted = ["FAILS: strokes: 18.95 dB", "holds: freeform", "holds: center", "holds: -0.05 dB"]
    wanted += ["holds: small: 1.9 s", "holds: 1.90 GB"]
    assert [line[2 : 2 + len(start)] for line, start in zip(lines, wanted, strict=True)] == wanted
    costs = [("small", (2.1, 0.1, 1.2e9)), ("large", (9.0, 8.0, 2.1e9))]
    assert all(
        line.startswith("- FAILS: ") for line in list(benchmark.verdicts(report(15.0), costs))
    )


@pytest.mark.slow
def test_a_smoke_run_shows_every_method_and_photograph() -> None:
    lines = smoke_run("inpainting.py")
    rows = [line.split(" | ") for line in lines if line.startswith("| ")]
    names = (benchmark.OURS, *filter(classical.is_installed, classical.METHODS))
    assert {(row[0], row[1]) for row in rows} >= {(f"| {kind}", n) for kind in KINDS for n in names}
    assert sum("one small hole" in row[0] or "strokes:" in row[0] for row in rows) == 2
    assert sum(line.startswith(("- holds: ", "- FAILS: ")) for line in lines) == 6

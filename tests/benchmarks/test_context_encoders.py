"""The comparison of context encoders, by hand and with networks that have learned nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import context_encoders as benchmark
from benchmarks.inpainting import OURS
from models.catalog import create_model
from pipelines.inpainting.pipeline import save_inpainter


def test_figures_are_of_what_was_hidden_alone() -> None:
    crops = np.random.default_rng(0).integers(0, 200, (2, 12, 12, 3), np.uint8)
    mask = np.zeros((12, 12), bool)
    mask[3:9, 3:9] = True
    filled = np.where(mask[..., None], crops + 51, 0).astype(np.uint8)  # a fifth too bright
    found = benchmark.figures(crops, filled, mask)
    assert found.l1 == pytest.approx(0.2)
    assert found.l2 == pytest.approx(0.04)
    assert found.psnr == pytest.approx(-10 * np.log10(0.04))
    assert found.detail == pytest.approx(1.0, abs=1e-3)
    smooth = np.where(mask[..., None], 100, crops).astype(np.uint8)
    assert benchmark.figures(crops, smooth, mask).detail == pytest.approx(0.0, abs=1e-6)


def test_claims_are_of_both_trainings() -> None:
    plain, judged = benchmark.TRAININGS
    found = {
        plain: benchmark.Figures(16.0, 0.1, 0.02, 0.01),
        judged: benchmark.Figures(15.0, 0.1, 0.02, 0.2),
        OURS: benchmark.Figures(15.5, 0.1, 0.02, 0.1),
    }
    starts = [line[:8] for line in benchmark.verdicts(found)]
    assert starts == ["- holds:", "- FAILS:"]
    assert list(benchmark.verdicts({OURS: found[OURS]})) == [
        "- not measured: the two trainings (--presets)"
    ]


def test_both_are_measured_and_shown(tmp_path: Path, monkeypatch, capsys) -> None:
    presets = [
        str(save_inpainter(tmp_path / run / "preset", create_model("context_encoder_micro"), {}))
        for run in ("plain", "judged")
    ]
    sheet = tmp_path / "sheet.png"
    arguments = ["--presets", *presets, "--picture", str(sheet)]
    monkeypatch.setattr(sys, "argv", ["context_encoders.py", *arguments])
    assert benchmark.main() == 0
    lines = capsys.readouterr().out.splitlines()
    measured = {line.split(" | ")[0][2:] for line in lines if line.startswith("| ")}
    assert measured >= {*benchmark.TRAININGS, OURS, "first_fill"}
    with Image.open(sheet) as picture:
        assert picture.size == (5 * (32 + 8) - 8, 22 + 2 * (32 + 8) - 8)

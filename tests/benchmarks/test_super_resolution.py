"""The benchmark of enlarging runs at a tiny size; what it measures is for a quiet machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import super_resolution as benchmark
from benchmarks.published_upscalers import opencv_cubic, read_published
from benchmarks.timing import Cost
from models.catalog import list_models
from pipelines.super_resolution import resampling
from pipelines.super_resolution.data import load_pictures
from pipelines.super_resolution.evaluation import evaluate_enlarger
from tests.benchmarks.smoke_run import smoke_run
from tests.conftest import DATA_PACK

PEERS = DATA_PACK / "refweights_sr.zip"


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> Path:
    """A folder that holds Set5."""
    folder: Path = tmp_path_factory.mktemp("sets")
    command = [sys.executable, str(DATA_PACK / "unpack.py"), str(folder), "sr"]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "sr"


def test_opencvs_cubic_by_hand() -> None:
    # At half the size each value is of four: -3/32, 19/32, 19/32, -3/32 of them for a = -0.75.
    row = np.array([[0.0, 1.0, 4.0, 9.0, 16.0, 25.0, 36.0, 49.0]])
    inner = (-3 * 1 + 19 * 4 + 19 * 9 - 3 * 16) / 32
    assert opencv_cubic(row, 1, 4)[0, 1] == pytest.approx(inner)
    first = (-3 * 0 + 19 * 0 + 19 * 1 - 3 * 4) / 32  # the edge is repeated
    assert opencv_cubic(row, 1, 4)[0, 0] == pytest.approx(first)
    # No antialiasing: a third of the size takes every third value as it is.
    np.testing.assert_allclose(opencv_cubic(np.arange(9.0)[:, None], 3, 1)[:, 0], [1, 4, 7])


def test_a_claim_holds_fails_or_is_not_measured() -> None:
    costs = {benchmark.OURS: Cost(0.2, 0.26)}
    psnr = {benchmark.OURS: 37.1, benchmark.BICUBIC: 38.0, "peer": 37.2}
    slow, below, above = benchmark.verdicts(costs, psnr)
    assert slow.startswith("- FAILS: the default preset takes 0.260")
    assert below.startswith("- FAILS: on Set5 it reaches 37.10 dB (above every peer, the best of")
    assert above.startswith("- holds: on Set5 it reaches 37.10 dB (above the 37.00 dB")
    assert all(line.startswith("- not measured: ") for line in benchmark.verdicts({}, {}))


@pytest.mark.data
def test_the_published_graphs_reach_what_they_reach(sets: Path) -> None:
    data = load_pictures("set5", sets)
    found = {
        name: evaluate_enlarger(peer.of_pictures(), data, scale=2, method=name).psnr
        for name, peer in read_published(PEERS, 2).items()
    }
    # Measured here, in the colour range and blur that suits each best; all are below the figures of
    # the papers, because they were trained for other small pictures.
    expected = {"FSRCNN": 34.88, "FSRCNN-s": 34.51, "ESPCN": 34.78, "SRCNN 9-1-5": 32.90}
    assert found == pytest.approx(expected, abs=0.02)
    upscale = read_published(PEERS, 2)["ESPCN"].of_pictures()
    assert benchmark.psnr_of_opencv(upscale, data) == pytest.approx(35.94, abs=0.02)


@pytest.mark.data
def test_a_published_graph_keeps_colour_and_grey(photographs) -> None:
    enlarge = read_published(PEERS, 2)["FSRCNN"].of_pictures()
    picture = photographs["china"][100:140, 200:250]
    assert enlarge(picture).shape == (80, 100, 3)
    grey = enlarge(picture[..., 0])
    assert grey.shape == (80, 100)
    np.testing.assert_array_equal(enlarge(picture[..., :1])[..., 0], grey)
    # Chroma is bicubic's: the differences of channels are.
    smooth = resampling.enlarge(picture.astype(np.float32), 2)[4:-4, 4:-4]
    large = enlarge(picture).astype(np.float32)[4:-4, 4:-4]
    clipped = (large % 255 == 0).max(axis=-1)
    off = (large[..., 0] - large[..., 2]) - (smooth[..., 0] - smooth[..., 2])
    assert clipped.mean() < 0.5
    assert np.abs(off[~clipped]).max() <= 1.01  # of two roundings


@pytest.mark.slow
def test_a_smoke_run_shows_every_network_and_says_what_is_left_out() -> None:
    lines = smoke_run("super_resolution.py")
    assert " cores, " in lines[0]
    assert sum(line.startswith("| --- |") for line in lines) == 2
    shown = {line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")}
    left_out = " ".join(line for line in lines if line.startswith("left out: "))
    for name in list_models(task="super-resolution"):
        assert name.endswith("_micro") or name in shown or f" {name}," in left_out
    assert "(--peers)" in left_out
    assert "(--folder)" in left_out
    claims = ("- holds:", "- FAILS:", "- not measured:")
    assert sum(line.startswith(claims) for line in lines) == 3

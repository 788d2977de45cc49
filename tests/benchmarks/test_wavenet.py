"""The loops of the benchmark of generation compute one network; figures are for a quiet machine."""

from __future__ import annotations

import runpy
import sys
from functools import cache

import numpy as np
import pytest
from keras import Model

from benchmarks import wavenet as benchmark
from benchmarks import wavenet_loops as loops
from benchmarks.timing import Cost
from benchmarks.torch_wavenet import FewOperations, LayerByLayer
from pipelines.audio_generation.engine import Engine
from tests.benchmarks.smoke_run import ROOT
from tests.pipelines.audio_generation.networks import network


@cache
def engine() -> Engine:
    return Engine(network("plain"), chunk=16)


def logits(model: Model, levels: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.asarray(model({"samples": levels[None]}, training=False))[0, -1]
    return found


@pytest.mark.parametrize("loop", [LayerByLayer, FewOperations])
def test_pytorchs_loops_give_the_networks_logits_from_the_first_sample_on(loop) -> None:
    model = network("plain")  # whose biases are far from 0
    rings = loop(model)
    levels = np.random.default_rng(3).integers(0, 256, 40, np.int32)
    for length in (1, 2, 5, 40):  # nothing, little and much in the rings; all written over
        rings.begin()
        found, wanted = rings.read(levels[:length].tolist()), logits(model, levels[:length])
        # float32 sums in another order
        np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_a_loop_that_generates_something_else_is_found() -> None:
    model, field = network("plain"), engine().stepper.field
    right = loops.of_engine(engine(), "graph")  # in the place of XLA's, which compiles

    def wrong(levels: np.ndarray, count: int) -> np.ndarray:
        return right(levels, count) ^ 1

    assert loops.check(model, {loops.XLA: right}, field).startswith("All 1 generate ")
    with pytest.raises(AssertionError, match="another must go on with"):
        loops.check(model, {loops.XLA: right, "another": wrong}, field)
    with pytest.raises(AssertionError, match="not the levels that the network's own logits give"):
        loops.check(model, {loops.XLA: wrong}, field)


def test_multiply_adds_by_hand() -> None:
    # 6 layers of 8 maps: two taps, gate and all; skips to 16; 5 residuals. Then the head.
    by_hand = 6 * (2 * 8 * 16 + 8 * 16) + 5 * 8 * 8 + 16 * 16 + 16 * 256
    assert benchmark.multiply_adds(network("plain")) == by_hand


def test_claims_hold_or_fail_by_cpu_seconds() -> None:
    size = benchmark.FULL
    ours, naive = loops.XLA, loops.NAIVE
    costs = {
        ours: Cost(wall_s=1.0, core_s=size.samples[ours] / 30_000),
        naive: Cost(wall_s=1e-9, core_s=size.samples[naive] / 40),
    }
    by_length = {1.0: Cost(1.0, 0.03), 64.0: Cost(64.0, 64 * 0.036)}
    fast, slow_peer, linear, flat = benchmark.verdicts(size, costs, by_length, [900, 910])
    assert fast == "- holds: 30,000 samples a CPU-second (at least 25,000)"
    assert slow_peer.startswith(f"- FAILS: 750 times as fast as {naive} (at least 1,000)")
    assert linear.startswith("- FAILS: time grows as the length: one second of 64 takes 1.20 of")
    assert flat.startswith("- holds: memory is flat: its peak in 600 s of sound is 1.011 of")
    assert "30,000" in benchmark.speeds(size, costs)


@pytest.mark.slow
def test_a_smoke_run_measures_every_loop_length_and_mark(monkeypatch, capsys) -> None:
    # In this process, which has started TensorFlow already; the benchmark starts others.
    script = ROOT / "benchmarks" / "wavenet.py"
    monkeypatch.setattr(sys, "argv", [str(script), "--quick"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert " cores, " in lines[0]
    assert any(line.startswith("All 6 generate the levels") for line in lines)
    assert any(line.startswith("A sample takes 6,976 multiply-adds.") for line in lines)
    rows = [line for line in lines if line.startswith("| ")]
    # Heads and rules; loops, guidance, lengths, marks, processes.
    assert len(rows) == 5 * 2 + 6 + 2 + 2 + 3 + 2
    assert sum(line.startswith(("- holds:", "- FAILS:")) for line in lines) == 6

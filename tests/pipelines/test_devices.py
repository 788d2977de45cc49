"""Strategies: what is chosen, and what is refused in words; the trainings are in distributed/."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from pipelines.devices import TPU_VARIABLES, Hardware, HardwareError, open_strategy

ROOT = Path(__file__).resolve().parents[2]
TWO = ("127.0.0.1:9000", "127.0.0.1:9001")
GPUS = len(tf.config.list_physical_devices("GPU"))


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch) -> None:
    for name in ("TF_CONFIG", *TPU_VARIABLES):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "mirrorred"}, "did you mean 'mirrored'"),
        ({"strategy": "cpu", "workers": TWO}, "workers belong to 'multiworker'; got 'cpu'"),
        ({"workers": ("localhost",)}, "a worker must be host:port.*got 'localhost'"),
        ({"workers": ("localhost:70000",)}, "got 'localhost:70000'"),
        ({"workers": (TWO[0], TWO[0])}, "an address of its own"),
        ({"workers": TWO, "index": 2}, "index must be 0 to 1, a worker's; got 2"),
        ({"index": 1}, "needs the addresses of all workers"),
        ({"patience_s": 0.0}, "patience_s must be above 0"),
    ],
)
def test_what_does_not_fit_is_refused(options, message: str) -> None:
    with pytest.raises(HardwareError, match=message):
        Hardware(**options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "or TF_CONFIG in the environment; got neither"),
        ("not JSON", "TF_CONFIG must be JSON such as .*got 'not JSON'"),
        ("[]", "TF_CONFIG must be JSON"),
        ('{"cluster": {"worker": ["a:1"]}}', "TF_CONFIG must be JSON"),
        (("evaluator", 0, TWO), "must be a chief or a worker; got 'evaluator'"),
        (("worker", 2, TWO), "index must be 0 to 1"),
        (("worker", 0, ()), "must have workers"),
        (("worker", 0, ("a", "b")), "host:port"),
    ],
)
def test_a_bad_cluster_is_refused(monkeypatch, text, message: str) -> None:
    if not isinstance(text, str):
        kind, index, workers = text
        task = {"type": kind, "index": index}
        text = json.dumps({"cluster": {"worker": workers}, "task": task})
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(HardwareError, match=message):
        open_strategy(Hardware(strategy="multiworker"))


def test_workers_that_meet_too_late_are_refused() -> None:
    tf.constant(1.0)  # TensorFlow has started
    with pytest.raises(HardwareError, match="call open_strategy at the start of the program"):
        open_strategy(Hardware(workers=TWO))


@pytest.mark.parametrize("name", ["auto", "cpu"])
def test_one_device_needs_no_strategy_of_its_own(name) -> None:
    strategy = open_strategy(Hardware(strategy=name))
    assert strategy.num_replicas_in_sync == (max(1, GPUS) if name == "auto" else 1)


@pytest.mark.parametrize(("name", "gpus", "message"), [("gpu", 1, "a GPU"), ("mirrored", 2, "two")])
def test_gpus_are_taken_where_they_are_and_missed_where_not(name, gpus, message: str) -> None:
    if gpus <= GPUS:
        assert open_strategy(Hardware(strategy=name)).num_replicas_in_sync >= 1
    else:
        with pytest.raises(HardwareError, match=f"strategy '{name}' needs {message}"):
            open_strategy(Hardware(strategy=name))


def test_a_tpu_that_nothing_names_is_not_searched_for() -> None:
    with pytest.raises(HardwareError, match="needs a TPU that the environment names"):
        open_strategy(Hardware(strategy="tpu"))


def test_a_worker_gives_up_when_the_others_do_not_come() -> None:
    program = (
        "from pipelines.devices import Hardware, open_strategy\n"
        f"open_strategy(Hardware(workers={TWO}, index=1, patience_s=2))"
    )
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert "worker 1 of 2 has waited 2 s for 127.0.0.1:9000" in done.stderr

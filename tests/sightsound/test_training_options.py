"""What a training runs on, as the command line says it."""

from __future__ import annotations

import sys

import pytest

from sightsound import training_options
from sightsound.arguments import Parser, UsageError
from sightsound.training_options import (
    add_hardware_options,
    add_plan_options,
    open_hardware,
    plan_changes,
    run_local_workers,
)


def read(*words: str):
    parser = Parser(prog="sightsound train")
    parser.add_argument("recipe")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    add_plan_options(parser)
    add_hardware_options(parser)
    return parser.read(list(words))


def test_the_plan_keeps_what_is_not_asked_for() -> None:
    assert plan_changes(read("lenet")) == {}
    asked = plan_changes(read("lenet", "--precision", "mixed_bfloat16", "--jit"))
    assert asked == {"precision": "mixed_bfloat16", "jit": True}
    asked = plan_changes(read("lenet", "--rate", "0.1", "--schedule", "step", "--epochs", "4"))
    assert asked == {"peak_rate": 0.1, "schedule": "step", "epochs": 4}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--strategy", "mirorred"], "did you mean 'mirrored'"),
        (["--workers", "localhost", "--index", "0"], "host:port"),
        (["--workers", "a:1,b:2", "--index", "2"], "index must be 0 to 1"),
        (["--index", "1"], "needs the addresses"),
        (["--strategy", "cpu", "--workers", "a:1,b:2"], "workers belong to 'multiworker'"),
    ],
)
def test_hardware_that_cannot_be_is_a_usage_error(words, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_hardware(read("lenet", *words))


def test_a_processor_is_there() -> None:
    assert open_hardware(read("lenet", "--strategy", "cpu")).num_replicas_in_sync == 1


@pytest.mark.parametrize("several", [["--local-workers", "2"], ["--local-workers=2"]])
def test_local_workers_run_the_same_line(monkeypatch, tmp_path, capfd, several) -> None:
    # A program in Python's place that says how it was called.
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    words = ["--seeds", "1", "2", *several, "lenet"]
    assert run_local_workers("train", words, read(*words)) == 0
    line = "-m sightsound train --seeds 1 2 lenet --strategy multiworker\n"
    out, err = capfd.readouterr()
    assert (out, err) == (line, f"worker 1: {line}")


@pytest.mark.parametrize(("ending", "status"), [("exit 2", 2), ("kill -9 $$", 1)])
def test_what_went_wrong_in_a_worker_is_the_status(monkeypatch, tmp_path, ending, status) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{ending}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(training_options, "RESTARTS", 0)
    words = ["lenet", "--local-workers", "1"]
    assert run_local_workers("train", words, read(*words)) == status


def test_local_workers_are_a_strategy_of_their_own() -> None:
    words = ["lenet", "--strategy", "mirrored", "--local-workers", "2"]
    with pytest.raises(UsageError, match="leave out --strategy"):
        run_local_workers("train", words, read(*words))

"""The launcher, with small programs for trainings: nothing hangs, nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.training import launcher
from pipelines.training.launcher import launch

ROOT = Path(__file__).resolve().parents[3]
HEAD = (
    "import json, os, signal, subprocess, sys, time\n"
    "config = json.loads(os.environ['TF_CONFIG'])\n"
    "index = config['task']['index']\n"
    "workers = config['cluster']['worker']\n"
)
TIMEOUT_S = 60.0  # for machines that are busy; each ends in a second or two
PROC = Path("/proc")


def program(text: str) -> list[str]:
    return [sys.executable, "-c", HEAD + text]


def alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended but was not collected does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = PROC / str(pid) / "stat"
    return not status.is_file() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def gone(pid: int) -> bool:
    until = time.monotonic() + 10
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return not alive(pid)


def test_each_worker_knows_all_and_its_own_place(capfd) -> None:
    text = "print(index, len(set(workers)), workers[0][:10])\nprint('aside', file=sys.stderr)"
    assert launch(program(text), workers=3, timeout_s=TIMEOUT_S) == [0, 0, 0]
    out, err = capfd.readouterr()
    assert out == "0 3 127.0.0.1:\n"
    assert {"worker 0: aside", "worker 1: aside", "worker 1: 1 3 127.0.0.1:"} <= set(
        err.splitlines()
    )


def test_when_one_fails_the_others_end(capfd) -> None:
    start = time.monotonic()
    text = "sys.exit(3) if index == 1 else time.sleep(1000)"
    assert launch(program(text), timeout_s=TIMEOUT_S, restarts=1) == [-signal.SIGKILL, 3]
    assert time.monotonic() - start < launcher.GRACE_S + 20  # not the 1,000 s
    err = capfd.readouterr().err
    assert "worker 1 ended with status 3; ending the others" in err
    assert "starting" not in err  # it would fail again


def test_the_deaf_are_killed_with_all_that_they_started(tmp_path: Path, capfd) -> None:
    text = (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"child = subprocess.Popen(['sleep', '1000'])\n"
        f"open({str(tmp_path)!r} + f'/{{index}}', 'w').write(str(child.pid))\n"
        "time.sleep(1000)"
    )
    assert launch(program(text), timeout_s=4) == [-signal.SIGKILL] * 2
    assert "out of time; killing worker 0, worker 1" in capfd.readouterr().err
    children = [int(path.read_text()) for path in tmp_path.iterdir()]
    assert children
    assert all(gone(child) for child in children)


def test_after_a_kill_all_start_again(tmp_path: Path, capfd) -> None:
    text = (
        f"mark = {str(tmp_path)!r} + '/killed'\n"
        "if index == 1 and not os.path.exists(mark):\n"
        "    open(mark, 'w').close()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "time.sleep(0 if os.path.exists(mark) else 1000)"
    )
    assert launch(program(text), timeout_s=TIMEOUT_S, restarts=2) == [0, 0]
    err = capfd.readouterr().err
    assert "worker 1 was killed by SIGKILL; ending the others" in err
    assert err.count("starting all workers again") == 1


def test_restarts_come_to_an_end(capfd) -> None:
    text = "os.kill(os.getpid(), signal.SIGKILL)"
    statuses = launch(program(text), workers=1, timeout_s=TIMEOUT_S, restarts=1)
    assert statuses == [-signal.SIGKILL]
    assert capfd.readouterr().err.count("starting all workers again") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_launcher_that_is_ended_leaves_no_worker(tmp_path: Path, number) -> None:
    text = f"open({str(tmp_path)!r} + f'/{{index}}', 'w').write(str(os.getpid()))\ntime.sleep(1000)"
    line = f"from pipelines.training.launcher import launch\nlaunch({program(text)!r})"
    with subprocess.Popen([sys.executable, "-c", line], cwd=ROOT, stderr=subprocess.DEVNULL) as it:
        until = time.monotonic() + TIMEOUT_S
        while sum(path.stat().st_size > 0 for path in tmp_path.iterdir()) < 2:
            assert time.monotonic() < until
            time.sleep(0.05)
        it.send_signal(number)
        it.wait(TIMEOUT_S)
    assert all(gone(int(path.read_text())) for path in tmp_path.iterdir())


@pytest.mark.parametrize("options", [{"workers": 0}, {"restarts": -1}, {"timeout_s": 0}])
def test_numbers_out_of_range_are_refused(options) -> None:
    with pytest.raises(ValueError, match="got"):
        launch(program(""), **options)

"""Help answers at once, and about every command."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from sightsound.cli import COMMANDS
from tests.sightsound.command_line import call, environment

# Measured at 70 ms; the bound leaves room for a machine that is busy with other things.
HELP_BOUND_S = 0.5


def test_help_is_quick() -> None:
    durations_s = []
    for _ in range(3):
        start = time.perf_counter()
        call("--help")
        durations_s.append(time.perf_counter() - start)
    assert min(durations_s) < HELP_BOUND_S


def test_help_lists_every_command() -> None:
    done = call("--help")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    for name, what in COMMANDS.items():
        assert any(line.split()[:1] == [name] and line.endswith(what) for line in lines), name


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_starts_nothing(command: str) -> None:
    code = (
        "import sys; from sightsound.cli import main; status = main(sys.argv[1:]);"
        "assert not {'keras', 'tensorflow', 'streamlit'} & set(sys.modules); sys.exit(status)"
    )
    line = [sys.executable, "-c", code, command, "--help"]
    done = subprocess.run(line, capture_output=True, text=True, env=environment(), check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: sightsound {command}")


def test_the_version() -> None:
    done = call("--version")
    assert done.returncode == 0
    assert done.stdout.startswith(b"sightsound 0.")

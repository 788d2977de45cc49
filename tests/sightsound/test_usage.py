"""A command that cannot be carried out says in one line what would be right, and exits with 2.

None of these starts TensorFlow: a wrong word is refused at once.
"""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from tests.sightsound.command_line import COMMAND, call, environment


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "name a command; `sightsound --help` lists them"),
        ("predct x.png", "unknown command 'predct'; did you mean 'predict'?"),
        ("--verison", "unknown option '--verison'; did you mean '--version'?"),
        ("predict x.png --topk 3", "sightsound predict knows no '--topk'; did you mean '--top-k'?"),
        ("predict x.png --top-k 0", "--top-k: must be a whole number of at least 1; got '0'"),
        ("predict x.png --top-k many", "must be a whole number of at least 1; got 'many'"),
        ("predict x.png --json --jsonl", "not allowed with argument"),
        ("predict x.png --on-error stop", "invalid choice: 'stop'"),
        ("predict", "required: INPUT; see `sightsound predict --help`"),
        ("predict x.png --task image-clasification", "did you mean 'image-classification'?"),
        ("predict x.png --preset lenet_modem_mnist", "did you mean 'lenet_modern_mnist'?"),
        ("evaluate", "required: --data"),
        ("evaluate --data mnst", "did you mean 'mnist'?"),
        ("evaluate --data no/such/folder", "data must be"),
        ("presets image-clasification", "did you mean 'image-classification'?"),
        ("train", "name a recipe"),
        ("train lenet5_mnist --seeds one", "invalid int value: 'one'"),
        ("export", "required: --out"),
        ("benchmark --preset lenet_modem_mnist", "did you mean 'lenet_modern_mnist'?"),
        ("app --port 65536", "must be from 1 to 65535; got '65536'"),
        ("doctor now", "sightsound doctor knows no 'now'"),
    ],
)
def test_a_wrong_word_is_refused_in_one_line(line: str, message: str) -> None:
    done = call(*line.split())
    text = done.stderr.decode()
    assert done.returncode == 2
    assert message in text
    assert text.startswith("sightsound: ")
    assert text.count("\n") == 1
    assert done.stdout == b""


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_traceback_appears_only_when_asked_for(how: str) -> None:
    words = ["predct"] + (["--traceback"] if how == "option" else [])
    asked = call(*words, variables={"SIGHTSOUND_TRACEBACK": "1"} if how == "variable" else {})
    assert b"Traceback (most recent call last)" in asked.stderr
    assert b"Traceback" not in call("predct").stderr


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [COMMAND, "--help"],
            stdout=writing,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


def test_an_interrupt_is_quiet() -> None:
    # It waits for its standard input, or still starts TensorFlow, when the interrupt comes.
    process = subprocess.Popen(
        [COMMAND, "predict", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (128 + signal.SIGINT, b"", b"")


def test_an_interrupt_among_the_imports_ends_it_whoever_catches_it() -> None:
    code = """
import os, signal, time
from sightsound.quiet import quiet_start
before = signal.getsignal(signal.SIGINT)
with quiet_start():
    pass
assert signal.getsignal(signal.SIGINT) is before
with quiet_start():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)
    except BaseException:  # as a library does that tries an import
        pass
print("went on")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment(), check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, b"", b"")


def test_control_characters_do_not_reach_the_terminal() -> None:
    done = call("predict", "x", "--preset", "a\x1b[31m\nb")
    assert b"a\\x1b[31m\\nb" in done.stderr
    assert b"\x1b" not in done.stderr


def test_a_complaint_takes_the_place_of_a_progress_line_on_a_terminal() -> None:
    ours, its = pty.openpty()
    subprocess.run([COMMAND, "predct"], stderr=its, env=environment(), check=False)
    os.close(its)
    seen = os.read(ours, 4096)
    os.close(ours)
    assert seen.startswith(b"\r\x1b[Ksightsound: unknown command")


@pytest.mark.parametrize(("level", "seen"), [(None, b"after"), ("0", b"chatter after")])
def test_the_start_is_quiet_unless_the_user_set_a_level(level: str | None, seen: bytes) -> None:
    code = """
import os
from sightsound.quiet import quiet_start
with quiet_start():
    os.write(2, b"chatter ")
os.write(2, b"after")
"""
    more = {} if level is None else {"TF_CPP_MIN_LOG_LEVEL": level}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment(**more), check=True
    )
    assert done.stderr == seen

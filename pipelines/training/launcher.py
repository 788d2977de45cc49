"""Several workers on this machine: started together, ended together, and started again.

Each worker is a process with the same command and its own TF_CONFIG, on loopback addresses. They
share the machine's processor; for one worker a GPU, start each with its own CUDA_VISIBLE_DEVICES.

TensorFlow's workers cannot go on without one that died, nor take a new one in: they wait, some for
ever, deaf to SIGTERM. So all are ended and started again, and the run goes on from its checkpoint.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import IO

from pipelines.training.stopping import StopSignals, TrainingStopped

GRACE_S = 2.0  # for the others to say what went wrong, too, before they are killed
STOPPING_S = 30.0  # for workers that were told to stop: a step and a checkpoint
LOOK_EVERY_S = 0.1
PR_SET_PDEATHSIG = 1  # linux/prctl.h
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def launch(
    command: Sequence[str],
    *,
    workers: int = 2,
    timeout_s: float | None = None,
    restarts: int = 0,
    environment: Mapping[str, str] | None = None,
) -> list[int]:
    """Run a command as several workers, and return their exit statuses.

    The first worker's standard output is this process's; everything else that workers say goes to
    standard error with their number before it. When one fails, the others are killed.

    Args:
        command: The program and its arguments, the same for all.
        workers: How many.
        timeout_s: All of them are killed after so long, restarts included; None for never.
        restarts: How often all are started again after one was killed. One that ends by itself
            with a status has said why, and would do so again.
        environment: Variables beside this process's own.

    Returns:
        A status a worker: 0 for success, and the negative signal for one that was killed.

    Raises:
        ValueError: A number is out of range.
        TrainingStopped: This process was told to stop; the workers were told, too, and have ended.
    """
    if workers < 1 or restarts < 0:
        raise ValueError(
            f"workers must be 1 or more, restarts 0 or more; got {workers}, {restarts}"
        )
    if timeout_s is not None and not timeout_s > 0:
        raise ValueError(f"timeout_s must be above 0; got {timeout_s}")
    deadline = time.monotonic() + timeout_s if timeout_s else float("inf")
    stop = StopSignals()
    with stop.noted():
        for left in range(restarts, -1, -1):
            group = _Group(command, workers, {**os.environ, **(environment or {})})
            try:
                killed = group.wait(deadline, stop)
            finally:
                group.kill()
            statuses = group.statuses()
            if stop.received is not None:
                raise TrainingStopped("the workers were told to stop")
            if not killed or not left:
                break
            _say(f"starting all workers again (restarts left: {left - 1})")
    return statuses


class _Group:
    """The processes of one start."""

    def __init__(self, command: Sequence[str], count: int, environment: Mapping[str, str]) -> None:
        addresses = [f"127.0.0.1:{port}" for port in _free_ports(count)]
        self.processes = []
        for index in range(count):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            self.processes.append(
                subprocess.Popen(
                    list(command),
                    env={**environment, "TF_CONFIG": json.dumps(task)},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,  # a process group of its own, to be killed as one
                    preexec_fn=_die_with_parent,
                )
            )
        self.readers = []
        for index, process in enumerate(self.processes):
            for stream in (process.stdout, process.stderr):
                plain = index == 0 and stream is process.stdout
                reader = threading.Thread(target=_pass_on, args=(stream, index, plain), daemon=True)
                reader.start()
                self.readers.append(reader)

    def wait(self, deadline: float, stop: StopSignals) -> bool:
        """Return when all have ended, or when those that have not must be killed.

        Returns:
            Whether somebody has killed one of them.
        """
        while None in (found := [process.poll() for process in self.processes]):
            failed = [(status, i) for i, status in enumerate(found) if status]
            if failed:
                status, first = min(failed)  # of several, the one that was killed is the cause
                _say(f"worker {first} {_ending(status)}; ending the others")
                self._rest(GRACE_S)
                return status < 0
            if time.monotonic() > deadline:
                running = [i for i, status in enumerate(found) if status is None]
                _say(f"out of time; killing {', '.join(f'worker {i}' for i in running)}")
                return False
            if stop.received is not None:
                for process in self.processes:
                    _signal_group(process, signal.SIGTERM)
                self._rest(STOPPING_S)
                return False
            time.sleep(LOOK_EVERY_S)
        return any(status is not None and status < 0 for status in found)

    def _rest(self, seconds: float) -> None:
        """Wait until all have ended, but not for longer."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and any(p.poll() is None for p in self.processes):
            time.sleep(LOOK_EVERY_S)

    def kill(self) -> None:
        """Kill what is left, with all that it has started, and pass on its last words."""
        with ExitStack() as stack:
            for process in self.processes:
                _signal_group(process, signal.SIGKILL)
                stack.enter_context(process)  # waits for it and closes its pipes
            for reader in self.readers:
                reader.join()

    def statuses(self) -> list[int]:
        """Return how each has ended."""
        return [process.wait() for process in self.processes]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:  # all at once, so that they differ
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _die_with_parent() -> None:
    """Ask Linux to kill this process when the launcher is killed and cannot do so itself."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # all of it has ended
        os.killpg(process.pid, number)


def _pass_on(stream: IO[bytes], index: int, plain: bool) -> None:
    for line in stream:
        text = line.decode(errors="replace").rstrip("\n")
        if plain:
            print(text, flush=True)
        else:
            _say(text, f"worker {index}")


def _say(text: str, who: str = "launcher") -> None:
    sys.stderr.write(f"{who}: {text}\n")
    sys.stderr.flush()


def _ending(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"

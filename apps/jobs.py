"""Jobs in the background: each a process of its own, so many at a time, the others in a queue.

Why a process and not a thread of the server. A thread can be stopped only where it looks, and it
does not look while a graph is traced or compiled, which takes seconds; a process can be killed. It
runs below the priority of the pages, so that visitors come first. When memory runs out, it ends
alone. Keras's settings, the seeds of its random numbers and Streamlit's resetting of Keras reach no
further than their process. The price is the import of Keras, five seconds of a core: `prepare` pays
it before a job is there.

How the two talk. The process reads one line from standard input, the job's folder. It must end when
its standard input does: it is told to stop that way, and also learns so that the server has gone,
however that happened. What it writes on standard output is a JSON object a line; their keys make
up the job's report.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any

GRACE_S = 0.5  # for a process to keep what it has, before it is killed: a stop takes under a second
SPARE_S = 600.0  # that a prepared process waits for its job: it takes some 400 MB
AT_ONCE = 1  # a training takes all cores there are
TURN_S = 600.0  # after so long, a job makes way for those that wait, and goes on after them
MOST_WAITING = 8
MOST_KEPT = 16  # jobs that have ended, with their files; the oldest one makes room
SAID_TO_STOP = 3  # the exit status of a process that did
FAILURE = "failed"  # in a report: why, for the visitor
FLEETING = (FAILURE, "phase")  # what a job that goes on has not said

# What only makes sense for the server's own process.
NOT_HANDED_ON = ("TF_CONFIG",)
HANDED_ON = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


class JobError(RuntimeError):
    """A job that cannot be taken; the message says why and what helps."""


class State(Enum):
    """What a job does."""

    IDLE = "idle"  # not handed in yet
    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"


ACTIVE = (State.WAITING, State.RUNNING, State.STOPPING)


class Job:
    """One piece of work with its folder; a pool runs it, again and again if it is stopped.

    Attributes:
        folder: Its own files.
        state: What it does.
        report: What its process has said last, by key.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = State.IDLE
        self.report: dict[str, Any] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.begun = 0.0  # this turn
        self.turn_is_over = self.unwanted = False

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ACTIVE

    @property
    def failure(self) -> str:
        """Why it failed; empty where it did not."""
        return str(self.report.get(FAILURE, ""))

    def _hear(self, line: bytes) -> None:
        with suppress(ValueError):  # no JSON: a library's own chatter
            said = json.loads(line)
            if isinstance(said, dict):
                self.report = {**self.report, **said}  # anew: somebody may be reading it


class JobPool:
    """Runs jobs, `at_once` of them; the others wait in the order in which they came.

    A long one that others wait for is stopped and queues again.

    Attributes:
        folder: Where the jobs' folders are; it goes with the pool.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        at_once: int = AT_ONCE,
        most_waiting: int = MOST_WAITING,
        turn_s: float = TURN_S,
    ) -> None:
        """`command` starts a process that does a job, see the module."""
        self.folder = Path(tempfile.mkdtemp(prefix="sightsound-jobs-"))
        self._command, self._turn_s = command, turn_s
        self._at_once, self._most_waiting = at_once, most_waiting
        self._lock = threading.RLock()
        self._waiting: list[Job] = []
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended: list[Job] = []
        self._spare: subprocess.Popen[bytes] | None = None
        self._closed = False
        atexit.register(self.close)

    def new(self) -> Job:
        """Return a job with an empty folder, to be filled before it is started."""
        return Job(Path(tempfile.mkdtemp(dir=self.folder)))

    def prepare(self) -> None:
        """Start the next job's process now, so that its imports are done when the job comes."""
        with self._lock:
            if self._closed or self._running or _is_alive(self._spare):
                return
            self._spare = spare = self._open()
        _later(SPARE_S, self._dismiss, spare)

    def start(self, job: Job) -> None:
        """Hand a job in, for the first time or to go on.

        Raises:
            JobError: Too many wait already, or its files are gone.
        """
        with self._lock:
            if job.is_active or self._closed:
                return
            if not job.folder.is_dir():
                raise JobError("its files had to make room for others; begin anew")
            if len(self._waiting) >= self._most_waiting:
                raise JobError(
                    f"at most {self._most_waiting} jobs wait at a time, and so many do; "
                    "try again in some minutes"
                )
            if job in self._ended:
                self._ended.remove(job)
            job.state = State.WAITING
            job.report = {key: job.report[key] for key in job.report if key not in FLEETING}
            self._waiting.append(job)
            self._advance()

    def stop(self, job: Job) -> None:
        """Stop a job: at once where it waits; else within a second, with what it has kept."""
        with self._lock:
            if job.state is State.WAITING:
                self._waiting.remove(job)
                job.state = State.STOPPED
                self._keep(job)
            elif job.state is State.RUNNING:
                self._interrupt(job)
            job.turn_is_over = False  # where it was already being stopped, it does not go on

    def drop(self, job: Job) -> None:
        """Stop a job that nobody wants any more, and remove its files."""
        with self._lock:
            job.unwanted = True
            self.stop(job)
            if not job.is_active:
                self._remove(job)

    def place(self, job: Job) -> int:
        """Return how many jobs end before this one starts; 0 where it does not wait."""
        with self._lock:
            waits = job in self._waiting
            return self._waiting.index(job) + len(self._running) if waits else 0

    def close(self) -> None:
        """End all jobs and remove all files."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            processes = [*self._running, *([self._spare] if self._spare else [])]
        for process in processes:
            _bury(process)
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)

    def _interrupt(self, job: Job) -> None:
        assert job.process is not None
        job.state = State.STOPPING
        _end_input(job.process)
        _later(GRACE_S, self._end, job, job.process)

    def _end(self, job: Job, process: subprocess.Popen[bytes]) -> None:
        """Kill a process that has not stopped; on a busy machine it takes a while to vanish."""
        with self._lock:
            if job.process is process:
                process.kill()
                self._settle(job, State.STOPPED)

    def _end_turn(self, job: Job) -> None:
        with self._lock:
            late = time.monotonic() - job.begun > self._turn_s
            if late and self._waiting and job.state is State.RUNNING:
                job.turn_is_over = True
                self._interrupt(job)

    def _open(self) -> subprocess.Popen[bytes]:
        kept = {name: text for name, text in os.environ.items() if name not in NOT_HANDED_ON}
        return subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=HANDED_ON | kept,
            start_new_session=True,  # Ctrl-C is for the server, which then ends it
        )

    def _advance(self) -> None:
        while self._waiting and len(self._running) < self._at_once:
            job = self._waiting.pop(0)
            process, self._spare = self._spare, None
            job.process = process if process and _is_alive(process) else self._open()
            job.state, job.begun = State.RUNNING, time.monotonic()
            self._running.add(job.process)
            attend = threading.Thread(target=self._attend, args=(job, job.process), daemon=True)
            attend.start()

    def _attend(self, job: Job, process: subprocess.Popen[bytes]) -> None:
        """Follow a job's process to its end, in a thread of its own."""
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(OSError, ValueError):  # it has died, or is to stop already
            process.stdin.write(f"{job.folder}\n".encode())
            process.stdin.flush()
        with suppress(ValueError):  # the pool was closed meanwhile
            for line in process.stdout:
                if job.process is process:
                    job._hear(line)
                    self._end_turn(job)
        status = process.wait()
        _bury(process)
        with self._lock:
            self._running.remove(process)
            if job.process is process:
                if status not in (0, SAID_TO_STOP) and job.state is not State.STOPPING:
                    job.report = {FAILURE: _words(status)} | job.report
                self._settle(job, _state_after(status, job))
            if not self._closed:
                self._advance()

    def _settle(self, job: Job, state: State) -> None:
        job.state, job.process = state, None
        again, job.turn_is_over = job.turn_is_over and state is State.STOPPED, False
        if job.unwanted:
            self._remove(job)
        elif again:
            job.state = State.WAITING
            self._waiting.append(job)
        else:
            self._keep(job)

    def _keep(self, job: Job) -> None:
        """Keep an ended job's files, within limits."""
        self._ended.append(job)
        while len(self._ended) > MOST_KEPT:
            self._remove(self._ended[0])

    def _remove(self, job: Job) -> None:
        if job in self._ended:
            self._ended.remove(job)
        shutil.rmtree(job.folder, ignore_errors=True)

    def _dismiss(self, spare: subprocess.Popen[bytes]) -> None:
        with self._lock:
            if self._spare is not spare:
                return
            self._spare = None
        _bury(spare)


def _state_after(status: int, job: Job) -> State:
    if status == 0:
        return State.DONE
    is_stopped = status == SAID_TO_STOP or job.state is State.STOPPING
    return State.STOPPED if is_stopped else State.FAILED


def _words(status: int) -> str:
    if status < 0:
        return f"its process was ended by signal {-status}; the machine may be short of memory"
    return f"its process ended with status {status}; the server's log tells more"


def _is_alive(process: subprocess.Popen[bytes] | None) -> bool:
    return process is not None and process.poll() is None


def _end_input(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        with suppress(OSError):  # it has died
            process.stdin.close()


def _bury(process: subprocess.Popen[bytes]) -> None:
    _end_input(process)
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def _later(seconds: float, call: Any, *arguments: Any) -> None:
    timer = threading.Timer(seconds, call, arguments)
    timer.daemon = True
    timer.start()

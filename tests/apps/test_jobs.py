from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apps import jobs
from apps.jobs import Job, JobError, JobPool, State

# Counts to the number in the file `to`, from where it stopped; ends when its standard input does.
WORKER = """
    import json, os, sys, threading, time
    folder = sys.stdin.readline().strip()
    if not folder:
        sys.exit(3)
    def read(name):
        path = os.path.join(folder, name)
        return open(path).read() if os.path.exists(path) else ""
    stop = threading.Event()
    threading.Thread(target=lambda: (os.read(0, 1), stop.set()), daemon=True).start()
    done = int(read("done") or 0)
    if read("crash"):
        print(json.dumps({"failed": read("crash")} if read("crash") != "-" else {}), flush=True)
        sys.exit(1)
    if read("signal"):
        os.kill(os.getpid(), int(read("signal")))
    print("no JSON", flush=True)
    while done < int(read("to")):
        if stop.is_set() and not read("deaf"):
            sys.exit(3)
        done += 1
        with open(os.path.join(folder, "done"), "w") as file:
            file.write(str(done))
        print(json.dumps({"done": done, "pid": os.getpid()}), flush=True)
        time.sleep(0.01)
"""
ENDLESS = 10**6
COMMAND = [sys.executable, "-I", "-S", "-c", textwrap.dedent(WORKER)]
PATIENCE_S = 60  # for a small process on a busy machine
MakeJob = Callable[..., Job]


@pytest.fixture
def pool() -> Iterator[JobPool]:
    made = JobPool(COMMAND, most_waiting=2)
    yield made
    made.close()
    assert not made.folder.exists()


def new(pool: JobPool, **files: object) -> Job:
    """Make a job that finds these files in its folder."""
    job = pool.new()
    for name, text in files.items():
        (job.folder / name).write_text(str(text))
    return job


def wait(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def is_running(pid: int) -> bool:
    """Tell whether there is such a process, other than as a name to be collected."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_job_reports_and_ends(pool: JobPool) -> None:
    job = new(pool, to=5)
    assert job.state is State.IDLE
    pool.start(job)
    wait(lambda: not job.is_active)
    assert (job.state, job.report["done"], job.failure) == (State.DONE, 5, "")


def test_jobs_take_turns_in_the_order_in_which_they_came(pool: JobPool) -> None:
    first, second, third = (new(pool, to=ENDLESS), new(pool, to=3), new(pool, to=3))
    for job in (first, second, third):
        pool.start(job)
    wait(lambda: "done" in first.report)
    assert [pool.place(job) for job in (first, second, third)] == [0, 1, 2]
    assert [job.state for job in (second, third)] == [State.WAITING, State.WAITING]
    pool.stop(first)
    wait(lambda: second.state is not State.WAITING)
    assert third.state is State.WAITING
    wait(lambda: third.state is State.DONE)
    assert second.state is State.DONE


def test_a_job_that_is_stopped_goes_on_where_it_was(pool: JobPool) -> None:
    job = new(pool, to=ENDLESS)
    pool.start(job)
    wait(lambda: job.report.get("done", 0) >= 3)
    pool.stop(job)
    wait(lambda: not job.is_active)
    assert job.state is State.STOPPED
    done = int((job.folder / "done").read_text())
    (job.folder / "to").write_text(str(done + 2))
    pool.start(job)
    assert job.report["done"] >= 3  # what is known stays
    wait(lambda: job.state is State.DONE)
    assert job.report["done"] == done + 2


def test_even_a_job_that_does_not_listen_stops_within_a_second(pool: JobPool) -> None:
    job = new(pool, to=ENDLESS, deaf=1)
    pool.start(job)
    wait(lambda: "done" in job.report)
    asked = time.monotonic()
    pool.stop(job)
    assert job.is_active
    wait(lambda: not job.is_active)
    assert time.monotonic() - asked < 1  # the requirement
    assert job.state is State.STOPPED
    wait(lambda: not is_running(job.report["pid"]))


def test_a_job_that_waits_stops_at_once(pool: JobPool) -> None:
    first, second = new(pool, to=ENDLESS), new(pool, to=1)
    pool.start(first)
    pool.start(second)
    pool.stop(second)
    assert (second.state, first.state) == (State.STOPPED, State.RUNNING)
    pool.start(second)
    assert pool.place(second) == 1


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"crash": "no such pictures"}, "no such pictures"),
        ({"crash": "-"}, "its process ended with status 1; the server's log tells more"),
        ({"signal": int(signal.SIGKILL)}, "ended by signal 9; the machine may be short of memory"),
    ],
)
def test_a_failure_is_told_and_the_next_job_starts(
    pool: JobPool, files: dict[str, object], words: str
) -> None:
    failing, next_one = new(pool, to=1, **files), new(pool, to=1)
    pool.start(failing)
    pool.start(next_one)
    wait(lambda: next_one.state is State.DONE)
    assert failing.state is State.FAILED
    assert words in failing.failure


def test_no_more_wait_than_may(pool: JobPool) -> None:
    for _ in range(3):  # one runs, two wait
        pool.start(new(pool, to=ENDLESS))
    with pytest.raises(JobError, match="at most 2 jobs wait"):
        pool.start(new(pool, to=1))


def test_a_long_job_makes_way_and_goes_on_afterwards() -> None:
    pool = JobPool(COMMAND, turn_s=0.0)
    try:
        long, short = new(pool, to=60), new(pool, to=1)
        pool.start(long)
        wait(lambda: "done" in long.report)
        pool.start(short)
        wait(lambda: short.state is State.DONE)
        assert int((long.folder / "done").read_text()) < 60
        wait(lambda: long.state is State.DONE)
        assert long.report["done"] == 60
    finally:
        pool.close()


def test_the_files_of_a_job_that_nobody_wants_are_removed(pool: JobPool) -> None:
    running, ended = new(pool, to=ENDLESS), new(pool, to=1)
    pool.start(ended)
    wait(lambda: ended.state is State.DONE)
    pool.start(running)
    wait(lambda: "done" in running.report)
    for job in (running, ended):
        pool.drop(job)
    wait(lambda: not any(pool.folder.iterdir()))
    assert running.state is State.STOPPED


def test_of_ended_jobs_the_oldest_makes_room(
    pool: JobPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MOST_KEPT", 1)
    first, second = new(pool, to=1), new(pool, to=1)
    pool.start(first)
    pool.start(second)
    wait(lambda: second.state is State.DONE)
    wait(lambda: not first.folder.exists())
    assert second.folder.exists()
    with pytest.raises(JobError, match="had to make room"):
        pool.start(first)


def test_a_prepared_process_takes_the_next_job(pool: JobPool) -> None:
    pool.prepare()
    assert pool._spare is not None
    prepared = pool._spare.pid
    pool.prepare()
    assert pool._spare.pid == prepared
    job = new(pool, to=1)
    pool.start(job)
    wait(lambda: job.state is State.DONE)
    assert job.report["pid"] == prepared


def test_a_prepared_process_that_nobody_needs_ends(
    pool: JobPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "SPARE_S", 0.05)
    pool.prepare()
    assert pool._spare is not None
    prepared = pool._spare.pid
    wait(lambda: pool._spare is None)
    wait(lambda: not is_running(prepared))


def test_no_job_outlives_a_server_that_is_killed(tmp_path: Path) -> None:
    server = f"""
        import json, sys, time
        from pathlib import Path
        from apps.jobs import JobPool
        pool = JobPool({COMMAND!r})
        job = pool.new()
        (job.folder / "to").write_text("1000000")
        pool.start(job)
        while "pid" not in job.report:
            time.sleep(0.01)
        print(json.dumps([job.report["pid"], str(pool.folder)]), flush=True)
        time.sleep(1000)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(server)],
        stdout=subprocess.PIPE,
        cwd=Path(jobs.__file__).parents[1],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        worker, folder = json.loads(process.stdout.readline())
        assert is_running(worker)
        assert Path(folder).parent == tmp_path
        process.kill()
    wait(lambda: not is_running(worker))

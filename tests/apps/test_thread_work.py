from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator

import pytest

import apps.thread_work
from apps.jobs import JobError, State
from apps.thread_work import AWAY_S, Told, Work, WorkPool

LONG_S = 60  # a busy machine's patience


class Steps:
    """Work that does a step whenever it is let."""

    def __init__(self, of: int = 3) -> None:
        self.of, self.done = of, 0
        self._may = threading.Semaphore(0)

    def let(self, steps: int = 1) -> None:
        self._may.release(steps)

    def __call__(self, told: Told) -> bytes:
        for step in range(1, self.of + 1):
            self.done = step
            assert self._may.acquire(timeout=LONG_S)
            told(step, self.of)
        return bytes(100)


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkPool[bytes]]:
    made: WorkPool[bytes] = WorkPool(
        len, "wish", "wishes", at_once=1, most_waiting=2, kept_bytes=250
    )
    yield made
    monkeypatch.setattr(apps.thread_work, "LEAVE_S", 0.0)  # some tests leave work half done
    made.close()


def wait(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + LONG_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def finished(work: Work[bytes]) -> State:
    """Wait for the end, and return which."""
    wait(lambda: not work.is_active)
    return work.state


def do(pool: WorkPool[bytes], steps: Callable[[Told], bytes]) -> Work[bytes]:
    """Hand work in."""
    work = Work(steps)
    pool.start(work)
    return work


def test_work_is_done_step_by_step(pool: WorkPool[bytes]) -> None:
    steps = Steps()
    work = do(pool, steps)
    steps.let()
    wait(lambda: work.steps == (1, 3))
    assert work.state is State.RUNNING
    steps.let(2)
    assert finished(work) is State.DONE
    assert work.outcome == bytes(100)
    assert work.steps == (3, 3)


def test_the_others_wait_in_order(pool: WorkPool[bytes]) -> None:
    steps = [Steps(1) for _ in range(3)]
    first, second, third = works = [do(pool, one) for one in steps]
    assert [pool.place(work) for work in works] == [0, 1, 2]
    assert second.state is State.WAITING
    steps[0].let()
    wait(lambda: second.state is State.RUNNING)
    assert first.state is State.DONE
    assert [pool.place(work) for work in works] == [0, 0, 1]
    for one in steps[1:]:
        one.let()
    assert finished(third) is State.DONE


def test_so_many_are_done_at_once() -> None:
    pool: WorkPool[bytes] = WorkPool(len, at_once=2)
    steps = [Steps(1) for _ in range(3)]
    works = [do(pool, one) for one in steps]
    assert [work.state for work in works] == [State.RUNNING, State.RUNNING, State.WAITING]
    steps[1].let()
    wait(lambda: works[2].state is State.RUNNING)
    assert works[0].state is State.RUNNING
    steps[0].let()
    steps[2].let()
    assert {finished(work) for work in works} == {State.DONE}
    pool.close()


def test_too_much_is_refused(pool: WorkPool[bytes]) -> None:
    works = [do(pool, Steps()) for _ in range(3)]
    refused = Work(Steps())
    with pytest.raises(JobError, match="at most 2 wishes wait"):
        pool.start(refused)
    assert not refused.is_active
    pool.cancel(works[1])
    pool.start(refused)
    assert refused.is_active


def test_what_runs_ends_after_its_step_when_cancelled(pool: WorkPool[bytes]) -> None:
    steps = Steps()
    work = do(pool, steps)
    steps.let()
    wait(lambda: work.steps == (1, 3))
    pool.cancel(work)
    assert work.state is State.STOPPING
    steps.let(2)
    assert finished(work) is State.STOPPED
    assert work.outcome is None
    assert steps.done == 2  # not the third


def test_what_waits_ends_at_once_when_cancelled(pool: WorkPool[bytes]) -> None:
    steps = Steps(1), Steps(1)
    first, second = (do(pool, one) for one in steps)
    pool.cancel(second)
    assert second.state is State.STOPPED
    steps[0].let()
    assert finished(first) is State.DONE
    assert steps[1].done == 0


def test_what_is_done_stays_done_when_cancelled(pool: WorkPool[bytes]) -> None:
    steps = Steps(1)
    work = do(pool, steps)
    steps.let()
    finished(work)
    pool.cancel(work)
    assert work.state is State.DONE
    assert work.outcome is not None


def test_work_whose_visitor_has_gone_ends(pool: WorkPool[bytes]) -> None:
    steps = [Steps() for _ in range(3)]
    works = [do(pool, one) for one in steps]
    for work in works:
        work._looked_at -= AWAY_S
    works[2].look()
    steps[0].let()
    assert [finished(work) for work in works[:2]] == [State.STOPPED, State.STOPPED]
    steps[2].let(3)
    assert finished(works[2]) is State.DONE
    assert steps[1].done == 0


def test_those_who_have_gone_keep_nobody_out(pool: WorkPool[bytes]) -> None:
    works = [do(pool, Steps()) for _ in range(3)]
    works[1]._looked_at -= AWAY_S
    assert do(pool, Steps()).state is State.WAITING
    assert works[1].state is State.STOPPED


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("the rule"), "the rule"),
        (MemoryError(), "not enough memory"),
        (ZeroDivisionError("/home/secret"), "the server; its log tells what"),
    ],
)
def test_a_failure_is_told_in_words(pool: WorkPool[bytes], error: Exception, told: str) -> None:
    def fail(_: Told) -> bytes:
        raise error

    work = do(pool, fail)
    assert finished(work) is State.FAILED
    assert told in work.failure
    assert "secret" not in work.failure
    after = Steps(1)
    after.let()
    assert finished(do(pool, after)) is State.DONE


def test_what_was_looked_at_longest_ago_makes_room(pool: WorkPool[bytes]) -> None:
    works: list[Work[bytes]] = []
    for _ in range(3):  # of 100 bytes each, and 250 are kept
        if works:
            works[0].look()
        steps = Steps(1)
        steps.let()
        works.append(do(pool, steps))
        finished(works[-1])
    assert [work.outcome is None for work in works] == [False, True, False]
    assert works[1].state is State.DONE


def test_what_nobody_holds_any_more_is_not_kept(pool: WorkPool[bytes]) -> None:
    steps = Steps(1)
    steps.let()
    finished(do(pool, steps))
    wait(lambda: not pool._running)
    gc.collect()
    assert not pool._kept


def test_closing_ends_everything(pool: WorkPool[bytes]) -> None:
    steps = Steps(), Steps()
    first, second = (do(pool, one) for one in steps)
    wait(lambda: steps[0].done == 1)
    close = threading.Thread(target=pool.close)
    close.start()
    wait(lambda: first._is_unwanted)
    steps[0].let()
    close.join(LONG_S)
    assert first.state is State.STOPPED
    assert second.state is State.STOPPED
    assert steps[1].done == 0

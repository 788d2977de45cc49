"""Work of seconds, in threads of the server: so much at a time, the others in a queue.

For what shares a loaded network with the pages and looks now and then whether it is still wanted;
what takes minutes, or does not look, is a process of its own (`apps.jobs`).

Nobody needs to say that a visitor has gone: their page looks at their work all the time. Work that
nobody has looked at for `AWAY_S` ends by itself. What came of it is kept for its visitor, and goes
with their session; all that is kept has a limit too, beyond which what was looked at longest ago
makes room.
"""

from __future__ import annotations

import atexit
import threading
import time
import traceback
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

from apps.jobs import ACTIVE, JobError, State

AT_ONCE = 2  # so that a small piece does not wait for a large one; the cores are shared anyway
MOST_WAITING = 8
KEPT_BYTES = 2**30
AWAY_S = 120.0  # as long as Streamlit keeps the session of a phone in a tunnel
LEAVE_S = 5.0  # for work to look, when the server ends

Outcome = TypeVar("Outcome")
Told = Callable[[int, int], None]  # how many steps are done, of how many; it may raise Unwanted


class Unwanted(Exception):  # noqa: N818 - no error: raised through work that shall end
    """Nobody wants the work any more."""


class Work(Generic[Outcome]):
    """One piece of work, for one visitor; the pool runs it once.

    Attributes:
        state: What it does.
        steps: How many are done, of how many; (0, 0) before the first word.
        outcome: What came of it; None before, after a failure, and where it had to make room.
        failure: Why it failed; empty where it did not.
    """

    def __init__(self, do: Callable[[Told], Outcome]) -> None:
        """`do` is given a function to call after each step, and raises ValueError in words."""
        self.state = State.IDLE
        self.steps = (0, 0)
        self.outcome: Outcome | None = None
        self.failure = ""
        self._do = do
        self._is_unwanted = False
        self._looked_at = time.monotonic()

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ACTIVE

    def look(self) -> None:
        """Note that its visitor is there."""
        self._looked_at = time.monotonic()

    def _is_wanted(self) -> bool:
        return not self._is_unwanted and time.monotonic() - self._looked_at < AWAY_S

    def _hear(self, done: int, of: int) -> None:
        if not self._is_wanted():
            raise Unwanted
        self.steps = (done, of)

    def _run(self) -> State:
        """Do it, and return what state it has come to."""
        try:
            self._hear(*self.steps)
            self.outcome = self._do(self._hear)
        except Unwanted:
            return State.STOPPED
        except ValueError as error:
            self.failure = str(error)
        except MemoryError:
            self.failure = "the server has not enough memory for this; take something smaller"
        except Exception:
            traceback.print_exc()
            self.failure = "something went wrong on the server; its log tells what"
        return State.FAILED if self.failure else State.DONE


class WorkPool(Generic[Outcome]):
    """Runs work, `at_once` pieces of it; the others wait in the order in which they came.

    Attributes:
        one: What a piece of it is called.
        many: What several are.
    """

    def __init__(
        self,
        size_of: Callable[[Outcome], int],
        one: str = "piece of work",
        many: str = "pieces of work",
        *,
        at_once: int = AT_ONCE,
        most_waiting: int = MOST_WAITING,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        """`size_of` says how many bytes of memory an outcome takes."""
        self.one, self.many = one, many
        self._size_of, self._kept_bytes = size_of, kept_bytes
        self._at_once, self._most_waiting = at_once, most_waiting
        self._lock = threading.Lock()
        self._waiting: list[Work[Outcome]] = []
        self._running: dict[Work[Outcome], threading.Thread] = {}
        self._kept: weakref.WeakSet[Work[Outcome]] = weakref.WeakSet()
        self._is_closed = False
        atexit.register(self.close)

    def start(self, work: Work[Outcome]) -> None:
        """Hand work in.

        Raises:
            JobError: Too much waits already.
        """
        with self._lock:
            for other in [other for other in self._waiting if not other._is_wanted()]:
                self._drop(other)
            if len(self._waiting) >= self._most_waiting:
                raise JobError(
                    f"at most {self._most_waiting} {self.many} wait at a time, and so many do; "
                    "try again in a minute"
                )
            work.state = State.WAITING
            self._waiting.append(work)
            self._advance()

    def cancel(self, work: Work[Outcome]) -> None:
        """End work: at once where it waits, else after the step that it is at."""
        with self._lock:
            work._is_unwanted = True
            if work in self._waiting:
                self._drop(work)
            elif work.state is State.RUNNING:
                work.state = State.STOPPING

    def place(self, work: Work[Outcome]) -> int:
        """Return how many pieces come before this one; 0 where it does not wait."""
        with self._lock:
            waits = work in self._waiting
            return self._waiting.index(work) + len(self._running) if waits else 0

    def close(self) -> None:
        """End all work, and wait for it a little."""
        with self._lock:
            self._is_closed = True
            for work in list(self._waiting):
                self._drop(work)
            threads = list(self._running.values())
            for work in self._running:
                work._is_unwanted = True
        for thread in threads:
            thread.join(LEAVE_S)
        atexit.unregister(self.close)

    def _drop(self, work: Work[Outcome]) -> None:
        self._waiting.remove(work)
        work.state = State.STOPPED

    def _advance(self) -> None:
        while self._waiting and len(self._running) < self._at_once and not self._is_closed:
            work = self._waiting.pop(0)
            work.state = State.RUNNING
            self._running[work] = thread = threading.Thread(
                target=self._attend, args=(work,), daemon=True
            )
            thread.start()

    def _attend(self, work: Work[Outcome]) -> None:
        state = work._run()
        with self._lock:
            work.state = state
            del self._running[work]
            if work.outcome is not None:
                self._kept.add(work)
                self._make_room()
            self._advance()

    def _make_room(self) -> None:
        kept = sorted(self._kept, key=lambda work: work._looked_at)
        sizes = {work: self._size_of(work.outcome) for work in kept if work.outcome is not None}
        for work in kept[:-1]:
            if sum(sizes.values()) <= self._kept_bytes:
                return
            del sizes[work]
            work.outcome = None
            self._kept.discard(work)

"""A search's study in a file: its trials are given out once each, and again when a worker died.

An Optuna study (extra `tune`) in Optuna's journal, a file of JSON lines. Not in SQLite: TensorFlow
2.21 exports a SQLite of its own, 3.50.3, on which Python's `sqlite3` then runs instead of on the
one that it was made for; and Optuna's way to notice a worker's death there, a heartbeat, takes a
second thread beside TensorFlow's.

All trials are put into the queue before any begins, so that their number is exact and their values
do not depend on who runs them. Whoever trains one holds a lock file (flock), which the system takes
from a process that ends, however it ends: a dead worker's trial goes back into the queue at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

Stage = Literal["coarse", "fine"]
STAGES: tuple[Stage, ...] = ("coarse", "fine")
NUMBER = "number"  # of a trial within its stage; a retried one keeps it
ERROR = "error"
DEATHS = "deaths"
UNPRUNED = 4  # trials that must have finished before others are stopped against their median
MAX_DEATHS = 3  # of its workers: a trial that kills them, by its memory say, is given up


class SearchError(ValueError):
    """A search that cannot be made as it was asked."""


class Lock:
    """A locked file; the lock ends with the process at the latest. For POSIX systems."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def acquire(self, *, wait: bool = True) -> bool:
        """Take the lock, or return False where another holds it and nobody shall wait."""
        import fcntl  # not on Windows

        file = self.path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.close()
            return False
        except BaseException:
            file.close()
            raise
        self._file = file
        return True

    def release(self) -> None:
        """Give the lock to the next."""
        if self._file:
            self._file.close()
            self._file = None


@contextmanager
def held(lock: Lock) -> Iterator[None]:
    """Hold a lock while inside."""
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


class Study:
    """One stage of a search in its file; every process opens its own."""

    def __init__(self, path: Path, stage: Stage, *, prune_after: int | None = None) -> None:
        """Open the stage, or create it.

        Args:
            path: The file.
            stage: Which.
            prune_after: Epochs after which a trial may be stopped; None for never.

        Raises:
            SearchError: Optuna is not installed, or the file is something else.
        """
        _optuna()
        self.path, self.stage = path, stage
        try:
            log = self._lock("log")
            with held(log):
                _check_journal(path)
            with self.locked():
                self.optuna = _study(_storage(path, log), stage, prune_after)
        except (OSError, ValueError, KeyError) as error:  # what Optuna raises for a damaged journal
            raise SearchError(f"{str(path)!r} must be a study or a new file: {error}") from error

    def _lock(self, what: str) -> Lock:
        return Lock(self.path.with_name(f"{self.path.name}.{what}.lock"))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from the queue while inside."""
        with held(self._lock("queue")):
            yield

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Note what the search is; refuse to go on with another.

        Raises:
            SearchError: The file holds another search.
        """
        plain = json.loads(json.dumps(settings))
        with self.locked():
            found = self.optuna.user_attrs.get("settings")
            if found is None:
                self.optuna.set_user_attr("settings", plain)
                return
        for name, value in plain.items():
            if found.get(name) != value:
                raise SearchError(
                    f"{self.path.name} holds a search with {name} {found.get(name)}; got {value}; "
                    "take another --study file"
                )

    def queue(self, configurations: Sequence[Mapping[str, Any]]) -> None:
        """Put those configurations into the queue that the study does not have yet."""
        with self.locked():
            known = {_key(trial.system_attrs["fixed_params"]) for trial in self.trials()}
            for values in configurations:
                if _key(values) not in known:
                    self.optuna.enqueue_trial(dict(values), user_attrs={NUMBER: len(known)})
                    known.add(_key(values))

    def trials(self) -> list[Any]:
        """Return all trials, also those that died, as Optuna's frozen trials."""
        trials: list[Any] = self.optuna.get_trials(deepcopy=False)
        return trials

    @contextmanager
    def taken(self) -> Iterator[Any | None]:
        """Give the next trial of the queue, for this process alone; None when it is empty."""
        with self.locked():
            self._put_back_the_dead()
            trial = self.optuna.ask() if self.count("WAITING") else None
            lock = self._lock(f"{self.stage}_{trial.number}") if trial else None
            if lock:
                lock.acquire()
        try:
            yield trial
        finally:
            if lock:
                lock.path.unlink()
                lock.release()

    def _put_back_the_dead(self) -> None:
        """Put the trials into the queue again that nobody holds any more."""
        for number in [t.number for t in self.trials() if t.state.name == "RUNNING"]:
            lock = self._lock(f"{self.stage}_{number}")
            if not lock.acquire(wait=False):
                continue
            frozen = self.trials()[number]  # anew: it may have ended just before its lock did
            if frozen.state.name == "RUNNING":
                self.optuna.tell(number, state=_optuna().trial.TrialState.FAIL)
                deaths = int(frozen.user_attrs.get(DEATHS, 0)) + 1
                if deaths < MAX_DEATHS:
                    self._add_again(frozen, {DEATHS: deaths, ERROR: "its worker died each time"})
            lock.path.unlink(missing_ok=True)
            lock.release()

    def count(self, *states: str) -> int:
        """Return how many trials are in these states."""
        return sum(trial.state.name in states for trial in self.trials())

    def finish(self, trial: Any, value: float) -> None:
        """Note a trial's outcome."""
        self.optuna.tell(trial, value)

    def prune(self, trial: Any) -> None:
        """Note that a trial was stopped, because half of the others did better so far."""
        self.optuna.tell(trial, state=_optuna().trial.TrialState.PRUNED)

    def fail(self, trial: Any, reason: str) -> None:
        """Note that a trial cannot be carried out."""
        trial.set_user_attr(ERROR, reason)
        self.optuna.tell(trial, state=_optuna().trial.TrialState.FAIL)

    def give_back(self, trial: Any) -> None:
        """Put a trial that was interrupted back into the queue."""
        state = _optuna().trial.TrialState.FAIL
        self._add_again(self.optuna.tell(trial, state=state), {})

    def _add_again(self, frozen: Any, attributes: Mapping[str, Any]) -> None:
        optuna = _optuna()
        again = optuna.create_trial(
            state=optuna.trial.TrialState.WAITING,
            user_attrs={**frozen.user_attrs, **attributes},
            system_attrs=frozen.system_attrs,
        )
        self.optuna.add_trial(again)


def _check_journal(path: Path) -> None:
    """Refuse a file that is something else; cut off a last line that was not written to its end.

    Raises:
        ValueError: It is no journal of Optuna's.
    """
    if not path.exists():
        return
    lines = path.read_bytes().splitlines(keepends=True)
    if lines and b'"op_code"' not in lines[0]:
        raise ValueError("it holds something else than an Optuna journal")
    if lines and not lines[-1].endswith(b"\n"):  # the disk was full, say: it never was told
        os.truncate(path, path.stat().st_size - len(lines[-1]))


def _storage(path: Path, lock: Lock) -> Any:
    journal = _optuna().storages.journal
    return _optuna().storages.JournalStorage(journal.JournalFileBackend(str(path), lock))


def _study(storage: Any, stage: Stage, prune_after: int | None) -> Any:
    optuna = _optuna()
    pruners = optuna.pruners
    return optuna.create_study(
        storage=storage,
        study_name=stage,
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.RandomSampler(seed=0),  # never asked: every value is in the queue
        pruner=pruners.NopPruner()
        if prune_after is None
        else pruners.MedianPruner(n_startup_trials=UNPRUNED, n_warmup_steps=prune_after),
    )


def _key(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)


def _optuna() -> Any:
    """Return Optuna, quiet: what a search tells, it tells itself."""
    try:
        import optuna
    except ImportError as error:
        raise SearchError(
            "a search needs Optuna, which is not installed; install it with: "
            "pip install 'sightsound[tune]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna

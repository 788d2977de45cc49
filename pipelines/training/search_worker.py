"""What a worker of a search does: take a trial, train it, tell what came of it, until none is left.

Workers know each other through the study's file only, so any number of them may run, on one
machine, started by one command or several.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from pipelines.training.plan import TrainingPlan
from pipelines.training.progress import Monitor, Progress
from pipelines.training.search_space import Space, planned
from pipelines.training.search_study import NUMBER, Stage, Study
from pipelines.training.stopping import TrainingStopped

LOOK_EVERY_S = 1.0  # for trials of workers that died, when the queue is empty
WATCHED = "val_accuracy"  # what a trial is compared with others by, epoch for epoch
INTERRUPTED = 128 + signal.SIGINT


class TrainOnce(Protocol):
    """Trains by a plan and measures; must be picklable, where there are several workers."""

    def __call__(self, plan: TrainingPlan, monitor: Monitor, folder: Path) -> float:
        """Return how good the result is, on pictures that it was not trained on: more is better.

        Args:
            plan: How; its epochs are the budget.
            monitor: What `fit` must be given.
            folder: Where a run that was interrupted finds its checkpoint.
        """


@dataclass(frozen=True)
class Work:
    """One stage of a search, as its workers get it."""

    train_once: TrainOnce
    plan: TrainingPlan
    space: Space
    path: Path
    stage: Stage
    epochs: int
    prune_after: int | None

    def study(self) -> Study:
        """Open the study."""
        return Study(self.path, self.stage, prune_after=self.prune_after)

    def folder(self, number: int) -> Path:
        """Return a trial's folder, beside the study."""
        return self.path.with_name(f"{self.path.stem}_runs") / f"{self.stage}_{number}"


def work(task: Work) -> None:
    """Train trials until there is none left, nor one that a dying worker may leave."""
    study = task.study()
    while True:
        with study.taken() as trial:
            if trial is not None:
                _train(task, study, trial)
        if trial is None:
            if not study.count("RUNNING"):
                return
            time.sleep(LOOK_EVERY_S)


def work_alone(task: Work, threads: int) -> None:
    """Work in a process of its own that uses so many threads; a signal ends it quietly."""
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(threads))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        work(task)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _end_with_parent() -> None:
    """Press Ctrl-C, so to say, when the process that started this one is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _train(task: Work, study: Study, trial: Any) -> None:
    values = {name: parameter.suggested(trial, name) for name, parameter in task.space.items()}
    number = int(trial.user_attrs[NUMBER])
    watch = _Watch(trial)
    folder = task.folder(number)
    try:
        plan = planned(task.plan, values, task.epochs)
        value = task.train_once(plan, watch, folder)
    except KeyboardInterrupt:
        study.give_back(trial)
        raise
    except TrainingStopped:
        if not watch.pruned:  # but told to by a signal
            study.give_back(trial)
            raise KeyboardInterrupt from None
        study.prune(trial)
        shutil.rmtree(folder, ignore_errors=True)  # nobody will go on with it
        outcome = "stopped early"
    except Exception as error:  # the next configuration may do better
        study.fail(trial, str(error) or type(error).__name__)
        outcome = f"failed: {error}"
    else:
        study.finish(trial, value)
        outcome = f"{value:.4f}"
    sys.stderr.write(f"{task.stage} {number + 1}: {outcome}  {described(values)}\n")


class _Watch:
    """The monitor of a trial: compares it with the others after each epoch."""

    def __init__(self, trial: Any) -> None:
        self.pruned = False
        self._trial = trial
        self._told = 0

    def __call__(self, progress: Progress) -> bool:
        fresh = progress.rows[self._told :]
        for row in fresh:
            self._trial.report(float(row[WATCHED]), step=int(row["epoch"]))
        self._told = len(progress.rows)
        if fresh and self._told < progress.epochs:
            self.pruned = bool(self._trial.should_prune())
        return self.pruned


def described(values: Mapping[str, Any]) -> str:
    """Return parameters and values for people."""
    return "  ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
    )

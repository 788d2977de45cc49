"""Search for good training parameters, from coarse to fine.

First a random search with short runs, of which those are stopped early that do worse than half of
the others (random search: Bergstra, Bengio, JMLR 13, 2012; median stopping: Golovin et al., Google
Vizier, doi:10.1145/3097983.3098043). Then a grid around the best, with long runs. Each trial
trains on a part of the training pictures and is measured on the rest; the test pictures are for
the end.

The study is a file: a search that was interrupted goes on when it is started again, and several
processes may work on it at once.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from models.words import suggest
from pipelines.training.plan import TrainingPlan
from pipelines.training.search_report import SearchReport, read_trials
from pipelines.training.search_space import SPACE, Choice, Space, check_space, draw, grid
from pipelines.training.search_study import SearchError
from pipelines.training.search_worker import TrainOnce, Work, work, work_alone

PRUNED_FROM = 1 / 4  # of the short runs' epochs: before, ranks are mostly chance


@dataclass(frozen=True, kw_only=True)
class Search:
    """How to search.

    Attributes:
        trials: Short runs of the random search.
        coarse_epochs: Their length.
        fine_epochs: Length of the long runs.
        points: Values a refined parameter in the grid: 3 make 9 long runs for two parameters.
        refine: Which parameters the grid varies; all others keep the best trial's values.
        seed: Determines the random configurations, and each training.
    """

    trials: int = 20
    coarse_epochs: int
    fine_epochs: int
    points: int = 3
    refine: tuple[str, ...] = ("peak_rate", "weight_decay")
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("trials", "coarse_epochs", "fine_epochs", "points"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more; got {self.seed}")


def search(
    train_once: TrainOnce,
    *,
    plan: TrainingPlan,
    how: Search,
    path: str | os.PathLike[str],
    space: Space = SPACE,
    workers: int = 1,
    facts: Mapping[str, Any] | None = None,
) -> SearchReport:
    """Search, or go on with it, and return the report.

    Args:
        train_once: Trains and measures, see `TrainOnce`.
        plan: What is not searched for.
        how: How many runs, how long.
        path: The study, a file; its locks and the trials' logs are beside it.
        space: What is searched, in which ranges.
        workers: Processes that train at the same time; 1 trains in this one.
        facts: What else makes this search another than one in the same file.

    Raises:
        SearchError: Optuna is not installed, the file holds another search, every short run
            failed, or the workers died.
        ValueError: The space is impossible.
    """
    check_space(space)
    _check_refined(how, space)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    warm_up = int(how.coarse_epochs * PRUNED_FROM)
    task = Work(train_once, plan, dict(space), path, "coarse", how.coarse_epochs, warm_up)
    coarse = task.study()
    coarse.check_settings(_settings(how, plan, space, facts))
    coarse.queue([draw(space, how.seed, number) for number in range(how.trials)])
    _run(task, workers)
    short = SearchReport(read_trials(coarse), dict(space), how)
    if all(trial.value is None for trial in short.trials):
        errors = [trial.error for trial in short.trials if trial.error]
        raise SearchError(f"no short run came to its end; the first: {(errors or ['stopped'])[0]}")
    task = replace(task, stage="fine", epochs=how.fine_epochs, prune_after=None)
    fine = task.study()
    fine.queue(grid(space, short.best.values, how.refine, how.points))
    _run(task, workers)
    return replace(short, trials=(*short.trials, *read_trials(fine)))


def _check_refined(how: Search, space: Space) -> None:
    for name in how.refine:
        if name not in space:
            raise ValueError(f"refine must name searched parameters; {suggest(name, space)}")


def _settings(
    how: Search, plan: TrainingPlan, space: Space, facts: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return what must be the same for a search to go on; more trials may be asked for."""
    ranges = {
        name: {"values": p.values} if isinstance(p, Choice) else {"range": (p.low, p.high)}
        for name, p in space.items()
    }
    lengths = {"coarse_epochs": how.coarse_epochs, "fine_epochs": how.fine_epochs}
    return {**(facts or {}), **lengths, "seed": how.seed, "plan": asdict(plan), "space": ranges}


def _run(task: Work, workers: int) -> None:
    """Train all trials that wait, in this process or in several."""
    study = task.study()
    left = study.count("WAITING", "RUNNING")
    if min(workers, left) < 2:
        work(task)
        return
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    threads = max(1, (os.cpu_count() or 1) // workers)
    processes = [
        context.Process(target=work_alone, args=(task, threads), name=f"search-{number}")
        for number in range(min(workers, left))
    ]
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    finally:
        for process in processes:
            if process.is_alive():
                process.terminate()
    left = study.count("WAITING", "RUNNING")
    if left:
        codes = ", ".join(str(process.exitcode) for process in processes)
        raise SearchError(
            f"all workers ended (exit status {codes}) and left {left} trials; the study is kept: "
            "start again to go on"
        )

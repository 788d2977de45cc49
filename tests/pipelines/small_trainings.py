"""What the tests of all tasks' trainings share: a short plan, and the log that a run wrote."""

from __future__ import annotations

import csv
from pathlib import Path

from pipelines.training.plan import TrainingPlan
from pipelines.training.run_folder import LOG
from pipelines.training.schedules import Schedule

PLAN = TrainingPlan(
    epochs=2,
    batch_size=4,
    peak_rate=1e-2,
    optimizer="muon",
    weight_decay=0.0,
    average=0.9,
    schedule=Schedule(warm_up=0.1),
)


def logged(folder: Path) -> list[dict[str, float]]:
    """Return the rows of the log in a folder: a run's, or a preset's."""
    with (folder / LOG).open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]

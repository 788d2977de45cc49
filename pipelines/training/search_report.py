"""What came of a search: a table, JSON and a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.training.search_space import Choice, LogUniform, Space
from pipelines.training.search_study import ERROR, NUMBER, Stage, Study
from pipelines.training.search_worker import described

if TYPE_CHECKING:
    from pipelines.training.search import Search

METRIC = "validation accuracy"
STATES = {"COMPLETE": "complete", "PRUNED": "stopped early", "FAIL": "failed"}
COLUMNS = 3  # of the picture's panels


@dataclass(frozen=True)
class TrialRow:
    """One trial of a search.

    Attributes:
        stage: Of the random search (`coarse`) or of the grid (`fine`).
        number: Within its stage, from 0.
        values: The parameters.
        state: `complete`, `stopped early`, `failed`, or `unfinished`.
        value: The validation accuracy; None unless complete.
        last: The last epoch's that is known, of a trial that was stopped early.
        error: Why it failed.
        attempts: How often it was begun.
    """

    stage: Stage
    number: int
    values: dict[str, Any]
    state: str
    value: float | None
    last: float | None
    error: str
    attempts: int


def read_trials(study: Study) -> tuple[TrialRow, ...]:
    """Return a row a trial; of one that was tried again, the last attempt."""
    found: dict[int, TrialRow] = {}
    for trial in study.trials():
        number = int(trial.user_attrs[NUMBER])
        reported = trial.intermediate_values
        found[number] = TrialRow(
            stage=study.stage,
            number=number,
            values=dict(trial.system_attrs["fixed_params"]),
            state=STATES.get(trial.state.name, "unfinished"),
            value=trial.value if trial.state.name == "COMPLETE" else None,
            last=reported[max(reported)] if reported else None,
            error=str(trial.user_attrs.get(ERROR, "")) if trial.state.name == "FAIL" else "",
            attempts=found[number].attempts + 1 if number in found else 1,
        )
    return tuple(found[number] for number in sorted(found))


@dataclass(frozen=True)
class SearchReport:
    """All trials of a search, and what it was.

    Attributes:
        trials: The random search's, then the grid's.
        space: What was searched.
        how: How.
    """

    trials: tuple[TrialRow, ...]
    space: Space
    how: Search

    @property
    def best(self) -> TrialRow:
        """The best long run; the best short one where no long one came to its end."""
        ended = [trial for trial in self.trials if trial.value is not None]
        long = [trial for trial in ended if trial.stage == "fine"]
        return max(long or ended, key=lambda trial: (trial.value or 0.0, -trial.number))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {
            "metric": METRIC,
            "how": asdict(self.how),
            "best": asdict(self.best),
            "trials": [asdict(trial) for trial in self.trials],
        }

    def to_markdown(self) -> str:
        """Return a table, the best first, long runs before short ones."""
        names = list(self.space)
        header = ["stage", "trial", METRIC, *names]
        lines = [header, ["---"] * len(header)]
        lines += [_cells(trial, names) for trial in sorted(self.trials, key=_rank)]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        best = self.best
        epochs = self.how.fine_epochs if best.stage == "fine" else self.how.coarse_epochs
        found = f"best: {METRIC} {best.value:.4f} after {epochs} epochs with"
        return f"{table}\n\n{found} {described(best.values)}"

    def save_plot(self, path: str | os.PathLike[str]) -> Path:
        """Draw the accuracy over each parameter into a PNG or SVG file."""
        from matplotlib.figure import Figure

        rows = -(-len(self.space) // COLUMNS)
        figure = Figure(figsize=(4 * COLUMNS, 3 * rows), layout="constrained")
        panels = list(figure.subplots(rows, COLUMNS, sharey=True, squeeze=False).flat)
        for axes, (name, parameter) in zip(panels, self.space.items(), strict=False):
            for label, trials, style in self._groups():
                x = [trial.values[name] for trial in trials]
                if isinstance(parameter, Choice):
                    x = [parameter.values.index(value) for value in x]
                axes.plot(x, [_shown(trial) for trial in trials], label=label, **style)
            if isinstance(parameter, Choice):
                axes.set_xticks(range(len(parameter.values)), map(str, parameter.values))
            elif isinstance(parameter, LogUniform):
                axes.set_xscale("log")
            axes.set_xlabel(name)
        for axes in panels[len(self.space) :]:
            axes.set_axis_off()
        figure.supylabel(METRIC)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
        path = Path(path)
        figure.savefig(path, dpi=120)
        return path

    def _groups(self) -> list[tuple[str, list[TrialRow], dict[str, Any]]]:
        """Return the picture's kinds of marks with their trials."""
        short, long = self.how.coarse_epochs, self.how.fine_epochs
        drawn = [trial for trial in self.trials if _shown(trial) is not None]
        coarse = [trial for trial in drawn if trial.stage == "coarse"]
        plain: dict[str, Any] = {"linestyle": "none"}
        groups = [
            (f"{short} epochs", [t for t in coarse if t.value is not None], "o", "tab:gray"),
            ("stopped early", [t for t in coarse if t.value is None], "x", "tab:gray"),
            (f"{long} epochs", [t for t in drawn if t.stage == "fine"], "D", "tab:blue"),
            ("best", [self.best], "*", "tab:orange"),
        ]
        return [
            (label, trials, {**plain, "marker": marker, "color": colour})
            for label, trials, marker, colour in groups
            if trials
        ]


def _shown(trial: TrialRow) -> float | None:
    return trial.value if trial.value is not None else trial.last


def _rank(trial: TrialRow) -> tuple[bool, float, int]:
    value = -1.0 if trial.value is None else trial.value
    return trial.stage == "coarse", -value, trial.number


def _cells(trial: TrialRow, names: Sequence[str]) -> list[str]:
    outcome = trial.state if trial.value is None else f"{trial.value:.4f}"
    values = [trial.values[name] for name in names]
    shown = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in values]
    return [trial.stage, str(trial.number + 1), outcome, *shown]

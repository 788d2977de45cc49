"""Running an experiment by name, and writing what it found."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Protocol, cast

from models.words import suggest
from pipelines.classification.experiments import EXPERIMENTS
from pipelines.classification.experiments.finding import Finding, Tell, blank_figure

REPORT, TABLE, PICTURE = "report.json", "report.md", "picture.png"
PICTURE_DPI = 110


class Experiment(Protocol):
    """A module of this folder; its docstring tells the question and the paper."""

    __doc__: str
    Settings: type[Any]

    def run(self, settings: Any, *, seed: int, tell: Tell) -> Finding:
        """Measure."""


def experiment(name: str) -> Experiment:
    """Return the experiment of that name.

    Raises:
        ValueError: There is none; the message names the nearest.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"unknown experiment {name!r}; {suggest(name, EXPERIMENTS)}")
    return cast(Experiment, importlib.import_module(f"{__package__}.{name}"))


def settings_of(name: str) -> dict[str, Any]:
    """Return an experiment's settings and what they are unless changed."""
    return asdict(experiment(name).Settings())


def run(
    name: str,
    *,
    out: str | os.PathLike[str],
    seed: int = 0,
    progress: bool = False,
    **changes: Any,
) -> Finding:
    """Carry an experiment out; write its report (JSON and Markdown) and its picture into `out`.

    Args:
        name: One of `EXPERIMENTS`.
        out: A folder, made where it is missing; an earlier report there is replaced.
        seed: Determines all that is random.
        progress: Whether to print a line a network on standard error.
        **changes: Settings other than the experiment's own.

    Raises:
        ValueError: Unknown experiment or setting, or data that it cannot take.
        ImportError: There is no matplotlib.
    """
    chosen = experiment(name)
    known = [field.name for field in fields(chosen.Settings)]
    for change in changes:
        if change not in known:
            raise ValueError(f"{name} has no setting {change!r}; {suggest(change, known)}")
    settings = replace(chosen.Settings(), **changes)
    _check_counts(asdict(settings))
    if seed < 0:
        raise ValueError(f"seed must be 0 or more; got {seed}")
    blank_figure(1, 1)  # a missing matplotlib is said before the work, not after
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()

    def tell(line: str) -> None:
        if progress:
            sys.stderr.write(f"{name}: {line} ({time.monotonic() - start:.0f} s)\n")

    finding = chosen.run(settings, seed=seed, tell=tell)
    report = {"experiment": name, "seed": seed, "settings": asdict(settings)}
    report |= {"figures": finding.figures, "conclusion": finding.conclusion}
    (folder / REPORT).write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", "utf-8")
    (folder / TABLE).write_text(_markdown(name, finding), "utf-8")
    finding.picture.savefig(folder / PICTURE, dpi=PICTURE_DPI)
    return finding


def _check_counts(settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, int) and one < 1:
                raise ValueError(f"{name} must be at least 1; got {one}")


def _markdown(name: str, finding: Finding) -> str:
    def row(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    table = [row(cells) for cells in (finding.header, ["---"] * len(finding.header), *finding.rows)]
    title = name.replace("_", " ").capitalize()
    parts = [f"# {title}", "\n".join(table), finding.conclusion, f"![{title}]({PICTURE})"]
    return "\n\n".join(parts) + "\n"

"""A run's folder: what was trained, with what, how it went, and what is needed to go on.

run.json         the plan, the seed, the data, the versions of everything
log.csv          a row an epoch
checkpoint.npz   the state to go on from, while the run is unfinished
best.npz         the weights of the best epoch: lowest loss, on the validation set if any
tensorboard/     the log once more, for TensorBoard
"""

from __future__ import annotations

import csv
import io
import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tensorflow as tf

from pipelines.training.checkpoints import write_whole

RUN, LOG, CHECKPOINT, BEST, TENSORBOARD = (
    "run.json",
    "log.csv",
    "checkpoint.npz",
    "best.npz",
    "tensorboard",
)
PACKAGES = ("tensorflow", "keras", "numpy")


def _flat(settings: Any, name: str = "") -> dict[str, Any]:
    """Return nested settings as one mapping, names joined with dots."""
    if not isinstance(settings, dict):
        return {name: settings}
    parts = [_flat(value, f"{name}.{key}" if name else key) for key, value in settings.items()]
    return {key: value for part in parts for key, value in part.items()}


class RunFolder:
    """The folder of one run.

    Attributes:
        path: Where it is.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], *, writes: bool = True) -> None:
        """Make the folder, or open the one of a run with the same settings.

        Raises:
            ValueError: It holds another run.
        """
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        settings = json.loads(json.dumps(settings, default=str))
        found = self._settings()
        if found is None and writes:
            self._write_run(settings)
        elif found is not None and found != settings:
            old, new = _flat(found), _flat(settings)
            names = sorted(k for k in {*old, *new} if old.get(k) != new.get(k))
            changes = [f"{name} {old.get(name)!r}, now {new.get(name)!r}" for name in names]
            raise ValueError(
                f"{str(path)!r} holds another run: {'; '.join(changes)}; take another folder"
            )
        self._events: Any = None

    def _settings(self) -> dict[str, Any] | None:
        file = self.path / RUN
        if not file.is_file():
            return None
        settings: dict[str, Any] = json.loads(file.read_text("utf-8"))["settings"]
        return settings

    def _write_run(self, settings: Mapping[str, Any]) -> None:
        versions = {name: version(name) for name in PACKAGES}
        facts = {
            "settings": settings,
            "versions": {"python": platform.python_version(), **versions},
            "machine": f"{platform.machine()}, {platform.system()}",
        }
        text = json.dumps(facts, indent=2) + "\n"
        write_whole(self.path / RUN, lambda file: file.write(text.encode()))

    def write_log(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Write the rows so far as a table."""
        write_log(self.path / LOG, rows)

    def write_events(self, row: Mapping[str, float]) -> None:
        """Append a row to TensorBoard's log, which needs no TensorBoard to be written.

        Raises:
            OSError: The disk is full, say.
        """
        try:
            self._append_events(row)
        except tf.errors.OpError as error:
            self._events = None  # which would try again with what it could not write
            raise OSError(error.message) from error

    def _append_events(self, row: Mapping[str, float]) -> None:
        if self._events is None:
            self._events = tf.summary.create_file_writer(str(self.path / TENSORBOARD))
        plugin = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
        metadata = tf.compat.v1.SummaryMetadata(plugin_data=plugin)
        with self._events.as_default():
            for name, value in row.items():
                if name != "epoch":
                    number = tf.constant(value, tf.float32)
                    tf.summary.write(name, number, step=int(row["epoch"]), metadata=metadata)
        self._events.flush()


def write_log(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write a log's rows as a table, whole or not at all."""
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, lambda file: file.write(text.getvalue().encode()))


def read_log(path: Path) -> list[dict[str, float]]:
    """Return the rows that `write_log` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{name: float(value) for name, value in row.items() if value} for row in rows]

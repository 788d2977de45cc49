"""The callback that keeps a run: its log, its state, its best weights; and that can stop it."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipelines.training.checkpoints import load_checkpoint, save_checkpoint, write_whole
from pipelines.training.plan import TrainingPlan
from pipelines.training.progress import Monitor, Progress, ProgressLines
from pipelines.training.replicas import everyones, is_chief
from pipelines.training.run_folder import BEST, CHECKPOINT, RunFolder
from pipelines.training.schedules import ScheduledRate
from pipelines.training.stopping import StopSignals, TrainingError, TrainingStopped

CHECKPOINT_EVERY_S = 60.0
SAVING_AT_MOST = 0.05  # of the time
AGREE_EVERY_STEPS = 20  # workers ask each other whether to save or stop: some tenths of a second
LOOK_EVERY_S = 0.1  # the loss is read from the device no more often
IMPROVED = 1e-4  # a loss that is lower by this part has fallen


class Keeper(keras.callbacks.Callback):
    """Keeps the log and the state, stops a run that diverged or was told to, and reports.

    Attributes:
        rows: A row an epoch.
        done: Steps that the weights have seen.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        rate: ScheduledRate,
        *,
        folder: RunFolder | None,
        monitor: Monitor | None = None,
        lines: ProgressLines | None = None,
        signals: StopSignals | None = None,
        strategy: tf.distribute.Strategy | None = None,
        checkpoint_every_s: float = CHECKPOINT_EVERY_S,
    ) -> None:
        """Of several workers, under a `strategy`, the chief alone writes."""
        super().__init__()
        self.plan, self.rate, self.steps = plan, rate, rate.steps_per_epoch
        self.folder, self.monitor, self.lines = folder, monitor, lines
        self.signals = signals or StopSignals()
        self.strategy = strategy or tf.distribute.get_strategy()
        self.writes = is_chief(self.strategy)
        self.together = isinstance(self.strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self.checkpoint_every_s = checkpoint_every_s
        self.rows: list[dict[str, float]] = []
        self.done = self.first = 0
        self.partial: list[np.ndarray] = []  # sums of an epoch that was interrupted
        self.raw: list[np.ndarray] = []  # weights as the last epoch left them
        self.best, self.lowest, self.waited = math.inf, math.inf, 0
        self.started = self.saved = self.looked = time.monotonic()

    # What a run is made of ------------------------------------------------------------------------

    def restore(self) -> int:
        """Load the checkpoint, if there is one, and return how many steps are done."""
        path = self.folder.path / CHECKPOINT if self.folder else None
        if path is None or not path.is_file():
            return 0
        self.model.optimizer.build(self.model.trainable_variables)
        arrays, state = load_checkpoint(path)
        variables = self._variables()
        if {n: a.shape for n, a in arrays.items() if not n.startswith("metric")} != {
            n: tuple(v.shape) for n, v in variables.items()
        }:
            raise ValueError(f"{path} holds another network's state; take another folder")
        for name, variable in variables.items():
            variable.assign(arrays[name])
        self.partial = [a for n, a in sorted(arrays.items()) if n.startswith("metric")]
        self.rows = list(state["rows"])
        self.best, self.lowest, self.waited = state["best"], state["lowest"], state["waited"]
        self.done = self.first = int(state["done"])
        return self.done

    def _variables(self) -> dict[str, Any]:
        # By place: Keras numbers names by how many the process has made.
        optimizer = self.model.optimizer
        groups = {"model": self.model.variables, "optimizer": optimizer.variables}
        groups["rate"] = [self.rate.fall]
        return {f"{k}/{i:05}": v for k, group in groups.items() for i, v in enumerate(group)}

    def save(self) -> None:
        """Write the state, unless a weight is no number; a full disk is said, not raised."""
        if self.folder is None:
            return
        start = time.monotonic()
        arrays = {name: np.asarray(variable) for name, variable in self._variables().items()}
        if not all(np.isfinite(a).all() for a in arrays.values() if a.dtype.kind == "f"):
            return
        if self.done % self.steps:
            sums = self.partial or [np.asarray(v) for v in self.model.metrics_variables]
            arrays |= {f"metric/{i:05}": a for i, a in enumerate(sums)}
        if not self.writes:  # but it takes all workers to add up what each has counted
            return
        state = {"done": self.done, "rows": self.rows, "best": self.best}
        state |= {"lowest": self.lowest, "waited": self.waited}
        try:
            save_checkpoint(self.folder.path / CHECKPOINT, arrays, state)
        except OSError as error:
            sys.stderr.write(f"the checkpoint could not be written, the run goes on: {error}\n")
        self.saved = time.monotonic()
        took = self.saved - start
        self.checkpoint_every_s = max(self.checkpoint_every_s, took / SAVING_AT_MOST)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the averaged weights into the network while inside."""
        if not self.plan.average:
            yield
            return
        weights = self.model.trainable_variables
        raw = [np.asarray(v).copy() for v in weights]
        self.model.optimizer.finalize_variable_values(weights)
        try:
            yield
        finally:
            for variable, value in zip(weights, raw, strict=True):
                variable.assign(value)

    @property
    def _complete(self) -> bool:
        return self.done == self.plan.epochs * self.steps

    # What Keras calls -----------------------------------------------------------------------------

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Count the step; look at the run now and then; stop it where that is due."""
        del batch
        self.done += 1
        if self.partial:  # sums so far of an epoch that was interrupted
            for variable, value in zip(self.model.metrics_variables, self.partial, strict=True):
                variable.assign(np.asarray(variable) + value)
            self.partial = []
        now = time.monotonic()
        if self.done % self.steps == 0:
            return  # the epoch's end follows at once
        if self.together:
            if self.done % AGREE_EVERY_STEPS:
                return
        elif self.signals.received is not None:
            self._stop("was stopped")
        elif now - self.looked < LOOK_EVERY_S:
            return
        self.looked = now
        running = _floats(logs)
        self._check(running)
        self._report(running)
        if self._anyone(self.writes and now - self.saved > self.checkpoint_every_s):
            self.save()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note the row; keep what is best; follow a plateau; save."""
        row = {"epoch": epoch + 1.0, **_floats(logs)}
        self._check(row)
        row["rate"] = float(self.rate(self.done - 1))
        self.rows.append(row)
        watched = row.get("val_loss", row["loss"])
        self._follow_plateau(watched)
        if self.folder and self.writes:
            try:
                self._keep(row, watched)
            except OSError as error:
                sys.stderr.write(f"the log could not be written, the run goes on: {error}\n")
        self._report({}, epoch=epoch)
        self.raw = [np.asarray(v).copy() for v in self.model.trainable_variables]
        if self._complete or time.monotonic() - self.saved > self.checkpoint_every_s:
            self.save()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Measure the averaged weights, not those that are trained."""
        del logs
        self._measuring = self.averaged()
        self._measuring.__enter__()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Go on with those that are trained."""
        del logs
        self._measuring.__exit__(None, None, None)

    # The parts of it ------------------------------------------------------------------------------

    def _check(self, values: Mapping[str, float]) -> None:
        loss = values.get("loss", 0.0)
        if not math.isfinite(loss):
            epoch, step = divmod(self.done, self.steps)
            kept = self.folder is not None and (self.folder.path / CHECKPOINT).is_file()
            raise TrainingError(
                f"the loss must stay a number; it is {loss} in epoch {epoch + 1}, step {step}; "
                "lower the learning rate"
                + ("; the last checkpoint, with finite weights, is kept" if kept else "")
            )

    def _follow_plateau(self, loss: float) -> None:
        schedule = self.rate.schedule
        if schedule.kind != "plateau":
            return
        if loss < self.lowest * (1 - IMPROVED):
            self.lowest, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited >= schedule.patience:
            self.rate.fall.assign(self.rate.fall * schedule.factor)
            self.waited = 0

    def _keep(self, row: Mapping[str, float], watched: float) -> None:
        assert self.folder is not None
        self.folder.write_log(self.rows)
        self.folder.write_events(row)
        if watched < self.best:
            self.best = watched
            with self.averaged():
                weights = enumerate(self.model.weights)
                arrays: dict[str, Any] = {f"{i:05}": np.asarray(v) for i, v in weights}
            write_whole(self.folder.path / BEST, lambda file: np.savez(file, **arrays))

    def _report(self, running: Mapping[str, float], epoch: int | None = None) -> None:
        """Tell how far it is; `epoch` is the one that has just ended."""
        step = self.steps if epoch is not None else self.done % self.steps
        total = self.plan.epochs * self.steps
        pace = (time.monotonic() - self.started) / max(1, self.done - self.first)
        progress = Progress(
            epoch=1 + (self.done // self.steps if epoch is None else epoch),
            epochs=self.plan.epochs,
            step=step,
            steps=self.steps,
            rows=tuple(self.rows),
            running=running,
            seconds_left=pace * (total - self.done),
        )
        if self.lines:
            self.lines.show(progress)
        stopped = self.monitor is not None and self.monitor(progress)
        if self._anyone(stopped or self.signals.received is not None) and not self._complete:
            self._stop("was stopped")

    def _anyone(self, wants: bool) -> bool:
        """Return whether any worker wants it; all ask at the same step."""
        return any(everyones(float(wants), self.strategy))

    def _stop(self, why: str) -> None:
        self.save()
        if self.signals.received == signal.SIGINT:
            raise KeyboardInterrupt
        epoch, step = divmod(self.done, self.steps)
        kept = (
            f"; the same call goes on from {self.folder.path}"
            if self.folder and self.writes
            else ""
        )
        raise TrainingStopped(f"the training {why} in epoch {epoch + 1}, step {step}{kept}")


def _floats(logs: Mapping[str, Any] | None) -> dict[str, float]:
    return {name: float(value) for name, value in (logs or {}).items()}

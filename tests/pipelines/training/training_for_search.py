"""What the tests of the search train: softmax regression on real digits, in NumPy.

In a file of its own, so that workers, which are processes of their own, can import it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from pipelines.training.plan import TrainingPlan
from pipelines.training.progress import Monitor, Progress
from pipelines.training.stopping import TrainingError, TrainingStopped

TRAINED_ON, VALIDATED_ON = 1200, 300  # of 1,797; the rest is for nobody


@dataclass(frozen=True)
class DigitsRegression:
    """Trains by mini-batch gradient descent with weight decay, for `delay_s` more an epoch.

    Attributes:
        notes: A folder where each training that begins leaves a file.
        delay_s: How much longer an epoch lasts than it need.
    """

    notes: Path
    delay_s: float = 0.0

    def __call__(self, plan: TrainingPlan, monitor: Monitor, folder: Path) -> float:
        """Return the validation accuracy; see `TrainOnce`."""
        (self.notes / f"{folder.name}-{time.time_ns()}").touch()
        if plan.batch_size > TRAINED_ON:
            raise TrainingError(f"a batch of {plan.batch_size} needs as many images")
        bunch = load_digits()
        x, y = bunch.data / 16, np.eye(10)[bunch.target]
        weights = np.zeros((64, 10))
        order = np.random.default_rng(0)
        accuracy, rows = 0.0, []
        for epoch in range(1, plan.epochs + 1):
            for chosen in order.permutation(TRAINED_ON).reshape(-1, plan.batch_size):
                logits = x[chosen] @ weights
                scores = np.exp(logits - logits.max(axis=1, keepdims=True))
                scores /= scores.sum(axis=1, keepdims=True)
                gradient = x[chosen].T @ (scores - y[chosen]) / plan.batch_size
                weights -= plan.peak_rate * (gradient + plan.weight_decay * weights)
            held_out = slice(TRAINED_ON, TRAINED_ON + VALIDATED_ON)
            guesses = (x[held_out] @ weights).argmax(axis=1)
            accuracy = float((guesses == bunch.target[held_out]).mean())
            rows.append({"epoch": float(epoch), "val_accuracy": accuracy})
            time.sleep(self.delay_s)
            if monitor(Progress(epoch, plan.epochs, 0, 1, rows, {}, 0.0)):
                raise TrainingStopped("stopped")
        return accuracy

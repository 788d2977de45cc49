"""What a training runs on (`--strategy`, `--precision`, the workers) and by what plan."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sightsound.arguments import UsageError, as_usage_error, count
from sightsound.quiet import quiet_start

if TYPE_CHECKING:
    import tensorflow as tf

LOCAL_WORKERS = "--local-workers"
RESTARTS = 3  # of all local workers, after one was killed


def add_hardware_options(parser: argparse.ArgumentParser) -> None:
    """Add the group of options that say what to train on."""
    group = parser.add_argument_group("hardware")
    group.add_argument(
        "--strategy",
        default="auto",
        help="auto, cpu, gpu, mirrored (all GPUs), multiworker, or tpu (%(default)s)",
    )
    group.add_argument(
        "--precision", help="float32, mixed_bfloat16 or mixed_float16 (the recipe's)"
    )
    group.add_argument("--jit", action="store_true", help="let XLA compile the step, on one device")
    group.add_argument(
        "--workers",
        type=_addresses,
        default=(),
        metavar="HOST:PORT,...",
        help="all workers, the chief first, on a private network (else TF_CONFIG names them)",
    )
    group.add_argument(
        "--index", type=int, default=0, metavar="I", help="which of --workers this one is, from 0"
    )
    group.add_argument(
        LOCAL_WORKERS, type=count, metavar="N", help="start N workers on this machine"
    )


def add_plan_options(parser: argparse.ArgumentParser) -> None:
    """Add the group of options that replace parts of the plan."""
    group = parser.add_argument_group("instead of the recipe's own")
    group.add_argument("--epochs", type=count, help="passes over the data")
    group.add_argument("--batch-size", type=count, metavar="N", help="pictures a step")
    group.add_argument("--rate", type=float, help="highest learning rate")
    group.add_argument(
        "--schedule", metavar="KIND", help="its course: cosine, step, one_cycle, plateau, ..."
    )
    group.add_argument(
        "--optimizer", metavar="NAME", help="sgd, momentum, nesterov, adam, adamw, lamb or muon"
    )
    group.add_argument("--weight-decay", type=float, metavar="D", help="decoupled, of kernels")
    group.add_argument("--l2", type=float, metavar="L", help="penalty on kernels")
    group.add_argument("--average", type=float, metavar="M", help="momentum of averaged weights")


def plan_changes(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the options change of a plan, for `TrainingPlan.changed`."""
    given = {
        "epochs": options.epochs,
        "batch_size": options.batch_size,
        "peak_rate": options.rate,
        "schedule": options.schedule,
        "optimizer": options.optimizer,
        "weight_decay": options.weight_decay,
        "l2": options.l2,
        "average": options.average,
        "precision": options.precision,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return {**changes, "jit": True} if options.jit else changes


def open_hardware(options: argparse.Namespace) -> tf.distribute.Strategy:
    """Return the strategy that the options name; before anything else computes.

    Raises:
        UsageError: The devices or workers are not there.
    """
    with as_usage_error(), quiet_start():
        from pipelines.devices import Hardware, open_strategy

        hardware = Hardware(strategy=options.strategy, workers=options.workers, index=options.index)
        return open_strategy(hardware)


def run_local_workers(command: str, words: Sequence[str], options: argparse.Namespace) -> int:
    """Run this same command line as several workers here, and return the exit status.

    Args:
        command: The command's name, such as "train".
        words: Its arguments as they were typed.
        options: The same, read.

    Raises:
        UsageError: The options ask for another strategy, too.
        TrainingStopped: This process was told to stop; all workers have kept where they were.
    """
    from pipelines.training.launcher import launch

    if options.strategy not in ("auto", "multiworker") or options.workers:
        raise UsageError(
            f"{LOCAL_WORKERS} is a strategy of its own; leave out --strategy, --workers"
        )
    rest = _without(LOCAL_WORKERS, words)
    line = [sys.executable, "-m", "sightsound", command, *rest, "--strategy", "multiworker"]
    statuses = launch(line, workers=options.local_workers, restarts=RESTARTS)
    own = [status for status in statuses if status > 0]
    return max(own) if own else int(any(statuses))  # a killed one's is 1


def _without(option: str, words: Sequence[str]) -> list[str]:
    """Return the words without an option and its value."""
    kept: list[str] = []
    skip = False
    for word in words:
        if not skip and word != option and not word.startswith(f"{option}="):
            kept.append(word)
        skip = word == option
    return kept


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())

"""How the benchmarks measure: in turn, in one process, by the median."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version

Contenders = Mapping[str, Callable[[], object]]


def in_turn(
    contenders: Contenders, *, rounds: int, warm_up: int = 2, pause_s: float = 0.0
) -> dict[str, list[float]]:
    """Run A B C A B C ... and return each contender's seconds a call.

    In turn, because the speed of a shared machine drifts: every round sees the same machine. In
    the pauses threads fall asleep that still wait for work, as ONNX Runtime's do, at full speed.
    """
    for _ in range(warm_up):
        for run in contenders.values():
            run()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            time.sleep(pause_s)
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(numerator: Sequence[float], denominator: Sequence[float]) -> float:
    """Return the median of the ratios round by round."""
    return statistics.median(a / b for a, b in zip(numerator, denominator, strict=True))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine() -> str:
    """Return what the figures were measured on, as one line."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "numpy"))
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {sys.version.split()[0]}, {versions}"
    )


def resident_mb() -> float:
    """Return this process's resident memory in megabytes."""
    import psutil

    return float(psutil.Process().memory_info().rss) / 2**20

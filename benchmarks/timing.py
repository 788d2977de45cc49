"""How the benchmarks measure: in turn, in one process, by the median."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

Contenders = Mapping[str, Callable[[], object]]


@dataclass(frozen=True)
class Cost:
    """Medians of a call: the time that passes, and the processor time of all threads."""

    wall_s: float
    core_s: float


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


def measure(contenders: Contenders, *, rounds: int, warm_up: int = 2) -> dict[str, Cost]:
    """Run A B C A B C ... and return each contender's cost; see `in_turn`."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for number in range(warm_up + rounds):
        for name, run in contenders.items():
            wall, core = time.perf_counter(), time.process_time()
            run()
            if number >= warm_up:
                seconds = time.perf_counter() - wall, time.process_time() - core
                found[name].append(seconds)
    return {
        name: Cost(*(statistics.median(column) for column in zip(*calls, strict=True)))
        for name, calls in found.items()
    }


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

"""How the benchmarks measure: in turn, and the processor's time apart from the clock's."""

from __future__ import annotations

import time

from benchmarks.timing import measure


def test_contenders_take_turns_and_the_warm_up_does_not_count() -> None:
    calls: list[str] = []
    contenders = {name: lambda name=name: calls.append(name) for name in "AB"}
    costs = measure(contenders, rounds=3, warm_up=2)
    assert "".join(calls) == "AB" * 5
    assert all(cost.wall_s >= 0 and cost.core_s >= 0 for cost in costs.values())


def test_core_seconds_are_those_of_the_processor() -> None:
    asleep = measure({"asleep": lambda: time.sleep(0.05)}, rounds=3)["asleep"]
    assert asleep.wall_s >= 0.05
    assert asleep.core_s < 0.03

"""The benchmark runs and prints every table; what it measures is for a quiet machine."""

from __future__ import annotations

import pytest

from benchmarks.timing import in_turn, ratio, table
from tests.benchmarks.smoke_run import smoke_run


def test_contenders_take_turns() -> None:
    calls: list[str] = []
    contenders = {name: lambda name=name: calls.append(name) for name in "ABC"}
    seconds = in_turn(contenders, rounds=3, warm_up=1)
    assert "".join(calls) == "ABC" * 4
    assert {name: len(each) for name, each in seconds.items()} == {"A": 3, "B": 3, "C": 3}


def test_a_ratio_is_taken_round_by_round() -> None:
    # The machine slowed down tenfold in the last rounds, for both.
    assert ratio([1.0, 10.0, 10.0], [2.0, 20.0, 20.0]) == 0.5


def test_a_table_is_markdown() -> None:
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


@pytest.mark.slow
def test_a_smoke_run_prints_every_table() -> None:
    lines = smoke_run("classification.py")
    assert " cores, " in lines[0]
    assert sum(line.startswith("| --- |") for line in lines) == 4
    assert sum(line.startswith(("- holds:", "- FAILS:")) for line in lines) == 4

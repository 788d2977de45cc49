from __future__ import annotations

from typing import Any

import pytest

from apps.part_map import CENTRE, _checked


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ([0.25, 0.75], (0.25, 0.75)),
        ([0, 1], (0.0, 1.0)),
        ([-3, 1e300], (0.0, 1.0)),
    ],
)
def test_shares_from_the_browser_are_taken(told: Any, taken: tuple[float, float]) -> None:
    assert _checked(told, CENTRE) == taken


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        [0.5],
        [0.1, 0.2, 0.3],
        ["a", "b"],
        [None, 0.2],
        {"x": 1},
        0.1,
        [float("nan"), 0.1],
        [10**400, 0.1],
    ],
)
def test_anything_else_changes_nothing(told: Any) -> None:
    assert _checked(told, (0.3, 0.2)) == (0.3, 0.2)

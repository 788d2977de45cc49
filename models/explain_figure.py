"""The picture of a network's cost: where its activations, parameters and multiply-adds lie.

It stands beside `models.explanation`, which draws itself with it and may import nothing from the
floors above; and in a file of its own, because only who wants the picture needs matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from models.explanation_text import brief, times

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from models.explanation import Explanation

MOST_BARS = 40  # what has more rows is drawn by block
# Okabe and Ito's blue, vermilion and bluish green, which all kinds of colour vision tell apart.
PANELS = {
    "activations": ("Activations", "#0072b2"),
    "parameters": ("Parameters", "#d55e00"),
    "multiply_adds": ("Multiply-adds", "#009e73"),
}
NOTED = 0.03  # a bar of at least this share has it written over it
INK, FAINT = "#1c2524", "#5f6a68"


def draw(explanation: Explanation) -> Figure:
    """Return three rows of bars, from the image on: each layer's share of the total.

    Raises:
        ImportError: There is no matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("a picture needs matplotlib: pip install 'sightsound[apps]'") from error
    if len(explanation.rows) > MOST_BARS:
        explanation = explanation.by_block()
    rows = [row for row in explanation.rows if any(getattr(row, cost) for cost in PANELS)]
    figure = Figure(figsize=(max(8, min(16, 1 + 0.4 * len(rows))), 6.4), layout="constrained")
    title = f"{explanation.name} at {times(explanation.input_shape)}, from the image on"
    figure.suptitle(title, x=0.012, ha="left", color=INK)
    panels = figure.subplots(len(PANELS), 1, sharex=True)
    for axes, (cost, (what, colour)) in zip(panels, PANELS.items(), strict=True):
        title = f"{what}  {brief(getattr(explanation, cost))}"
        axes.set_title(title, loc="left", color=colour, weight="bold", size=12)
        _bars(axes, [getattr(row, cost) or 0 for row in rows], colour)
    panels[-1].set_xticks(
        range(len(rows)),
        [row.name for row in rows],
        rotation=60,
        ha="right",
        rotation_mode="anchor",
        size=8,
        color=INK,
    )
    return figure


def _bars(axes: Any, values: Sequence[int], colour: str) -> None:
    """Draw each value's share, and where the first half of the total ends."""
    total = sum(values) or 1
    shares = [value / total for value in values]
    highest = max(shares)
    axes.bar(range(len(shares)), shares, color=colour)
    for place, share in enumerate(shares):
        if share >= max(NOTED, highest / 10):
            axes.text(place, share, f"{share:.0%}", ha="center", va="bottom", size=8, color=INK)
    half = next((n for n, so_far in enumerate(accumulate(shares)) if so_far >= 0.5), 0) + 0.5
    axes.axvline(half, color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=0)
    side, shift = ("right", -4) if half > 0.7 * len(shares) else ("left", 4)
    axes.annotate(
        "half by here", (half, 1), (shift, -2), xycoords=("data", "axes fraction"),
        textcoords="offset points", ha=side, va="top", size=8, color=FAINT,
    )  # fmt: skip
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set(ylim=(0, highest * 1.3 or 1), yticks=[])
    axes.tick_params(length=0)
    axes.margins(x=0.01)

"""What an experiment hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Tell = Callable[[str], None]  # takes a line that says how far the experiment is

# Okabe and Ito's colours, which all kinds of colour vision tell apart.
BLUE, VERMILION, GREEN, ORANGE, PURPLE = "#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7"
COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE)


@dataclass(frozen=True)
class Finding:
    """Numbers, and the table, the sentences and the picture that were made of them.

    Attributes:
        figures: All that was measured, as plain values for JSON.
        header: The table's columns.
        rows: The table's rows.
        conclusion: What the numbers say, in plain sentences.
        picture: The same as a figure.
    """

    figures: Mapping[str, Any]
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    conclusion: str
    picture: Figure


def silent(line: str) -> None:
    """Tell nobody."""
    del line


def blank_figure(width_in: float, height_in: float) -> Figure:
    """Return an empty figure.

    Raises:
        ImportError: There is no matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("a picture needs matplotlib: pip install 'sightsound[apps]'") from error
    return Figure(figsize=(width_in, height_in), layout="constrained")

"""Plain text on a terminal: aligned columns, one-line complaints, harmless file names."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows of text under a header, each column as wide as its widest cell."""
    cells = [header, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(line(row, widths) for row in cells)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return the same as a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in lines)


def line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return one row of a table, for rows that are printed as they come."""
    padded = (visible(cell).ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def visible(text: str) -> str:
    """Return `text` on one line, with control characters spelt out (a file name may hold any)."""
    return "".join(repr(c)[1:-1] if unicodedata.category(c) == "Cc" else c for c in text)


def complain(text: str) -> None:
    """Print one line on standard error, in place of a progress line that stands there."""
    if sys.stderr is not None:
        erase = "\r\x1b[K" if on_terminal() else ""
        print(f"{erase}sightsound: {visible(text)}", file=sys.stderr)


def on_terminal() -> bool:
    """Return whether a person sees standard error: a log file wants no progress line."""
    return sys.stderr is not None and sys.stderr.isatty()

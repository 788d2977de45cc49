"""An explanation as text: for a terminal, as Markdown, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.explanation import Cost, Explanation

MEBIBYTE = 2**20
LEFT = ("layer", "kind", "window", "output")
RIGHT = ("values", "MiB", "parameters", "multiply-adds", "sees")


def as_text(explanation: Explanation) -> str:
    """Return aligned columns, and below them what needs how much memory."""
    lines = [(*LEFT, *RIGHT), *map(cells, explanation.rows), _total(explanation)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = []
    for line in lines:
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        for place in range(len(LEFT), len(line)):
            padded[place] = line[place].rjust(widths[place])
        table.append("  ".join(padded).rstrip())
    memory = [f"{what:<17}{size:>15}  {why}" for what, size, why in memory_of(explanation)]
    return "\n".join([_title(explanation), "", *table, "", *memory, *_uncounted(explanation)])


def as_markdown(explanation: Explanation) -> str:
    """Return the same as a Markdown table and a list."""
    rule = [*["---"] * len(LEFT), *["---:"] * len(RIGHT)]
    lines = [(*LEFT, *RIGHT), rule, *map(cells, explanation.rows), _total(explanation)]
    table = [f"| {' | '.join(line)} |" for line in lines]
    memory = [f"- {what}: {size}, {why}" for what, size, why in memory_of(explanation)]
    more = [f"- {line}" for line in _uncounted(explanation)]
    return "\n".join([_title(explanation), "", *table, "", *memory, *more, ""])


def as_csv(explanation: Explanation) -> str:
    """Return a line a row under a header, numbers as they are, sizes as `3x3`."""
    facts = list(explanation.to_dict()["rows"][0])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(facts)
    for row in explanation.rows:
        values = [getattr(row, fact) for fact in facts]
        writer.writerow([times(v) if isinstance(v, tuple) else v for v in values])
    return text.getvalue()


def cells(row: Cost) -> tuple[str, ...]:
    """Return a row's cells, from `LEFT` to `RIGHT`; nothing where there is nothing to tell."""
    adds = row.multiply_adds
    return (
        row.name,
        row.kind,
        window(row),
        times(row.output_shape),
        f"{row.activations:,}" if row.activations else "",
        f"{row.activation_bytes / MEBIBYTE:,.2f}" if row.activations else "",
        f"{row.parameters:,}" if row.parameters else "",
        "unknown" if adds is None else f"{adds:,}" if adds else "",
        times(row.receptive_field or ()),
    )


def window(row: Cost) -> str:
    """Return kernel, stride and padding in brief: `7x7/2 same`."""
    if row.kernel is None or row.stride is None:
        what = "crop" if row.kind.startswith("Cropping") else "pad"
        return f"{what} {row.padding}" if row.padding else ""
    stride = times(row.stride) if len(set(row.stride)) > 1 else str(row.stride[0])
    more = [f"{row.groups} groups"] if row.groups else []
    more += [f"dilation {times(row.dilation)}"] if row.dilation else []
    return ", ".join([f"{times(row.kernel)}/{stride} {row.padding}", *more])


def memory_of(explanation: Explanation) -> Iterator[tuple[str, str, str]]:
    """Yield what needs memory, how much, and what that is."""
    fixed = f", {explanation.non_trainable:,} of them not trained"
    yield (
        "parameters",
        mebibytes(explanation.parameter_bytes),
        f"{explanation.parameters:,} weights" + (fixed if explanation.non_trainable else ""),
    )
    yield (
        "live activations",
        mebibytes(explanation.live_activation_bytes),
        f"the most at one moment of a forward pass, at {explanation.live_most_at}",
    )
    yield "forward", mebibytes(explanation.forward_bytes), "parameters + live activations"
    yield (
        "all activations",
        mebibytes(explanation.activation_bytes),
        "every layer's output, which the backward pass reads",
    )
    yield (
        "training",
        mebibytes(explanation.training_bytes),
        f"parameters + gradients + {explanation.optimizer_slots} optimiser slots + all activations",
    )


def mebibytes(size: int) -> str:
    """Write a number of bytes."""
    return f"{size / MEBIBYTE:,.2f} MiB"


def brief(number: int) -> str:
    """Write a number with three digits: `138 M`, `15.5 G`."""
    return _three_digits(number, 1000, ("", "k", "M", "G", "T"))


def brief_bytes(size: int) -> str:
    """Write a number of bytes with three digits: `58.1 MiB`, `2.12 GiB`."""
    return _three_digits(size, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))


def _three_digits(number: int, step: int, units: Sequence[str]) -> str:
    value, place = float(number), 0
    while value >= 999.5 and place < len(units) - 1:
        value, place = value / step, place + 1
    digits = f"{value:#.3g}".rstrip(".") if place else str(number)
    return f"{digits} {units[place]}".rstrip()


def times(sizes: Sequence[int]) -> str:
    """Write sizes as `224x224x3`."""
    return "x".join(map(str, sizes))


def _title(explanation: Explanation) -> str:
    size = times(explanation.input_shape)
    return f"{explanation.name}, {size}, batch {explanation.batch}, {explanation.dtype}"


def _total(explanation: Explanation) -> tuple[str, ...]:
    return (
        *("total", "", "", ""),
        f"{explanation.activations:,}",
        f"{explanation.activation_bytes / MEBIBYTE:,.2f}",
        f"{explanation.parameters:,}",
        f"{explanation.multiply_adds:,}",
        "",
    )


def _uncounted(explanation: Explanation) -> list[str]:
    names = ", ".join(explanation.uncounted)
    return [f"multiply-adds are not known, and not in the total, of: {names}"] if names else []

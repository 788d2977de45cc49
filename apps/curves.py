"""How a training goes, as two charts that grow: accuracy and loss, on both kinds of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

HEIGHT_PX = 260
# Okabe and Ito's blue and vermilion, as the bars of the page Networks have them.
SERIES = {"": ("Training", "#3d94d1"), "val_": ("Held out", "#e0702a")}
CHARTS = {"accuracy": ("Accuracy", ".0%"), "loss": ("Loss", ".2~f")}


def show_curves(
    rows: Sequence[Mapping[str, float]], *, epochs: int, now: Mapping[str, float] | None = None
) -> None:
    """Draw both charts side by side; one below the other on a phone.

    Args:
        rows: A mapping for each finished epoch, as `Progress.rows` has them.
        epochs: How many there will be.
        now: The means of the epoch that is going on, and as `epoch` how far it is, such as 2.3.
    """
    for column, name in zip(st.columns(2), CHARTS, strict=True):
        points = points_of(name, [*rows, *([now] if now else [])])
        column.vega_lite_chart(
            points,
            _chart(name, epochs),
            height=HEIGHT_PX,
            alt=_words(name, rows),
        )


def points_of(name: str, rows: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """Return a chart's points: a series has one for each row that knows its value."""
    return [
        {"epoch": row["epoch"], "value": row[prefix + name], "of": title}
        for prefix, (title, _) in SERIES.items()
        for row in rows
        if prefix + name in row
    ]


def _words(name: str, rows: Sequence[Mapping[str, float]]) -> str:
    title, form = CHARTS[name]
    if not rows:
        return f"{title} over the epochs: no epoch has ended yet"
    form = ".1%" if form.endswith("%") else ".3f"
    last = [
        f"{series.lower()} {rows[-1][prefix + name]:{form}}"
        for prefix, (series, _) in SERIES.items()
        if prefix + name in rows[-1]
    ]
    return f"{title} after epoch {rows[-1]['epoch']:.0f}: {', '.join(last)}"


def _chart(name: str, epochs: int) -> dict[str, Any]:
    """Return a chart in Vega-Lite; its axis has room for all epochs, so that nothing jumps."""
    title, form = CHARTS[name]
    names, colours = zip(*SERIES.values(), strict=True)
    scale = {"domain": [0, 1]} if name == "accuracy" else {"zero": True}
    corner = "bottom-right" if name == "accuracy" else "top-right"  # where no curve ends
    return {
        "title": {"text": title, "anchor": "start", "offset": 6},
        "mark": {"type": "line", "point": {"size": 22}, "strokeWidth": 2},
        "encoding": {
            "x": {
                "field": "epoch",
                "type": "quantitative",
                "scale": {"domain": [0, epochs], "nice": False},
                "axis": {"title": "Epoch", "tickMinStep": 1, "format": "d", "grid": False},
            },
            "y": {
                "field": "value",
                "type": "quantitative",
                "scale": scale,
                "axis": {"title": None, "format": form, "tickCount": 5, "minExtent": 34},
            },
            "color": {
                "field": "of",
                "type": "nominal",
                "scale": {"domain": names, "range": colours},
                "legend": {"title": None, "orient": corner},
            },
            "tooltip": [
                {"field": "of", "title": "Pictures"},
                {"field": "epoch", "title": "Epoch", "format": ".1~f"},
                {"field": "value", "title": title, "format": ".1%" if "%" in form else ".3f"},
            ],
        },
    }

"""What networks cost, counted once for all visitors, and shown as figures, bars and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps.session import boot

if TYPE_CHECKING:
    from models.explanation import Cost, Explanation

COUNTED = 256  # explanations kept: of the largest network half a megabyte each
METRIC_PX, FRAMED_METRIC_PX = 164, 150  # four side by side on a desktop, two on a phone
BAR_HEIGHT_PX = 104
LETTER_PX, NAMES_PX = 5, 96  # of a name below the last row of bars: a letter's height, the most
# Okabe and Ito's blue, vermilion and bluish green, light enough for a dark page too.
BARS = {
    "activations": ("Activations", "#3d94d1"),
    "parameters": ("Parameters", "#e0702a"),
    "multiply_adds": ("Multiply-adds", "#1aa37c"),
}
ROW_PX, HEAD_PX, ROWS_SHOWN = 35, 38, 16  # of a table; a longer one scrolls

IN_MEMORY = (
    "Values put into memory for one image; none where a layer writes over what it reads, as ReLU "
    "does, or looks at it in another way, as Flatten does"
)

Edits = tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]  # hashable: (layer, arguments)


@st.cache_data(show_spinner="Counting …", max_entries=COUNTED)
def cost_of_network(
    name: str,
    side_px: int,
    batch: int,
    dtype: str,
    scale: int | None = None,
    edits: Edits = (),
) -> Explanation:
    """Explain a network of the catalog for square images; one that enlarges has a scale.

    Raises:
        ValueError: The network does not take that size, or cannot follow the edits.
    """
    boot()
    from models.catalog import model_info
    from models.explain import explain

    channels = model_info(name).spec.input_shape[-1]
    return explain(
        name,
        input_shape=(side_px, side_px, channels),
        batch=batch,
        dtype=dtype,
        edits={layer: dict(arguments) for layer, arguments in edits},
        **({} if scale is None else {"scale": scale}),
    )


def show_totals(now: Explanation, before: Explanation | None = None) -> None:
    """Show four totals, each with its memory; with `before`, by how much each has changed."""
    from models.explanation_text import brief, brief_bytes

    images = "one image" if now.batch == 1 else f"{now.batch} images"
    figures = (
        (
            "Parameters",
            brief(now.parameters),
            "parameters",
            brief_bytes(now.parameter_bytes),
            "Weights; those that training does not change are among them.",
        ),
        (
            "Multiply-adds",
            brief(now.multiply_adds),
            "multiply_adds",
            "for one image",
            "Of convolutions and fully connected layers, for one image.",
        ),
        (
            "Activations",
            brief(now.activations),
            "activations",
            brief_bytes(now.activation_bytes),
            f"Values of all layers' outputs together, for one image; their memory is for {images}.",
        ),
        (
            "Training",
            brief_bytes(now.training_bytes),
            "training_bytes",
            f"forward {brief_bytes(now.forward_bytes)}",
            f"Memory for {images}: weights, gradients, Adam's two averages and all activations. "
            "Forward: weights, and the most activations alive at one moment.",
        ),
    )
    alone = before is None  # else they stand in a frame already
    with st.container(horizontal=True, gap="small"):
        for label, figure, total, note, meaning in figures:
            st.metric(
                label,
                figure,
                note if before is None else _change(getattr(now, total), getattr(before, total)),
                delta_color="off" if before is None else "inverse",  # more costs more
                delta_arrow="off" if before is None else "auto",
                help=meaning,
                border=alone,
                width=METRIC_PX if alone else FRAMED_METRIC_PX,
            )


def _change(value: int, was: int) -> str:
    return "no change" if value == was else f"{value / was - 1:+.1%}".replace("%", " %")


def show_bars(rows: Sequence[Cost]) -> None:
    """Draw three rows of bars, from the image on: each row's share of a total."""
    shown = [row for row in rows if any(getattr(row, cost) for cost in BARS)]
    for cost, (what, colour) in BARS.items():
        values = [getattr(row, cost) or 0 for row in shown]
        total = sum(values) or 1
        data = [
            {"name": row.name, "value": value, "share": value / total}
            for row, value in zip(shown, values, strict=True)
        ]
        longest = max(len(row.name) for row in shown)
        last = cost == list(BARS)[-1]
        names_px = min(20 + LETTER_PX * longest, NAMES_PX) if last else 0
        largest = max(data, key=lambda bar: bar["share"])
        st.vega_lite_chart(
            data,
            _bars(what, colour, names=last),
            height=BAR_HEIGHT_PX + names_px,
            alt=f"{what}: most of them, {largest['share']:.0%}, in {largest['name']}",
        )


def _bars(what: str, colour: str, *, names: bool) -> dict[str, Any]:
    """Return a row of bars in Vega-Lite."""
    labels = {"labels": names, "labelAngle": -60, "labelOverlap": False, "labelLimit": NAMES_PX}
    return {
        "title": {"text": what, "anchor": "start", "color": colour, "offset": 4},
        "mark": {"type": "bar", "color": colour, "cornerRadiusEnd": 2},
        "encoding": {
            "x": {
                "field": "name",
                "type": "nominal",
                "sort": None,
                "axis": {"title": None, "ticks": False, "grid": False, **labels},
            },
            "y": {
                "field": "share",
                "type": "quantitative",
                "axis": {"title": None, "format": ".0%", "tickCount": 3, "minExtent": 34},
            },
            "tooltip": [
                {"field": "name", "title": "Layer"},
                {"field": "value", "title": what, "format": ","},
                {"field": "share", "title": "Share", "format": ".1%"},
            ],
        },
    }


def rows_of(rows: Iterable[Cost]) -> list[dict[str, Any]]:
    """Return what a table shows of each row."""
    from models.explanation_text import MEBIBYTE, times, window

    return [
        {
            "Layer": row.name,
            "Kind": row.kind,
            "Window": window(row),
            "Output": times(row.output_shape),
            "Activations": row.activations,
            "MiB": row.activation_bytes / MEBIBYTE,
            "Parameters": row.parameters,
            "Multiply-adds": row.multiply_adds,
            "Sees": times(row.receptive_field) if row.receptive_field else "",
        }
        for row in rows
    ]


def columns(first: str = "Layer") -> dict[str, Any]:
    """Return how the columns of `rows_of` are shown."""
    number = st.column_config.NumberColumn
    return {
        "Layer": st.column_config.TextColumn(first, pinned=True),
        "Window": st.column_config.TextColumn(help="Kernel, stride and padding"),
        "Output": st.column_config.TextColumn(help="Height x width x channels"),
        "Activations": number(format="localized", help=IN_MEMORY),
        "MiB": number(format="%.2f", help="Their memory for the batch"),
        "Parameters": number(format="localized"),
        "Multiply-adds": number(format="localized", help="For one image"),
        "Sees": st.column_config.TextColumn(help="Pixels on which one value depends"),
    }


def height_of(rows: int) -> int:
    """Return the height of a table in px; a long one scrolls."""
    return HEAD_PX + ROW_PX * min(rows, ROWS_SHOWN)

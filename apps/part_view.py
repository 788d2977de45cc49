"""A part of a picture before and after, large; the visitor chooses which, and how large."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from apps.before_after import Side, show_before_after
from apps.enlarged_part import MOST_PX, Part, fitted_width
from apps.part_map import CENTRE, choose_part
from apps.photograph import Photograph

MAP_PX = 128  # on a phone, there is room beside it
ZOOMS = (1, 2, 4)  # pixels of the screen for one of the picture, along each side
WHOLE = 0  # in place of a zoom: all of the picture, made small

Sides = tuple[Side, Side]


def compare(
    source: Photograph,
    size_px: tuple[int, int],
    sides_of: Callable[[Part], Sides],
    *,
    whole: Callable[[], Sides] | None = None,
    centre: tuple[float, float] = CENTRE,
    page: str,
) -> None:
    """Show a part of what was made of a picture beside what was there before.

    Args:
        source: What it was made of.
        size_px: Height and width of what was made.
        sides_of: Draws a part before and after.
        whole: Draws both as a whole, of one size that fits the page; None where that is not shown.
        centre: Of the part that is shown first, from the left and from the top, each in [0, 1].
        page: What keys of widgets begin with.
    """
    fits = all(px <= most for px, most in zip(size_px, MOST_PX, strict=True))
    stage = st.container()
    with st.container(horizontal=True):
        corner = st.container(width=MAP_PX)
        with st.container():
            zoom = _choose_zoom(page, has_whole=whole is not None and not fits)
            hint = st.container()
    alt, key = source.upload.name, f"{page}.slider"
    if zoom == WHOLE and whole is not None:
        with stage:
            show_before_after(*whole(), fitted_size(size_px), alt=alt, key=key)
        return
    with corner:
        part = _choose_part(source, size_px, zoom, centre, page)
    if (part.height, part.width) != size_px:
        hint.caption("Drag the frame to look at another part.")
    with stage:
        size = part.height, part.width
        show_before_after(*sides_of(part), size, zoom=zoom, alt=f"a part of {alt}", key=key)


def fitted_size(size_px: tuple[int, int]) -> tuple[int, int]:
    """Return the height and width of a whole picture that just fits the page; never larger."""
    factor = min(1.0, *(most / px for px, most in zip(size_px, MOST_PX, strict=True)))
    height, width = (max(round(px * factor), 1) for px in size_px)
    return height, width


def _choose_zoom(page: str, *, has_whole: bool) -> int:
    zooms = (WHOLE, *ZOOMS) if has_whole else ZOOMS
    zoom: int = st.segmented_control(
        "Zoom",
        zooms,
        format_func=lambda times: f"{times:.0%}".replace("%", " %") if times else "Whole",
        default=zooms[0],
        required=True,
        key=f"{page}.zoom.whole" if has_whole else f"{page}.zoom",
        persist_state="session",
    )
    return zoom


def _choose_part(
    source: Photograph,
    size_px: tuple[int, int],
    zoom: int,
    centre: tuple[float, float],
    page: str,
) -> Part:
    first = Part.around(centre, size_px, zoom)
    height, width = size_px
    shares = first.width / width, first.height / height
    if shares == (1.0, 1.0):
        return first  # all of it
    # The same key for all that is made of a picture: the next network shows the same part.
    chosen = choose_part(
        source.small,
        shares,
        label="Part of the picture that is shown",
        width_px=fitted_width(size_px, MAP_PX),
        key=f"{page}.part.{source.upload.digest}",
        first=centre,
    )
    return Part.around(chosen, size_px, zoom)

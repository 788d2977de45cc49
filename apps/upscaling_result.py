"""What came of an enlargement: its size, a part of it before and after, the file to take away."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import streamlit as st

from apps.before_after import Side, show_before_after
from apps.enlarged_part import Part, fitted_width, part_png
from apps.part_map import CENTRE, choose_part
from apps.thread_work import Work
from apps.upscaling import Enlarged, Wish, file_of, size_text

MAP_PX = 128  # on a phone, there is room beside it
ZOOMS = (1, 2, 4)  # pixels of the screen for one of the picture, along each side
IN_PYTHON = """\
import sightsound as ss

upscale = ss.pipeline("super-resolution", preset="{preset}")
upscale("photo.jpg").save("photo_x{scale}.png")"""
ON_THE_COMMAND_LINE = "sightsound upscale photo.jpg --preset {preset} --out large"


class Format(NamedTuple):
    """A kind of file, and what it cannot hold."""

    ending: str
    mime: str
    alpha: bool = True
    longest_px: int = 2**31 - 1
    bits: int = 8


FORMATS = {
    "PNG": Format(".png", "image/png", bits=16),
    "JPEG": Format(".jpg", "image/jpeg", alpha=False, longest_px=65500),
    "WebP": Format(".webp", "image/webp", longest_px=16383),
    "TIFF": Format(".tif", "image/tiff", bits=16),
}


def show_enlarged(work: Work[Enlarged], enlarged: Enlarged) -> None:
    """Show all there is to see, offer the file, and say how to make it elsewhere.

    Args:
        work: What the file is taken from, so that the download holds nothing that is to make room.
        enlarged: What came of it.
    """
    wish, seconds = enlarged.wish, enlarged.result.timing_ms / 1000
    sizes = f"{size_text(wish.source.size_px)} → **{size_text(wish.size_px)}** pixels"
    st.markdown(f"{sizes} in **{seconds:.1f} s**")
    stage = st.container()
    with st.container(horizontal=True):
        corner = st.container(width=MAP_PX)
        with st.container():
            zoom = _choose_zoom()
            hint = st.container()
    with corner:
        part = _choose_part(wish, zoom)
    if (part.height, part.width) != wish.size_px:
        hint.caption("Drag the frame to look at another part.")
    with stage:
        _show_part(enlarged, part, zoom)
    _offer_file(work, enlarged.wish)

    st.subheader("The same elsewhere", anchor=False)
    facts = {"preset": enlarged.result.preset, "scale": wish.scale}
    python, command_line = st.tabs(["Python", "Command line"])
    python.code(IN_PYTHON.format(**facts), language="python", wrap_lines=True)
    command_line.code(ON_THE_COMMAND_LINE.format(**facts), language="bash", wrap_lines=True)


def _choose_zoom() -> int:
    zoom: int = st.segmented_control(
        "Zoom",
        ZOOMS,
        format_func=lambda times: f"{times:.0%}".replace("%", " %"),
        default=1,
        required=True,
        key="upscale.zoom",
        persist_state="session",
    )
    return zoom


def _choose_part(wish: Wish, zoom: int) -> Part:
    middle = Part.around(CENTRE, wish.size_px, zoom)
    height, width = wish.size_px
    shares = middle.width / width, middle.height / height
    if shares == (1.0, 1.0):
        return middle  # all of it
    # The same key for all that is made of a picture: the next network shows the same part.
    key = f"upscale.part.{wish.source.upload.digest}"
    label = "Part of the picture that is shown"
    width_px = fitted_width(wish.size_px, MAP_PX)
    centre = choose_part(wish.source.small, shares, label=label, width_px=width_px, key=key)
    return Part.around(centre, wish.size_px, zoom)


def _show_part(enlarged: Enlarged, part: Part, zoom: int) -> None:
    wish, result = enlarged.wish, enlarged.result
    alpha = None if result.alpha is None else part.of(result.alpha)
    sides = {
        "Bicubic": part.bicubic(result.original, wish.scale),
        result.preset: part.of(result.pixels),
    }
    before, after = (
        Side(name, part_png(pixels, alpha, result.original)) for name, pixels in sides.items()
    )
    alt = f"a part of {wish.source.upload.name}"
    size = part.height, part.width
    show_before_after(before, after, size, zoom=zoom, alt=alt, key="upscale.slider")


def _offer_file(work: Work[Enlarged], wish: Wish) -> None:
    source, longest = wish.source, max(wish.size_px)
    able = [
        name
        for name, form in FORMATS.items()
        if longest <= form.longest_px and (form.alpha or not source.has_alpha)
    ]
    key = f"upscale.format.{source.upload.digest}"
    default = next((name for name in able if name.upper() == source.format), able[0])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen: str = st.segmented_control("Format", able, default=default, required=True, key=key)
        form = FORMATS[chosen]
        name = source.file_name(wish.scale, form.ending)
        st.download_button(
            f"Download {chosen}",
            partial(file_of, work, name),
            name,
            form.mime,
            type="primary",
            icon=":material/download:",
            on_click="ignore",
        )
    if source.bits > form.bits:
        st.caption(f"{chosen} holds {form.bits} bits a channel, of this picture's {source.bits}.")

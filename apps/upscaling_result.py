"""What came of an enlargement: its size, a part of it before and after, the file to take away."""

from __future__ import annotations

import streamlit as st

from apps.before_after import Side
from apps.enlarged_part import Part, part_png
from apps.made_picture import offer_file
from apps.part_view import Sides, compare
from apps.photograph import size_text
from apps.thread_work import Work
from apps.upscaling import Enlarged

IN_PYTHON = """\
import sightsound as ss

upscale = ss.pipeline("super-resolution", preset="{preset}")
upscale("photo.jpg").save("photo_x{scale}.png")"""
ON_THE_COMMAND_LINE = "sightsound upscale photo.jpg --preset {preset} --out large"


def show_enlarged(work: Work[Enlarged], enlarged: Enlarged) -> None:
    """Show all there is to see, offer the file, and say how to make it elsewhere.

    Args:
        work: What the file is taken from, so that the download holds nothing that is to make room.
        enlarged: What came of it.
    """
    wish, seconds = enlarged.wish, enlarged.result.timing_ms / 1000
    sizes = f"{size_text(wish.source.size_px)} → **{size_text(wish.size_px)}** pixels"
    st.markdown(f"{sizes} in **{seconds:.1f} s**")
    compare(wish.source, wish.size_px, lambda part: _sides(enlarged, part), page="upscale")
    offer_file(work, wish.source, wish.size_px, f"_x{wish.scale}", page="upscale")

    st.subheader("The same elsewhere", anchor=False)
    facts = {"preset": enlarged.result.preset, "scale": wish.scale}
    python, command_line = st.tabs(["Python", "Command line"])
    python.code(IN_PYTHON.format(**facts), language="python", wrap_lines=True)
    command_line.code(ON_THE_COMMAND_LINE.format(**facts), language="bash", wrap_lines=True)


def _sides(enlarged: Enlarged, part: Part) -> Sides:
    result = enlarged.result
    alpha = None if result.alpha is None else part.of(result.alpha)
    bicubic = part.bicubic(result.original, result.scale)
    return (
        Side("Bicubic", part_png(bicubic, alpha, result.original)),
        Side(result.preset, part_png(part.of(result.pixels), alpha, result.original)),
    )

"""What came of filling a picture: before and after, the file to take away, and how to go on."""

from __future__ import annotations

from functools import partial
from io import BytesIO
from typing import NamedTuple

import streamlit as st
from PIL import Image

from apps.before_after import Side
from apps.enlarged_part import Part, part_png
from apps.inpainting import Inpainted, Visit
from apps.jobs import JobError
from apps.made_picture import offer_file
from apps.part_view import Sides, compare
from apps.plain_text import plain
from apps.preset_card import title
from apps.thread_work import Work
from pipelines.picture import to_depth

NETWORK = "network"
MARK = "_inpainted"  # as the command line has it
IN_PYTHON = """\
import sightsound as ss

remove = ss.pipeline("inpainting", {which}="{name}")
remove("photo.jpg", "mask.png").save("photo_inpainted.png")"""
ON_THE_COMMAND_LINE = (
    "sightsound inpaint photo.jpg --mask mask.png --{which} {name} --format png --out filled"
)


class Words(NamedTuple):
    """What a method is called, and when to take it."""

    title: str
    use: str


METHODS = {
    "auto": Words("Automatic", "Picks by how much you cover."),
    NETWORK: Words("Network", "Goes on with lines and textures."),
    "first_fill": Words("First fill", "Smooth: each pixel becomes the mean of its neighbours."),
    "telea": Words("Telea", "From the rim inwards, each pixel from those around it."),
    "ns": Words("Navier-Stokes", "Goes on with lines of equal brightness, as a fluid flows."),
    "biharmonic": Words(
        "Biharmonic", "Bends as a thin plate would: for scratches and dust, not for broad areas."
    ),
}


def show_inpainted(visit: Visit, work: Work[Inpainted], made: Inpainted) -> None:
    """Show all there is to see, offer the file, let the visitor go on, and say how elsewhere.

    Args:
        visit: The visitor's.
        work: What the file is taken from, so that the download holds nothing that is to make room.
        made: What came of it.
    """
    result, photo = made.result, made.wish.sheet.photo
    share = f"{result.share:.1%}".replace("%", " %")
    st.markdown(
        f"**{share}** of the picture filled by **{plain(_filler(made))}** in "
        f"**{result.timing_ms / 1000:.1f} s**"
    )
    if result.warning:
        st.warning(plain(result.warning, limit=400))
    compare(
        photo,
        photo.size_px,
        partial(_sides, made),
        whole=partial(_wholes, made),
        centre=made.middle,
        page="inpaint",
    )
    form = offer_file(work, photo, photo.size_px, MARK, page="inpaint")
    if form.is_lossy:
        st.caption("PNG and TIFF keep all that you did not cover to the bit; this format does not.")
    if st.button("Go on with this picture", icon=":material/arrow_forward:"):
        with st.spinner("Taking it …"):
            visit.go_on(made)
        st.rerun()
    _show_elsewhere(work, made)


def _filler(made: Inpainted) -> str:
    """Return what filled the picture, for people."""
    result = made.result
    if result.method == NETWORK:
        return title(result.preset)
    return METHODS[result.method].title if result.method in METHODS else result.method


def _sides(made: Inpainted, part: Part) -> Sides:
    result, original = made.result, made.result.original
    both = ((original.pixels, original.alpha), (result.pixels, result.alpha))
    before, after = (
        part_png(part.of(pixels), None if alpha is None else part.of(alpha), original)
        for pixels, alpha in both
    )
    return Side("Before", before), Side("After", after)


def _wholes(made: Inpainted) -> Sides:
    before, after = made.wholes
    return Side("Before", before), Side("After", after)


def _show_elsewhere(work: Work[Inpainted], made: Inpainted) -> None:
    st.subheader("The same elsewhere", anchor=False)
    is_network = made.result.method == NETWORK
    facts = {
        "which": "preset" if is_network else "method",
        "name": made.result.preset if is_network else made.result.method,
    }
    python, command_line = st.tabs(["Python", "Command line"])
    python.code(IN_PYTHON.format(**facts), language="python", wrap_lines=True)
    command_line.code(ON_THE_COMMAND_LINE.format(**facts), language="bash", wrap_lines=True)
    st.download_button(
        "Download mask",
        partial(mask_of, work),
        "mask.png",
        "image/png",
        icon=":material/download:",
        on_click="ignore",
    )


def mask_of(work: Work[Inpainted]) -> bytes:
    """Write the mask as a PNG file.

    Raises:
        JobError: What came of the work had to make room meanwhile.
    """
    made = work.outcome  # once, as others may take its room
    if made is None:
        raise JobError("it had to make room for others; make it again")
    file = BytesIO()
    Image.fromarray(to_depth(made.wish.mask, 8)).save(file, "png")
    return file.getvalue()

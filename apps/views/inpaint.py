"""Remove things from a picture: draw over them, have them filled in, and go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from apps.enlarged_part import fitted_width
from apps.following import HowFar, follow, hand_in
from apps.inpainting import Inpainted, Sheet, Visit, Wish, fillings, this_visit
from apps.inpainting_result import METHODS, NETWORK, show_inpainted
from apps.mask_canvas import mask_canvas
from apps.photograph import size_text
from apps.picture_visit import offer_upload
from apps.plain_text import plain
from apps.preset_card import show_preset, title
from apps.session import load_pipeline
from apps.tasks import INPAINT
from apps.thread_work import Work
from pipelines.presets import PresetError

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

FIRST_FILL = "first_fill"  # needs neither a preset nor a package
SEEN_PX = 704  # of a picture under a mask file; a page is as wide


def page() -> None:
    """Lay the page out."""
    st.title(INPAINT.title, anchor=False)
    st.markdown(INPAINT.wish)
    visit = this_visit()
    inpaint = _load(_choose_preset())
    offer_upload(visit, "inpaint")
    sheet = visit.source
    if sheet is None:
        st.button("Try a sample", icon=":material/imagesmode:", on_click=visit.take_sample)
        return
    _show_sheet(visit, sheet, inpaint)
    if visit.work is not None:
        _show_work(visit, visit.work)


# What fills -------------------------------------------------------------------------------------


def _choose_preset() -> str | None:
    """Let the visitor choose a network, where there is one, and keep it in `?preset=NAME`."""
    presets = INPAINT.presets
    if not presets:
        return None
    linked = st.query_params.get("preset")
    if linked in presets:
        st.session_state["inpaint.preset"] = linked
    preset: str = st.selectbox(
        "Network",
        presets,
        format_func=title,
        key="inpaint.preset",
        on_change=_link_to_preset,
        persist_state="session",
    )
    return preset


def _link_to_preset() -> None:
    st.query_params["preset"] = st.session_state["inpaint.preset"]


def _load(preset: str | None) -> Any:
    """Load a network; without one, or where it is damaged, the classical methods alone."""
    if preset is not None:
        try:
            with st.expander("About this network"):
                show_preset(preset)
            return load_pipeline(INPAINT.task, preset, _warm_up)
        except PresetError as error:
            st.error(plain(str(error), limit=600), title="This network cannot be loaded")
    return load_pipeline(INPAINT.task, None, _warm_up, method=FIRST_FILL)


def _warm_up(inpaint: Any) -> None:
    inpaint(np.zeros((32, 32, 3), np.uint8), boxes=[(8, 8, 8, 8)])


def _choose_method(inpaint: Any) -> str:
    """Let the visitor choose among what is there."""
    # Here: it imports TensorFlow, which the loading has told of.
    from pipelines.inpainting import classical

    classic = [name for name in classical.METHODS if classical.is_installed(name)]
    network = [] if inpaint.model is None else [NETWORK]
    method: str = st.selectbox(
        "Method",
        ["auto", *network, *classic],
        format_func=lambda name: METHODS[name].title,
        key="inpaint.method",
        persist_state="session",
    )
    is_network = method == "auto" and network
    st.caption("Takes the network." if is_network else METHODS[method].use)
    return method


# What is wanted ---------------------------------------------------------------------------------


def _show_sheet(visit: Visit, sheet: Sheet, inpaint: Any) -> None:
    """Show the picture to draw on, and the button that fills it."""
    is_busy = visit.work is not None and visit.work.is_active
    with st.container(border=True):
        with st.container(gap="xxsmall"):
            st.markdown(f"**{plain(sheet.photo.upload.name)}** · {size_text(sheet.photo.size_px)}")
            if sheet.photo.carries:
                st.caption(f"Keeps: {', '.join(sheet.photo.carries)}")
        mask = _take_mask(visit, sheet)
        buttons = st.container(horizontal=True)
        method = _choose_method(inpaint)
        if visit.mask_file is None:
            _offer_mask(visit, sheet)
        with buttons:
            # No callback: it might run before the mask of the last stroke has come in.
            is_pressed = st.button(
                "Remove", type="primary", icon=":material/ink_eraser:", disabled=is_busy
            )
            if visit.original is not None and sheet.photo is not visit.original.photo:
                st.button("Back to the original", icon=":material/undo:", on_click=visit.go_back)
            st.button("Start over", icon=":material/restart_alt:", on_click=visit.start_over)
    if is_pressed and mask is None:
        st.info("Draw over what should go, and press Remove then.", title="Nothing is covered yet")
    elif is_pressed and mask is not None:
        wish = Wish(sheet, mask, method)
        hand_in(lambda: visit.begin(inpaint, wish), refused="This picture cannot be filled now")


def _take_mask(visit: Visit, sheet: Sheet) -> np.ndarray | None:
    """Return the mask that was handed over, else what is drawn; None while there is nothing."""
    given = visit.mask_file
    if given is None:
        return mask_canvas(sheet.backdrop, key=sheet.canvas)
    width_px = fitted_width(sheet.photo.size_px, SEEN_PX)
    st.image(given.seen, width=width_px, alt="The picture under the mask")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Mask: **{plain(given.name)}**", width="content")
        st.button("Draw instead", icon=":material/brush:", on_click=visit.drop_mask)
    return given.mask


def _offer_mask(visit: Visit, sheet: Sheet) -> None:
    """Let the visitor hand a mask over."""
    with st.expander("Have a mask already?"):
        key = f"inpaint.mask.{visit.mask_turn}"
        st.file_uploader(
            f"A picture of {size_text(sheet.photo.size_px)} pixels: white goes, black stays",
            "image",
            key=key,
            on_change=_follow_mask,
            args=(visit, key),
        )
    if visit.mask_refusal is not None:
        name, why = visit.mask_refusal
        st.error(plain(why, limit=400), title=plain(name))


def _follow_mask(visit: Visit, key: str) -> None:
    file: UploadedFile | None = st.session_state[key]
    # The widget stays: a file that takes another one's place is told of as gone and then as come.
    visit.mask_file = visit.mask_refusal = None
    if file is not None:
        visit.take_mask(file.name, file.getvalue())


# Meanwhile --------------------------------------------------------------------------------------


def _show_work(visit: Visit, work: Work[Inpainted]) -> None:
    follow(
        fillings(),
        work,
        lambda: _how_far(work),
        lambda made: show_inpainted(visit, work, made),
        failed="This picture cannot be filled",
        lost="The server keeps only so many pictures, and others came after this one. Press Remove "
        "again.",
    )


def _how_far(work: Work[Inpainted]) -> HowFar:
    """Return which part is done, and what is being done, in words."""
    done, of = work.steps
    return (done / of, f"Part {min(done + 1, of)} of {of}") if of > 1 else (0.0, "Filling …")


page()

"""Make a picture larger, and look closely at what came of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from apps.enlarged_part import fitted_width
from apps.following import HowFar, follow, hand_in
from apps.photograph import TIMES, size_text
from apps.picture_visit import offer_upload
from apps.plain_text import plain
from apps.preset_card import show_preset, title
from apps.session import load_pipeline
from apps.tasks import UPSCALE
from apps.thread_work import Work
from apps.upscaling import (
    MOST_PIXELS,
    Enlarged,
    Visit,
    Wish,
    enlargements,
    this_visit,
)
from apps.upscaling_result import show_enlarged
from models.spec import SCALES
from pipelines import DEFAULT_UPSCALERS
from pipelines.presets import PresetError, load_preset

SMALL_PX = 128


def page() -> None:
    """Lay the page out."""
    st.title(UPSCALE.title, anchor=False)
    st.markdown(UPSCALE.wish)
    visit = this_visit()
    scale, preset = _choose_network()
    try:
        with st.expander("About this network"):
            show_preset(preset)
        upscale = load_pipeline(UPSCALE.task, preset, _warm_up)
    except PresetError as error:
        st.error(plain(str(error), limit=600), title="This network cannot be loaded")
        return
    offer_upload(visit, "upscale")
    if visit.source is None:
        return
    wish = Wish(visit.source, scale)
    _show_wish(visit, wish, upscale)
    if visit.work is not None:
        _show_work(visit.work)


def _warm_up(upscale: Any) -> None:
    upscale(np.zeros((32, 32, 3), np.uint8))


# What is wanted --------------------------------------------------------------------------------


@st.cache_resource(show_spinner=False)
def _scale_of(preset: str) -> int | None:
    """Return how many times larger a preset makes pictures; None where it is damaged."""
    try:
        return int(load_preset(preset).config["options"]["scale"])
    except PresetError:
        return None


def _choose_network() -> tuple[int, str]:
    """Let the visitor choose, and keep the choice in the page's address, `?preset=NAME`."""
    scales = {preset: _scale_of(preset) for preset in UPSCALE.presets}
    linked = st.query_params.get("preset", "")
    if scales.get(linked):
        st.session_state["upscale.scale"] = scales[linked]
        st.session_state[f"upscale.preset.{scales[linked]}"] = linked
    with st.container(horizontal=True):
        offered = sorted({scale for scale in scales.values() if scale}) or SCALES
        scale: int = st.segmented_control(
            "How many times larger",
            offered,
            format_func=f"{TIMES} {{}}".format,
            default=offered[0],
            required=True,
            key="upscale.scale",
            on_change=_link_to_preset,
            persist_state="session",
        )
        there = [preset for preset, its in scales.items() if its in (scale, None)]
        preset: str = st.selectbox(
            "Network",
            sorted(there, key=lambda name: name != DEFAULT_UPSCALERS[scale]),  # that one first
            format_func=title,
            key=f"upscale.preset.{scale}",
            on_change=_link_to_preset,
            persist_state="session",
        )
    return scale, preset


def _link_to_preset() -> None:
    chosen = st.session_state.get(f"upscale.preset.{st.session_state['upscale.scale']}")
    if chosen is None:
        st.query_params.pop("preset", None)
    else:
        st.query_params["preset"] = chosen


def _show_wish(visit: Visit, wish: Wish, upscale: Any) -> None:
    """Show the picture, what it would become, and the button that makes it so."""
    source, is_busy = wish.source, visit.work is not None and visit.work.is_active
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            width_px = fitted_width(source.size_px, SMALL_PX)
            st.image(source.small, width=width_px, alt=source.upload.name)
            with st.container(gap="xxsmall"):
                st.markdown(f"**{plain(source.upload.name)}**")
                st.markdown(f"{size_text(source.size_px)} → {size_text(wish.size_px)} pixels")
                if source.carries:
                    st.caption(f"Keeps: {', '.join(source.carries)}")
        with st.container(horizontal=True):
            # No callback: it would have the wish of the run before, without the last choice.
            is_pressed = st.button(
                "Enlarge",
                type="primary",
                icon=":material/photo_size_select_large:",
                disabled=is_busy or wish.is_too_large,
            )
            st.button("Start over", icon=":material/restart_alt:", on_click=visit.start_over)
    if wish.is_too_large:
        height, width = wish.size_px
        st.warning(
            f"A picture is made of at most {MOST_PIXELS / 1e6:.0f} megapixels here, and this one "
            f"would have {height * width / 1e6:.0f}. Choose a smaller scale, or a smaller picture.",
            title="Too large",
        )
    elif is_pressed:
        hand_in(lambda: visit.begin(upscale, wish), refused="This picture cannot be enlarged now")


# Meanwhile -------------------------------------------------------------------------------------


def _show_work(work: Work[Enlarged]) -> None:
    follow(
        enlargements(),
        work,
        lambda: _how_far(work),
        lambda enlarged: show_enlarged(work, enlarged),
        failed="This picture cannot be enlarged",
        lost="The server keeps only so many enlarged pictures, and others came after this one. "
        "Enlarge it again.",
    )


def _how_far(work: Work[Enlarged]) -> HowFar:
    """Return which part is done, and what is being done, in words."""
    done, of = work.steps
    return (done / of, f"Tile {min(done + 1, of)} of {of}") if of else (0.0, "Enlarging …")


page()

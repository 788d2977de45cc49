"""Make a picture larger, and look closely at what came of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from apps.enlarged_part import fitted_width
from apps.jobs import JobError, State
from apps.plain_text import plain
from apps.preset_card import show_preset, title
from apps.session import load_pipeline
from apps.tasks import UPSCALE
from apps.thread_work import Work
from apps.upscaling import (
    MOST_PIXELS,
    TIMES,
    Enlarged,
    Visit,
    Wish,
    enlargements,
    size_text,
    this_visit,
)
from apps.upscaling_result import show_enlarged
from models.spec import SCALES
from pipelines import DEFAULT_UPSCALERS
from pipelines.presets import PresetError, load_preset

LOOK_EVERY_S = 0.3
SMALL_PX = 128
REFUSAL = "upscale.refusal"  # in the session: why a picture could not be handed in


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
    _offer_upload(visit)
    if visit.source is None:
        return
    wish = Wish(visit.source, scale)
    _show_wish(visit, wish, upscale)
    if visit.work is not None:
        _show_work(visit, visit.work)


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


def _offer_upload(visit: Visit) -> None:
    key = f"upscale.upload.{visit.turn}"
    st.file_uploader(
        "Picture", "image", key=key, on_change=lambda: visit.take(st.session_state[key])
    )
    if visit.refusal is not None:
        name, reason = visit.refusal
        st.error(plain(reason, limit=400), title=plain(name))


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
            st.button(
                "Enlarge",
                type="primary",
                icon=":material/photo_size_select_large:",
                disabled=is_busy or wish.is_too_large,
                on_click=_begin,
                args=(visit, upscale, wish),
            )
            st.button("Start over", icon=":material/restart_alt:", on_click=visit.start_over)
    if wish.is_too_large:
        height, width = wish.size_px
        st.warning(
            f"A picture is made of at most {MOST_PIXELS / 1e6:.0f} megapixels here, and this one "
            f"would have {height * width / 1e6:.0f}. Choose a smaller scale, or a smaller picture.",
            title="Too large",
        )
    refusal = st.session_state.pop(REFUSAL, "")
    if refusal:
        st.error(plain(refusal, limit=400), title="This picture cannot be enlarged now")


def _begin(visit: Visit, upscale: Any, wish: Wish) -> None:
    try:
        visit.begin(upscale, wish)
    except JobError as error:
        st.session_state[REFUSAL] = str(error)


# Meanwhile -------------------------------------------------------------------------------------


def _show_work(visit: Visit, work: Work[Enlarged]) -> None:
    work.look()
    if work.is_active:
        st.fragment(_follow, run_every=LOOK_EVERY_S)(visit, work)
    elif work.state is State.FAILED:
        st.error(plain(work.failure, limit=400), title="This picture cannot be enlarged")
    elif work.state is State.STOPPED:
        st.info("Cancelled.")
    elif work.outcome is None:
        st.info(
            "The server keeps only so many enlarged pictures, and others came after this one. "
            "Enlarge it again.",
            title="It had to make room",
        )
    else:
        st.fragment(_show_outcome)(work)


def _show_outcome(work: Work[Enlarged]) -> None:
    """Show it; run again alone, when the visitor looks at another part."""
    work.look()
    outcome = work.outcome  # once: another visitor's may take its room at any time
    if outcome is None:
        st.rerun()
    show_enlarged(work, outcome)


def _follow(visit: Visit, work: Work[Enlarged]) -> None:
    """Show how far it is; run again and again, until it has ended."""
    work.look()
    if not work.is_active:
        st.rerun()
    share, words = _how_far(work)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(share, words)
        is_stopping = work.state is State.STOPPING
        st.button(
            "Cancelling …" if is_stopping else "Cancel",
            icon=":material/close:",
            disabled=is_stopping,
            on_click=visit.stop,
        )


def _how_far(work: Work[Enlarged]) -> tuple[float, str]:
    """Return which part is done, and what is being done, in words."""
    before = enlargements().place(work)
    if before:
        others = "another picture" if before == 1 else f"{before} other pictures"
        return 0.0, f"Waiting for {others} on this server"
    done, of = work.steps
    return (done / of, f"Tile {min(done + 1, of)} of {of}") if of else (0.0, "Enlarging …")


page()

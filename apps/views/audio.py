"""Make sound: new, or from a recording; hear it, look at it, take it away."""

from __future__ import annotations

from typing import Any

import streamlit as st

from apps.following import HowFar, follow, hand_in
from apps.generating import Generation, Visit, generations, this_visit
from apps.plain_text import plain
from apps.preset_card import show_preset, title
from apps.session import load_pipeline
from apps.sound_form import choose_aim, choose_wish, offer_recording
from apps.sound_wish import Aim
from apps.take_cards import show_elsewhere, show_made
from apps.tasks import AUDIO
from pipelines.presets import PresetError

BUTTONS = {
    Aim.SPEAK: ("Generate", ":material/graphic_eq:"),
    Aim.CONTINUE: ("Continue", ":material/resume:"),
    Aim.VOCODE: ("Say it anew", ":material/record_voice_over:"),
    Aim.SCORE: ("Score", ":material/speed:"),
}


def page() -> None:
    """Lay the page out."""
    st.title(AUDIO.title, anchor=False)
    st.markdown(AUDIO.wish)
    visit = this_visit()
    visit.settle()
    preset = _choose_preset()
    try:
        with st.expander("About this network"):
            show_preset(preset)
        # No clip to warm it up: its loop is compiled in the background, and the visitor is told.
        pipeline = load_pipeline(AUDIO.task, preset, lambda _: None)
    except PresetError as error:
        st.error(plain(str(error), limit=600), title="This network cannot be loaded")
        return
    aim = choose_aim(pipeline)
    if aim is not Aim.SPEAK:
        offer_recording(visit, pipeline.rate_hz)
    if aim is Aim.SPEAK or visit.recording is not None:
        _show_wish(visit, pipeline, aim)
    if visit.work is not None:
        _show_work(visit.work)
    for made in visit.made:
        show_made(made, dark=_is_dark())
    if visit.made:
        show_elsewhere(visit.made[0])


def _is_dark() -> bool:
    return st.context.theme.type == "dark"


# What is wanted --------------------------------------------------------------------------------


def _choose_preset() -> str:
    """Let the visitor choose, and keep the choice in the page's address, `?preset=NAME`."""
    linked = st.query_params.get("preset")
    if linked in AUDIO.presets:
        st.session_state["audio.preset"] = linked
    return st.selectbox(
        "Network",
        AUDIO.presets,
        format_func=title,
        key="audio.preset",
        on_change=_link_to_preset,
        persist_state="session",
    )


def _link_to_preset() -> None:
    st.query_params["preset"] = st.session_state["audio.preset"]


def _show_wish(visit: Visit, pipeline: Any, aim: Aim) -> None:
    """Show what can be chosen, and the button that makes it so."""
    with st.container(border=True):
        wish = choose_wish(visit, pipeline, aim)
        is_busy = visit.work is not None and visit.work.is_active
        name, icon = BUTTONS[aim]
        with st.container(horizontal=True):
            # No callback: it would have the wish of the run before, without what was typed last.
            is_pressed = st.button(name, type="primary", icon=icon, disabled=is_busy)
            st.button("Start over", icon=":material/restart_alt:", on_click=visit.start_over)
    if is_pressed:
        hand_in(
            lambda: visit.begin(pipeline, wish, dark=_is_dark()), refused="This cannot be done now"
        )


# Meanwhile -------------------------------------------------------------------------------------


def _show_work(work: Generation) -> None:
    follow(
        generations(),
        work,
        lambda: _how_far(work),
        lambda _: st.rerun(),  # it ended while the page ran: the next run settles it
        failed="This cannot be done",
        lost="The server keeps only so much sound, and others came after it. Try again.",
    )


def _how_far(work: Generation) -> HowFar:
    """Return which part is done, and what is being done, in words."""
    if work.is_compiling:
        return 0.0, "Compiling the network's loop: some 15 seconds, once a machine"
    done, of = work.steps
    if not of:
        return 0.0, "Listening …" if work.wish.recording else "Starting …"
    rate_hz = work.pipeline.rate_hz
    return done / of, f"{done / rate_hz:.1f} of {of / rate_hz:.1f} seconds"


page()

"""Clips on a page: heard, seen side by side, taken away."""

from __future__ import annotations

from functools import partial

import streamlit as st

from apps.plain_text import plain
from apps.sound_pictures import WIDTH_PX
from apps.takes import Form, Made, Take
from pipelines.audio_results import ScoredAudio

MIME: dict[Form, str] = {"wav": "audio/wav", "flac": "audio/flac"}
TITLE_CHARACTERS = 40  # two lines of a card


def show_made(made: Made, *, dark: bool) -> None:
    """Show what came of one wish: a clip alone over the whole width, several in two columns.

    Args:
        made: What came of it.
        dark: Whether for the dark theme.
    """
    takes = made.all_takes
    if len(takes) == 1:
        _show_alone(takes[0], made.score, dark)
        return
    for first in range(0, len(takes), 2):
        for column, take in zip(st.columns(2), takes[first : first + 2], strict=False):
            with column.container(border=True):
                _show_sound(take)
                _show_picture(take, dark)
                _offer_files(take)


def show_elsewhere(made: Made) -> None:
    """Say how to make the first of the clips without these pages."""
    st.subheader("The same elsewhere", anchor=False)
    elsewhere = made.elsewhere
    names = ["Python", *(["Command line"] if elsewhere.command_line else [])]
    tabs = st.tabs(names)
    tabs[0].code(elsewhere.python, language="python", wrap_lines=True)
    for tab in tabs[1:]:
        tab.code(elsewhere.command_line, language="bash", wrap_lines=True)


def _show_alone(take: Take, score: ScoredAudio | None, dark: bool) -> None:
    with st.container(border=True):
        left, right = st.columns(2, vertical_alignment="center")
        with left:
            _show_sound(take)
            if score is None:
                _offer_files(take)
            else:
                _show_score(score)
        with right:
            _show_picture(take, dark)


def _show_sound(take: Take) -> None:
    with st.container(gap="xxsmall"):
        st.markdown(f"**{plain(take.title, limit=TITLE_CHARACTERS)}**")
        st.caption(plain(take.facts, limit=200))
    st.audio(take.wav, format=MIME["wav"], alt=take.title)


def _show_picture(take: Take, dark: bool) -> None:
    alt = f"Waveform and spectrogram of {take.title}"
    st.image(take.picture(dark=dark), width=WIDTH_PX, alt=alt)


def _offer_files(take: Take) -> None:
    with st.container(horizontal=True):
        for form, mime in MIME.items():
            st.download_button(
                form.upper(),
                partial(take.file, form),
                f"{take.stem}.{form}",
                mime,
                key=f"audio.{form}.{take.key}",
                icon=":material/download:",
                on_click="ignore",
            )


def _show_score(score: ScoredAudio) -> None:
    st.metric("Bits per sample", f"{score.bits_per_sample:.2f}")
    st.markdown(verdict(score))


def verdict(score: ScoredAudio) -> str:
    """Say what a score means."""
    if score.deviations is None:
        return "Who knows nothing of sound needs 8; the fewer, the better it was foretold."
    side = "more" if score.deviations > 0 else "fewer"
    is_one = "**an outlier**" if score.outlier else "**as expected**"
    return (
        f"{abs(score.deviations):.1f} deviations {side} than recordings that the network never "
        f"heard: {is_one}."
    )

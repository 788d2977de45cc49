"""The front door: what Sightsound is, what it can do, how to do the same elsewhere."""

from __future__ import annotations

import streamlit as st

from apps.plain_text import plain
from apps.preset_card import score
from apps.session import boot, preset_metadata
from apps.tasks import OTHER_PAGES, TASK_PAGES, Page
from pipelines.presets import PresetError

IN_PYTHON = """\
import sightsound as ss

classify = ss.pipeline("image-classification")
result = classify("seven.png", top_k=3)
print(result.label, result.score)

upscale = ss.pipeline("super-resolution", scale=2)
upscale("photo.jpg").save("photo@2x.png")

say = ss.pipeline("audio-generation")
say(label="seven", speaker="theo", seed=7).save("seven.wav")"""
ON_THE_COMMAND_LINE = """\
sightsound predict seven.png --top-k 3
sightsound predict --jsonl scans/ > results.jsonl
sightsound upscale photo.jpg --scale 2 --out large
sightsound generate audio --label seven --speaker theo --seed 7 --out seven.wav"""


def page() -> None:
    """Lay the page out."""
    st.title("Classic networks, ready in one line", anchor=False)
    st.markdown(
        "Sightsound is a Keras toolkit for pictures and sound: the networks of the papers, built "
        "exactly, trained, and at hand on these pages, in Python and on the command line. What "
        "you hand over stays on the machine that serves this page."
    )
    for card in (*TASK_PAGES, *OTHER_PAGES):
        _show_card(card)

    st.subheader("Networks in the package", anchor=False)
    presets = [(task, name) for task in TASK_PAGES for name in task.presets]
    for first in range(0, len(presets), 2):
        for column, (task, name) in zip(st.columns(2), presets[first : first + 2], strict=False):
            with column:
                _show_preset(task, name)

    st.subheader("The same elsewhere", anchor=False)
    python, command_line = st.tabs(["Python", "Command line"])
    python.code(IN_PYTHON, language="python", wrap_lines=True)
    command_line.code(ON_THE_COMMAND_LINE, language="bash", wrap_lines=True)

    boot()  # last: Keras takes seconds to import, while the visitor reads


def _show_card(card: Page) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch", gap="xxsmall"):
            st.markdown(f"**{card.title}**")
            st.caption(card.wish)
        st.page_link(card.script, label="Open", icon=card.icon)


def _show_preset(task: Page, name: str) -> None:
    with st.container(border=True, height="stretch"):
        try:
            metadata = preset_metadata(name)
        except PresetError as error:
            st.error(plain(str(error), limit=400), title=plain(name))
            return
        st.markdown(f"**{plain(metadata['title'])}**")
        best = metadata["metrics"][0]
        with st.container(horizontal=True, vertical_alignment="center"):
            figure = f"{plain(best['name'])} on {plain(best['data'])}"
            st.metric(figure, score(best), width="stretch")
            st.page_link(task.script, label="Try", icon=task.icon, query_params={"preset": name})


page()

"""The page that makes sound, with tiny presets, and another page to go to."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

import pipelines.presets
from apps.tasks import AUDIO, HOME


@st.cache_resource
def presets() -> Path:
    """Return a folder of tiny presets."""
    from tests.apps.audio_page import save_micro_presets

    folder = Path(tempfile.mkdtemp())
    save_micro_presets(folder)
    return folder


pipelines.presets.SHIPPED = presets()
st.set_page_config(page_icon="👁️")  # else the page's icon is the tab's, and comes from the network
st.navigation(
    [
        st.Page(AUDIO.script, title=AUDIO.title, icon=AUDIO.icon, default=True),
        st.Page(HOME.script, title=HOME.title, icon=HOME.icon),
    ],
    position="top",
).run()

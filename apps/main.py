"""The pages and the way between them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from apps.tasks import ALL_PAGES
from apps.training_visit import note_presence

# Before the navigation, which would make the page's icon the tab's: those come from the network.
st.set_page_config(page_icon="👁️")
pages = [st.Page(page.script, title=page.title, icon=page.icon) for page in ALL_PAGES]
page = st.navigation(pages, position="top")
st.set_page_config(page_title=f"{page.title} · Sightsound")
st.logo(Path(__file__).with_name("logo.svg"))
note_presence()  # a training goes on while its visitor is on another page
page.run()

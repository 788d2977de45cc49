"""A page that shows hostile names in the elements in which the pages show a visitor's words."""

from __future__ import annotations

import streamlit as st

from apps.plain_text import plain
from tests.apps.hostile_names import HOSTILE_NAMES

for name in HOSTILE_NAMES:
    st.markdown(plain(name))
    st.subheader(plain(name), anchor=False)
    st.error(plain(name), title=plain(name))
    st.button(plain(name))
    st.metric(plain(name), 0)

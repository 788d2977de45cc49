"""A page that shows the canvas for masks, what comes of it, and another page to go to.

`?times=N` makes the picture so many times as large.
"""

from __future__ import annotations

import io
from typing import Any

import streamlit as st
from PIL import Image

from apps.mask_canvas import Backdrop, mask_canvas
from pipelines.images import read_image


@st.cache_resource
def backdrop(times: float) -> Backdrop:
    """Return a photograph."""
    from sklearn.datasets import load_sample_image

    image = Image.fromarray(load_sample_image("china.jpg"))
    size = round(image.width * times), round(image.height * times)
    return Backdrop.of(read_image(image.resize(size)))


def canvas() -> None:
    """Show the canvas, and give the mask away as Python has it."""
    picture = backdrop(float(st.query_params.get("times", "1")))
    mask = mask_canvas(picture, key="canvas")
    if st.button("Take", type="primary", disabled=mask is None):
        st.session_state["taken"] = mask
        st.session_state["takes"] = st.session_state.get("takes", 0) + 1
    if "taken" in st.session_state:
        show_taken(st.session_state["taken"])


def show_taken(mask: Any) -> None:
    """Give the mask as a file."""
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "png")
    st.markdown(f"Take {st.session_state['takes']}")
    st.download_button("Mask", file.getvalue(), "mask.png", "image/png", on_click="ignore")


def elsewhere() -> None:
    """Show that this is another page."""
    st.markdown("Nothing is here.")


st.navigation(
    [
        st.Page(canvas, title="Canvas", default=True),
        st.Page(elsewhere, title="Elsewhere", url_path="elsewhere"),
    ],
    position="top",
).run()

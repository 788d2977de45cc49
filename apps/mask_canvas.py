"""A picture to draw a mask on, by mouse, finger, pen or keyboard.

The browser draws alone. It sends the mask when the hand has rested for half a second, or at once
when the visitor turns to something else: whatever is pressed then finds the last stroke, if the
press lasts as long as a hand's. The page's script runs again for it, and must do nothing heavy by
itself.

The mask is a trigger of Streamlit's, not a state: it is sent once. A state would be sent again
with everything that the visitor does, and be dropped when the page is left. The copy in the
session is the one that counts.

The canvas is no fragment of its own. Streamlit sends what happens at about the same time together,
and if one of it belongs to a fragment, only that fragment runs: a button pressed right after a
stroke would do nothing. A page may well put the canvas and its button into one fragment.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from apps.drawn_mask import DrawnMaskError, canvas_size, mask_of, png_of
from apps.plain_text import plain
from pipelines.picture import Picture, to_depth

SHOWN_PX = 1600  # along the longer side: as wide as a page on a screen of two pixels for one
QUALITY = 85  # of WebP, on a scale to 100: what is looked at while one draws on it
PNG_URL, WEBP_URL = "data:image/png;base64,", "data:image/webp;base64,"

_HERE = Path(__file__)
_canvas = st.components.v2.component(
    "mask_canvas",
    html=_HERE.with_suffix(".html").read_text("utf-8"),
    css=_HERE.with_suffix(".css").read_text("utf-8"),
    js=_HERE.with_suffix(".js").read_text("utf-8"),
)


@dataclass(frozen=True)
class Backdrop:
    """A picture to draw on, as the browser shows it.

    Attributes:
        url: The picture, small, as a data URL.
        size_px: The whole picture's height and width, which its mask has, too.
    """

    url: str = field(repr=False)
    size_px: tuple[int, int]

    @classmethod
    def of(cls, picture: Picture) -> Backdrop:
        """Make a picture small; done once for a picture, not in every run of a page."""
        image = Image.fromarray(picture.rgb8)
        if picture.alpha is not None:
            image.putalpha(Image.fromarray(to_depth(picture.alpha, 8)))
        image.thumbnail((SHOWN_PX, SHOWN_PX), Image.Resampling.LANCZOS, reducing_gap=2.0)
        profile = picture.icc_profile
        fits = profile is not None and profile[16:20] == b"RGB "
        file = BytesIO()
        image.save(file, "webp", quality=QUALITY, icc_profile=profile if fits else None)
        return cls(_url(WEBP_URL, file.getvalue()), picture.size_px)


@dataclass
class Drawing:
    """What one visitor has drawn on one picture.

    Attributes:
        size_px: The picture's height and width.
        png: The canvas as it was sent last; None while nothing is drawn.
        start: What the canvas shows when the browser opens it; it stays as long as it is open,
            as the browser is sent everything anew when something of it changes.
        refusal: Why what was sent last was not taken.
    """

    size_px: tuple[int, int]
    png: bytes | None = None
    start: bytes | None = None
    refusal: str = ""

    @property
    def mask(self) -> np.ndarray | None:
        """The mask as `mask_of` gives it, or None while nothing is drawn."""
        return None if self.png is None else mask_of(self.png, self.size_px)

    def take(self, told: Any) -> None:
        """Take what the browser sent in place of what was before, or note why not."""
        try:
            png = png_of(told, self.size_px)
            self.png = png if mask_of(png, self.size_px).any() else None
            self.refusal = ""
        except DrawnMaskError as error:
            self.refusal = str(error)


def mask_canvas(picture: Backdrop, *, key: str) -> np.ndarray | None:
    """Show a picture to draw on, and return what is drawn.

    A page asks `if st.button(...)` for what it does with the mask. A callback of the button's may
    run before the mask of the last stroke has come in.

    Args:
        picture: What is drawn on.
        key: Of the widget, and of the drawing in the session; another picture has another one.

    Returns:
        (H, W) uint8 of the picture's own size: 255 where the visitor drew, else 0, and between
        them along the edges in a picture larger than a canvas can be. None while nothing is drawn.
    """
    drawing: Drawing = st.session_state.setdefault(f"{key}.drawing", Drawing(picture.size_px))
    if key not in st.session_state:  # the page is opened, again or for the first time
        drawing.start = drawing.png
    height_px, width_px = canvas_size(picture.size_px)
    _canvas(
        key=key,
        data={
            "picture": picture.url,
            "width_px": width_px,
            "height_px": height_px,
            "start": None if drawing.start is None else _url(PNG_URL, drawing.start),
        },
        on_mask_change=partial(_take, drawing, key),
    )
    if drawing.refusal:
        st.error(plain(drawing.refusal, limit=400), title="The mask was not taken")
    return drawing.mask


def forget_drawing(key: str) -> None:
    """Drop what was drawn on the canvas of a key that is not shown any more."""
    st.session_state.pop(f"{key}.drawing", None)


def _take(drawing: Drawing, key: str) -> None:
    sent = st.session_state.get(key)
    if sent is not None:  # as it is when another page runs already
        drawing.take(sent.get("mask"))


def _url(head: str, content: bytes) -> str:
    return head + base64.b64encode(content).decode()

"""A small picture of the whole, and on it a frame around the part that is looked at.

One drags the frame, presses where it shall go, or moves it by the arrow keys. The page's script
runs again when the frame has come to rest.
"""

from __future__ import annotations

import base64
import math
from typing import Any

import streamlit as st

CENTRE = (0.5, 0.5)

HTML = '<button type="button"><img alt=""><span></span></button>'
CSS = """
button {
  display: block; position: relative; overflow: hidden; width: 100%; padding: 0; border: 0;
  border-radius: var(--st-base-radius); cursor: grab; touch-action: none; user-select: none;
  background: repeating-conic-gradient(#c3c9c7 0% 25%, #eef1f0 0% 50%) 0 0 / 12px 12px;
}
button:active { cursor: grabbing; }
button:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 2px; }
img { display: block; width: 100%; pointer-events: none; }
span {
  position: absolute; box-sizing: border-box; min-width: 8px; min-height: 8px;
  border: 2px solid #fff; border-radius: 3px; pointer-events: none;
  box-shadow: 0 0 0 1px rgb(0 0 0 / 45%), 0 0 0 999px rgb(12 18 17 / 45%);
}
"""
JS = """
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export default function ({ parentElement, data, setStateValue }) {
  const map = parentElement.querySelector("button");
  const frame = map.querySelector("span");
  const sizes = data.part;
  map.querySelector("img").src = data.url;
  const place = (centre) => {
    // Kept here: what the script knows is older while the frame moves.
    map.centre = centre.map((at, axis) => {
      const half = sizes[axis] / 2;
      return Math.min(Math.max(at, half), 1 - half);
    });
    const [left, top] = map.centre.map((at, axis) => 100 * (at - sizes[axis] / 2));
    frame.style.inset = `${top}% auto auto ${left}%`;
    frame.style.width = `${100 * sizes[0]}%`;
    frame.style.height = `${100 * sizes[1]}%`;
    const [x, y] = map.centre.map((at) => Math.round(100 * at));
    map.setAttribute("aria-label",
      `${data.label}: ${x} % from the left, ${y} % from the top. The arrow keys move it.`);
  };
  const follow = (event) => {
    const box = map.getBoundingClientRect();
    place([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]);
  };
  map.onpointerdown = (event) => { map.setPointerCapture(event.pointerId); follow(event); };
  map.onpointermove = (event) => { if (map.hasPointerCapture(event.pointerId)) follow(event); };
  map.onlostpointercapture = () => setStateValue("centre", map.centre);
  map.onkeydown = (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    place(map.centre.map((at, axis) => at + step[axis] * sizes[axis] / 4));
    setStateValue("centre", map.centre);
  };
  place(map.centre ?? data.centre);
}
"""

_map = st.components.v2.component("part_map", html=HTML, css=CSS, js=JS)


def choose_part(
    whole_png: bytes,
    part: tuple[float, float],
    *,
    label: str,
    width_px: int,
    key: str,
    first: tuple[float, float] = CENTRE,
) -> tuple[float, float]:
    """Let the visitor choose a part, and return its centre from the left and from the top, [0, 1].

    Args:
        whole_png: The whole picture, small.
        part: The part's width and height as shares of the whole, (0, 1].
        label: What the part is, for those who cannot see it.
        width_px: Of the map on the page.
        key: Of the widget: with another one, the part is where it is first.
        first: The centre of the part until another one is chosen.
    """
    url = f"data:image/png;base64,{base64.b64encode(whole_png).decode()}"
    before = _checked(st.session_state.get(key, {}).get("centre"), first)
    chosen = _map(
        key=key,
        data={"url": url, "part": part, "centre": before, "label": label},
        default={"centre": first},
        width=width_px,
        on_centre_change=_do_nothing,
    )
    return _checked(chosen.centre, first)


def _do_nothing() -> None:
    """Stand in for a callback: without one, Streamlit hands no state on."""


def _checked(centre: Any, otherwise: tuple[float, float]) -> tuple[float, float]:
    """Take two shares from the browser; in place of anything else, `otherwise`."""
    try:
        x, y = (min(max(float(share), 0.0), 1.0) for share in centre)
    except (TypeError, ValueError, OverflowError):
        return otherwise
    return (x, y) if math.isfinite(x) and math.isfinite(y) else otherwise

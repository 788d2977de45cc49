"""Two pictures of the same thing, one over the other, and a border between them that one moves.

The border is a range input of the browser's own: mouse, touch, keyboard and screen readers know it.
It lies unseen over the pictures, its thumb being the grip. It is wider than the pictures by the
thumb, half on either side, so that the border is always where the pointer is.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

import streamlit as st

HTML = """
<div class="stage">
  <div class="before"><img><span></span></div>
  <div class="after"><img><span></span></div>
  <input type="range" min="0" max="100" step="any" value="50">
  <div class="border" aria-hidden="true">
    <svg viewBox="0 0 24 24"><path d="m9 7-5 5 5 5m6-10 5 5-5 5"/></svg>
  </div>
</div>
"""
CSS = """
.stage {
  --at: 50%; --grip: 44px;
  position: relative; overflow: hidden; margin-inline: auto;
  border-radius: var(--st-base-radius); font: 500 0.8125rem var(--st-font);
  background: repeating-conic-gradient(#c3c9c7 0% 25%, #eef1f0 0% 50%) 0 0 / 16px 16px;
}
.before, .after, img { position: absolute; inset: 0; width: 100%; height: 100%; }
.before { clip-path: inset(0 calc(100% - var(--at)) 0 0); }
.after { clip-path: inset(0 0 0 var(--at)); }
.magnified img { image-rendering: pixelated; }
span {
  position: absolute; top: 10px; padding: 3px 10px; border-radius: 99px; max-width: 40%;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
  color: #fff; background: rgb(12 18 17 / 72%);
}
.before span { left: 10px; }
.after span { right: 10px; }
input {
  appearance: none; position: absolute; top: 0; left: calc(var(--grip) / -2); margin: 0;
  width: calc(100% + var(--grip)); height: 100%;
  opacity: 0; cursor: ew-resize; touch-action: pan-y;
}
input::-webkit-slider-thumb { appearance: none; width: var(--grip); height: 100vh; }
input::-moz-range-thumb { border: 0; width: var(--grip); height: 100%; }
.border {
  position: absolute; inset: 0 auto 0 var(--at); width: 2px; margin-left: -1px;
  background: #fff; box-shadow: 0 0 4px rgb(0 0 0 / 55%); pointer-events: none;
}
svg {
  position: absolute; top: 50%; left: 50%; width: 24px; padding: 7px; translate: -50% -50%;
  border-radius: 50%; background: #fff; box-shadow: 0 1px 6px rgb(0 0 0 / 45%);
  fill: none; stroke: #1c2524; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round;
}
input:focus-visible + .border svg {
  outline: 3px solid var(--st-primary-color); outline-offset: 2px;
}
"""
JS = """
export default function ({ parentElement, data }) {
  const stage = parentElement.querySelector(".stage");
  const border = parentElement.querySelector("input");
  stage.style.aspectRatio = `${data.width_px} / ${data.height_px}`;
  stage.style.maxWidth = `${data.width_px}px`;
  stage.classList.toggle("magnified", data.is_magnified);
  for (const side of ["before", "after"]) {
    const [image, name] = stage.querySelector(`.${side}`).children;
    image.src = data[side].url;
    image.alt = `${data[side].name}: ${data.alt}`;
    name.textContent = data[side].name;
  }
  border.setAttribute("aria-label", `Border between ${data.before.name} and ${data.after.name}`);
  border.oninput = () => {
    const share = Math.round(border.value);
    stage.style.setProperty("--at", `${border.value}%`);
    border.setAttribute("aria-valuetext", `${share} % ${data.before.name}`);
  };
  border.oninput();
}
"""

_slider = st.components.v2.component("before_after", html=HTML, css=CSS, js=JS)


@dataclass(frozen=True)
class Side:
    """One of the two pictures: what it is called, and its PNG file."""

    name: str
    png: bytes


def show_before_after(
    before: Side, after: Side, size_px: tuple[int, int], *, zoom: int = 1, alt: str, key: str
) -> None:
    """Show two pictures of one size, `before` to the left of the border.

    Args:
        before: What is seen on the left.
        after: What is seen on the right.
        size_px: The pictures' height and width.
        zoom: How many pixels of the screen a pixel of theirs has along each side, where there is
            room for so many; more than one make it a square.
        alt: What the pictures show, for those who cannot see them.
        key: Of the widget: with the same one, the border stays where it was moved to.
    """
    height, width = size_px
    _slider(
        key=key,
        data={
            "before": _shown(before),
            "after": _shown(after),
            "width_px": width * zoom,
            "height_px": height * zoom,
            "is_magnified": zoom > 1,
            "alt": alt,
        },
    )


def _shown(side: Side) -> dict[str, str]:
    url = f"data:image/png;base64,{base64.b64encode(side.png).decode()}"
    return {"name": side.name, "url": url}

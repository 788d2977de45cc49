"""Say what is in a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from PIL import Image

from apps.pictures import choose_pictures, forget_pictures
from apps.plain_text import plain
from apps.preset_card import show_preset, title
from apps.scores import show_scores
from apps.session import load_pipeline
from apps.tasks import CLASSIFY
from pipelines.images import Limits, describe_source, read_image
from pipelines.presets import PresetError
from pipelines.results import ClassificationResult, FailedResult

if TYPE_CHECKING:
    from apps.session import Upload

LIMITS = Limits(max_pixels=50_000_000)  # what a phone takes; 150 MB decoded, for each visitor
LABELS_SHOWN = (1, 3, 5, 10)
SHOWN_PX = 152  # two pictures side by side fit a phone 390 pixels wide


@dataclass(frozen=True)
class Outcome:
    """What a network made of one picture.

    Attributes:
        result: The labels, or why the picture cannot be read.
        picture: The picture, as a PNG file; empty for a failure.
        seen: What the network saw of it, as a PNG file; empty for a failure.
    """

    result: ClassificationResult | FailedResult
    picture: bytes = b""
    seen: bytes = b""


def page() -> None:
    """Lay the page out."""
    st.title(CLASSIFY.title, anchor=False)
    st.markdown(CLASSIFY.wish)
    preset = _choose_preset()
    try:
        with st.expander("About this network"):
            show_preset(preset)
        classify = load_pipeline(CLASSIFY.task, preset, _warm_up)
    except PresetError as error:
        st.error(plain(str(error), limit=600), title="This network cannot be loaded")
        return
    pictures = choose_pictures()
    if not pictures:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        most = _choose_most()
        st.space("stretch")
        buttons = st.container(horizontal=True, width="content")
    outcomes = _outcomes(classify, preset, pictures, most)
    with buttons:
        st.button("Start over", icon=":material/restart_alt:", on_click=forget_pictures)
        _offer_download(outcomes)
    for outcome in outcomes:
        _show(outcome)


def _warm_up(classify: Any) -> None:
    example = np.zeros((32, 32, 3), np.uint8)
    classify(example)
    classify.prepared(example)


def _choose_preset() -> str:
    """Let the visitor choose, and keep the choice in the page's address, `?preset=NAME`."""
    linked = st.query_params.get("preset")
    if linked in CLASSIFY.presets:
        st.session_state["classify.preset"] = linked
    return st.selectbox(
        "Network",
        CLASSIFY.presets,
        format_func=title,
        key="classify.preset",
        on_change=_link_to_preset,
        persist_state="session",
    )


def _link_to_preset() -> None:
    st.query_params["preset"] = st.session_state["classify.preset"]


def _choose_most() -> int:
    return st.segmented_control(
        "Labels shown",
        LABELS_SHOWN,
        default=5,
        required=True,
        key="classify.labels",
        persist_state="session",
    )


def _outcomes(classify: Any, preset: str, pictures: Sequence[Upload], most: int) -> list[Outcome]:
    """Classify the pictures; what came out in the run before is not computed again."""
    before: dict[Any, Outcome] = st.session_state.get("classify.outcomes", {})
    now: dict[Any, Outcome] = {}
    keys = [(preset, most, picture.name, picture.digest) for picture in pictures]
    for key, picture in zip(keys, pictures, strict=True):
        now[key] = before.get(key) or _classify(classify, picture, most)
    st.session_state["classify.outcomes"] = now
    return [now[key] for key in keys]


def _classify(classify: Any, picture: Upload, most: int) -> Outcome:
    content = picture.content
    result = classify(content, top_k=most, on_error="return", limits=LIMITS)
    if isinstance(result, FailedResult):
        error = result.error.removeprefix(f"{describe_source(content)}: ")
        return Outcome(replace(result, source=picture.name, error=error))
    return Outcome(
        replace(result, source=picture.name),
        _png(read_image(content, limits=LIMITS).rgb8),
        _png(classify.prepared(content, limits=LIMITS)),
    )


def _png(pixels: np.ndarray) -> bytes:
    """Write an (H, W, 3) or (H, W, 1) uint8 picture as a PNG file of the shown size.

    It has twice as many pixels, for sharp screens. An enlarged pixel stays a square: one sees what
    the network sees.
    """
    picture = Image.fromarray(pixels.squeeze())
    factor = 2 * SHOWN_PX / max(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    method = Image.Resampling.NEAREST if factor > 1 else Image.Resampling.LANCZOS
    file = BytesIO()
    picture.resize(size, method).save(file, "png")
    return file.getvalue()


def _show(outcome: Outcome) -> None:
    result = outcome.result
    name = plain(result.source)
    if isinstance(result, FailedResult):
        st.error(plain(result.error, limit=400), title=name)
        return
    with st.container(border=True):
        left, right = st.columns(2)
        with left.container(horizontal=True):
            st.image(outcome.picture, "Your picture", SHOWN_PX, alt=result.source)
            st.image(outcome.seen, "What the network saw", SHOWN_PX, alt="")
        with right:
            st.caption(f"{name} · {result.timing_ms:.1f} ms")
            st.subheader(plain(result.label), anchor=False)
            show_scores(result.predictions)


def _offer_download(outcomes: Sequence[Outcome]) -> None:
    st.download_button(
        "JSON",
        json.dumps(
            [outcome.result.to_dict() for outcome in outcomes], ensure_ascii=False, indent=2
        ),
        "classified.json",
        "application/json",
        help="Download all results",
        icon=":material/download:",
        on_click="ignore",
    )


page()

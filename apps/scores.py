"""Labels with their scores as bars, of native elements: a screen reader reads them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from apps.plain_text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.results import Prediction

LETTER_PX = 9  # of the widest usual letters at 16 px
LABEL_PX = (24, 128)  # at least, so that digits line up; at most, so that a phone has room for bars
PERCENT_PX = 68  # ">99.9 %"


def show_scores(predictions: Sequence[Prediction]) -> None:
    """Show one row a label: its name, a bar, its score in per cent."""
    least, most = LABEL_PX
    longest = max(len(prediction.label) for prediction in predictions)
    width = min(max(longest * LETTER_PX, least), most)
    for prediction in predictions:
        with st.container(horizontal=True, wrap=False):
            st.markdown(plain(prediction.label), width=width)
            st.progress(prediction.score)
            score = plain(percent(prediction.score))  # a leading > would make it a quotation
            st.markdown(score, width=PERCENT_PX, text_alignment="right")


def percent(score: float) -> str:
    """Write a score in [0, 1] with one decimal; what is not quite 0 or 1 does not look so."""
    if 0 < score < 0.0005:
        return "<0.1 %"
    if 0.9995 <= score < 1:
        return ">99.9 %"
    return f"{score:.1%}".replace("%", " %")

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from apps.plain_text import plain
from apps.preset_card import score
from apps.scores import percent


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0 %"),
        (0.0001, "<0.1 %"),
        (0.0006, "0.1 %"),
        (0.31, "31.0 %"),
        (0.9994, "99.9 %"),
        (0.9999, ">99.9 %"),
        (1.0, "100.0 %"),
    ],
)
def test_what_is_nearly_certain_does_not_look_certain(value: float, text: str) -> None:
    assert percent(value) == text


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ({"name": "accuracy", "value": 0.99617}, "99.62 %"),
        ({"name": "accuracy", "value": 99.617, "unit": "%"}, "99.62 %"),
        ({"name": "PSNR", "value": 31.42, "unit": "dB"}, "31.42 dB"),
        ({"name": "ece", "value": 0.0041234}, "0.004123"),
    ],
)
def test_a_metric_is_written_with_its_unit(metric: dict[str, object], text: str) -> None:
    assert score(metric) == text


def _page() -> None:
    from apps.scores import show_scores
    from pipelines.results import Prediction

    show_scores([Prediction("> **a**", 0.9999, 0), Prediction("b", 0.0001, 1)])


def test_labels_and_scores_are_shown_as_they_are() -> None:
    shown = [
        text.value for text in AppTest.from_function(_page, default_timeout=120).run().markdown
    ]
    assert shown == [plain(text) for text in ("> **a**", ">99.9 %", "b", "<0.1 %")]

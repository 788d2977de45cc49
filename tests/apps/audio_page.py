"""The page that makes sound, used as a visitor would, and tiny presets for it."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from streamlit.testing.v1 import AppTest

from apps.generating import KEY, Visit
from apps.sound_wish import Aim
from apps.takes import Made
from tests.apps.upscale_page import LONG_S, press

SPEAKER, PLAIN, VOCODER = "a_speaker", "b_plain", "c_vocoder"  # as the page sorts them
SCORE = {"mean": 7.0, "deviation": 0.5}


def save_micro_presets(folder: Path) -> None:
    """Write a tiny preset of each kind, whose weights are random."""
    from tests.pipelines.audio_generation import generators

    pipelines = {
        SPEAKER: generators.speaker(),
        PLAIN: generators.plain(),
        VOCODER: generators.vocoder(),
    }
    for name, pipeline in pipelines.items():
        facts = {
            "title": f"The {name.partition('_')[2]}",
            "description": "Made for tests.",
            "data": "none",
            "licence": "none",
            "metrics": [
                {"name": "bits per sample", "value": 7.5, "data": "none", "command": "none"}
            ],
        }
        pipeline.save(folder / name, metadata=facts | ({"score": SCORE} if name == PLAIN else {}))


def recording(
    seconds: float = 0.3, *, rate_hz: int = 8000, channels: int = 1, form: str = "WAV"
) -> bytes:
    """Make a file of a tone."""
    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate_hz)) / rate_hz)
    file = io.BytesIO()
    soundfile.write(file, np.stack([wave] * channels, axis=1), rate_hz, format=form)
    return file.getvalue()


def upload(page: AppTest, content: bytes, name: str = "hello.wav") -> AppTest:
    """Hand a file over."""
    page.file_uploader[0].set_value((name, content, "audio/wav"))
    return page.run()


def choose_preset(page: AppTest, name: str) -> AppTest:
    """Choose a network."""
    page.selectbox(key="audio.preset").set_value(name)
    return page.run()


def aim_at(page: AppTest, aim: Aim) -> AppTest:
    """Choose what to do."""
    kind = "vocoder" if page.selectbox(key="audio.preset").value == VOCODER else "generator"
    page.button_group(key=f"audio.aim.{kind}").set_value(aim)
    return page.run()


def visit_of(page: AppTest) -> Visit:
    """Return what the visitor has."""
    visit: Visit = page.session_state[KEY]
    return visit


def wait(page: AppTest) -> AppTest:
    """Run the page until nothing is under way."""
    deadline = time.monotonic() + LONG_S
    while (work := visit_of(page).work) is not None and work.is_active:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    page.run()
    assert not page.exception
    return page


def made(page: AppTest, button: str = "Generate") -> Made:
    """Press a button, wait, and return what came of it."""
    before = len(visit_of(page).made)
    page = wait(press(page, button))
    assert [error.value for error in page.error] == []
    assert len(visit_of(page).made) == before + 1
    return visit_of(page).made[0]


def heard(page: AppTest) -> Sequence[Any]:
    """Return the players of the page."""
    return [element.proto for element in page.get("audio")]

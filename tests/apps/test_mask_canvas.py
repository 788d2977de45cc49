from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from apps.mask_canvas import PNG_URL, SHOWN_PX, WEBP_URL, Backdrop, Drawing
from pipelines.images import read_image
from pipelines.picture import Picture

SCRIPT = Path(__file__).parents[1] / "browser" / "show_mask_canvas.py"
SIZE = (427, 640)  # of the photograph that the script shows
TIMEOUT_S = 60  # a busy machine's patience
LOSSY_LEVELS = 10  # of 255, root mean square: 28 dB, less than what WebP keeps of any photograph


def sent(alpha: np.ndarray) -> str:
    """Write what a browser sends: a canvas on which something was drawn."""
    file = io.BytesIO()
    Image.fromarray(np.dstack((np.zeros((*alpha.shape, 3), np.uint8), alpha))).save(file, "png")
    return PNG_URL + base64.b64encode(file.getvalue()).decode()


def square() -> np.ndarray:
    """Draw a square on the photograph."""
    alpha = np.zeros(SIZE, np.uint8)
    alpha[100:200, 100:200] = 255
    return alpha


def shown(backdrop: Backdrop) -> Image.Image:
    """Open what the browser shows."""
    assert backdrop.url.startswith(WEBP_URL)
    return Image.open(io.BytesIO(base64.b64decode(backdrop.url.removeprefix(WEBP_URL))))


def test_a_picture_is_shown_as_it_is(photographs: dict[str, np.ndarray]) -> None:
    pixels = photographs["china"]
    backdrop = Backdrop.of(read_image(pixels))
    assert backdrop.size_px == SIZE
    image = shown(backdrop)
    assert image.size == (640, 427)
    error = np.asarray(image.convert("RGB")).astype(int) - pixels
    assert np.sqrt((error**2).mean()) < LOSSY_LEVELS
    assert "http" not in repr(backdrop)
    assert len(repr(backdrop)) < 100


def test_a_large_picture_is_shown_small() -> None:
    backdrop = Backdrop.of(read_image(np.zeros((60, 20_000), np.uint8)))
    assert backdrop.size_px == (60, 20_000)
    assert shown(backdrop).size == (SHOWN_PX, round(60 * SHOWN_PX / 20_000))


def test_transparency_and_profile_are_shown() -> None:
    profile = bytes(16) + b"RGB " + bytes(108)
    pixels, alpha = np.full((9, 8, 3), 40_000, np.uint16), np.zeros((9, 8), np.uint16)
    image = shown(Backdrop.of(Picture(pixels, "x", alpha=alpha, icc_profile=profile)))
    assert image.mode == "RGBA"
    assert image.getchannel("A").getextrema() == (0, 0)
    assert image.info["icc_profile"] == profile
    grey = bytes(16) + b"GRAY" + bytes(108)
    image = shown(Backdrop.of(Picture(pixels, "x", grey=True, icc_profile=grey)))
    assert "icc_profile" not in image.info


def test_the_last_mask_counts_until_it_is_empty() -> None:
    drawing = Drawing(SIZE)
    assert drawing.mask is None
    drawing.take(sent(square()))
    assert drawing.mask is not None
    np.testing.assert_array_equal(drawing.mask, square())
    drawing.take(sent(np.full(SIZE, 100, np.uint8)))  # less than half
    assert drawing.png is None
    assert drawing.mask is None


@pytest.mark.parametrize("told", [None, "nonsense", sent(np.zeros((3, 3), np.uint8)), {"a": [1]}])
def test_what_is_no_mask_changes_nothing(told: Any) -> None:
    drawing = Drawing(SIZE)
    drawing.take(sent(square()))
    before = drawing.png
    drawing.take(told)
    assert drawing.png == before
    assert drawing.refusal.startswith("a mask must")
    drawing.take(sent(square()))
    assert drawing.refusal == ""


def canvas_data(page: AppTest) -> dict[str, Any]:
    """Read what the browser is given."""
    (canvas,) = page.get("bidi_component")
    data: dict[str, Any] = json.loads(canvas.proto.json)
    return data


def test_the_page_is_given_the_mask_and_the_browser_no_old_one() -> None:
    page = AppTest.from_file(str(SCRIPT), default_timeout=TIMEOUT_S).run()
    assert not page.exception
    first = canvas_data(page)
    assert (first["width_px"], first["height_px"], first["start"]) == (640, 427, None)
    assert page.button[0].disabled

    told = sent(square())
    drawing: Drawing = page.session_state["canvas.drawing"]
    drawing.take(told)
    page.run()
    # The canvas is open: the browser has the mask already, and is sent nothing anew.
    assert canvas_data(page) == first
    page.button[0].click().run()
    np.testing.assert_array_equal(page.session_state["taken"], square())

    drawing.take("nonsense")
    page.run()
    assert page.error[0].value.startswith("a mask must begin with")

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import CDPSession, Page, expect

from apps.drawn_mask import canvas_size
from tests.browser.conftest import PRESS_MS, serve, settle
from tests.browser.test_pages import PHONE, overhang_px

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
Point = tuple[float, float]
SCRIPT = Path(__file__).with_name("show_mask_canvas.py")
SIZE = (427, 640)  # of the photograph
BRUSH_PX = 32  # on the screen, until the visitor chooses another size
BESIDE_PX = 1.5  # pixels of a canvas: a pointer's place is rounded, an edge is soft


@pytest.fixture(scope="module")
def canvas_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the page that shows a canvas."""
    with serve(SCRIPT, tmp_path_factory.mktemp("canvas") / "log") as served:
        yield served


def open_canvas(
    visit: Visit, url: str, pixels_for_one: float, **screen: int | bool
) -> tuple[Page, CDPSession]:
    """Visit the page, on a screen of so many pixels for one of the page's."""
    page = visit(url, **screen)
    expect(page.locator("canvas")).to_be_visible()
    devtools = page.context.new_cdp_session(page)
    metrics = {**(page.viewport_size or {}), "deviceScaleFactor": pixels_for_one, "mobile": False}
    devtools.send("Emulation.setDeviceMetricsOverride", metrics)
    return page, devtools


class Hand:
    """Draws on the canvas; places are shares of its width and height."""

    def __init__(self, page: Page, size_px: tuple[int, int]) -> None:
        box = page.locator("canvas").bounding_box()
        assert box is not None
        self.page, self.size_px, self.box = page, canvas_size(size_px), box

    @property
    def radius_px(self) -> float:
        """Half the brush, in the canvas's pixels."""
        return BRUSH_PX / 2 * self.size_px[1] / self.box["width"]

    def on_screen(self, place: Point) -> Point:
        """Return where a place is seen."""
        x, y = place
        return self.box["x"] + x * self.box["width"], self.box["y"] + y * self.box["height"]

    def press(self, *way: Point) -> None:
        """Move along a way with the button held."""
        self.page.mouse.move(*self.on_screen(way[0]))
        self.page.mouse.down()
        for place in way[1:]:
            self.page.mouse.move(*self.on_screen(place), steps=5)

    def draw(self, *way: Point) -> None:
        """Draw a stroke."""
        self.press(*way)
        self.page.mouse.up()

    def distance(self, *way: Point) -> np.ndarray:
        """Measure how far each of the canvas's pixels is from a way."""
        height, width = self.size_px
        y, x = np.mgrid[:height, :width] + 0.5
        pixel = x + 1j * y
        corners = [width * along + 1j * height * down for along, down in way]
        far = []
        for start, end in pairwise(corners):
            step = end - start
            share = np.clip(((pixel - start) * np.conj(step)).real / abs(step) ** 2, 0, 1)
            far.append(np.abs(pixel - start - share * step))
        distance: np.ndarray = np.minimum.reduce(far)
        return distance

    def covered(self, *way: Point) -> tuple[np.ndarray, np.ndarray]:
        """Return which pixels a stroke covers, and of which that can be told."""
        inside = self.radius_px - self.distance(*way)
        return inside > 0, abs(inside) > BESIDE_PX


def take(page: Page, times: int) -> np.ndarray:
    """Press Take, for the so manieth time, and return the mask that Python was given."""
    page.get_by_role("button", name="Take").click(delay=PRESS_MS)
    expect(page.get_by_text(f"Take {times}", exact=True)).to_be_visible()
    settle(page)
    with page.expect_download() as file:
        page.get_by_role("button", name="Mask", exact=True).click()
    content = Path(file.value.path()).read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


def count_sent(page: Page) -> None:
    """Count from now on what is sent to the server, as `sent`."""
    page.evaluate(
        """() => {
            const send = WebSocket.prototype.send;
            window.sent = 0;
            WebSocket.prototype.send = function (...all) {
                window.sent += 1;
                return send.apply(this, all);
            };
        }"""
    )


def test_strokes_become_a_mask_and_are_erased_undone_and_inverted(
    visit: Visit, canvas_address: str
) -> None:
    page, _ = open_canvas(visit, canvas_address, 2)
    expect(page.get_by_role("button", name="Take")).to_be_disabled()
    hand = Hand(page, SIZE)
    wave = ((0.3, 0.3), (0.6, 0.7), (1.1, 0.5))  # out of the picture
    count_sent(page)
    hand.draw(*wave[:2])
    hand.press(*wave)
    page.wait_for_timeout(700)  # longer than a hand must rest
    assert page.evaluate("sent") == 0
    page.mouse.up()
    expect(page.get_by_role("button", name="Take")).to_be_enabled()
    assert page.evaluate("sent") == 1
    stroke, sure = hand.covered(*wave)
    mask = take(page, 1)
    assert mask.shape == SIZE
    np.testing.assert_array_equal(mask[sure], 255 * stroke[sure])
    assert mask[:, -1].any()

    page.get_by_role("button", name="Eraser").click()
    line = ((0.45, 0.0), (0.45, 1.0))
    hand.draw(*line)
    erased, sure_too = hand.covered(*line)
    both = sure & sure_too
    cut = take(page, 2)  # at once: the mask comes before the button
    np.testing.assert_array_equal(cut[both], 255 * (stroke & ~erased)[both])

    canvas = page.get_by_role("application")
    canvas.press("Control+z")
    np.testing.assert_array_equal(take(page, 3), mask)
    canvas.press("Control+y")
    np.testing.assert_array_equal(take(page, 4), cut)
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Invert").click()
    np.testing.assert_array_equal(take(page, 5), 255 - mask)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("button", name="Take")).to_be_disabled()


def test_a_finger_draws_on_a_large_picture_on_a_phone(visit: Visit, canvas_address: str) -> None:
    size = (4 * SIZE[0], 4 * SIZE[1])  # more than a canvas has
    url = f"{canvas_address}/?times=4"
    page, devtools = open_canvas(visit, url, 3, **PHONE, dark=True)
    assert overhang_px(page) == 0
    devtools.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    hand = Hand(page, size)
    way = ((0.1, 0.8), (0.5, 0.2), (0.9, 0.8))
    # What the browser cancels, as the start of a zoom by two fingers, is no stroke.
    for end, places in (("touchCancel", ((0.1, 0.1), (0.9, 0.1))), ("touchEnd", way)):
        for kind, place in zip(("touchStart", "touchMove", "touchMove"), places, strict=False):
            x, y = hand.on_screen(place)
            touch = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
            devtools.send("Input.dispatchTouchEvent", touch)
        devtools.send("Input.dispatchTouchEvent", {"type": end, "touchPoints": []})

    mask = take(page, 1)
    assert mask.shape == size
    height, width = hand.size_px
    small = Image.fromarray(mask).resize((width, height), Image.Resampling.BOX)
    stroke, _ = hand.covered(*way)
    # A finger's place is rounded to the page's pixels, each of which is several of the canvas's.
    sure = abs(hand.radius_px - hand.distance(*way)) > BESIDE_PX * width / hand.box["width"]
    np.testing.assert_array_equal(np.asarray(small)[sure] >= 128, stroke[sure])
    assert overhang_px(page) == 0


def test_the_keyboard_draws_and_changes_the_size(visit: Visit, canvas_address: str) -> None:
    page, _ = open_canvas(visit, canvas_address, 1.25)
    size = page.get_by_role("slider", name="Size")
    expect(size).to_have_attribute("aria-valuetext", f"{BRUSH_PX} pixels")
    canvas = page.get_by_role("application")
    canvas.press("]")
    expect(size).to_have_attribute("aria-valuetext", "40 pixels")
    canvas.press("[")
    expect(size).to_have_attribute("aria-valuetext", f"{BRUSH_PX} pixels")
    canvas.press("ArrowRight")  # by half the brush
    for _ in range(3):
        canvas.press("Shift+ArrowDown")
    canvas.press("ArrowLeft")

    hand = Hand(page, SIZE)
    right, down = (BRUSH_PX / 2 / hand.box[side] for side in ("width", "height"))
    stroke, sure = hand.covered((0.5 + right, 0.5), (0.5 + right, 0.5 + 3 * down))
    np.testing.assert_array_equal(take(page, 1)[sure], 255 * stroke[sure])


def test_fifty_steps_can_be_undone_and_what_is_older_stays(
    visit: Visit, canvas_address: str
) -> None:
    page, _ = open_canvas(visit, canvas_address, 1)
    page.locator(".mask").evaluate(
        """mask => {
            for (let step = 0; step < 52; step += 1) {
                const points = [[10 * step + 20, 50], [10 * step + 20, 350]];
                mask.drawing.apply({ kind: "stroke", erases: false, size_px: 4, points });
            }
            for (let step = 0; step < 60; step += 1) mask.drawing.undo();
        }"""
    )
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    mask = take(page, 1)
    np.testing.assert_array_equal(np.flatnonzero(mask[200]), [18, 19, 20, 21, 28, 29, 30, 31])


def test_the_mask_outlasts_another_page_and_nonsense(visit: Visit, canvas_address: str) -> None:
    page, _ = open_canvas(visit, canvas_address, 1)
    hand = Hand(page, SIZE)
    hand.draw((0.2, 0.2), (0.8, 0.2))
    mask = take(page, 1)
    hand.draw((0.2, 0.6), (0.8, 0.6))
    count_sent(page)
    link = page.get_by_role("link", name="Elsewhere")
    link.hover()
    page.wait_for_function("sent > 0")  # the mask: a hand takes longer from here to the click
    link.click()
    expect(page.get_by_text("Nothing is here.")).to_be_visible()
    settle(page)
    page.get_by_role("link", name="Canvas").click()
    expect(page.locator("canvas")).to_be_visible()
    settle(page)
    both = take(page, 2)
    assert (both[mask > 0] == 255).all()
    assert both.sum() > 1.5 * mask.sum()  # the last stroke was sent on leaving

    hand.draw((0.2, 0.8), (0.8, 0.8))  # on what the browser was given back
    three = take(page, 3)
    assert (three[both > 0] == 255).all()
    assert three.sum() > both.sum()

    page.locator(".mask").evaluate("mask => mask.drawing.tell('javascript:alert(1)')")
    expect(page.get_by_role("alert")).to_contain_text("The mask was not taken")
    np.testing.assert_array_equal(take(page, 4), three)

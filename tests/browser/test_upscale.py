from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page, expect

from apps.enlarged_part import MOST_PX
from apps.photograph import size_text
from tests.browser.conftest import settle
from tests.browser.test_pages import HOSTILE, PHONE, overhang_px

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
BESIDE_PX = 1.5  # the border is 2 pixels wide, and places are rounded


@pytest.fixture(scope="session")
def photo(photographs: dict[str, np.ndarray]) -> Callable[[int], bytes]:
    """Make a JPEG file of a photograph, so many times as large as it is."""

    def make(times: int = 1) -> bytes:
        picture, file = Image.fromarray(photographs["china"]), io.BytesIO()
        picture.resize((times * picture.width, times * picture.height)).save(file, "jpeg")
        return file.getvalue()

    return make


def open_upscale(visit: Visit, address: str, **screen: object) -> Page:
    """Come by the front door; wait until a picture can be handed over."""
    page = visit(address, **screen)
    page.get_by_role("main").get_by_role("link", name="Open").nth(1).click()
    expect(page).to_have_title("Enlarge pictures · Sightsound")
    expect(page.get_by_test_id("stFileUploader")).to_be_visible()
    settle(page)
    return page


def upload(page: Page, content: bytes, name: str = "photo.jpg") -> None:
    """Hand a file over."""
    page.get_by_test_id("stFileUploader").locator("input").set_input_files(
        {"name": name, "mimeType": "image/jpeg", "buffer": content}
    )


def enlarge(page: Page) -> Locator:
    """Press Enlarge, and wait for the border between before and after."""
    page.get_by_role("button", name="Enlarge", exact=True).click()
    border = page.get_by_role("slider")
    expect(border).to_be_visible()
    settle(page)
    return border


def box(found: Locator) -> FloatRect:
    """Measure where something is."""
    measured = found.bounding_box()
    assert measured is not None
    return measured


def clipped(page: Page) -> float:
    """Measure which part of the picture after is covered, in per cent."""
    clip: str = page.locator(".after").evaluate("layer => getComputedStyle(layer).clipPath")
    return float(clip.removeprefix("inset(0px 0px 0px ").removesuffix("%)"))


def border_share(page: Page) -> float:
    """Measure where the border is seen, in per cent of the picture's width."""
    stage, border = box(page.locator(".stage")), box(page.locator(".border"))
    return 100 * (border["x"] + border["width"] / 2 - stage["x"]) / stage["width"]


def shown_size(page: Page, side: str) -> tuple[int, int]:
    """Return how many pixels the picture of a side has: height and width."""
    image = page.locator(f".{side} img")
    expect(image).to_have_js_property("complete", True)
    height, width = image.evaluate("image => [image.naturalHeight, image.naturalWidth]")
    return height, width


def test_a_photograph_is_enlarged_compared_and_downloaded(
    visit: Visit, address: str, photo: Callable[..., bytes]
) -> None:
    page = open_upscale(visit, address)
    upload(page, photo())
    enlarge(page)
    expect(page.get_by_text(f"{size_text((854, 1280))} pixels in")).to_be_visible()
    assert shown_size(page, "before") == shown_size(page, "after") == MOST_PX
    assert box(page.locator(".stage"))["width"] == MOST_PX[1]  # true pixels

    page.get_by_role("radio", name="PNG").click()
    with page.expect_download() as file:
        page.get_by_role("button", name="Download PNG").click()
    assert file.value.suggested_filename == "photo_x2.png"
    with Image.open(Path(file.value.path())) as picture:
        assert (picture.format, picture.size) == ("PNG", (1280, 854))


def test_the_border_is_moved_by_mouse_keyboard_and_finger(
    visit: Visit, address: str, photo: Callable[..., bytes]
) -> None:
    page = open_upscale(visit, address)
    upload(page, photo())
    border = enlarge(page)
    border.scroll_into_view_if_needed()
    stage = box(page.locator(".stage"))
    middle = stage["y"] + stage["height"] / 2

    def at(share: float) -> tuple[float, float]:
        return stage["x"] + stage["width"] * share, middle

    page.mouse.click(*at(0.25))
    for seen in (clipped(page), border_share(page)):
        assert seen == pytest.approx(25, abs=100 * BESIDE_PX / stage["width"])
    page.mouse.move(*at(0.25))
    page.mouse.down()
    page.mouse.move(*at(0.5), steps=5)
    page.mouse.move(*at(0.8), steps=5)
    page.mouse.up()
    for seen in (clipped(page), border_share(page)):
        assert seen == pytest.approx(80, abs=100 * BESIDE_PX / stage["width"])

    before = clipped(page)
    page.keyboard.press("ArrowLeft")
    assert before - 2 < clipped(page) < before
    for key, share in (("Home", 0.0), ("End", 100.0)):
        page.keyboard.press(key)
        assert clipped(page) == share
    expect(border).to_have_attribute("aria-valuetext", "100 % Bicubic")
    expect(border).to_have_accessible_name("Border between Bicubic and " + after_name(page))

    touch = page.context.new_cdp_session(page)
    touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for kind, share in (("touchStart", 0.99), ("touchMove", 0.7), ("touchMove", 0.4)):
        x, y = at(share)
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert clipped(page) == pytest.approx(40, abs=100 * BESIDE_PX / stage["width"])


def after_name(page: Page) -> str:
    """Read what the picture on the right is called."""
    return page.locator(".after span").inner_text()


def test_another_part_is_looked_at_while_the_border_stays(
    visit: Visit, address: str, photo: Callable[..., bytes]
) -> None:
    page = open_upscale(visit, address)
    upload(page, photo())
    border = enlarge(page)
    border.press("Home")
    part = page.get_by_role("button", name="Part of the picture")
    expect(part).to_have_accessible_name(re.compile("50 % from the left, 50 % from the top"))
    seen = pictures(page)

    part.press("ArrowLeft")
    expect(part).to_have_accessible_name(re.compile("36 % from the left, 50 % from the top"))
    seen = changed(page, seen)

    where = box(part)
    page.mouse.move(where["x"] + where["width"] / 2, where["y"] + where["height"] / 2)
    page.mouse.down()
    page.mouse.move(where["x"] + where["width"] + 50, where["y"] + where["height"] + 50, steps=3)
    page.mouse.up()  # outside: the frame stays inside
    expect(part).to_have_accessible_name(re.compile("73 % from the left, 72 % from the top"))
    seen = changed(page, seen)

    page.get_by_role("radio", name="400 %").click()
    changed(page, seen)
    assert shown_size(page, "before") == (MOST_PX[0] // 4, MOST_PX[1] // 4)
    assert box(page.locator(".stage"))["width"] == MOST_PX[1]
    expect(part).to_have_accessible_name(re.compile("73 % from the left, 72 % from the top"))
    assert clipped(page) == 0


def pictures(page: Page) -> list[str]:
    """Return the two pictures' addresses."""
    found: list[str] = page.locator(".stage img").evaluate_all("all => all.map(image => image.src)")
    return found


def changed(page: Page, seen: list[str]) -> list[str]:
    """Wait until both pictures are others, and return them."""
    for side, address in zip(("before", "after"), seen, strict=True):
        expect(page.locator(f".{side} img")).not_to_have_attribute("src", address)
    return pictures(page)


def test_a_large_picture_is_cancelled_and_others_come_in_meanwhile(
    visit: Visit, address: str, photo: Callable[..., bytes]
) -> None:
    page, other = open_upscale(visit, address), visit(address)
    page.get_by_role("radio", name="4").click()
    upload(page, photo(4))  # 35 tiles
    page.get_by_role("button", name="Enlarge", exact=True).click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    other.reload()
    expect(other.get_by_role("heading", name="Networks in the package")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled.")).to_be_visible()
    expect(page.get_by_role("button", name="Enlarge", exact=True)).to_be_enabled()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_is_wider_than_a_phone(
    visit: Visit, address: str, photo: Callable[..., bytes], dark: bool, tmp_path: Path
) -> None:
    page = open_upscale(visit, address, **PHONE, dark=dark)
    assert overhang_px(page) == 0
    upload(page, photo(), HOSTILE + "x" * 200)
    enlarge(page)
    assert overhang_px(page) == 0
    assert box(page.locator(".stage"))["width"] <= PHONE["width"]
    page.screenshot(path=tmp_path / "phone.png", full_page=True)

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import PRESS_MS, settle
from tests.browser.test_mask_canvas import Hand
from tests.browser.test_pages import HOSTILE, PHONE, overhang_px

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
SIZE = (240, 320)  # of the photograph


@pytest.fixture(scope="module")
def pixels(photographs: dict[str, np.ndarray]) -> np.ndarray:
    """A part of a photograph."""
    return photographs["china"][100:, 200:][: SIZE[0], : SIZE[1]]


def open_inpaint(visit: Visit, address: str, pixels: np.ndarray, **screen: object) -> Page:
    """Come by the front door, and hand a photograph over."""
    page = visit(address, **screen)
    page.get_by_role("main").get_by_role("link", name="Open").nth(2).click()
    expect(page).to_have_title("Remove things · Sightsound")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    page.get_by_test_id("stFileUploader").locator("input").set_input_files(
        {"name": f"{HOSTILE}photo.png", "mimeType": "image/png", "buffer": file.getvalue()}
    )
    expect(page.locator("canvas")).to_be_visible()
    settle(page)
    page.locator("canvas").scroll_into_view_if_needed()
    return page


def remove(page: Page, method: str) -> None:
    """Choose a method, press Remove, and wait for before and after."""
    chosen = page.get_by_role("combobox", name="Method")
    chosen.click(delay=PRESS_MS)
    page.get_by_role("option", name=method).click()
    expect(chosen).to_have_value(method)
    page.get_by_role("button", name="Remove", exact=True).click(delay=PRESS_MS)
    expect(page.get_by_text(f"of the picture filled by {method}")).to_be_visible()
    settle(page)


def downloaded(page: Page, button: str) -> np.ndarray:
    """Take a file, and read its pixels."""
    with page.expect_download() as file:
        page.get_by_role("button", name=button).click()
    assert file.value.suggested_filename.endswith(".png")
    with Image.open(Path(file.value.path())) as image:
        return np.asarray(image)


def test_only_what_a_stroke_covered_changes_and_one_goes_on(
    visit: Visit, address: str, pixels: np.ndarray
) -> None:
    page = open_inpaint(visit, address, pixels)
    hand, way = Hand(page, SIZE), ((0.3, 0.3), (0.6, 0.7))
    hand.draw(*way)
    remove(page, "Telea")
    taken = downloaded(page, "Download PNG")
    assert taken.shape == pixels.shape
    stroke, sure = hand.covered(*way)
    outside, inside = sure & ~stroke, sure & stroke
    np.testing.assert_array_equal(taken[outside], pixels[outside])
    changed = (taken != pixels).any(axis=2)
    assert changed[inside].mean() > 0.9  # a fill is now and then what was there
    np.testing.assert_array_equal(downloaded(page, "Download mask")[sure], 255 * stroke[sure])

    page.get_by_role("button", name="Go on with this picture").click()
    expect(page.get_by_role("button", name="Back to the original")).to_be_visible()
    expect(page.locator(".before")).to_have_count(0)
    settle(page)
    page.get_by_role("button", name="Remove", exact=True).click()  # the mask is a new one
    expect(page.get_by_text("Nothing is covered yet")).to_be_visible()


def test_picture_drawing_and_result_outlast_another_page_on_a_phone(
    visit: Visit, address: str, pixels: np.ndarray, tmp_path: Path
) -> None:
    page = open_inpaint(visit, address, pixels, **PHONE, dark=True)
    assert overhang_px(page) == 0
    Hand(page, SIZE).draw((0.2, 0.5), (0.8, 0.5))
    remove(page, "Navier-Stokes")
    before = downloaded(page, "Download mask")
    assert overhang_px(page) == 0
    page.screenshot(path=tmp_path / "phone.png", full_page=True)

    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("link", name="Home").click()
    expect(page.get_by_role("heading", name="Networks in the package")).to_be_visible()
    settle(page)
    page.get_by_role("main").get_by_role("link", name="Open").nth(2).click()
    expect(page.locator(".before")).to_be_visible()
    settle(page)
    page.locator("canvas").scroll_into_view_if_needed()
    Hand(page, SIZE).draw((0.2, 0.2), (0.8, 0.2))  # on what was drawn before
    remove(page, "Telea")
    after = downloaded(page, "Download mask")
    assert (after[before > 0] == 255).all()
    assert after.sum() > 1.5 * before.sum()

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from models.explain import explain
from tests.browser.conftest import settle
from tests.browser.test_pages import PHONE, overhang_px

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]


def open_networks(visit: Visit, address: str, **screen: object) -> Page:
    """Come by the front door; wait until the page is drawn."""
    page = visit(address, **screen)
    page.get_by_role("main").get_by_role("link", name="Open").last.click()
    expect(page.get_by_role("heading", name="What if?")).to_be_visible()
    settle(page)
    return page


def download(page: Page, name: str) -> bytes:
    """Press a download button; give the file."""
    with page.expect_download() as file:
        page.get_by_role("button", name=name, exact=True).click()
    return Path(file.value.path()).read_bytes()


def test_a_network_is_laid_open_edited_and_downloaded(visit: Visit, address: str) -> None:
    page = open_networks(visit, address)
    expect(page).to_have_title("Networks · Sightsound")
    bars = page.locator("[data-testid=stVegaLiteChart] svg")
    expect(bars).to_have_count(3)
    expect(bars.first.locator("[aria-roledescription=bar]").first).to_be_attached()

    wanted = explain("vgg16")
    assert download(page, "Markdown").decode() == wanted.to_markdown()
    assert download(page, "CSV").decode() == wanted.to_csv()
    with Image.open(BytesIO(download(page, "Picture"))) as picture:
        assert picture.format == "PNG"

    page.get_by_role("spinbutton", name="Stride").fill("2")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The shapes of 32 layers follow:")).to_be_visible()
    output = page.get_by_test_id("stMetricValue").filter(has_text="112x112x64")
    expect(output).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_is_wider_than_a_phone(visit: Visit, address: str, dark: bool) -> None:
    page = open_networks(visit, address, **PHONE, dark=dark)
    page.get_by_role("spinbutton", name="Filters").fill("32")
    page.keyboard.press("Enter")
    expect(page.get_by_text("layers follow:")).to_be_visible()
    assert overhang_px(page) == 0

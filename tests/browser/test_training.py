from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import settle
from tests.browser.test_pages import PHONE, overhang_px

# Two trainings' processes start one after the other, each imports TensorFlow.
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

EPOCHS = 30
TRAINED_MS = 300_000


def points(page: Page) -> Locator:
    """Find the points of the chart of the accuracy."""
    return page.get_by_test_id("stVegaLiteChart").first.locator("[aria-roledescription=point]")


def open_training(visit: Callable[..., Page], address: str, **screen: object) -> Page:
    """Come by the front door; wait until a training can be started."""
    page = visit(address, **screen)
    links = page.get_by_role("main").get_by_role("link", name="Open")
    links.nth(links.count() - 2).click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    settle(page)
    return page


def number(page: Page, name: str, value: int) -> None:
    """Fill a number in."""
    page.get_by_role("spinbutton", name=name).fill(str(value))
    page.keyboard.press("Enter")
    settle(page)


def test_a_training_is_watched_stopped_resumed_and_downloaded(
    visit: Callable[..., Page], address: str
) -> None:
    page = open_training(visit, address, **PHONE)
    expect(page).to_have_title("Training · Sightsound")
    number(page, "Epochs", EPOCHS)
    assert overhang_px(page) == 0

    page.get_by_role("button", name="Start").click()
    expect(points(page).nth(3)).to_be_attached(timeout=TRAINED_MS)  # the curves move
    assert overhang_px(page) == 0

    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped in epoch")).to_be_visible()
    assert overhang_px(page) == 0
    page.get_by_role("button", name="Resume").click()

    other = open_training(visit, address)  # sees nothing of it, and can use the pages
    other.goto(address)
    expect(other.get_by_role("heading", name="Networks in the package")).to_be_visible()

    expect(page.get_by_text("surest mistakes")).to_be_visible(timeout=TRAINED_MS)
    settle(page)
    expect(points(page)).to_have_count(2 * EPOCHS)
    assert overhang_px(page) == 0

    with page.expect_download() as file:
        page.get_by_role("button", name="Preset").click()
    content = Path(file.value.path()).read_bytes()
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert "trained/model.weights.h5" in archive.namelist()

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from apps.plain_text import WORD_JOINER
from tests.apps.hostile_names import HOSTILE_NAMES
from tests.browser.conftest import serve

pytestmark = pytest.mark.browser

SCRIPT = Path(__file__).with_name("show_hostile_names.py")
NAMES = [" ".join(name.split()) for name in HOSTILE_NAMES]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Serve the page that shows the names."""
    with serve(SCRIPT, tmp_path / "log") as served:
        yield served


def texts(page: Page, test_id: str) -> list[str]:
    """Read what a person sees in each element of a kind, once all are drawn."""
    elements = page.get_by_test_id("stMain").get_by_test_id(test_id)
    expect(elements).to_have_count(len(NAMES))
    return [text.replace(WORD_JOINER, "").strip() for text in elements.all_inner_texts()]


def test_the_browser_shows_the_names_as_they_are(address: str, visit: Callable[..., Page]) -> None:
    page = visit(address)
    for element in ("stMarkdown", "stHeading", "stButton", "stMetricLabel"):
        assert texts(page, element) == NAMES, element
    assert texts(page, "stAlertContainer") == [f"{name}\n\n{name}" for name in NAMES]
    made = "img, a, script, code, pre, em, del, table, ul, ol, blockquote, h1, .katex"
    assert page.get_by_test_id("stMain").locator(made).count() == 0
    # The one bold thing in an alert is its title.
    assert page.get_by_test_id("stMain").locator("strong").count() == len(NAMES)

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pipelines.audio import read_audio
from tests.browser.conftest import settle
from tests.browser.test_pages import PHONE, overhang_px

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
# The bytes that a player plays, one character a byte.
FETCH = """async (audio) => {
    const bytes = new Uint8Array(await (await fetch(audio.src)).arrayBuffer());
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}"""


def test_sound_is_made_heard_taken_away_and_cancelled(visit: Visit, address: str) -> None:
    page = visit(address, **PHONE, dark=True)
    page.get_by_role("main").get_by_role("link", name="Open").nth(3).click()
    generate = page.get_by_role("button", name="Generate", exact=True)
    generate.click()
    players = page.locator("audio")
    expect(players).to_have_count(1)
    settle(page)
    content = players.evaluate(FETCH).encode("latin-1")
    audio = read_audio(content)
    assert (audio.rate_hz, audio.channels, audio.seconds) == (8000, 1, 1.0)
    assert np.any(audio.samples)
    players.evaluate("audio => new Promise(done => { audio.onended = done; audio.play(); })")
    with page.expect_download() as file:
        page.get_by_role("button", name="FLAC").click()
    taken = read_audio(Path(file.value.path()).read_bytes())
    np.testing.assert_array_equal(taken.samples, audio.samples)
    assert overhang_px(page) == 0

    page.get_by_role("slider", name="Seconds").press("End")  # 20, of four takes: some 20 s of work
    page.get_by_role("radio", name="4", exact=True).click()
    settle(page)
    generate.click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled.")).to_be_visible()
    expect(generate).to_be_enabled()
    expect(players).to_have_count(1)  # what was made before stays

"""The real server and a real browser, in which nothing may call another machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from apps.settings import MAIN_SCRIPT, streamlit_arguments
from tests.apps.handwriting import digit_png
from tests.browser.get_chromium import find

if TYPE_CHECKING:
    from pipelines.classification.data import LabelledImages

ROOT = Path(__file__).resolve().parents[2]
START_S = 120
TIMEOUT_MS = 120_000  # the first run imports TensorFlow, maybe on a busy machine
# As long as a hand presses. A press of no time at all overtakes what its own beginning has sent.
PRESS_MS = 100
# fmt: off
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",  # a camera
)
# fmt: on
# Streamlit looks for itself below the page's own path before it looks above.
EXPECTED_404 = ("/classify/_stcore/health", "/classify/_stcore/host-config")


@contextmanager
def serve(script: Path, log: Path) -> Iterator[str]:
    """Serve a script as `sightsound app` serves the pages; give the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [
        str(script) if a == str(MAIN_SCRIPT) else a for a in streamlit_arguments(port=port)
    ]
    address = f"http://127.0.0.1:{port}"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "streamlit", *arguments],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as server,
    ):
        try:
            _wait_for(f"{address}/_stcore/health", server, log)
            yield address
        finally:
            server.terminate()


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the server did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the pages."""
    with serve(MAIN_SCRIPT, tmp_path_factory.mktemp("server") / "log") as served:
        yield served


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    path = os.environ.get("SIGHTSOUND_CHROMIUM") or find()
    if path is None:
        pytest.fail("no Chromium: install one, or name it in SIGHTSOUND_CHROMIUM")
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Let new visitors in; in the end, nothing left this machine and no script failed."""
    contexts: list[BrowserContext] = []
    hosts: set[str | None] = set()
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        path = urlsplit(message.location.get("url", "")).path
        if message.type == "error" and not path.endswith(EXPECTED_404):
            complaints.append(f"{message.text} ({path})")

    def new_visitor(url: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        # blob: and data: addresses have no host: they are made by the page itself.
        context.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        page = context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        settle(page)
        return page

    yield new_visitor
    for context in contexts:
        context.close()
    assert hosts <= {"127.0.0.1", "localhost", None}
    assert complaints == []


def settle(page: Page) -> None:
    """Wait until the page's script has run."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")


@pytest.fixture(scope="session")
def digit(digits: LabelledImages) -> Callable[[int], bytes]:
    """Make a PNG file of a handwritten digit."""
    return partial(digit_png, digits)

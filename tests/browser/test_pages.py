from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import FilePayload, Page, expect

from apps.preset_card import title
from apps.settings import MAIN_SCRIPT, UPLOAD_LIMIT_MB
from apps.tasks import CLASSIFY
from tests.apps.handwriting import BROKEN
from tests.browser.conftest import serve, settle

pytestmark = pytest.mark.browser

Digit = Callable[[int], bytes]
Visit = Callable[..., Page]
HOSTILE = "![x](http://evil.example/x.png) **a** :material/home: $x$ `.png"
PHONE = {"width": 390, "height": 844}


def png(name: str, content: bytes) -> FilePayload:
    """Make a file to upload."""
    return {"name": name, "mimeType": "image/png", "buffer": content}


def upload(page: Page, *files: FilePayload) -> None:
    """Hand files over."""
    page.get_by_test_id("stFileUploader").locator("input").set_input_files(list(files))


def label(page: Page, position: int = 0) -> str:
    """Wait for a result and read its label; the newest is the first."""
    return page.get_by_role("heading", level=3).nth(position).inner_text()


@pytest.fixture
def classify(visit: Visit, address: str) -> Page:
    """The page that classifies, by its own address."""
    return visit(f"{address}/classify")


def test_the_first_visitor_of_a_server_may_come_by_a_link(visit: Visit, tmp_path: Path) -> None:
    with serve(MAIN_SCRIPT, tmp_path / "log") as fresh:
        page = visit(f"{fresh}/classify?preset=lenet5_mnist")
        expect(page.get_by_role("heading", name="Classify pictures")).to_be_visible()
        expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)  # ours is at the top
        expect(page.get_by_test_id("stTopNavLink").first).to_be_visible()
        page.close()  # before its server stops


def test_home_leads_to_a_preset(visit: Visit, address: str) -> None:
    page = visit(address)
    expect(page).to_have_title("Home · Sightsound")
    page.get_by_role("link", name="Try").nth(1).click()
    expect(page).to_have_title("Classify pictures · Sightsound")
    expect(page).to_have_url(f"{address}/classify?preset={CLASSIFY.presets[1]}")
    chosen = page.get_by_role("combobox", name="Network")
    expect(chosen).to_have_value(title(CLASSIFY.presets[1]))


def test_a_choice_is_kept_in_the_address(classify: Page, visit: Visit) -> None:
    classify.get_by_role("combobox", name="Network").click()
    classify.get_by_role("option", name=title(CLASSIFY.presets[2])).click()
    classify.wait_for_url(f"**/classify?preset={CLASSIFY.presets[2]}")
    other = visit(classify.url)
    chosen = other.get_by_role("combobox", name="Network")
    expect(chosen).to_have_value(title(CLASSIFY.presets[2]))


def test_a_broken_picture_is_told_and_the_good_one_named(classify: Page, digit: Digit) -> None:
    upload(classify, png("zero.png", digit(0)), png(HOSTILE, BROKEN))
    assert label(classify) == "0"
    alert = classify.get_by_role("alert")
    expect(alert).to_have_count(1)
    shown = alert.inner_text().replace("\u2060", "")
    assert shown.startswith(f"{HOSTILE}\n")
    assert alert.locator("img, a, code").count() == 0


def test_a_screen_reader_finds_pictures_and_bars(classify: Page, digit: Digit) -> None:
    upload(classify, png("zero.png", digit(0)))
    expect(classify.get_by_role("progressbar")).to_have_count(5)
    expect(classify.get_by_text(re.compile(r"^[<>]?\d+\.\d %$"))).to_have_count(5)
    assert classify.locator("blockquote").count() == 0
    expect(classify.get_by_role("img", name="zero.png", exact=True)).to_be_visible()
    first = classify.get_by_role("progressbar").first
    assert int(first.get_attribute("aria-valuenow") or "") > 50


def test_the_results_outlast_a_visit_to_another_page(classify: Page, digit: Digit) -> None:
    upload(classify, png("zero.png", digit(0)))
    assert label(classify) == "0"
    classify.get_by_role("link", name="Home").first.click()
    expect(classify.get_by_role("heading", name="Networks in the package")).to_be_visible()
    classify.get_by_role("link", name=CLASSIFY.title).first.click()
    expect(classify.get_by_role("heading", name=CLASSIFY.title)).to_be_visible()
    assert label(classify) == "0"
    upload(classify, png("six.png", digit(6)))
    expect(classify.get_by_role("heading", level=3)).to_have_text(["6", "0"])


def test_a_second_visitor_sees_nothing_of_the_first(
    classify: Page, visit: Visit, digit: Digit
) -> None:
    second = visit(classify.url)
    upload(classify, png("zero.png", digit(0)), png("broken.png", BROKEN))
    assert label(classify) == "0"
    upload(second, png("six.png", digit(6)))
    expect(second.get_by_role("heading", level=3)).to_have_text(["6"])
    expect(second.get_by_role("alert")).to_have_count(0)
    expect(classify.get_by_role("heading", level=3)).to_have_text(["0"])


def test_the_results_can_be_downloaded(classify: Page, digit: Digit) -> None:
    upload(classify, png("zero.png", digit(0)), png("broken.png", BROKEN))
    assert label(classify) == "0"
    with classify.expect_download() as download:
        classify.get_by_role("button", name="JSON").click()
    assert download.value.suggested_filename == "classified.json"
    failed, named = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert (named["source"], named["ok"], named["label"]) == ("zero.png", True, "0")
    assert (failed["source"], failed["ok"]) == ("broken.png", False)
    assert len(named["predictions"]) == 5


def test_a_file_over_the_limit_is_refused(classify: Page, digit: Digit, tmp_path: Path) -> None:
    big = tmp_path / "big.png"
    big.write_bytes(bytes(UPLOAD_LIMIT_MB * 2**20 + 1))
    classify.get_by_test_id("stFileUploader").locator("input").set_input_files(big)
    expect(classify.get_by_test_id("stFileUploader")).to_contain_text("must be 20.0MB or smaller")
    expect(classify.get_by_role("heading", level=3)).to_have_count(0)
    upload(classify, png("zero.png", digit(0)))
    assert label(classify) == "0"


def test_the_server_refuses_what_the_browser_let_pass(classify: Page, digit: Digit) -> None:
    with classify.expect_request(lambda request: request.method == "PUT") as sent:
        upload(classify, png("zero.png", digit(0)))
    assert label(classify) == "0"
    cookies = {cookie["name"]: cookie["value"] for cookie in classify.context.cookies()}
    token = cookies["_streamlit_xsrf"]
    assert put(sent.value.url, b"small", token) == 204
    assert put(sent.value.url, b"small", "forged") == 403
    assert put(sent.value.url, bytes((UPLOAD_LIMIT_MB + 2) * 2**20), token) == 413


def put(url: str, content: bytes, token: str) -> int:
    """Send a file as the browser does, and give the server's status."""
    head = '--edge\r\nContent-Disposition: form-data; name="file"; filename="x.png"\r\n\r\n'
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        connection.request(
            "PUT",
            parts.path,
            head.encode() + content + b"\r\n--edge--\r\n",
            {
                "Content-Type": "multipart/form-data; boundary=edge",
                "Cookie": f"_streamlit_xsrf={token}",
                "X-Xsrftoken": token,
            },
        )
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_camera_is_asked_for_only_on_its_own_tab(classify: Page) -> None:
    expect(classify.get_by_test_id("stCameraInput")).to_have_count(0)
    classify.get_by_role("tab", name="Camera").click()
    take_photo(classify)
    expect(classify.get_by_role("img", name="camera.jpg", exact=True)).to_be_visible()
    classify.get_by_role("button", name="Start over").click()
    expect(classify.get_by_role("heading", level=3)).to_have_count(0)
    expect(classify.get_by_role("button", name="Take Photo")).to_be_visible()


def take_photo(page: Page) -> None:
    """Press the button until there is a photo: the widget ignores it until its camera is ready."""
    taken = page.get_by_role("button", name="Clear photo")
    for _ in range(20):
        page.get_by_role("button", name="Take Photo").click()
        page.wait_for_timeout(1000)
        if taken.is_visible():
            return
    pytest.fail("no photo after 20 attempts")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_is_wider_than_a_phone(
    visit: Visit, address: str, digit: Digit, dark: bool, tmp_path: Path
) -> None:
    page = visit(address, **PHONE, dark=dark)
    assert overhang_px(page) == 0
    page.goto(f"{address}/classify")
    settle(page)
    long_name = "x" * 200 + ".png"
    upload(page, png(long_name, digit(0)), png("broken.png", BROKEN))
    assert label(page) == "0"
    page.get_by_text("About this network").click()
    expect(page.get_by_text("Trained on")).to_be_visible()
    assert overhang_px(page) == 0
    page.get_by_role("tab", name="Camera").click()
    expect(page.get_by_test_id("stCameraInput")).to_be_visible()
    assert overhang_px(page) == 0
    page.screenshot(path=tmp_path / "phone.png")


def overhang_px(page: Page) -> int:
    """Measure by how much the page can be scrolled sideways."""
    measured: int = page.evaluate(
        """() => Math.max(
            ...[document.documentElement, document.querySelector('[data-testid=stMain]')]
            .map(element => element.scrollWidth - element.clientWidth))"""
    )
    return measured


def test_the_pages_answer_to_the_name_localhost(visit: Visit, address: str) -> None:
    page = visit(address.replace("127.0.0.1", "localhost"))
    expect(page.get_by_role("heading", name="Networks in the package")).to_be_visible()


@pytest.mark.parametrize(("host", "status"), [("localhost", 101), ("evil.example", 403)])
def test_only_this_machines_own_names_are_answered(address: str, host: str, status: int) -> None:
    # A web page whose name was made to point here (DNS rebinding) sends its own name as Host.
    port = urlsplit(address).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(
            "GET",
            "/_stcore/stream",
            headers={
                "Host": f"{host}:{port}",
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            },
        )
        assert connection.getresponse().status == status
    finally:
        connection.close()

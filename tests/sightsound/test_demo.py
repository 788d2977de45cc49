"""The demo, run once for real."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from pipelines.audio import read_audio
from sightsound import demo


class Page(HTMLParser):
    """Collects what the page refers to, and whether its elements close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    assert demo.main(["--out", str(folder), "--pictures", "200"]) == 0
    return folder


def test_the_page_is_whole_and_asks_nothing_of_the_network(folder: Path) -> None:
    page = Page()
    page.feed((folder / "index.html").read_text("utf-8"))
    assert page.open == []
    assert len(page.sources) >= 7
    for source in page.sources:
        if source.endswith(".wav"):
            assert read_audio(folder / source).seconds == 1
            continue
        with Image.open(folder / source) as picture:
            assert min(picture.size) > 50
    assert sum(source.endswith(".wav") for source in page.sources) == 6
    assert {"piece_x2.png", "piece_x4.png", "scratched.png", "mended.png"} <= {*page.sources}


def test_the_page_states_what_was_measured(folder: Path) -> None:
    text = (folder / "index.html").read_text("utf-8")
    assert "never trained on" in text
    stated = re.search(r"Of 200 it reads ([\d.]+)% right", text)
    assert stated
    assert float(stated[1]) >= 90
    assert "200 of 200" in text  # the SavedModel's labels
    assert re.search(r"<td>truncated.jpg</td><td>refused</td>", text)
    assert text.count("<td>3</td>") == 9  # every kind of file


def test_every_run_may_be_repeated(folder: Path, capsys) -> None:
    assert demo.main(["--out", str(folder), "--pictures", "20"]) == 0
    assert "index.html" in capsys.readouterr().out

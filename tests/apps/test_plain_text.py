from __future__ import annotations

import re
import string

import pytest

from apps.plain_text import WORD_JOINER, plain
from tests.apps.hostile_names import HOSTILE_NAMES


def shown(markdown: str) -> str:
    """Read escaped Markdown as a person would see it; raise where anything is not escaped."""
    unescaped = re.sub(r"\\([!-/:-@\[-`{-~])", "", markdown)
    assert not set(unescaped) & set(string.punctuation), f"not escaped in {markdown!r}"
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown).replace(WORD_JOINER, "")


@pytest.mark.parametrize("text", HOSTILE_NAMES)
def test_every_sign_is_escaped_and_nothing_is_lost(text: str) -> None:
    assert shown(plain(text)) == text.strip()


@pytest.mark.parametrize(
    "code", [":material/home:", ":smile:", "http://x", "a@b.example", "->", "a -- b"]
)
def test_what_is_found_after_markdown_is_broken_up(code: str) -> None:
    # Streamlit looks for these in the finished text, where no backslash protects them.
    finished = re.sub(r"\\(.)", r"\1", plain(code))
    assert code not in finished
    assert finished.replace(WORD_JOINER, "") == code


def test_an_address_without_a_scheme_is_broken_up() -> None:
    assert plain("www.evil.example").startswith(f"www{WORD_JOINER}\\.evil")


@pytest.mark.parametrize("gap", ["\n", "\r\n", "\t", "\x00", "\u2028", "\u202e", "\u200b"])
def test_the_text_stays_on_one_line_and_runs_one_way(gap: str) -> None:
    assert shown(plain(f"a{gap}b")) == "a b"


def test_a_lone_surrogate_can_be_sent() -> None:
    assert plain("a\udcffb").encode() == b"a b"


def test_a_long_name_loses_its_middle_and_keeps_its_ending() -> None:
    name = shown(plain("x" * 5000 + ".png"))
    assert len(name) == 80
    assert name.endswith("xxx.png")
    assert "…" in name


def test_the_limit_counts_what_is_seen_not_what_escapes_it() -> None:
    assert shown(plain("*" * 80)) == "*" * 80


@pytest.mark.parametrize("text", ["cat.jpg", "Ankle boot", "Ümläut 猫 2.jpeg", "a--b->c.png"])
def test_an_ordinary_name_gets_no_invisible_letters(text: str) -> None:
    assert WORD_JOINER not in plain(text)
    assert shown(plain(text)) == text

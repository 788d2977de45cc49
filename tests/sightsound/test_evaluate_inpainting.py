"""`sightsound evaluate inpainting`: the holes' figures from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from pipelines.inpainting.evaluation import evaluate_inpainting
from tests.pipelines.inpainting.inpainters import inpainter
from tests.sightsound.command_line import call_here

WORDS = ("evaluate", "inpainting", "--data")


@pytest.fixture
def photos(photographs, tmp_path: Path) -> Path:
    """A folder with a photograph, and one that is too small."""
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(photographs["china"][:260, :300]).save(folder / "china.png")
    Image.fromarray(photographs["flower"][:90, :100]).save(folder / "small.png")
    return folder


def test_a_preset_and_the_classics_on_the_same_holes(photos: Path, capsys) -> None:
    preset = inpainter().save(photos.parent / "tiny")
    words = (*WORDS, photos, "--preset", preset, "--masks", "center")
    status, out, err = call_here(capsys, *words)
    assert status == 1
    assert err == (
        "sightsound: small: a picture must have at least 256 x 256 pixels; got 90 x 100\n"
    )
    title, empty, header, *rows = out.splitlines()
    assert title.startswith("tiny on photos: 1 crop")
    assert (empty, header.split()[:3]) == ("", ["masks", "share", "method"])
    assert [row.split()[2] for row in rows if row.startswith("center")] == [
        "tiny",
        "first_fill",
        "telea",
        "ns",
    ]


def test_a_method_and_all_kinds_of_masks(photos: Path, capsys) -> None:
    (photos / "small.png").unlink()
    words = (*WORDS, photos, "--method", "first_fill", "--json")
    status, out, err = call_here(capsys, *words)
    assert (status, err) == (0, "")
    assert json.loads(out) == evaluate_inpainting("first_fill", photos).to_dict()
    assert json.loads(out)["masks"] == ["strokes", "freeform", "center"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--masks", "lines"), "invalid choice: 'lines'"),
        (("--method", "bicubic"), "--method bicubic is not of inpainting"),
        (("--method", "telea", "--preset", "x"), "takes the place of --preset"),
        (("--scale", "2"), "--scale is for super-resolution; got inpainting"),
        (("--preset", "inpaint_x"), "unknown preset 'inpaint_x'"),
        (("--preset", "lenet5_mnist"), "must be for inpainting"),
        (("--preset", "a", "b"), "inpainting takes one preset; got a, b"),
    ],
)
def test_a_wrong_word_is_refused_in_one_line(words, message: str, photos: Path, capsys) -> None:
    status, out, err = call_here(capsys, *WORDS, photos, *words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_pictures_that_are_not_there(tmp_path: Path, capsys) -> None:
    status, out, err = call_here(capsys, *WORDS, tmp_path, "--method", "telea")
    assert (status, out) == (2, "")
    assert "picture" in err

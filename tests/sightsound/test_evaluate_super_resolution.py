"""`sightsound evaluate super-resolution`: the papers' protocol from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.super_resolution.evaluation import evaluate_bicubic
from tests.sightsound.command_line import call, call_here, environment

BICUBIC = ("evaluate", "super-resolution", "--method", "bicubic", "--data")


@pytest.fixture
def photos(photographs, tmp_path: Path) -> Path:
    """A folder with two small photographs."""
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(photographs["china"][:90, :121]).save(folder / "china.png")
    Image.fromarray(photographs["flower"][200:290, 300:400]).save(folder / "flower.png")
    return folder


def test_it_prints_a_row_a_picture_and_the_means(photos: Path) -> None:
    done = call(*BICUBIC, photos, "--scale", "3")
    assert (done.returncode, done.stderr) == (0, b"")
    report = evaluate_bicubic(photos, scale=3)
    title, empty, header, *rows = done.stdout.decode().splitlines()
    assert title == report.title
    assert title.startswith("bicubic on photos, x3: 2 pictures, PSNR ")
    assert (empty, header.split()) == ("", ["picture", "bicubic", "PSNR", "dB", "SSIM"])
    assert [row.split() for row in rows] == [
        [score.name, f"{score.psnr:.2f}", f"{score.ssim:.4f}"]
        for score in (*report.scores, report.mean)
    ]


def test_the_scale_is_2_and_the_task_may_be_an_option(photos: Path, capsys) -> None:
    words = ("evaluate", "--task", "super-resolution", "--method", "bicubic", "--data", photos)
    status, out, err = call_here(capsys, *words, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == evaluate_bicubic(photos, scale=2).to_dict()


def test_markdown_can_be_pasted(photos: Path, capsys) -> None:
    status, out, err = call_here(capsys, *BICUBIC, photos, "--markdown")
    assert (status, err) == (0, "")
    assert out == evaluate_bicubic(photos, scale=2).to_markdown() + "\n"
    assert "| picture | bicubic PSNR dB | SSIM |\n| --- | ---: | ---: |\n| china | " in out


def test_a_named_set_is_found_in_its_folder(photos: Path, capsys) -> None:
    folder = photos.parent / "downloads" / "Set5" / "original"
    folder.mkdir(parents=True)
    for name in ("baby", "bird", "butterfly", "head", "woman"):
        Image.new("RGB", (40, 40), "grey").save(folder / f"{name}.png")
    words = (*BICUBIC, "Set5", "--folder", photos.parent / "downloads", "--json")
    status, out, _ = call_here(capsys, *words)
    assert status == 0
    facts = json.loads(out)
    # One colour everywhere comes back as it was; JSON has no infinity.
    assert (facts["data"], facts["count"], facts["psnr"], facts["ssim"]) == ("Set5", 5, None, 1)


def test_a_bad_picture_is_named_and_the_rest_is_measured(photos: Path, capsys) -> None:
    (photos / "broken.png").write_bytes(b"no picture")
    status, out, err = call_here(capsys, *BICUBIC, photos, "--json")
    assert status == 1
    assert [picture["name"] for picture in json.loads(out)["pictures"]] == ["china", "flower"]
    assert err.startswith("sightsound: ")
    assert "broken.png" in err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("super-resolution --data set5 --method bicubic", "give the folder that holds it"),
        ("super-resolution --data sett5 --method bicubic", "did you mean 'set5'?"),
        ("super-resolution --data set5 --folder no/such --method bicubic", "there is no folder"),
        ("super-resolution --data . --method bicubic --scale 5", "invalid choice: 5"),
        ("super-resolution --data . --method lanczos", "invalid choice: 'lanczos'"),
        ("super-resolution --data . --method bicubic --preset x", "takes the place of --preset"),
        ("super-resolution --data . --method bicubic --mirror", "--mirror is for image-classific"),
        ("super-resolution --data . --batch-size 4", "--batch-size is for image-classification"),
        ("super-resolution --data . --engine openvino", "--engine is for image-classification"),
        ("superresolution --data .", "did you mean 'super-resolution'?"),
        ("image-classification --task super-resolution --data .", "one task at a time"),
        ("--data digits --scale 2", "--scale is for super-resolution; got image-classification"),
        ("--data digits --method bicubic", "--method is for super-resolution"),
        ("super-resolution --data . --json --markdown --method bicubic", "not allowed with"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, monkeypatch, capsys, words: str, complaint: str
) -> None:
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "black.png")
    monkeypatch.chdir(tmp_path)
    status, out, err = call_here(capsys, "evaluate", *words.split())
    assert (status, out) == (2, "")
    assert complaint in err


def test_the_other_task_is_what_it_was(capsys) -> None:
    words = ("--data", "digits", "--preset", "lenet5_mnist")
    plain = call_here(capsys, "evaluate", *words)
    assert plain[0] == 0
    assert plain[1].startswith("lenet5_mnist on digits (scikit-learn): 1797 pictures, accuracy ")
    assert call_here(capsys, "evaluate", "image-classification", *words) == plain
    assert call_here(capsys, "evaluate", *words, "--markdown") == plain


def test_bicubic_needs_no_tensorflow(photos: Path) -> None:
    code = (
        "import sys; from sightsound.cli import main; status = main(sys.argv[1:]);"
        "assert not {'keras', 'tensorflow'} & set(sys.modules); sys.exit(status)"
    )
    line = [sys.executable, "-c", code, *BICUBIC, str(photos)]
    done = subprocess.run(line, capture_output=True, text=True, env=environment(), check=False)
    assert (done.returncode, done.stderr) == (0, "")

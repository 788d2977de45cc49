"""`sightsound upscale`: files in, larger files out, and nothing lost on the way."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.images import read_image
from pipelines.super_resolution.pipeline import SuperResolution
from tests.pipelines.hostile_images import HOSTILE_IMAGES
from tests.pipelines.super_resolution.upscalers import upscaler
from tests.sightsound.command_line import call, call_here

NOT_UTF8 = b"caf\xe9.png"


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained preset that enlarges twice."""
    return upscaler().save(tmp_path_factory.mktemp("presets") / "tiny_x2")


@pytest.fixture(scope="module")
def tripling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return upscaler("srcnn_micro", 3).save(tmp_path_factory.mktemp("presets") / "tiny_x3")


@pytest.fixture
def pictures(photographs, tmp_path: Path) -> Path:
    """Two pictures of one name, a GIF, one of an odd name, and one that is none."""
    photo = photographs["flower"]
    folder = tmp_path / "pictures"
    (folder / "deeper").mkdir(parents=True)
    Image.fromarray(photo[:40, :50]).save(folder / "a.jpg")
    Image.fromarray(photo[40:70, :60]).save(folder / "deeper" / "a.jpg")
    Image.fromarray(photo[:20, :30, 0]).save(folder / "b.gif")
    (folder / "broken.png").write_bytes(b"no picture")
    Image.fromarray(photo[:5, :7]).save(os.fsencode(folder) + b"/" + NOT_UTF8)
    return folder


def test_a_folder_becomes_a_folder_of_larger_pictures(pictures: Path, preset: Path) -> None:
    done = call("upscale", "pictures", "--preset", preset, "--out", "out", cwd=pictures.parent)
    assert done.returncode == 1
    written = sorted(os.fsencode(path.name) for path in (pictures.parent / "out").iterdir())
    assert written == [b"a_x2-2.jpg", b"a_x2.jpg", b"b_x2.png", b"caf\xe9_x2.png"]
    header, *rows = done.stdout.decode(errors="surrogateescape").splitlines()
    assert header.split() == ["picture", "written", "pixels", "seconds"]
    assert [row.split()[:5] for row in rows] == [
        ["pictures/a.jpg", "out/a_x2.jpg", "100", "x", "80"],
        ["pictures/b.gif", "out/b_x2.png", "60", "x", "40"],
        [f"pictures/{os.fsdecode(NOT_UTF8)}", "out/caf\udce9_x2.png", "14", "x", "10"],
        ["pictures/deeper/a.jpg", "out/a_x2-2.jpg", "120", "x", "60"],
    ]
    (complaint,) = done.stderr.decode().splitlines()
    assert complaint.startswith("sightsound: pictures/broken.png: ")
    with Image.open(pictures.parent / "out" / "b_x2.png") as image:
        assert (image.mode, image.size) == ("L", (60, 40))


def test_pixels_are_the_pipelines_whatever_the_tile(
    pictures: Path, tripling: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = pictures.parent / "out"
    words = ("--preset", tripling, "--format", "png", "--tile", "13", "--out", out, "--jsonl")
    status, stdout, err = call_here(capsys, "upscale", pictures / "a.jpg", *words)
    assert (status, err) == (0, "")
    (row,) = map(json.loads, stdout.splitlines())
    assert row["saved"] == str(out / "a_x3.png")
    assert (row["ok"], row["scale"], row["width_px"], row["height_px"]) == (True, 3, 150, 120)
    result = SuperResolution.from_preset(tripling)(pictures / "a.jpg")
    np.testing.assert_array_equal(read_image(row["saved"]).pixels, result.pixels)


def test_json_lists_what_failed_and_skip_leaves_it_out(
    pictures: Path, preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs: list[str | Path] = [pictures / "broken.png", pictures / "b.gif"]
    words = ["upscale", *inputs, "--preset", preset]
    out = pictures.parent / "out"
    status, stdout, err = call_here(capsys, *words, "--out", out, "--json")
    document = json.loads(stdout)
    assert (status, err.count("\n")) == (1, 1)
    assert [row["ok"] for row in document] == [False, True]
    assert "saved" not in document[0]
    assert "no picture" in document[0]["error"]
    again = ("--out", out, "--overwrite", "--json", "--on-error")
    status, stdout, err = call_here(capsys, *words, *again, "skip")
    assert (status, err.count("\n"), len(json.loads(stdout))) == (1, 1, 1)
    status, stdout, err = call_here(capsys, *words, *again, "raise")
    assert (status, stdout, err.count("\n")) == (1, "", 1)


def test_a_file_that_cannot_be_written_harms_no_other(
    pictures: Path, preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    glass = np.full((9, 9, 4), 128, np.uint8)
    Image.fromarray(glass).save(pictures / "a_glass.png")
    (pictures / "too_long.png").symlink_to(pictures / "a_glass.png")
    out = pictures.parent / "out"
    words = ("--preset", preset, "--out", out, "--format", "jpg")
    sources = (pictures / "a_glass.png", pictures / "a.jpg")
    status, stdout, err = call_here(capsys, "upscale", *sources, *words)
    assert status == 1
    assert "JPEG holds no transparency; write PNG, WebP or TIFF" in err
    assert len(stdout.splitlines()) == 2
    assert [path.name for path in out.iterdir()] == ["a_x2.jpg"]


def test_neither_an_input_nor_another_output_is_overwritten(
    pictures: Path, preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # What its result would be called is there already, and is an input, too.
    (pictures / "a_x2.jpg").write_bytes((pictures / "deeper" / "a.jpg").read_bytes())
    (pictures / "A.JPG").write_bytes((pictures / "a.jpg").read_bytes())
    before = {path: path.read_bytes() for path in pictures.iterdir() if path.is_file()}
    sources = [pictures / name for name in ("a.jpg", "a_x2.jpg", "A.JPG", "a.jpg")]
    words = ("--preset", preset, "--out", pictures, "--jsonl", "--overwrite")
    status, stdout, err = call_here(capsys, "upscale", *sources, *words)
    assert (status, err) == (0, "")
    saved = [Path(json.loads(line)["saved"]).name for line in stdout.splitlines()]
    assert saved == ["a_x2-2.jpg", "a_x2_x2.jpg", "A_x2.JPG", "a_x2-3.jpg"]
    assert {path: path.read_bytes() for path in before} == before
    sizes = [read_image(pictures / name).size_px for name in saved]
    assert sizes == [(80, 100), (60, 120), (80, 100), (80, 100)]


def test_names_differ_by_more_than_case(
    pictures: Path, preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "B.gif").write_bytes((pictures / "b.gif").read_bytes())
    out = pictures.parent / "out"
    words = ("--preset", preset, "--out", out, "--jsonl")
    status, stdout, _ = call_here(capsys, "upscale", pictures / "b.gif", pictures / "B.gif", *words)
    assert status == 0
    saved = [Path(json.loads(line)["saved"]).name for line in stdout.splitlines()]
    assert saved == ["b_x2.png", "B_x2-2.png"]


def test_an_input_behind_a_link_is_safe(
    pictures: Path, preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "a_x2.jpg").hardlink_to(pictures / "deeper" / "a.jpg")
    content = (pictures / "deeper" / "a.jpg").read_bytes()
    sources = (pictures / "a.jpg", pictures / "deeper" / "a.jpg")
    words = ("--preset", preset, "--out", pictures, "--overwrite")
    assert call_here(capsys, "upscale", *sources, *words)[0] == 0
    assert (pictures / "a_x2.jpg").read_bytes() == content


def test_files_that_are_there_stay_unless_told_otherwise(
    pictures: Path, preset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = pictures.parent / "out"
    out.mkdir()
    (out / "b_x2.png").write_bytes(b"precious")
    words = ("upscale", pictures / "a.jpg", pictures / "b.gif", "--preset", preset, "--out", out)
    status, stdout, err = call_here(capsys, *words)
    assert (status, stdout) == (2, "")
    assert f"1 of 2 files exist already, such as {out / 'b_x2.png'}; pass --overwrite" in err
    assert [path.name for path in out.iterdir()] == ["b_x2.png"]
    assert (out / "b_x2.png").read_bytes() == b"precious"
    assert call_here(capsys, *words, "--overwrite")[0] == 0
    assert read_image(out / "b_x2.png").size_px == (40, 60)


def test_standard_input_and_patterns(pictures: Path, preset: Path) -> None:
    content = (pictures / "a.jpg").read_bytes()
    line = ("upscale", "-", "pict*/b.*", "--preset", preset, "--out", "o", "--jsonl")
    done = call(*line, stdin=content, cwd=pictures.parent)
    assert (done.returncode, done.stderr) == (0, b"")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["source"] for row in rows] == ["<stdin>", "pictures/b.gif"]
    assert [row["saved"] for row in rows] == ["o/stdin_x2.png", "o/b_x2.png"]


@pytest.mark.parametrize(
    "name",
    ["-dash.png", "new\nline.png", "..png", "a" * 240 + ".png", "ß" * 120 + ".png", "💡.png"],
)
def test_hostile_names_stay_in_the_folder(
    name: str,
    pictures: Path,
    preset: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (pictures / name).write_bytes((pictures / "b.gif").read_bytes())
    out = pictures.parent / "deep" / "out"
    monkeypatch.chdir(pictures)
    status, stdout, err = call_here(
        capsys, "upscale", "--preset", preset, "--out", out, f"./{name}"
    )
    assert (status, err) == (0, "")
    (written,) = out.iterdir()
    assert read_image(written).size_px == (40, 60)
    assert len(stdout.splitlines()) == 2
    assert {path.name for path in pictures.parent.iterdir()} == {"pictures", "deep"}


def test_bad_files_get_a_line_each_and_harm_nobody(
    preset: Path, photographs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / "good.png"
    Image.fromarray(photographs["china"][:9, :9]).save(good)
    sources: list[str] = []
    for hostile in HOSTILE_IMAGES:
        (tmp_path / hostile.id).mkdir()
        source = hostile.make(tmp_path / hostile.id)
        usable = isinstance(source, str | os.PathLike) and "\0" not in os.fspath(source)
        if usable and str(source) and not os.path.isdir(source):  # noqa: PTH112 - no Path
            sources.append(os.fspath(source))
    assert len(sources) >= 40
    words = ("--preset", preset, "--out", tmp_path / "out", "--jsonl")
    status, stdout, err = call_here(capsys, "upscale", good, *sources, good, *words)
    assert status == 1
    rows = [json.loads(row) for row in stdout.splitlines()]
    assert [row["ok"] for row in rows] == [True] + [False] * len(sources) + [True]
    assert err.count("\n") == len(sources)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "good_x2-2.png",
        "good_x2.png",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("upscale x.png", "required: --out"),
        ("upscale --out o", "required: INPUT"),
        ("upscale x.png --out o --scale 5", "invalid choice: 5"),
        ("upscale x.png --out o --tile 0", "--tile: must be a whole number of at least 1; got '0'"),
        ("upscale x.png --out o --quality 101", "invalid choice: 101"),
        ("upscale x.png --out o --format gif", "invalid choice: 'gif'"),
        ("upscale x.png --out o --preset sesr_c32_x5", "unknown preset 'sesr_c32_x5'"),
        ("upscale x.png --out o --preset lenet5_mnist", "must be for super-resolution"),
        ("upscale x.png --out /dev/null", "--out must be a folder; /dev/null is a file"),
        ("upscale x.png --out o --json --jsonl", "not allowed with argument"),
    ],
)
def test_a_wrong_word_is_refused_in_one_line(
    line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, stdout, err = call_here(capsys, *line.split())
    assert (status, stdout, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not Path("o").exists()


def test_a_preset_of_another_scale_is_refused(
    preset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--preset", preset, "--scale", "3", "--out", tmp_path / "out")
    status, _, err = call_here(capsys, "upscale", "x.png", *words)
    assert status == 2
    assert "'tiny_x2' enlarges 2 times; got scale=3" in err

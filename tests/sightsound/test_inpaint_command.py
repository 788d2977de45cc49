"""`sightsound inpaint`: files and masks in, files whose holes are filled out."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.images import read_image
from pipelines.inpainting.pipeline import Inpainting
from tests.pipelines.hostile_images import HOSTILE_IMAGES
from tests.pipelines.inpainting.inpainters import holes, inpainter
from tests.sightsound.command_line import call_here

TELEA = ("--method", "telea")
BOX = ("--boxes", "3,4,6,5")


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained preset."""
    return inpainter().save(tmp_path_factory.mktemp("presets") / "tiny")


@pytest.fixture
def folders(photographs, tmp_path: Path) -> tuple[Path, Path]:
    """Two pictures of one name, a GIF, one that is none, and the masks of all but that."""
    photo = photographs["flower"]
    images, masks = tmp_path / "pictures", tmp_path / "masks"
    for folder in (images, masks):
        (folder / "deeper").mkdir(parents=True)
    Image.fromarray(photo[:40, :50]).save(images / "a.png")
    Image.fromarray(photo[40:70, :60]).save(images / "deeper" / "a.jpg")
    Image.fromarray(photo[:20, :30, 0]).save(images / "b.gif")
    (images / "broken.png").write_bytes(b"no picture")
    for name, size in (("a", (40, 50)), ("b_mask", (20, 30)), ("deeper/a", (30, 60))):
        Image.fromarray(holes(*size)).save(masks / f"{name}.png")
    return images, masks


def test_two_folders_become_a_folder(
    folders: tuple[Path, Path],
    preset: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folders[0].parent)
    words = ("inpaint", "pictures", "--mask", "masks", "--preset", preset, "--out", "out")
    status, stdout, err = call_here(capsys, *words)
    assert status == 1
    written = sorted(path.name for path in Path("out").iterdir())
    assert written == ["a_inpainted.jpg", "a_inpainted.png", "b_inpainted.png"]
    header, *rows = stdout.splitlines()
    assert header.split() == ["picture", "written", "method", "seconds"]
    assert [row.split()[:3] for row in rows] == [
        ["pictures/a.png", "out/a_inpainted.png", "network"],
        ["pictures/b.gif", "out/b_inpainted.png", "network"],
        ["pictures/deeper/a.jpg", "out/a_inpainted.jpg", "network"],
    ]
    (complaint,) = err.splitlines()
    assert complaint.startswith("sightsound: pictures/broken.png: is no picture")
    result = Inpainting.from_preset(preset)("pictures/a.png", "masks/a.png")
    np.testing.assert_array_equal(read_image("out/a_inpainted.png").pixels, result.pixels)
    with Image.open("out/b_inpainted.png") as image:
        assert (image.mode, image.size) == ("L", (30, 20))


def test_a_file_and_its_mask_and_boxes_without_a_preset(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    images, masks = folders
    out = images.parent / "out"
    words = ("inpaint", images / "a.png", *TELEA, "--out", out, "--jsonl")
    status, stdout, err = call_here(capsys, *words, "--mask", masks / "a.png")
    assert (status, err) == (0, "")
    row = json.loads(stdout)
    assert (row["ok"], row["method"], row["preset"]) == (True, "telea", "telea")
    assert row["saved"] == str(out / "a_inpainted.png")
    before, after = (read_image(path).pixels for path in (images / "a.png", row["saved"]))
    kept = holes(40, 50) == 0
    np.testing.assert_array_equal(after[kept], before[kept])
    assert (after != before).any()
    boxes = ("--overwrite", "--boxes", "3,4,6,5", "20,9,1,1")
    status, stdout, err = call_here(capsys, *words, *boxes)
    assert (status, err) == (0, "")
    assert json.loads(stdout)["share"] == round(31 / 2000, 6)


def test_standard_input_and_a_mask_for_all(
    folders: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    images, masks = folders
    monkeypatch.chdir(images.parent)
    content = (images / "a.png").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    words = ("inpaint", "-", "pict*/a.png", "--mask", masks / "a.png", *TELEA, "--out", "o")
    status, stdout, err = call_here(capsys, *words, "--jsonl")
    assert (status, err) == (0, "")
    rows = [json.loads(line) for line in stdout.splitlines()]
    assert [row["source"] for row in rows] == ["<stdin>", "pictures/a.png"]
    assert [row["saved"] for row in rows] == ["o/stdin_inpainted.png", "o/a_inpainted.png"]
    files = [Path(row["saved"]).read_bytes() for row in rows]
    assert files[0] == files[1]


def test_a_mask_of_nothing_is_told_and_harms_nobody(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("L", (50, 40)).save(tmp_path / "black.png")
    words = ("--mask", tmp_path / "black.png", *TELEA, "--out", tmp_path / "out")
    source = folders[0] / "a.png"
    status, _, err = call_here(capsys, "inpaint", source, *words)
    assert status == 0
    assert err == (
        f"sightsound: {source}: nothing is masked, and the picture unchanged; white tells what to "
        "fill\n"
    )
    written = read_image(tmp_path / "out" / "a_inpainted.png").pixels
    np.testing.assert_array_equal(written, read_image(source).pixels)


def test_neither_an_input_nor_a_mask_is_overwritten(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    images, masks = folders
    (images / "a_inpainted.png").write_bytes((images / "a.png").read_bytes())
    before = {path: path.read_bytes() for path in images.iterdir() if path.is_file()}
    words = ("--mask", masks / "a.png", *TELEA, "--out", images, "--overwrite", "--jsonl")
    sources = (images / "a.png", images / "a_inpainted.png")
    status, stdout, _ = call_here(capsys, "inpaint", *sources, *words)
    assert status == 0
    saved = [Path(json.loads(line)["saved"]).name for line in stdout.splitlines()]
    assert saved == ["a_inpainted-2.png", "a_inpainted_inpainted.png"]
    assert {path: path.read_bytes() for path in before} == before
    (masks / "b_inpainted.png").write_bytes((masks / "b_mask.png").read_bytes())
    its = ("--mask", masks / "b_inpainted.png", *TELEA, "--out", masks, "--overwrite")
    status, stdout, err = call_here(capsys, "inpaint", images / "b.gif", *its)
    assert (status, stdout) == (2, "")
    assert "b_inpainted.png is a mask, and is not overwritten" in err


def test_bad_files_get_a_line_each_and_harm_nobody(
    photographs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / "good.png"
    Image.fromarray(photographs["china"][:19, :19]).save(good)
    sources: list[str] = []
    for hostile in HOSTILE_IMAGES:
        (tmp_path / hostile.id).mkdir()
        source = hostile.make(tmp_path / hostile.id)
        usable = isinstance(source, str | os.PathLike) and "\0" not in os.fspath(source)
        if usable and str(source) and not os.path.isdir(source):  # noqa: PTH112 - no Path
            sources.append(os.fspath(source))
    assert len(sources) >= 40
    words = (*BOX, *TELEA, "--out", tmp_path / "out", "--jsonl")
    status, stdout, err = call_here(capsys, "inpaint", good, *sources, good, *words)
    assert status == 1
    rows = [json.loads(row) for row in stdout.splitlines()]
    assert [row["ok"] for row in rows] == [True] + [False] * len(sources) + [True]
    assert err.count("\n") == len(sources)
    # Each of them as a mask: the picture is at no fault, and the refusal names both.
    for source in sources:
        its = ("--mask", source, *TELEA, "--out", tmp_path / "masked", "--json", "--on-error")
        status, stdout, err = call_here(capsys, "inpaint", good, *its, "skip")
        assert (status, json.loads(stdout), err.count("\n")) == (1, [], 1)
        assert err.startswith(f"sightsound: {good}: its mask is refused: ")
    assert not list((tmp_path / "masked").iterdir())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("inpaint x.png --mask m.png", "required: --out"),
        ("inpaint --mask m.png --out o", "required: INPUT"),
        ("inpaint x.png --out o", "one of the arguments --mask --boxes is required"),
        ("inpaint x.png --out o --mask m.png --boxes 1,2,3,4", "not allowed with argument"),
        ("inpaint x.png --out o --boxes 1,2,3", "must be LEFT,TOP,WIDTH,HEIGHT in whole pixels"),
        ("inpaint x.png --out o --boxes 1,2,3,4.5", "must be LEFT,TOP,WIDTH,HEIGHT"),
        ("inpaint x.png --out o --mask m.png --method tela", "did you mean 'telea'"),
        ("inpaint x.png --out o --mask m.png --quality 101", "invalid choice: 101"),
        ("inpaint x.png --out o --mask m.png --format gif", "invalid choice: 'gif'"),
        ("inpaint x.png --out o --mask m.png --preset inpaint_x", "unknown preset 'inpaint_x'"),
        ("inpaint x.png --out o --mask m.png --preset lenet5_mnist", "must be for inpainting"),
        ("inpaint x.png --out /dev/null --mask m.png", "--out must be a folder"),
        ("inpaint - --out o --mask . --method telea", "standard input has no name"),
    ],
)
def test_a_wrong_word_is_refused_in_one_line(
    line: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"?")))
    status, stdout, err = call_here(capsys, *line.split())
    assert (status, stdout, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not Path("o").exists()

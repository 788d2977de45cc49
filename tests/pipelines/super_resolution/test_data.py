"""Named sets in the layouts that downloads have, and folders of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.images import ImageError
from pipelines.super_resolution.data import (
    LAYOUTS,
    DataError,
    NamedPicture,
    PictureSet,
    as_pictures,
    load_pictures,
)

SET5 = ("baby", "bird", "butterfly", "head", "woman")


def write(folder: Path, names: Sequence[object], *, mode: str = "RGB", size: int = 4) -> Path:
    """Write pictures of one colour, each of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        Image.new("L", (size, size), 10 + number).convert(mode).save(folder / f"{name}.png")
    return folder


def names_in(pictures: PictureSet) -> list[str]:
    return [picture.name for picture in pictures]


@pytest.mark.parametrize("inside", ["HR", "original", "", "GTmod12"])
@pytest.mark.parametrize("own_folder", ["Set5", "set5", "SET5"])
def test_a_test_set_is_found_in_the_usual_layouts(tmp_path: Path, inside, own_folder) -> None:
    write(tmp_path / own_folder / inside, SET5)
    write(tmp_path / own_folder / "LR_bicubic" / "X2", [f"{name}x2" for name in SET5], size=2)
    above = load_pictures("set5", tmp_path)
    assert (above.name, len(above), names_in(above)) == ("Set5", 5, list(SET5))
    own = tmp_path / own_folder
    for within in (load_pictures("Set5", own), load_pictures(own)):
        assert (within.name, names_in(within)) == ("Set5", list(SET5))


def test_both_sizes_in_one_folder_are_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "Set5" / "image_SRF_2"
    for kind, size in (("HR", 8), ("LR", 4), ("bicubic", 8)):
        write(folder, [f"img_00{n}_SRF_2_{kind}" for n in range(1, 6)], size=size)
    found = list(load_pictures("set5", tmp_path))
    assert [picture.name[-2:] for picture in found] == ["HR"] * 5
    assert {picture.pixels.shape for picture in found} == {(8, 8, 3)}


def test_uncropped_originals_come_first(tmp_path: Path) -> None:
    write(tmp_path / "Set5" / "GTmod12", SET5, size=12)
    write(tmp_path / "Set5" / "original", SET5, size=13)
    assert {picture.pixels.shape for picture in load_pictures("set5", tmp_path)} == {(13, 13, 3)}


@pytest.mark.parametrize(
    "parts",
    [
        ["BSDS400"],
        ["BSDS500/data/images/train", "BSDS500/data/images/test"],
        ["BSR/BSDS500/data/images/train", "BSR/BSDS500/data/images/test"],
    ],
)
def test_bsds400_is_the_training_and_the_test_part(tmp_path: Path, parts) -> None:
    share = 400 // len(parts)
    for number, part in enumerate(parts):
        write(tmp_path / part, range(1000 + number * share, 1000 + (number + 1) * share), size=1)
    write(tmp_path / parts[-1].replace("test", "val"), range(100) if len(parts) > 1 else [])
    assert sorted(names_in(load_pictures("bsds400", tmp_path))) == [
        str(number) for number in range(1000, 1400)
    ]


def test_a_set_with_another_number_of_pictures_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "Set14", SET5)
    with pytest.raises(DataError) as caught:
        load_pictures("set14", tmp_path)
    message = str(caught.value)
    assert message.startswith("Set14 is 14 pictures in a folder Set14, in one of: HR, original, ")
    assert f"got 5 pictures in {tmp_path / 'Set14'}" in message


@pytest.mark.parametrize(
    ("source", "folder", "message"),
    [
        ("set5", None, "set5 is not part of the package; give the folder that holds it"),
        ("set5", "nowhere", "there is no folder .*nowhere"),
        ("set5", ".", "Set5 is 5 pictures in a folder Set5.*got none"),
        ("sett5", ".", "unknown set 'sett5'; did you mean 'set5'"),
        ("sett5", None, "a folder, or a known set; did you mean 'set5'"),
        ("urban", None, "known: set5, set14, t91, bsds400"),
    ],
)
def test_what_is_not_there_is_refused_with_a_remedy(
    tmp_path: Path, monkeypatch, source, folder, message
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=message):
        load_pictures(source, folder)


def test_any_folder_gives_its_own_pictures_and_not_those_deeper(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", ["b", "a"])
    write(folder / "smaller", ["c"])
    (folder / "notes.txt").write_text("no picture")
    found = load_pictures(folder)
    assert (found.name, names_in(found)) == ("mine", ["a", "b"])
    assert names_in(load_pictures(folder / "a.png")) == ["a"]
    with pytest.raises(DataError, match=r"holds no pictures; .* its folders mine\?"):
        load_pictures(tmp_path)
    with pytest.raises(DataError, match=r"holds no pictures$"):
        load_pictures(write(tmp_path / "empty", []))


def test_pictures_are_rgb_and_grey_ones_say_so(tmp_path: Path) -> None:
    folder = write(tmp_path, ["a"])
    write(folder, ["b"], mode="L")
    write(folder, ["c"], mode="RGBA")
    assert [(p.name, p.pixels.shape, p.grey) for p in load_pictures(folder)] == [
        ("a", (4, 4, 3), False),
        ("b", (4, 4, 3), True),
        ("c", (4, 4, 3), False),
    ]
    assert all(picture.pixels.dtype == np.uint8 for picture in load_pictures(folder))


def test_a_set_can_be_read_again_and_a_damaged_file_is_named(tmp_path: Path) -> None:
    pictures = load_pictures(write(tmp_path, ["a", "b"]))
    assert names_in(pictures) == names_in(pictures) == ["a", "b"]
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"a\.png"):
        list(pictures)
    damaged, good = pictures.read()
    assert isinstance(damaged, ImageError)
    assert isinstance(good, NamedPicture)


def test_lists_and_sets_are_taken_as_they_are(photographs, tmp_path: Path) -> None:
    path = write(tmp_path, ["a"]) / "a.png"
    grey = photographs["china"][..., 0]
    pictures = as_pictures([photographs["china"], grey, path])
    assert (pictures.name, names_in(pictures)) == ("3 pictures", ["1", "2", "a"])
    assert [picture.grey for picture in pictures] == [False, True, False]
    assert as_pictures(pictures) is pictures
    assert as_pictures(tmp_path).name == tmp_path.name
    with pytest.raises(DataError, match="an empty list"):
        as_pictures([])
    with pytest.raises(TypeError, match="a name, a folder or a list; got ndarray"):
        as_pictures(grey)


@pytest.mark.data
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_data_packs_sets_are_found(papers_sets: Path, name: str) -> None:
    pictures = load_pictures(name, papers_sets)
    assert len(pictures) == LAYOUTS[name].count
    first = next(iter(pictures))
    assert first.pixels.ndim == 3
    greys = {"set14": ["bridge"]}
    if len(pictures) < 20:
        assert [picture.name for picture in pictures if picture.grey] == greys.get(name, [])

"""Named sets, those that are held out, and folders of one's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.inpainting.data import (
    DataError,
    PictureSet,
    as_pictures,
    center_crop,
    large_enough,
    load_pictures,
    split,
)
from tests.conftest import DATA_PACK


def write(folder: Path, numbers: range) -> Path:
    """Write pictures with those names."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        Image.new("RGB", (4, 4), (number % 256, number // 256, 0)).save(folder / f"{number:04}.png")
    return folder


def numbers(pictures: PictureSet) -> list[int]:
    return [int(Path(str(source)).stem) for source in pictures.sources]


def test_every_eighth_of_bsds400_is_held_out_in_any_layout(tmp_path: Path) -> None:
    write(tmp_path / "a" / "BSDS400", range(400))
    # Where the training and the test part lie apart, the names decide all the same.
    write(tmp_path / "b" / "BSR" / "train", range(1, 400, 2))
    write(tmp_path / "b" / "BSR" / "test", range(0, 400, 2))
    for place in ("a", "b"):
        held_out = load_pictures("held_out", tmp_path / place)
        assert numbers(held_out) == list(range(0, 400, 8))
        assert held_out.name == "50 held-out pictures of BSDS400"
        rest, last = split(load_pictures("bsds400", tmp_path / place))
        assert numbers(last) == numbers(held_out)
        assert numbers(rest) == [number for number in range(400) if number % 8]


def test_a_folder_and_a_list_are_pictures_too(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", range(3))
    assert len(load_pictures(folder)) == len(as_pictures(str(folder))) == 3
    arrays = [np.zeros((4, 5, 3), np.uint8)] * 2
    assert [p.pixels.shape for p in as_pictures(arrays)] == [(4, 5, 3)] * 2


@pytest.mark.parametrize(
    ("source", "folder", "says"),
    [
        ("held_out", None, "not part of the package; give the folder"),
        ("held_out", ".", "BSDS400 is 400 pictures in a folder"),
        ("imagenet", ".", "ImageNet, one a class is 1000 pictures in a folder imagenet"),
        ("bsds40", None, "did you mean 'bsds400'"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, source, folder, says: str) -> None:
    place = None if folder is None else write(tmp_path / "few", range(2))
    with pytest.raises(DataError, match=says):
        load_pictures(source, place)


def test_crops_are_the_middle_and_small_pictures_are_refused() -> None:
    pixels = np.arange(9 * 12 * 3, dtype=np.uint8).reshape(9, 12, 3)
    np.testing.assert_array_equal(center_crop(pixels, 5), pixels[2:7, 3:8])
    with pytest.raises(DataError, match="at least 10 x 10 pixels; got 9 x 12"):
        center_crop(pixels, 10)
    pictures = PictureSet("two", (pixels, pixels[:, :4]))
    assert [found.shape for found in large_enough(pictures, 9)] == [(9, 12, 3)]


@pytest.mark.data
def test_the_data_pack_has_the_fifty(tmp_path: Path) -> None:
    command = [sys.executable, str(DATA_PACK / "unpack.py"), str(tmp_path), "sr"]
    subprocess.run(command, check=True, capture_output=True)
    held_out = load_pictures("held_out", tmp_path / "sr")
    names = [Path(str(source)).stem for source in held_out.sources]
    assert (len(names), names[0], names[-1]) == (50, "100007", "90076")
    assert all(min(picture.pixels.shape[:2]) == 321 for picture in held_out)

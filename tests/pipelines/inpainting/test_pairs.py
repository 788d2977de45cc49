"""Which mask belongs to which picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines.images import ImageError, Limits
from pipelines.inpainting.pairs import MaskFolder, read_pairs

LIMITS = Limits()


def picture(number: int) -> np.ndarray:
    """Return a picture whose every pixel tells its number."""
    return np.full((4, 6, 3), 10 + number, np.uint8)


def mask(number: int) -> np.ndarray:
    """Return a mask of one pixel, whose place tells its number."""
    made: np.ndarray = np.zeros((4, 6), bool)
    made[0, number] = True
    return made


def numbers(pairs: Any) -> list[tuple[int, int]]:
    """Return the number of each picture and of its mask."""
    found = []
    for _, pair in pairs:
        if isinstance(pair, Exception):
            raise pair
        found.append((int(pair[0].pixels[0, 0, 0]) - 10, int(np.argmax(pair[1][0]))))
    return found


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of pictures and one of masks, of other formats and names."""
    images, masks = tmp_path / "images", tmp_path / "masks"
    for folder in (images, masks):
        (folder / "deeper").mkdir(parents=True)
    names = ("a.png", "b.bmp", "deeper/a.png")
    for number, name in enumerate(names):
        Image.fromarray(picture(number)).save(images / name)
    for number, name in enumerate(("a.bmp", "b_mask.png", "deeper/a.png")):
        Image.fromarray(mask(number)).save(masks / name)
    return images, masks


def test_folders_are_paired_by_name(folders: tuple[Path, Path]) -> None:
    images, masks = folders
    found = list(read_pairs(images, masks, None, LIMITS))
    assert [Path(name).relative_to(images).as_posix() for name, _ in found] == [
        "a.png",
        "b.bmp",
        "deeper/a.png",
    ]
    assert numbers(found) == [(0, 0), (1, 1), (2, 2)]


def test_a_missing_mask_is_its_pictures_error(folders: tuple[Path, Path]) -> None:
    images, masks = folders
    (masks / "b_mask.png").unlink()
    (_, first), (name, error), (_, last) = read_pairs(str(images), str(masks), None, LIMITS)
    assert not isinstance(first, Exception)
    assert not isinstance(last, Exception)
    assert str(error).startswith(f"{name}: its mask is refused: {masks / 'b.bmp'}: no such file")


def test_two_masks_of_one_picture_are_refused(folders: tuple[Path, Path]) -> None:
    images, masks = folders
    Image.fromarray(mask(0)).save(masks / "a_mask.png")
    with pytest.raises(ImageError, match=r"a\.png: must have one mask; got a\.bmp, a_mask\.png"):
        list(read_pairs(images, masks, None, LIMITS))
    assert MaskFolder(masks).mask_of(images / "b.bmp", images) == masks / "b_mask.png"


def test_one_mask_serves_many(folders: tuple[Path, Path]) -> None:
    many = [picture(n) for n in range(3)]
    for one in (mask(4), Image.fromarray(mask(4)), folders[1] / "deeper" / "a.png"):
        place = 2 if isinstance(one, Path) else 4
        assert numbers(read_pairs(many, one, None, LIMITS)) == [(n, place) for n in range(3)]
    assert numbers(read_pairs(folders[0], mask(5), None, LIMITS)) == [(0, 5), (1, 5), (2, 5)]


def test_one_mask_each() -> None:
    many, masks = [picture(n) for n in range(4)], [mask(n) for n in range(4)]
    expected = [(n, n) for n in range(4)]
    stacked = (np.stack(many), np.stack(masks))
    for images, each in (
        (many, masks),
        (iter(many), iter(masks)),
        stacked,
        (many, np.stack(masks)[..., None]),
    ):
        assert numbers(read_pairs(images, each, None, LIMITS)) == expected


def test_a_buffer_that_is_used_again_is_read_in_time() -> None:
    pixels, where = picture(0), mask(0)

    def frames(buffer: np.ndarray, make):
        for number in range(5):
            buffer[:] = make(number)
            yield buffer

    pairs = read_pairs(frames(pixels, picture), frames(where, mask), None, LIMITS)
    assert numbers(pairs) == [(n, n) for n in range(5)]


def test_boxes_for_all_and_for_each() -> None:
    many = [picture(n) for n in range(2)]
    same = read_pairs(many, None, [(3, 0, 1, 1)], LIMITS)
    assert numbers(same) == [(0, 3), (1, 3)]
    own = read_pairs(many, None, [[(1, 0, 1, 1)], [(2, 0, 1, 1), (4, 2, 1, 2)]], LIMITS)
    assert numbers(own) == [(0, 1), (1, 2)]
    assert numbers(read_pairs([picture(0)], None, np.array([[5, 0, 1, 1]]), LIMITS)) == [(0, 5)]


@pytest.mark.parametrize(
    ("masks", "boxes", "error", "says"),
    [
        (None, None, TypeError, "mask_image or boxes must tell what to fill; got neither"),
        (mask(0), [(0, 0, 1, 1)], ValueError, "exclude each other"),
        ([mask(0)], None, ValueError, "as many masks.*; got 1 for 2 pictures"),
        (iter([mask(0)]), None, ValueError, "as many masks.*; they ended first"),
        ([mask(0)] * 3, None, ValueError, "got 3 for 2 pictures"),
        (None, [[(0, 0, 1, 1)]], ValueError, "got 1 for 2 pictures"),
        (None, (0, 0, 1, 1), ValueError, r"boxes must be a list of \(left, top, width, height\)"),
        (None, 7, ValueError, "boxes must be a list"),
        (None, [(0, 0, 9, 1)], ImageError, "<array>: a box must be"),
        (mask(0).T, None, ImageError, r"<array>: mask must match.*got mask \(6, 4\), image \(4, 6"),
        (b"?", None, ImageError, "<array>: its mask is refused: <bytes>: is no picture"),
        (7, None, TypeError, "inputs must be a picture"),
    ],
)
def test_what_does_not_fit_is_refused(masks, boxes, error, says: str) -> None:
    with pytest.raises(error, match=says):
        numbers(read_pairs([picture(0), picture(1)], masks, boxes, LIMITS))


def test_a_folder_of_masks_needs_a_folder_of_pictures(folders: tuple[Path, Path]) -> None:
    with pytest.raises(ValueError, match="a folder of masks needs a folder of pictures"):
        read_pairs([folders[0] / "a.png"], folders[1], None, LIMITS)

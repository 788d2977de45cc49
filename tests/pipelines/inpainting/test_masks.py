"""Masks, however somebody gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines.images import ImageError, Limits
from pipelines.inpainting.masks import FULL, check_fits, mask_of_boxes, read_mask
from tests.pipelines.encoded_images import encode, png16

SHAPE = (9, 13)


@pytest.fixture
def filled() -> np.ndarray:
    """Where to fill, (9, 13) bool."""
    where: np.ndarray = np.zeros(SHAPE, bool)
    where[2:5, 3:11] = True
    where[8, 0] = True
    return where


def test_every_form_is_the_same_mask(filled: np.ndarray, tmp_path: Path) -> None:
    expected = np.where(filled, FULL, 0).astype(np.uint16)
    grey = filled.astype(np.uint8) * 255
    path = tmp_path / "mask.png"
    Image.fromarray(grey).save(path)
    forms: list[Any] = [
        path,
        str(path),
        path.read_bytes(),
        Image.fromarray(grey),
        Image.fromarray(grey).convert("1"),
        Image.fromarray(grey).convert("RGB"),
        filled,
        filled[..., None],
        grey,
        grey[..., None].repeat(3, axis=2),
        expected,
        filled.astype(np.float32),
        filled.astype(np.float64),
        png16(expected[..., None]),
        encode(Image.fromarray(grey), "WEBP", lossless=True),
    ]
    for form in forms:
        mask = read_mask(form)
        assert mask.dtype == np.uint16
        np.testing.assert_array_equal(mask, expected)


def test_soft_edges_are_kept() -> None:
    greys = np.arange(256, dtype=np.uint8)[None]
    np.testing.assert_array_equal(read_mask(greys), greys.astype(np.uint16) * 257)
    deep = np.array([[0, 1, 300, 40_000, 65_535]], np.uint16)
    np.testing.assert_array_equal(read_mask(deep), deep)
    np.testing.assert_array_equal(read_mask(np.array([[0.0, 0.25, 1.0]])), [[0, 16384, 65535]])


def test_colours_count_by_their_luma() -> None:
    colours = np.array([[(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]], np.uint8)
    expected = np.rint(np.array([0.299, 0.587, 0.114, 1.0]) * FULL)
    np.testing.assert_array_equal(read_mask(colours)[0], expected)


def test_what_is_transparent_in_a_mask_is_kept() -> None:
    paint = np.full((1, 3, 4), 255, np.uint8)
    paint[0, :, 3] = 255, 51, 0
    np.testing.assert_array_equal(read_mask(paint), [[FULL, FULL // 5, 0]])
    black = paint.copy()
    black[..., :3] = 0
    assert not read_mask(black).any()


@pytest.mark.parametrize(
    "ones",
    [
        np.eye(8, dtype=np.uint8),
        np.eye(8, dtype=np.uint16),
        np.eye(8, dtype=np.uint8)[..., None].repeat(3, axis=2),
        encode(Image.fromarray(np.eye(8, dtype=np.uint8)), "PNG"),
    ],
    ids=["uint8", "uint16", "rgb", "file"],
)
def test_zeros_and_ones_are_refused_where_white_is_more(ones) -> None:
    with pytest.raises(ImageError, match=r"a mask's white is \d+; its brightest value is 1; if"):
        read_mask(ones)


def test_black_is_a_mask_too() -> None:
    for black in (np.zeros(SHAPE, bool), np.zeros(SHAPE, np.uint8), np.zeros(SHAPE)):
        assert not read_mask(black).any()


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (np.full(SHAPE, np.nan), "a float array must be finite"),
        (np.full(SHAPE, 255.0), "pass array / 255"),
        (np.ones(SHAPE, np.int64), "if white is 255, pass array.astype"),
        (np.ones((3, *SHAPE), bool), "pass np.moveaxis"),
        (np.ma.masked_array(np.zeros(SHAPE, np.uint8)), "a masked array lacks some values"),
        (b"no picture", "is no picture"),
        (7, "an image must be a path, URL, bytes, PIL image or array; got int"),
    ],
)
def test_what_is_no_mask_is_refused(mask, says: str) -> None:
    with pytest.raises(ImageError, match=says):
        read_mask(mask)


def test_limits_count_for_masks(filled: np.ndarray) -> None:
    with pytest.raises(ImageError, match="at most 99 pixels"):
        read_mask(filled, limits=Limits(max_pixels=99))


def test_a_mask_is_nobody_elses(filled: np.ndarray) -> None:
    grey = filled.astype(np.uint8) * 255
    grey.setflags(write=False)
    mask = read_mask(grey)
    mask[:] = 0
    assert grey.any()


def test_boxes() -> None:
    mask = mask_of_boxes([(3, 2, 8, 3), (0, 8, 1, 1)], SHAPE)
    assert mask.dtype == np.uint16
    assert set(np.unique(mask)) == {0, FULL}
    expected: np.ndarray = np.zeros(SHAPE, bool)
    expected[2:5, 3:11] = expected[8, 0] = True
    np.testing.assert_array_equal(mask > 0, expected)
    assert mask_of_boxes([(0, 0, 13, 9)], SHAPE).all()
    assert not mask_of_boxes([], SHAPE).any()
    np.testing.assert_array_equal(
        mask_of_boxes(list(np.array([[3, 2, 8, 3]])), SHAPE),
        mask_of_boxes([(3, 2, 8, 3)], SHAPE),
    )


@pytest.mark.parametrize(
    ("box", "says"),
    [
        ((0, 0, 14, 1), r"within the picture of 13 x 9 pixels; got \(0, 0, 14, 1\)"),
        ((0, 0, 1, 10), "within the picture"),
        ((-1, 0, 1, 1), "within the picture"),
        ((0, 0, 0, 1), "within the picture"),
        ((0, 0, 10**30, 1), "within the picture"),
        ((0, 0, 1), "four whole numbers"),
        ((0, 0, 1.5, 1), "four whole numbers"),
        ((0, 0, 1, float("nan")), "four whole numbers"),
        (7, "four whole numbers"),
        ("abcd", "four whole numbers"),
    ],
)
def test_wrong_boxes_are_refused(box, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        mask_of_boxes([box], SHAPE)


def test_a_mask_of_another_size_is_refused() -> None:
    mask = mask_of_boxes([], SHAPE)
    check_fits(mask, SHAPE, "a.png")
    says = (
        r"a\.png: mask must match the image's height and width; got mask \(9, 13\), image "
        r"\(13, 9\)"
    )
    with pytest.raises(ImageError, match=says):
        check_fits(mask, SHAPE[::-1], "a.png")

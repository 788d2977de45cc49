"""Photographs to train on and to measure on: named sets, or any folder.

bsds400     the 200 + 200 of the training and test parts of BSDS500
imagenet    a thousand photographs of ImageNet's classes, one a class, in a folder `imagenet`
FOLDER      any other folder of pictures

Every eighth picture of BSDS400, by the files' names, is `held_out`: 50 photographs of 481 x 321
pixels that are measured on and never trained on. (Those of `imagenet` are 224 pixels high or wide,
too small for the crops that inpainting is measured on.)
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines import picture_sets
from pipelines.images import ImageSource
from pipelines.picture_sets import BSDS400, DataError, Layout, NamedPicture, PictureSet

__all__ = ["DataError", "NamedPicture", "PictureSet", "as_pictures", "center_crop", "load_pictures"]

LAYOUTS = {
    "bsds400": BSDS400,
    "imagenet": Layout("ImageNet, one a class", 1000, ("imagenet",), (("",),)),
}
HELD_OUT = "held_out"
NAMED = (HELD_OUT, *LAYOUTS)
HELD_OUT_EVERY = 8
CROP_PX = 256  # the side of what is measured on


def as_pictures(
    data: PictureSet | str | os.PathLike[str] | Sequence[ImageSource],
    folder: str | os.PathLike[str] | None = None,
) -> PictureSet:
    """Return a set as it is, what `load_pictures` finds under a name, or the pictures of a list.

    Raises:
        DataError: As `load_pictures`, or the list is empty.
        TypeError: It is none of these.
    """
    if isinstance(data, str | os.PathLike):
        return load_pictures(data, folder)
    return picture_sets.as_pictures(data, folder, LAYOUTS)


def load_pictures(
    source: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None
) -> PictureSet:
    """Return a named set or the pictures of a folder.

    Args:
        source: One of `NAMED`, in any case, or the path of a folder or of one picture.
        folder: Where a named set lies: its own folder or the one above. Without it, the set's name
            is also taken for a folder.

    Raises:
        DataError: There is no such set or folder, or it holds something else.
    """
    if os.fspath(source).lower() != HELD_OUT:
        return picture_sets.load_pictures(source, folder, LAYOUTS)
    _, held_out = split(picture_sets.load_pictures("bsds400", folder, LAYOUTS))
    return held_out


def split(pictures: PictureSet) -> tuple[PictureSet, PictureSet]:
    """Return what of a set is trained on, and every eighth picture by name, which is not."""
    ordered = sorted(pictures.sources, key=lambda source: Path(str(source)).name)
    held_out = tuple(ordered[::HELD_OUT_EVERY])
    rest = tuple(source for source in ordered if source not in held_out)
    return (
        replace(pictures, sources=rest),
        PictureSet(f"{len(held_out)} held-out pictures of {pictures.name}", held_out),
    )


def center_crop(pixels: np.ndarray, side_px: int = CROP_PX) -> np.ndarray:
    """Return the middle `side_px` x `side_px` pixels of (H, W, C), as a view.

    Raises:
        DataError: The picture is smaller.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < side_px:
        raise DataError(
            f"a picture must have at least {side_px} x {side_px} pixels; got {height} x {width}"
        )
    top, left = (height - side_px) // 2, (width - side_px) // 2
    return pixels[top : top + side_px, left : left + side_px]


def cut(pixels: np.ndarray, place: np.ndarray, side_px: int) -> np.ndarray:
    """Return a part (side, side, ...) of (H, W, ...), as a view.

    Args:
        pixels: At least as high and wide.
        place: (2,) numbers from 0 to below 1: from the top to the bottom, from left to right.
        side_px: The part's side.
    """
    top, left = (place * (np.array(pixels.shape[:2]) - side_px + 1)).astype(int)
    return pixels[top : top + side_px, left : left + side_px]


def facts_of(pictures: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return what tells pictures from others, in plain values."""
    checksum = 0
    for pixels in pictures:
        checksum = zlib.crc32(np.ascontiguousarray(pixels).tobytes(), checksum)
    return {"pictures": len(pictures), "pictures_crc32": checksum}


def large_enough(pictures: PictureSet, side_px: int) -> Iterator[np.ndarray]:
    """Yield the pixels (H, W, 3) uint8 of those pictures that hold a crop of `side_px`."""
    for picture in pictures:
        if min(picture.pixels.shape[:2]) >= side_px:
            yield picture.pixels

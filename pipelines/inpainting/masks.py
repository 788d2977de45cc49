"""Masks: which pixels are to be filled, in whatever form somebody says it.

White is filled and black is kept. What lies between is a soft edge: there the fill and the picture
are blended, as much of the fill as the mask is bright. A mask in colours counts by its luma
(ITU-R BT.601), and what is transparent in it is kept.

Within the pipeline a mask is (H, W) uint16, 65535 where to fill. It is computed in whole numbers,
so that a graph can do the same to the bit.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipelines.images import ImageSource, Limits, read_image
from pipelines.picture import DEFAULT_LIMITS, Picture, refusal, to_depth

FULL = 65535  # to be filled wholly
LUMA, LUMA_SUM = (299, 587, 114), 1000
# The brightest value of a mask of zeros and ones, which somebody took for an 8-bit picture.
ONE_OF_255 = FULL // 255

Box = tuple[int, int, int, int]  # left, top, width, height


def read_mask(source: ImageSource, *, limits: Limits = DEFAULT_LIMITS) -> np.ndarray:
    """Read a mask.

    Args:
        source: A path, URL, the bytes of a file, a PIL image, or an array (H, W) of bool, uint8,
            uint16 or float in [0, 1]; with one channel, three or four, too.
        limits: What is refused before it costs anything.

    Returns:
        (H, W) uint16, 65535 where to fill.

    Raises:
        ImageError: It is refused as any picture, or holds zeros and ones where white is 255.
    """
    return mask_of_picture(read_image(source, limits=limits))


def mask_of_picture(picture: Picture) -> np.ndarray:
    """Return the mask (H, W) uint16 that a picture shows.

    Raises:
        ImageError: It holds zeros and ones where white is 255.
    """
    mask = np.full(picture.size_px, LUMA_SUM // 2, np.uint32)  # rounds
    for channel, weight in enumerate(LUMA):
        mask += to_depth(picture.pixels[..., channel], 16) * np.uint32(weight)
    mask //= LUMA_SUM
    if picture.alpha is not None:
        mask *= to_depth(picture.alpha, 16)  # at most 65535 * 65535: it fits
        mask += FULL // 2
        mask //= FULL
    brightest = int(mask.max())
    if 0 < brightest <= ONE_OF_255:
        raise refusal(
            picture.source,
            f"a mask's white is {2**picture.bit_depth - 1}; its brightest value is "
            f"{picture.pixels.max()}; if all above 0 is to be filled, pass np.asarray(mask) > 0",
        )
    return mask.astype(np.uint16)


def mask_of_boxes(boxes: Sequence[Box], size: tuple[int, int]) -> np.ndarray:
    """Return the mask (H, W) uint16 of rectangles.

    Args:
        boxes: (left, top, width, height) of each, in pixels.
        size: Height and width of the picture.

    Raises:
        ValueError: A box is something else, or does not lie within the picture.
    """
    height, width = size
    mask: np.ndarray = np.zeros(size, np.uint16)
    for box in boxes:
        left, top, across, down = _four(box)
        if not (0 <= left < left + across <= width and 0 <= top < top + down <= height):
            raise ValueError(
                "a box must be (left, top, width, height) within the picture of "
                f"{width} x {height} pixels; got {tuple(box)}"
            )
        mask[top : top + down, left : left + across] = FULL
    return mask


def check_fits(mask: np.ndarray, size: tuple[int, int], source: str) -> None:
    """Refuse a mask of another size than its picture.

    Raises:
        ImageError: It is.
    """
    if mask.shape != size:
        raise refusal(
            source,
            "mask must match the image's height and width; got mask "
            f"{mask.shape}, image {size}; scale the mask to the image's size",
        )


def _four(box: Any) -> list[int]:
    try:
        values = [operator.index(value) for value in box]
    except TypeError:
        values = []
    if len(values) != 4:
        raise ValueError(
            f"a box must be four whole numbers, (left, top, width, height); got {box!r:.80}"
        )
    return values

"""The mask that a visitor drew: how large a canvas it has, and what of the browser's word is taken.

A canvas has the picture's own pixels up to `MOST_PIXELS` and `LONGEST_PX`, so that a phone draws
and sends it without a pause. A larger picture has the largest canvas of its shape within both, and
the mask is enlarged.

The browser sends the canvas as a PNG file in a data URL. Anybody can send anything else: its
length, its format and its size are checked before a pixel is decoded.
"""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

import numpy as np
from PIL import Image

from pipelines.images import ImageError, Limits, read_image

MOST_PIXELS = 2**21  # of a canvas: more than one sees of a picture while one draws on all of it
LONGEST_PX = 16_384  # what every browser's canvas may have along a side
MOST_CHARACTERS = 4 * 2**20  # of a data URL; 16,000 lines all over the largest canvas have half
HEAD = "data:image/png;base64,"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
RGBA = (8, 6, 0, 0, 0)  # bits, colour type, compression, filter, no interlacing (PNG, 11.2.1)
LIMITS = Limits(max_pixels=MOST_PIXELS, max_bytes=MOST_CHARACTERS)
COVERED = 128  # alpha from which a pixel is part of the mask: half of it lies under the stroke
AGAIN = "draw it again"


class DrawnMaskError(ValueError):
    """What the browser sent is no mask; the message states rule, value and remedy."""


def canvas_size(size_px: tuple[int, int]) -> tuple[int, int]:
    """Return the height and width of the canvas for a picture of this height and width."""
    height, width = size_px
    factor = min(math.sqrt(MOST_PIXELS / (height * width)), LONGEST_PX / max(size_px), 1.0)
    return max(int(height * factor), 1), max(int(width * factor), 1)


def png_of(told: Any, size_px: tuple[int, int]) -> bytes:
    """Take a PNG file out of the data URL that the browser sent.

    Args:
        told: What was sent, of any kind.
        size_px: The picture's height and width.

    Raises:
        DrawnMaskError: It is no data URL of a PNG file, too long, or of another size or format
            than the canvas. The pixels are not looked at.
    """
    if not isinstance(told, str):
        raise DrawnMaskError(f"a mask must be text; got {type(told).__name__}; {AGAIN}")
    if len(told) > MOST_CHARACTERS:
        raise DrawnMaskError(
            f"a mask may have at most {MOST_CHARACTERS:,} characters; got {len(told):,}; "
            "draw with a larger brush"
        )
    if not told.startswith(HEAD):
        raise DrawnMaskError(f"a mask must begin with {HEAD!r}; got {told[: len(HEAD)]!r}; {AGAIN}")
    try:
        png = base64.b64decode(told[len(HEAD) :], validate=True)
    except ValueError as error:  # also of letters beyond ASCII
        raise DrawnMaskError(f"a mask must be base64; got {error}; {AGAIN}") from error
    height, width = canvas_size(size_px)
    header = SIGNATURE + struct.pack(">I4sII5B", 13, b"IHDR", width, height, *RGBA)
    if not png.startswith(header):
        raise DrawnMaskError(
            f"a mask must be a PNG file of {width} x {height} pixels, RGBA, 8 bits; "
            f"got {png[: len(header)]!r}; {AGAIN}"
        )
    return png


def mask_of(png: bytes, size_px: tuple[int, int]) -> np.ndarray:
    """Decode what `png_of` returned.

    Args:
        png: A canvas; its alpha is what was drawn, its colour is not looked at.
        size_px: The picture's height and width.

    Returns:
        (height, width) uint8: 255 where something was drawn, else 0. Of an eraser's soft edge
        nothing stays. Where the canvas is smaller than the picture, edges are between the two.

    Raises:
        DrawnMaskError: The file is damaged or cut short.
    """
    try:
        canvas = read_image(png, limits=LIMITS)
    except ImageError as error:
        raise DrawnMaskError(f"a mask must be a whole PNG file; got {error}; {AGAIN}") from error
    if canvas.alpha is None or canvas.size_px != canvas_size(size_px):
        raise DrawnMaskError(f"a mask must lie upright; got {canvas.size_px} px; {AGAIN}")
    mask = (canvas.alpha >= COVERED) * np.uint8(255)
    if mask.shape == size_px:
        return mask
    height, width = size_px
    image = Image.fromarray(mask).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image)

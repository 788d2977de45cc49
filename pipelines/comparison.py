"""An enlarged picture beside what bicubic interpolation makes of the same original."""

from __future__ import annotations

import os

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipelines.image_encoding import write_image
from pipelines.picture import shown, to_depth
from pipelines.results import UpscaledImage

PAPER, INK = "white", "black"
GAP_PX, CAPTION_PX, FONT_PX = 8, 24, 14
NAME_CHARACTERS = 40  # of a preset's name: more would not fit over a small picture


def beside_bicubic(
    result: UpscaledImage,
    path: str | os.PathLike[str] | None = None,
    area: tuple[int, int, int, int] | None = None,
) -> Image.Image:
    """Return bicubic interpolation at the left, the result at the right, their names above.

    What is transparent is shown on white paper.

    Args:
        result: The enlarged picture.
        path: Where to write that, too, or None.
        area: (left, top, width, height) in pixels of the original; all of it when None.

    Raises:
        ValueError: The area does not lie within the original.
        ImageError: It cannot be written there.
    """
    original, scale = result.original, result.scale
    height, width = original.size_px
    left, top, across, down = area or (0, 0, width, height)
    if not (0 <= left < left + across <= width and 0 <= top < top + down <= height):
        raise ValueError(
            f"area must be (left, top, width, height) within {width} x {height}; got {area}"
        )
    right, bottom = left + across, top + down
    box = (left, top, right, bottom)
    large_box = (scale * left, scale * top, scale * right, scale * bottom)
    size = (scale * across, scale * down)
    pictures = (
        _on_paper(original.pixels, original.alpha).resize(size, Image.Resampling.BICUBIC, box),
        _on_paper(result.pixels, result.alpha).crop(large_box),
    )
    sheet = Image.new("RGB", (2 * size[0] + GAP_PX, CAPTION_PX + size[1]), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_PX)
    captions = ("bicubic", shown(result.preset, NAME_CHARACTERS))
    for place, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        x = place * (size[0] + GAP_PX)
        sheet.paste(picture, (x, CAPTION_PX))
        draw.text((x + 4, 4), caption, INK, font)
    if path is not None:
        write_image(path, np.asarray(sheet))
    return sheet


def _on_paper(pixels: np.ndarray, alpha: np.ndarray | None) -> Image.Image:
    """Return (H, W, 1 or 3) of any depth in 8-bit RGB, its transparent parts blended with white."""
    rgb = np.broadcast_to(to_depth(pixels, 8), (*pixels.shape[:2], 3))
    image = Image.fromarray(np.ascontiguousarray(rgb))
    if alpha is None:
        return image
    paper = Image.new("RGB", image.size, PAPER)
    paper.paste(image, mask=Image.fromarray(np.ascontiguousarray(to_depth(alpha, 8))))
    return paper

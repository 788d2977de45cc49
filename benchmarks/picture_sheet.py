"""Pictures in rows and columns under captions, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP_PX, CAPTION_PX, FONT_PX = 8, 22, 14


def sheet(captions: Sequence[str], rows: Sequence[Sequence[np.ndarray]]) -> Image.Image:
    """Return pictures (H, W, 3) uint8, all of one size, a caption above each column."""
    height, width = rows[0][0].shape[:2]
    size = (
        len(captions) * (width + GAP_PX) - GAP_PX,
        CAPTION_PX + len(rows) * (height + GAP_PX) - GAP_PX,
    )
    paper = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(paper), ImageFont.load_default(FONT_PX)
    for column, caption in enumerate(captions):
        draw.text((column * (width + GAP_PX) + 2, 3), caption, "black", font)
    for number, row in enumerate(rows):
        for column, pixels in enumerate(row):
            place = (column * (width + GAP_PX), CAPTION_PX + number * (height + GAP_PX))
            paper.paste(Image.fromarray(pixels), place)
    return paper

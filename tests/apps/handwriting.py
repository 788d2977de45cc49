"""Digits as a visitor might hand them over."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pipelines.classification.data import LabelledImages

BROKEN = b"\x89PNG\r\n\x1a\n and then nothing"


def digit_png(digits: LabelledImages, number: int) -> bytes:
    """Make a PNG file of a handwritten digit, 112 pixels wide."""
    picture = Image.fromarray(np.asarray(digits.images[number]))  # the first ten are 0 to 9
    file = io.BytesIO()
    picture.resize((112, 112), Image.Resampling.BICUBIC).save(file, "png")
    return file.getvalue()

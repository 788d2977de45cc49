"""How near an enlarged picture is to what it was: PSNR and SSIM of luma, without the border.

Both are computed on one channel (luma, see `colour.py`), with a border cut off where an enlarger
has seen less than its surroundings.
"""

from __future__ import annotations

import numpy as np

from pipelines.similarity import WINDOW_PX, psnr, ssim

__all__ = ["WINDOW_PX", "cut_border", "psnr", "ssim"]


def cut_border(image: np.ndarray, border: int) -> np.ndarray:
    """Return a view without `border` pixels on each side.

    Raises:
        ValueError: Nothing would be left.
    """
    height, width = image.shape[:2]
    if not 0 <= 2 * border < min(height, width):
        raise ValueError(f"a border of {border} pixels leaves nothing of {height} x {width}")
    return image[border : height - border, border : width - border]

"""The part of an enlarged picture that a page shows: where it is, its pixels before and after."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from pipelines.picture import Picture, to_depth
from pipelines.super_resolution.resampling import enlarge

MOST_PX = (480, 704)  # height and width; a page is as wide, and its pictures then weigh 2 MB
SMALL_SIDES_PX = 400, 16  # of the small picture of the whole: the longer, and the least
LEAST_WIDTH_PX = 8  # of a picture on a page: a hand must still hit it
MARGIN_PX = 3  # more than the two pixels on either side that bicubic interpolation looks at
QUICK = 1  # zlib's level: what is sent to the same machine or through a fast line need not be small


@dataclass(frozen=True)
class Part:
    """A part of an enlarged picture, in its pixels."""

    top: int
    left: int
    height: int
    width: int

    @classmethod
    def around(cls, centre: tuple[float, float], size_px: tuple[int, int], zoom: int) -> Part:
        """Return the part of a picture that fills the page when magnified `zoom` times.

        Args:
            centre: Where, from the left and from the top, each in [0, 1]; the part stays inside.
            size_px: The picture's height and width.
            zoom: 1 or more.
        """
        height, width = (min(most // zoom, px) for most, px in zip(MOST_PX, size_px, strict=True))
        left, top = centre
        return cls(_start(top, height, size_px[0]), _start(left, width, size_px[1]), height, width)

    def of(self, pixels: np.ndarray) -> np.ndarray:
        """Cut it from the enlarged picture's (H, W) or (H, W, C), as uint8."""
        rows = slice(self.top, self.top + self.height)
        return to_depth(pixels[rows, self.left : self.left + self.width], 8)

    def bicubic(self, original: Picture, scale: int) -> np.ndarray:
        """Return what bicubic interpolation makes of it, (height, width, 3) uint8.

        Only what it depends on is enlarged, and comes out as if everything were.
        """
        top, left = (max(at // scale - MARGIN_PX, 0) for at in (self.top, self.left))
        ends = (self.top + self.height, self.left + self.width)
        bottom, right = (-(-end // scale) + MARGIN_PX for end in ends)
        large = enlarge(to_depth(original.pixels[top:bottom, left:right], 8), scale)
        y, x = self.top - top * scale, self.left - left * scale
        return large[y : y + self.height, x : x + self.width]


def _start(centre: float, length: int, whole: int) -> int:
    return min(max(round(centre * whole - length / 2), 0), whole - length)


def small_png(picture: Picture) -> bytes:
    """Return the whole picture, small, as a PNG file; a very long one is shown wider than it is."""
    image = _image(picture.rgb8, picture.alpha, picture)
    longer, least = SMALL_SIDES_PX
    factor = longer / max(image.size)
    if factor < 1:
        width, height = (max(round(side * factor), least) for side in image.size)
        image = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return _png(image, picture)


def fitted_width(size_px: tuple[int, int], side_px: int) -> int:
    """Return how wide a picture is that just fits into a square of `side_px` pixels."""
    height, width = size_px
    return max(round(side_px * min(width / height, 1)), LEAST_WIDTH_PX)


def part_png(pixels: np.ndarray, alpha: np.ndarray | None, original: Picture) -> bytes:
    """Write a part of what was made of a picture as a PNG file.

    Args:
        pixels: (H, W, 3) or (H, W, 1) uint8.
        alpha: (H, W) uint8; None where all is opaque.
        original: The picture; the part's colours are meant as its are.
    """
    return _png(_image(pixels, alpha, original), original)


def _image(pixels: np.ndarray, alpha: np.ndarray | None, original: Picture) -> Image.Image:
    colour = pixels[:, :, :1] if original.grey else pixels
    layers = colour if alpha is None else np.dstack((colour, to_depth(alpha, 8)))
    return Image.fromarray(layers[:, :, 0] if layers.shape[2] == 1 else layers)


def _png(image: Image.Image, original: Picture) -> bytes:
    profile, space = original.icc_profile, b"GRAY" if original.grey else b"RGB "
    fits = profile is not None and profile[16:20] == space  # as in the file that is written
    file = BytesIO()
    image.save(file, "png", compress_level=QUICK, icc_profile=profile if fits else None)
    return file.getvalue()

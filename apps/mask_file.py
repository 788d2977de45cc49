"""A mask that a visitor hands over as a picture: white is to go."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from PIL import Image

from apps.mask_canvas import WEBP_URL, Backdrop
from apps.photograph import LIMITS, reason, size_text
from apps.session import Upload, UploadError
from pipelines.images import ImageError
from pipelines.inpainting.masks import FULL, read_mask

COLOUR, STRENGTH = "#ff2d78", 0.6  # as the canvas shows what is drawn
QUALITY = 85  # of WebP, on a scale to 100


@dataclass(frozen=True, eq=False)
class MaskFile:
    """A mask of a picture.

    Attributes:
        name: What the visitor calls the file.
        mask: (H, W) uint16 of the picture's size, 65535 where to fill.
        seen: The picture with the mask on it, small, as a WebP file.
    """

    name: str
    mask: np.ndarray = field(repr=False)
    seen: bytes = field(repr=False)

    @classmethod
    def of(cls, name: str, content: bytes, picture: Backdrop) -> MaskFile:
        """Take a file.

        Raises:
            UploadError: It is empty or too large, no picture, of another size than `picture`, or
                all black.
        """
        upload = Upload.of(name, content)
        try:
            mask = read_mask(upload.content, limits=LIMITS)
        except ImageError as error:
            raise UploadError(reason(error, content)) from error
        if mask.shape != picture.size_px:
            height, width = mask.shape
            raise UploadError(
                f"a mask must have the picture's {size_text(picture.size_px)} pixels; got "
                f"{size_text((height, width))}; scale it to that size"
            )
        if not mask.any():
            raise UploadError("a mask must be white where things are to go; got one all black")
        return cls(name, mask, _on(picture, mask))


def _on(picture: Backdrop, mask: np.ndarray) -> bytes:
    """Draw a mask on a picture as the canvas does."""
    shown = base64.b64decode(picture.url.removeprefix(WEBP_URL))
    with Image.open(BytesIO(shown)) as opened:
        image = opened.convert("RGBA")
    share = Image.fromarray((mask * (STRENGTH * 255 / FULL)).astype(np.uint8))
    colour = Image.new("RGBA", image.size, COLOUR)
    file = BytesIO()
    Image.composite(colour, image, share.resize(image.size)).save(file, "webp", quality=QUALITY)
    return file.getvalue()

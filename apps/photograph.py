"""A visitor's photograph: taken in, and what the pages say of it."""

from __future__ import annotations

from dataclasses import dataclass

from apps.enlarged_part import small_png
from apps.session import Upload, UploadError
from pipelines.images import ImageError, Limits, describe_source, read_image
from pipelines.picture import Picture

LIMITS = Limits(max_pixels=50_000_000)  # what a phone takes
TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True)
class Photograph:
    """A picture that was handed over, and what a page says of it; its pixels are read anew.

    Attributes:
        upload: The file.
        size_px: Height and width.
        small: The picture, small, as a PNG file.
        format: "JPEG", "PNG", ...
        bits: A channel, 8 or 16.
        has_alpha: Whether it has transparency.
        carries: What a result has of it besides the pixels, in words.
    """

    upload: Upload
    size_px: tuple[int, int]
    small: bytes
    format: str
    bits: int
    has_alpha: bool
    carries: tuple[str, ...]

    @classmethod
    def of(cls, upload: Upload, picture: Picture) -> Photograph:
        """Say of a file what the picture in it tells."""
        carried = {
            "transparency": picture.alpha is not None,
            "16 bits a channel": picture.bit_depth == 16,
            "shades of grey": picture.grey,
            "colour profile": picture.icc_profile is not None,
            "EXIF data": picture.exif is not None,
        }
        return cls(
            upload,
            picture.size_px,
            small_png(picture),
            picture.format or "",
            picture.bit_depth,
            picture.alpha is not None,
            tuple(word for word, is_there in carried.items() if is_there),
        )


def read_photograph(upload: Upload) -> Picture:
    """Read a file.

    Raises:
        UploadError: It is no picture, or refused.
    """
    try:
        return read_image(upload.content, limits=LIMITS)
    except ImageError as error:
        raise UploadError(reason(error, upload.content)) from error


def reason(error: ImageError, content: bytes) -> str:
    """Return why a file was refused, without what a pipeline calls bytes."""
    return str(error).removeprefix(f"{describe_source(content)}: ")


def size_text(size_px: tuple[int, int]) -> str:
    """Write height and width as people do, the width first."""
    height, width = size_px
    return f"{width:,} {TIMES} {height:,}"

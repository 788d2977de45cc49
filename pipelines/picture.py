"""What a picture is once it is read, what may be read, and how a refusal sounds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

NAME_CHARACTERS = 200  # of a name in a message: keeps a pasted data: URI off the screen
REASON_CHARACTERS = 500  # of a reason: servers and decoders have a say in it


class ImageError(ValueError):
    """A picture that is refused; the message names the source, the rule, the value, the remedy."""


class MissingImageError(ImageError, FileNotFoundError):
    """No such file; caught as FileNotFoundError too."""

    __str__ = ValueError.__str__  # OSError's would look for an errno


@dataclass(frozen=True)
class Limits:
    """What is refused before it costs anything.

    Attributes:
        max_pixels: Height times width, read from the header before anything is decoded.
        max_bytes: Of a file, a download, or bytes given.
        url_timeout_s: Total, from the name look-up to the last byte.
        url_max_redirects: Hops after the first address.
        allow_private_urls: Whether loopback, link-local, private and reserved addresses may be
            fetched; leave it off wherever strangers choose the URL.
    """

    max_pixels: int = 100_000_000  # 300 MB as RGB; a 100-megapixel camera just fits
    max_bytes: int = 200 * 2**20
    url_timeout_s: float = 10.0
    url_max_redirects: int = 3
    allow_private_urls: bool = False

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, least in (("max_pixels", 1), ("max_bytes", 1), ("url_max_redirects", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}; got {getattr(self, name)}")
        if not self.url_timeout_s > 0:
            raise ValueError(f"url_timeout_s must be above 0; got {self.url_timeout_s}")


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture's pixels, and what its file says besides.

    The arrays are read-only and shared with nobody. Compared by identity.

    Attributes:
        pixels: (H, W, 3) uint8 or uint16, RGB, upright.
        source: The path or URL, or the kind of the input, such as "<bytes>".
        grey: Whether the source had one channel, so that R = G = B.
        alpha: (H, W) of the same dtype, 0 where transparent; None without transparency. `pixels`
            are not blended with it.
        format: "JPEG", "PNG", ...; None for an array.
        icc_profile: The colour profile that `pixels` are meant in; None means sRGB.
        exif: The EXIF block, its orientation set to 1.
    """

    pixels: np.ndarray = field(repr=False)
    source: str
    grey: bool = False
    alpha: np.ndarray | None = field(default=None, repr=False)
    format: str | None = None
    icc_profile: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.pixels.shape[:2]
        return height, width

    @property
    def bit_depth(self) -> int:
        """8 or 16 bits a channel."""
        return self.pixels.itemsize * 8

    @property
    def rgb8(self) -> np.ndarray:
        """(H, W, 3) uint8; 16 bits are scaled and rounded."""
        return to_depth(self.pixels, 8)


def to_depth(values: np.ndarray, bits: int) -> np.ndarray:
    """Return uint8 or uint16 `values` in 8 or 16 bits, full scale to full scale."""
    if values.itemsize * 8 == bits:
        return values
    if bits == 16:
        return values.astype(np.uint16) * np.uint16(257)  # 65535 / 255
    # 257 is odd, so nothing lies half way: adding 128 rounds to the nearest.
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def rgb_copy(colour: np.ndarray) -> np.ndarray:
    """Return (H, W, 1) or (H, W, 3) as a read-only copy of three channels, its rows in order."""
    if colour.shape[2] == 1:  # broadcasting into an array would take three times as long
        rgb = np.ascontiguousarray(np.concatenate((colour, colour, colour), axis=2))
    else:
        rgb = colour.copy()
    rgb.setflags(write=False)
    return rgb


def refusal(source: str, reason: str) -> ImageError:
    """Return the error that says why `source` is refused."""
    return ImageError(f"{shown(source)}: {shown(reason, REASON_CHARACTERS)}")


def shown(text: str, most_characters: int = NAME_CHARACTERS) -> str:
    """Return foreign text fit for a message: control characters escaped, of bearable length.

    A newline or a terminal escape in a file's name must not pass for a line of ours.
    """
    if len(text) > most_characters:
        text = text[: most_characters - 1] + "…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def check_size(source: str, height: int, width: int, limits: Limits) -> None:
    """Refuse a picture without pixels or with more than `limits.max_pixels`.

    Raises:
        ImageError: It is one of these.
    """
    if height < 1 or width < 1:
        raise refusal(source, f"a picture needs at least one pixel; got {height} x {width}")
    if height * width > limits.max_pixels:
        raise refusal(
            source,
            f"a picture may have at most {limits.max_pixels:,} pixels; got {height:,} x {width:,}"
            f" = {height * width:,}; scale it down, or pass Limits(max_pixels=...) if you trust it",
        )

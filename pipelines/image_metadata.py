"""What a file says about its picture: which side is up, its colours' profile, its EXIF block."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from PIL import ExifTags, Image, TiffImagePlugin

EXIF_PREFIX = b"Exif\0\0"
METADATA_KEYS = ("exif", "xmp", "Raw profile type exif", "XML:com.adobe.xmp")

# A TIFF's EXIF tags lie among those that describe its own strips; these are about the picture.
EXIF_TAGS = (
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.XResolution,
    ExifTags.Base.YResolution,
    ExifTags.Base.ResolutionUnit,
    ExifTags.Base.Software,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.Copyright,
)

# Where EXIF states the picture's width and height: the first folder, and two inside it.
SIZE_TAGS = {
    None: (ExifTags.Base.ImageWidth, ExifTags.Base.ImageLength),
    ExifTags.IFD.Exif: (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight),
    ExifTags.IFD.Interop: (ExifTags.Interop.RelatedImageWidth, ExifTags.Interop.RelatedImageHeight),
}


def icc_profile(image: Image.Image) -> bytes | None:
    """Return the embedded profile if it is one and is about grey or RGB pixels."""
    profile = image.info.get("icc_profile")
    if image.mode in ("CMYK", "LAB") or not isinstance(profile, bytes):
        return None  # the pixels were converted to sRGB
    sound = profile[36:40] == b"acsp" and profile[16:20] in (b"RGB ", b"GRAY")
    return profile if sound else None


def orientation_and_exif(image: Image.Image) -> tuple[int, bytes | None]:
    """Return the EXIF orientation, 1 to 8, and the EXIF block with the orientation reset."""
    is_tiff = isinstance(image, TiffImagePlugin.TiffImageFile)
    if not is_tiff and not any(key in image.info for key in METADATA_KEYS):
        return 1, None
    # Unreadable metadata leave the pixels as they are, as in every viewer.
    orientation, block = 1, None
    with suppress(Exception):
        found = image.getexif()
        orientation = found.get(ExifTags.Base.Orientation, 1)
        block = _upright_exif(image, found, is_tiff=is_tiff, turned=orientation != 1)
    return orientation, block


def _upright_exif(
    image: Image.Image, found: Image.Exif, *, is_tiff: bool, turned: bool
) -> bytes | None:
    """Return the EXIF block, as it was found unless the picture had to be turned."""
    stored = image.info.get("exif")
    if isinstance(stored, bytes) and not turned:
        return stored if stored.startswith(EXIF_PREFIX) else EXIF_PREFIX + stored
    exif = Image.Exif()  # our own: `found` belongs to the image, which may be a caller's
    if is_tiff:
        exif.update(picture_tags(found))
    else:
        exif.load(found.tobytes())
        if ExifTags.Base.Orientation in exif:
            exif[ExifTags.Base.Orientation] = 1
    return exif.tobytes() if len(exif) else None


def exif_of_size(block: bytes, height: int, width: int) -> bytes:
    """Return an EXIF block that states this size wherever it states one.

    Where it stated another, the small preview that it may hold is left out: it is of that picture.
    A block that states none, or cannot be read, is returned as it is.
    """
    changed = False
    with suppress(Exception):  # whoever reads it next has the same trouble
        exif = Image.Exif()
        exif.load(block)
        for folder, tags in SIZE_TAGS.items():
            stated: Any = exif if folder is None else exif.get_ifd(folder)
            for tag, length in zip(tags, (width, height), strict=True):
                if stated.get(tag, length) != length:
                    stated[tag] = length
                    changed = True
        if changed:
            return exif.tobytes()
    return block


def picture_tags(exif: Image.Exif) -> dict[int, Any]:
    """Return what EXIF says about the picture, without what describes a TIFF's own strips."""
    tags: dict[int, Any] = {tag: exif[tag] for tag in EXIF_TAGS if tag in exif}
    folders = {tag: exif.get_ifd(tag) for tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)}
    return tags | {tag: content for tag, content in folders.items() if content}

"""Pixels into picture files: the depth, grey, colour profile and EXIF kept where the format can."""

from __future__ import annotations

import io
import os
import secrets
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, TiffImagePlugin

from pipelines.image_arrays import picture_from_array
from pipelines.image_metadata import EXIF_PREFIX, exif_of_size, picture_tags
from pipelines.picture import Limits, MissingImageError, Picture, refusal, shown, to_depth

LUMA = np.array((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601, as Pillow's grey
FULL_CHROMA_QUALITY = 90  # from here on JPEG keeps every pixel's colour (4:4:4)
MAX_JPEG_EXIF_BYTES = 65533  # one APP1 segment
ADOBE_DEFLATE = 8
BAND_ROWS = 64  # of a 16-bit PNG that are filtered at once
PNG_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by channels
ANY_SIZE = Limits(max_pixels=sys.maxsize)  # what is already in memory may be written


class Sheet(NamedTuple):
    """What is written: (H, W, C) uint8 or uint16; grey, grey + alpha, RGB or RGB + alpha."""

    samples: np.ndarray
    icc_profile: bytes | None
    exif: bytes | None
    quality: int


class Writer(NamedTuple):
    """How a format is written, and what it can hold."""

    name: str
    encode: Callable[[Sheet], bytes]
    depths: tuple[int, ...]
    alpha: bool
    max_side_px: int


def write_image(
    path: str | os.PathLike[str],
    pixels: np.ndarray,
    *,
    like: Picture | None = None,
    alpha: np.ndarray | None = None,
    quality: int = 95,
) -> Path:
    """Write a picture whole or not at all, replacing what was there.

    8-bit pixels stay 8-bit, 16-bit pixels stay so in PNG and TIFF, and float pixels take the depth
    of `like`, or 8 bits.

    Args:
        path: Its ending chooses the format: .jpg .jpeg .png .webp .tif .tiff.
        pixels: Whatever `read_image` takes as an array.
        like: The picture it was made from, of any size: its colour profile and EXIF are carried
            over, the latter with the size that is written, and grey is written as grey.
        alpha: (H, W), if `pixels` have no alpha of their own; not for JPEG.
        quality: 1 to 100, of JPEG and WebP; 100 writes WebP without loss.

    Returns:
        The path.

    Raises:
        ImageError: The format cannot hold it, or the pixels are no picture.
        MissingImageError: There is no such folder.
    """
    path = Path(path)
    source = str(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        endings = " ".join(WRITERS)
        raise refusal(source, f"the name must end in one of {endings}; got {path.suffix!r}")
    if not 1 <= quality <= 100:
        raise refusal(source, f"quality must be 1 to 100; got {quality}")
    samples = _samples(source, writer, pixels, like, alpha)
    height, width, channels = samples.shape
    if max(height, width) > writer.max_side_px:
        raise refusal(
            source,
            f"{writer.name} holds at most {writer.max_side_px} pixels a side; "
            f"got {height} x {width}; write PNG or TIFF",
        )
    icc_profile = exif = None
    if like is not None:
        exif = None if like.exif is None else exif_of_size(like.exif, height, width)
        space = b"GRAY" if channels < 3 else b"RGB "
        if like.icc_profile is not None and like.icc_profile[16:20] == space:
            icc_profile = like.icc_profile
    _replace(path, writer.encode(Sheet(samples, icc_profile, exif, quality)))
    return path


def _samples(
    source: str, writer: Writer, pixels: np.ndarray, like: Picture | None, alpha: np.ndarray | None
) -> np.ndarray:
    """Return (H, W, C) in the depth and channels to be written."""
    for name, array in (("pixels", pixels), ("alpha", alpha)):
        if array is not None and not isinstance(array, np.ndarray):
            raise refusal(source, f"{name} must be an array; got {type(array).__name__}")
    given = picture_from_array(pixels, source=source, limits=ANY_SIZE)
    if alpha is not None and given.alpha is not None:
        raise refusal(source, "alpha must be given once; got four channels and alpha")
    if alpha is not None:
        if alpha.shape != given.size_px:
            raise refusal(source, f"alpha must be {given.size_px}; got {alpha.shape}")
        alpha = picture_from_array(alpha, source=source, limits=ANY_SIZE).pixels[:, :, 0]
    alpha = given.alpha if alpha is None else alpha
    if alpha is not None and not writer.alpha:
        raise refusal(source, f"{writer.name} holds no transparency; write PNG, WebP or TIFF")

    depth = given.bit_depth
    if pixels.dtype.kind == "f":
        depth = 8 if like is None else like.bit_depth
    depth = min(depth, max(writer.depths))
    colour = to_depth(given.pixels, depth)
    if like is not None and like.grey and not given.grey:
        colour = np.rint(colour @ LUMA).astype(colour.dtype)[:, :, None].repeat(3, axis=2)
    grey = given.grey or (like is not None and like.grey)
    # Few programs read 16-bit grey with alpha from a TIFF, Pillow not among them: RGB there.
    if grey and not (writer is TIFF and depth == 16 and alpha is not None):
        colour = colour[:, :, :1]
    return colour if alpha is None else np.dstack((colour, to_depth(alpha, depth)))


def _encode_jpeg(sheet: Sheet) -> bytes:
    fits = sheet.exif is not None and len(sheet.exif) <= MAX_JPEG_EXIF_BYTES
    subsampling = "4:4:4" if sheet.quality >= FULL_CHROMA_QUALITY else "4:2:0"
    sheet = sheet if fits else sheet._replace(exif=None)
    return _encode_with_pillow(sheet, "JPEG", quality=sheet.quality, subsampling=subsampling)


def _encode_webp(sheet: Sheet) -> bytes:
    lossless = sheet.quality == 100
    # "exact" keeps the colour of transparent pixels.
    return _encode_with_pillow(sheet, "WEBP", quality=sheet.quality, lossless=lossless, exact=True)


def _encode_png(sheet: Sheet) -> bytes:
    return (
        _encode_png16(sheet) if sheet.samples.itemsize == 2 else _encode_with_pillow(sheet, "PNG")
    )


def _encode_with_pillow(sheet: Sheet, name: str, **options: Any) -> bytes:
    """Encode 8-bit samples."""
    samples = sheet.samples[:, :, 0] if sheet.samples.shape[2] == 1 else sheet.samples
    metadata = {"icc_profile": sheet.icc_profile, "exif": sheet.exif}
    options.update({key: value for key, value in metadata.items() if value is not None})
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(samples)).save(buffer, name, **options)
    return buffer.getvalue()


def _encode_png16(sheet: Sheet) -> bytes:
    """Encode 16-bit samples, which Pillow writes for grey only (PNG, third edition)."""
    height, width, channels = sheet.samples.shape
    colour_type = PNG_COLOUR_TYPES[channels]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0))]
    if sheet.icc_profile is not None:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(sheet.icc_profile)))
    if sheet.exif is not None:
        chunks.append((b"eXIf", sheet.exif.removeprefix(EXIF_PREFIX)))
    deflate = zlib.compressobj()
    # A few rows at a time: a large picture need not be in memory three times more.
    bands = [sheet.samples[top : top + BAND_ROWS] for top in range(0, height, BAND_ROWS)]
    deflated = [deflate.compress(_filtered_png16(band)) for band in bands]
    chunks += [(b"IDAT", b"".join((*deflated, deflate.flush()))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(*chunk) for chunk in chunks)


def _filtered_png16(samples: np.ndarray) -> bytes:
    """Return rows (H, W, C) uint16 as PNG has them before compression."""
    height, _, channels = samples.shape
    rows = np.ascontiguousarray(samples, ">u2").view(np.uint8).reshape(height, -1)
    pixel_bytes = 2 * channels
    filtered = np.empty((height, 1 + rows.shape[1]), np.uint8)
    filtered[:, 0] = 1  # the filter "Sub": each byte less that of the pixel to the left
    filtered[:, 1 : 1 + pixel_bytes] = rows[:, :pixel_bytes]
    filtered[:, 1 + pixel_bytes :] = rows[:, pixel_bytes:] - rows[:, :-pixel_bytes]
    return filtered.tobytes()


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def _encode_tiff(sheet: Sheet) -> bytes:
    """Encode 8- or 16-bit samples as one deflated strip (TIFF 6.0); Pillow's TIFFs end at 8."""
    height, width, channels = sheet.samples.shape
    dtype = sheet.samples.dtype.newbyteorder("<")
    strip = zlib.compress(np.ascontiguousarray(sheet.samples, dtype).data)
    directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    if sheet.exif is not None:
        exif = Image.Exif()
        exif.load(sheet.exif)
        for tag, value in picture_tags(exif).items():
            directory[tag] = value
    directory[TiffImagePlugin.IMAGEWIDTH] = width
    directory[TiffImagePlugin.IMAGELENGTH] = height
    directory[TiffImagePlugin.BITSPERSAMPLE] = (sheet.samples.itemsize * 8,) * channels
    directory[TiffImagePlugin.COMPRESSION] = ADOBE_DEFLATE
    directory[TiffImagePlugin.PHOTOMETRIC_INTERPRETATION] = 1 if channels < 3 else 2
    directory[TiffImagePlugin.SAMPLESPERPIXEL] = channels
    directory[TiffImagePlugin.ROWSPERSTRIP] = height
    if channels in (2, 4):
        directory[TiffImagePlugin.EXTRASAMPLES] = 2  # straight alpha
    if sheet.icc_profile is not None:
        directory[TiffImagePlugin.ICCPROFILE] = sheet.icc_profile
    directory[TiffImagePlugin.STRIPBYTECOUNTS] = len(strip)
    directory[TiffImagePlugin.STRIPOFFSETS] = 0  # `save` counts it from the directory's end
    buffer = io.BytesIO()
    directory.save(buffer)
    return buffer.getvalue() + strip


PNG = Writer("PNG", _encode_png, depths=(8, 16), alpha=True, max_side_px=2**31 - 1)
JPEG = Writer("JPEG", _encode_jpeg, depths=(8,), alpha=False, max_side_px=65500)  # libjpeg's limit
WEBP = Writer("WebP", _encode_webp, depths=(8,), alpha=True, max_side_px=16383)
TIFF = Writer("TIFF", _encode_tiff, depths=(8, 16), alpha=True, max_side_px=2**31 - 1)
WRITERS = {
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".png": PNG,
    ".webp": WEBP,
    ".tif": TIFF,
    ".tiff": TIFF,
}


def _replace(path: Path, data: bytes) -> None:
    """Write `data` beside `path`, then put it in its place in one step."""
    if path.is_dir():
        raise refusal(str(path), "is a folder; pass a file name")
    if not path.parent.is_dir():
        raise MissingImageError(
            f"{shown(str(path))}: the folder {shown(str(path.parent))} must exist; create it first"
        )
    # Not tempfile: its files are readable by their owner only, whatever the umask says.
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

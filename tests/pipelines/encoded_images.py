"""Picture files made byte by byte, for what Pillow cannot write or would not write wrong."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, Literal

import numpy as np
from PIL import Image, TiffImagePlugin

PNG_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by channels
# Adam7: first row, first column, row step, column step of the seven passes.
ADAM7 = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)


def encode(image: Image.Image, name: str, **options: Any) -> bytes:
    """Return the image as Pillow encodes it."""
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def png_from_rows(
    rows: bytes,
    *,
    height: int,
    width: int,
    bits: int,
    colour_type: int,
    transparent: bytes = b"",
    interlaced: bool = False,
) -> bytes:
    """Return a PNG of rows that carry their filter bytes already."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, interlaced)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", header),
            png_chunk(b"tRNS", transparent) if transparent else b"",
            png_chunk(b"IDAT", zlib.compress(rows)),
            png_chunk(b"IEND", b""),
        )
    )


def png16(pixels: np.ndarray, *, transparent: bytes = b"", interlaced: bool = False) -> bytes:
    """Return (H, W, C) uint16 as a 16-bit PNG whose rows use the filters None, Sub and Up."""
    height, width, channels = pixels.shape
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    rows = b"".join(_png16_rows(pixels[r::dr, c::dc]) for r, c, dr, dc in passes)
    return png_from_rows(
        rows,
        height=height,
        width=width,
        bits=16,
        colour_type=PNG_COLOUR_TYPES[channels],
        transparent=transparent,
        interlaced=interlaced,
    )


def _png16_rows(pixels: np.ndarray) -> bytes:
    rows = np.ascontiguousarray(pixels, ">u2").view(np.uint8).reshape(len(pixels), -1)
    pixel_bytes = 2 * pixels.shape[2]
    encoded = []
    above: np.ndarray = np.zeros(rows.shape[1], np.uint8)
    for number, row in enumerate(rows):
        left = np.concatenate((np.zeros(pixel_bytes, np.uint8), row[:-pixel_bytes]))
        filtered = (row, row - left, row - above)[number % 3]
        encoded.append(bytes([number % 3]) + filtered.tobytes())
        above = row
    return b"".join(encoded)


def tiff(
    pixels: np.ndarray,
    *,
    photometric: int,
    order: Literal["<", ">"] = "<",
    deflated: bool = False,
    planar: bool = False,
    tags: dict[int, Any] | None = None,
) -> bytes:
    """Return (H, W) or (H, W, C) of any type as a baseline TIFF."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    stored = pixels.astype(pixels.dtype.newbyteorder(order))
    planes = [stored[..., c].tobytes() for c in range(channels)] if planar else [stored.tobytes()]
    if deflated:
        planes = [zlib.compress(plane) for plane in planes]
    directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II" if order == "<" else b"MM")
    directory[256], directory[257] = width, height
    directory[258] = (pixels.itemsize * 8,) * channels
    directory[259] = 8 if deflated else 1
    directory[262] = photometric
    directory[277], directory[278], directory[284] = channels, height, 2 if planar else 1
    directory[339] = ({"u": 1, "i": 2, "f": 3}[pixels.dtype.kind],) * channels
    for tag, value in (tags or {}).items():
        directory[tag] = value
    directory[273] = tuple(sum(map(len, planes[:number])) for number in range(len(planes)))
    directory[279] = tuple(map(len, planes))
    buffer = io.BytesIO()
    directory.save(buffer)
    return buffer.getvalue() + b"".join(planes)

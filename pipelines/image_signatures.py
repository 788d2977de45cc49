"""What a file is, told by its first bytes, and how large a canvas its header announces."""

from __future__ import annotations

import struct

READABLE = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",  # BigTIFF
    b"MM\0+": "TIFF",
}

CONVERT = "convert it to JPEG or PNG first"
RAW = ("a camera's raw file", "develop it to JPEG or PNG first")
CANON_RAW = b"II*\0\x10\0\0\0CR"  # a TIFF otherwise, whose first picture is a small preview

# What people pass by mistake, with what helps.
UNREADABLE = {
    b"%PDF": ("a PDF document", "export the page as PNG first"),
    b"%!PS": ("a PostScript file", CONVERT),
    b"\xc5\xd0\xd3\xc6": ("an EPS file", CONVERT),
    b"8BPS": ("a Photoshop document", CONVERT),
    b"\0\0\1\0": ("a Windows icon", CONVERT),
    b"\0\0\0\x0cjP  ": ("a JPEG 2000 picture", CONVERT),
    b"\xff\x4f\xff\x51": ("a JPEG 2000 picture", CONVERT),
    b"\0\0\0\x0cJXL ": ("a JPEG XL picture", CONVERT),
    b"\xff\x0a": ("a JPEG XL picture", CONVERT),
    b"\x76\x2f\x31\x01": ("an OpenEXR picture", CONVERT),
    b"#?RADIANCE": ("a Radiance HDR picture", CONVERT),
    b"qoif": ("a QOI picture", CONVERT),
    b"Pf": ("a floating-point PFM picture", CONVERT),
    b"PF": ("a floating-point PFM picture", CONVERT),
    CANON_RAW: RAW,
    b"IIU\0": RAW,  # Panasonic
    b"IIRO": RAW,  # Olympus
    b"FUJIFILMCCD-RAW": RAW,
    b"\x93NUMPY": ("a NumPy file", "pass np.load(path)"),
    b"PK\3\4": ("a ZIP archive", "unpack it first"),
    b"\x1f\x8b": ("a gzip file", "unpack it first"),
    b"\x1a\x45\xdf\xa3": ("a video", "extract a frame first"),
    b"OggS": ("an Ogg file", "pass a picture"),
}

# ISO base media files name themselves in bytes 4 to 12.
MEDIA_BRANDS = {
    **dict.fromkeys(
        (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"), ("a HEIC picture", CONVERT)
    ),
    b"crx ": RAW,  # Canon
    **dict.fromkeys((b"avif", b"avis"), ("an AVIF picture", CONVERT)),
}


def readable_format(data: bytes) -> str | None:
    """Return the name of the format if it is one of those read here."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:1] == b"P" and data[1:2] in b"123456" and data[2:3].isspace():
        return "PPM"
    if data.startswith(CANON_RAW):
        return None
    return next((name for magic, name in READABLE.items() if data.startswith(magic)), None)


def unreadable_kind(data: bytes) -> tuple[str, str]:
    """Return what an unreadable file is, as far as one can tell, and what helps."""
    for magic, kind_and_remedy in UNREADABLE.items():
        if data.startswith(magic):
            return kind_and_remedy
    if data[4:8] == b"ftyp":
        return MEDIA_BRANDS.get(data[8:12], ("a video", "extract a frame first"))
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "a web page", "pass the address of the picture itself"
    if b"<svg" in head:
        return "an SVG drawing", "render it to PNG first"
    return f"no picture: it begins with {data[:16]!r}", "pass a picture"


def announced_size(name: str, data: bytes) -> tuple[int, int] | None:
    """Return (height, width) of a WebP or GIF canvas without a decoder.

    Pillow allocates these two before it lets one ask for their size; all other formats it opens
    lazily. None if the header is too short to tell, which Pillow will then say better.
    """
    try:
        if name == "WEBP":
            return _webp_size(data)
        if name == "GIF":
            return _gif_size(data)
    except (struct.error, IndexError):
        pass
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """Read the canvas of the three kinds of WebP (RFC 9649, sections 2.5 to 2.7)."""
    chunk = data[12:16]
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return height & 0x3FFF, width & 0x3FFF  # the two high bits are a scale for display
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if chunk == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        return height + 1, width + 1
    return None


def _gif_size(data: bytes) -> tuple[int, int] | None:
    """Read the canvas of a GIF, widened to its first frame as Pillow widens it."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)  # header, global palette
    while data[at] != 0x2C:  # until the first image descriptor
        if data[at] == 0x3B:  # the end, without a picture
            return None
        if data[at] == 0x21:  # an extension: a label, blocks led by their length, an empty block
            at += 2
            while data[at]:
                at += data[at] + 1
        at += 1
    left, top, frame_width, frame_height = struct.unpack_from("<4H", data, at + 1)
    return max(height, top + frame_height), max(width, left + frame_width)

"""Inputs that must be refused: one table, for every door that pictures come in by.

@pytest.mark.parametrize("hostile", HOSTILE_IMAGES, ids=lambda hostile: hostile.id)
def test_...(hostile, tmp_path):
    with pytest.raises(hostile.error, match=re.escape(hostile.says)):
        read_image(hostile.make(tmp_path))
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from pipelines.images import ImageError, MissingImageError
from tests.pipelines.encoded_images import encode, png_chunk, png_from_rows, tiff

GREY = np.full((8, 9), 100, np.uint8)


class HostileInput(NamedTuple):
    """One input, the exception it must raise, and what the message must hold."""

    id: str
    make: Callable[[Path], Any]
    error: type[Exception]
    says: str


def photograph() -> Image.Image:
    """Return a real photograph, 96 x 64 pixels."""
    image: np.ndarray = load_sample_images().images[0]
    return Image.fromarray(image).resize((96, 64))


def _file(name: str, content: bytes | Callable[[], bytes]) -> Callable[[Path], Path]:
    """Return a maker of a file in the test's folder."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content())
        return path

    return make


def _value(value: Any) -> Callable[[Path], Any]:
    """Return a maker of something that needs no folder."""
    return lambda _folder: value


def _cut(name: str, kept: float, **options: Any) -> Callable[[], bytes]:
    """Return a maker of the first part of an encoded photograph."""

    def make() -> bytes:
        data = encode(photograph(), name, **options)
        return data[: int(len(data) * kept)]

    return make


def _floats(low: float, high: float) -> np.ndarray:
    return np.linspace(low, high, 8 * 9 * 3, dtype=np.float32).reshape(8, 9, 3)


def _float_with(value: float) -> np.ndarray:
    array = _floats(0, 1)
    array[3, 4, 1] = value
    return array


def _png_bomb() -> bytes:
    rows = b"\0" * 100
    return png_from_rows(rows, height=50_000, width=50_000, bits=8, colour_type=2)


def _png_with_bad_header() -> bytes:
    data = bytearray(encode(photograph(), "PNG"))
    data[20] ^= 1  # in the width; the checksum no longer fits
    return bytes(data)


def gif_beyond_its_canvas(side_px: int) -> bytes:
    """A canvas of 1 x 1 with a larger frame, after a comment that looks like frames."""
    comment = b"!\xfe\x0c,,,,,,,,,,,,\0"
    frame = struct.pack("<4HB", 0, 0, side_px, side_px, 0)
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + comment + b"," + frame + b"\2\1\0\0;"


def _webp_bomb() -> bytes:
    side = (16_000_000 - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + side + side
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _missing_beside_similar(folder: Path) -> Path:
    (folder / "sunflower.jpeg").write_bytes(encode(photograph(), "JPEG"))
    return folder / "Sunflower.jpg"


def _loop(folder: Path) -> Path:
    (folder / "a.jpg").symlink_to(folder / "b.jpg")
    (folder / "b.jpg").symlink_to(folder / "a.jpg")
    return folder / "a.jpg"


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.jpg")
    return folder / "pipe.jpg"


def _closed(_folder: Path) -> Image.Image:
    image = photograph()
    image.close()
    return image


ARRAYS = (
    HostileInput("nan", _value(_float_with(np.nan)), ImageError, "NaN or infinity in 1 of 216"),
    HostileInput("infinity", _value(_float_with(np.inf)), ImageError, "must be finite"),
    HostileInput("float_0_255", _value(_floats(0, 255)), ImageError, "pass array / 255"),
    HostileInput("float_minus_1", _value(_floats(-1, 1)), ImageError, "pass (array + 1) / 2"),
    HostileInput("float_just_over", _value(_floats(0, 1.01)), ImageError, "np.clip(array, 0, 1)"),
    HostileInput("float_any", _value(_floats(-700, 900)), ImageError, "got -700 to 900"),
    HostileInput(
        "channels_first",
        _value(np.zeros((3, 8, 9), np.uint8)),
        ImageError,
        "got (3, 8, 9); channels come last: pass np.moveaxis(array, 0, -1)",
    ),
    HostileInput(
        "grey_channels_first", _value(GREY[None]), ImageError, "np.moveaxis(array, 0, -1)"
    ),
    HostileInput("two_channels", _value(np.zeros((8, 9, 2), np.uint8)), ImageError, "(8, 9, 2)"),
    HostileInput("batch", _value(np.zeros((5, 8, 9, 3), np.uint8)), ImageError, "pass list(array)"),
    HostileInput("batch_of_1", _value(np.zeros((1, 8, 9, 3))), ImageError, "pass array[0]"),
    HostileInput("one_axis", _value(np.zeros(8, np.uint8)), ImageError, "got (8,)"),
    HostileInput("no_axis", _value(np.array(7, np.uint8)), ImageError, "got ()"),
    HostileInput("no_rows", _value(GREY[:0]), ImageError, "at least one pixel; got 0 x 9"),
    HostileInput("no_columns", _value(np.zeros((8, 0, 3))), ImageError, "got 8 x 0"),
    HostileInput("objects", _value(GREY.astype(object)), ImageError, "got object"),
    HostileInput("complex", _value(GREY.astype(complex)), ImageError, "got complex128"),
    HostileInput("text", _value(GREY.astype(str)), ImageError, "got <U"),
    HostileInput("dates", _value(GREY.astype("datetime64[s]")), ImageError, "got datetime64[s]"),
    HostileInput(
        "negative", _value(GREY.astype(int) - 101), ImageError, "int64 with values from -1 to -1"
    ),
    HostileInput("int64", _value(GREY.astype(int)), ImageError, "pass array.astype(np.uint8)"),
    HostileInput("int32_deep", _value(GREY.astype("i4") * 9), ImageError, "astype(np.uint16)"),
    HostileInput("masked", _value(np.ma.masked_equal(GREY, 100)), ImageError, "array.filled(0)"),
    HostileInput(
        "endless_array",
        _value(np.broadcast_to(np.uint8(0), (10**6, 10**6, 3))),
        ImageError,
        "at most 100,000,000 pixels; got 1,000,000 x 1,000,000",
    ),
)

FILES = (
    HostileInput("missing", lambda f: f / "none.jpg", MissingImageError, "none.jpg: no such file"),
    HostileInput("missing_as_builtin", lambda f: f / "none.jpg", FileNotFoundError, "no such file"),
    HostileInput(
        "misspelt", _missing_beside_similar, MissingImageError, "did you mean sunflower.jpeg?"
    ),
    HostileInput(
        "missing_folder", lambda f: f / "none" / "a.jpg", MissingImageError, "there is no folder"
    ),
    HostileInput(
        "below_a_file",
        lambda f: _file("a.jpg", b"x")(f) / "b.jpg",
        MissingImageError,
        "there is no folder",
    ),
    HostileInput("url_as_path", _value(Path("https://x/a.jpg")), MissingImageError, "URL as str"),
    HostileInput("home", _value("~/cat.jpg"), MissingImageError, "os.path.expanduser(path)"),
    HostileInput(
        "newline_in_name", lambda f: f / "a\nb\x1b[2J.jpg", MissingImageError, r"a\nb\x1b[2J.jpg"
    ),
    HostileInput("nul_in_name", _value("a\0b.jpg"), ImageError, r"a\x00b.jpg: is no valid path"),
    HostileInput("long_name", _value("x" * 5000), ImageError, "cannot be read: File name too long"),
    HostileInput("folder", lambda f: f, ImageError, "is a folder; pass a file"),
    HostileInput("link_loop", _loop, ImageError, "cannot be read: Too many levels of symbolic"),
    HostileInput("fifo", _fifo, ImageError, "must be a regular file; got a FIFO"),
    HostileInput("device", _value(Path("/dev/zero")), ImageError, "got a device"),
    HostileInput("empty", _file("empty.jpg", b""), ImageError, "empty.jpg: is empty"),
    HostileInput("text_file", _file("a.jpg", b"Hello, world"), ImageError, "b'Hello, world'"),
    HostileInput("svg", _file("a.png", b'<?xml?>\n<svg width="9">'), ImageError, "an SVG drawing"),
    HostileInput("pdf", _file("a.pdf", b"%PDF-1.7\n"), ImageError, "a PDF document; export"),
    HostileInput("heic", _file("a.heic", b"\0\0\0\x18ftypheic\0\0"), ImageError, "a HEIC picture"),
    HostileInput("avif", _file("a.avif", b"\0\0\0\x18ftypavif\0\0"), ImageError, "an AVIF picture"),
    HostileInput("cr2", _file("a.cr2", b"II*\0\x10\0\0\0CR\2\0"), ImageError, "camera's raw file"),
    HostileInput("video", _file("a.jpg", b"\0\0\0\x18ftypisom\0\0"), ImageError, "is a video"),
    HostileInput("eps", _file("a.jpg", b"%!PS-Adobe-3.0 EPSF"), ImageError, "a PostScript file"),
    HostileInput("page", _file("a.jpg", b"\n<!DOCTYPE html>"), ImageError, "is a web page"),
    HostileInput("zip", _file("a.jpg", b"PK\3\4...."), ImageError, "a ZIP archive; unpack"),
    HostileInput("npy", _file("a.npy", b"\x93NUMPY\1\0"), ImageError, "pass np.load(path)"),
    HostileInput("cut_jpeg", _file("a.jpg", _cut("JPEG", 0.6)), ImageError, "a.jpg: cannot be dec"),
    HostileInput("cut_png", _file("a.png", _cut("PNG", 0.9)), ImageError, "is cut short"),
    HostileInput("cut_gif", _file("a.gif", _cut("GIF", 0.5)), ImageError, "damaged or cut short"),
    HostileInput("cut_webp", _file("a.webp", _cut("WEBP", 0.7)), ImageError, "cut short"),
    HostileInput("cut_bmp", _file("a.bmp", _cut("BMP", 0.7)), ImageError, "damaged or cut short"),
    HostileInput("cut_tiff", _file("a.tif", _cut("TIFF", 0.7)), ImageError, "damaged or cut short"),
    HostileInput("cut_ppm", _file("a.ppm", _cut("PPM", 0.7)), ImageError, "damaged or cut short"),
    HostileInput("cut_header", _file("a.png", b"\x89PNG\r\n\x1a\n\0\0"), ImageError, "cut short"),
    HostileInput("flipped_bit", _file("a.png", _png_with_bad_header), ImageError, "damaged"),
    HostileInput("png_bomb", _file("a.png", _png_bomb), ImageError, "got 50,000 x 50,000"),
    HostileInput(
        "gif_bomb", _file("a.gif", gif_beyond_its_canvas(60_000)), ImageError, "got 60,000 x 60,000"
    ),
    HostileInput("webp_bomb", _file("a.webp", _webp_bomb), ImageError, "got 16,000,000 x 16"),
    HostileInput("ppm_bomb", _file("a.ppm", b"P6 99999 99999 255\n"), ImageError, "99,999 x 99,99"),
    HostileInput(
        "tiff_tile_bomb",
        _file("a.tif", lambda: tiff(GREY, photometric=1, tags={322: 60_000, 323: 60_000})),
        ImageError,
        "has tiles of 3,600,000,000 pixels",
    ),
    HostileInput(
        "camera_raw",
        _file("a.dng", lambda: tiff(GREY, photometric=1, tags={254: 1})),
        ImageError,
        "camera's raw file",
    ),
    HostileInput(
        "tiff_int32",
        _file("a.tif", lambda: tiff(GREY.astype("i4") * 1000, photometric=1)),
        ImageError,
        "got int32",
    ),
    HostileInput(
        "tiff_float",
        _file("a.tif", lambda: tiff(GREY.astype("f4"), photometric=1)),
        ImageError,
        "must lie in [0, 1]; got 100 to 100",
    ),
    HostileInput(
        "tiff_planes",
        _file("a.tif", lambda: tiff(np.zeros((8, 9, 3), "u2"), photometric=2, planar=True)),
        ImageError,
        "save it interleaved",
    ),
    HostileInput(
        "text_bomb",
        _file(
            "a.png",
            lambda: (
                encode(photograph(), "PNG")[:-12]
                + png_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**22)))
                + png_chunk(b"IEND", b"")
            ),
        ),
        ImageError,
        "cannot be decoded as PNG",
    ),
)

URLS = (
    HostileInput("file_url", _value("file:///etc/passwd"), ImageError, "pass the path"),
    HostileInput("ftp_url", _value("ftp://example.com/a.jpg"), ImageError, "must be http or https"),
    HostileInput("data_uri", _value("data:image/png;base64,AAAA"), ImageError, "decoded bytes"),
    HostileInput("no_host", _value("http:///a.jpg"), ImageError, "names no host"),
    HostileInput("bad_port", _value("http://1.1.1.1:99999/"), ImageError, "is not a valid URL"),
    HostileInput("newline_in_url", _value("http://1.1.1.1/\nHost: x"), ImageError, r"1/\nHost"),
    HostileInput(
        "password",
        _value("http://me:secret@1.1.1.1/"),
        ImageError,
        "http://...@1.1.1.1/: must not hold a user name or password",
    ),
    HostileInput("loopback", _value("http://127.0.0.1/a.jpg"), ImageError, "loopback address 127"),
    HostileInput("loopback_number", _value("http://2130706433/"), ImageError, "loopback address"),
    HostileInput("loopback_6", _value("http://[::1]/"), ImageError, "loopback address ::1"),
    HostileInput("loopback_4_in_6", _value("http://[::ffff:7f00:1]/"), ImageError, "loopback"),
    HostileInput("link_local", _value("http://169.254.169.254/"), ImageError, "link-local address"),
    HostileInput("private", _value("https://192.168.0.1/"), ImageError, "private address"),
    HostileInput("multicast", _value("http://224.0.0.1/"), ImageError, "multicast address"),
    HostileInput("reserved", _value("http://240.0.0.1/"), ImageError, "reserved address"),
    HostileInput("unspecified", _value("http://0.0.0.0/"), ImageError, "unspecified address"),
)

OBJECTS = (
    HostileInput("no_bytes", _value(b""), ImageError, "<bytes>: is empty"),
    HostileInput("noise", _value(bytes(range(200, 256))), ImageError, "<bytes>: is no picture"),
    HostileInput("none", _value(None), ImageError, "got NoneType"),
    HostileInput("number", _value(7), ImageError, "got int"),
    HostileInput("nested_list", _value([[1, 2], [3, 4]]), ImageError, "np.asarray(...)"),
    HostileInput("open_file", _value(io.BytesIO(b"abc")), ImageError, "pass file.read()"),
    HostileInput("bytearray", _value(bytearray(b"abc")), ImageError, "pass bytes(...)"),
    HostileInput("closed_image", _closed, ImageError, "<PIL image>: cannot be loaded"),
    HostileInput("empty_image", _value(Image.new("RGB", (0, 5))), ImageError, "got 5 x 0"),
    HostileInput("int_image", _value(Image.new("I", (4, 4), 9)), ImageError, "got int32"),
    HostileInput("float_image", _value(Image.new("F", (4, 4), 9)), ImageError, "got 9 to 9"),
)

HOSTILE_IMAGES: tuple[HostileInput, ...] = ARRAYS + FILES + URLS + OBJECTS

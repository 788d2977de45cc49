from __future__ import annotations

import base64
import io
import re
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from apps.drawn_mask import (
    HEAD,
    LONGEST_PX,
    MOST_CHARACTERS,
    MOST_PIXELS,
    DrawnMaskError,
    canvas_size,
    mask_of,
    png_of,
)

SIZE = (30, 40)


def png(image: Image.Image, **options: Any) -> bytes:
    """Write a PNG file."""
    file = io.BytesIO()
    image.save(file, "png", **options)
    return file.getvalue()


def url(content: bytes) -> str:
    """Write a data URL, as a canvas does."""
    return HEAD + base64.b64encode(content).decode()


def canvas(alpha: np.ndarray) -> bytes:
    """Make what a browser sends: a colour, and what was drawn as its alpha."""
    colour = np.broadcast_to(np.array([255, 45, 120], np.uint8), (*alpha.shape, 3))
    return png(Image.fromarray(np.dstack((colour, alpha))))


@pytest.fixture
def drawn() -> bytes:
    """A rectangle with a soft edge."""
    alpha = np.zeros(SIZE, np.uint8)
    alpha[5:20, 10:] = 255
    alpha[20, 10:] = 128
    alpha[21, 10:] = 127
    return canvas(alpha)


@pytest.mark.parametrize("size", [(1, 1), SIZE, (427, 640), (1024, 2048), (1, LONGEST_PX)])
def test_the_canvas_has_the_pictures_own_pixels(size: tuple[int, int]) -> None:
    assert canvas_size(size) == size


@pytest.mark.parametrize(
    "size", [(1025, 2048), (4000, 6000), (12000, 9000), (3, 40_000), (100_000, 1), (500, 30_000)]
)
def test_the_canvas_of_a_larger_picture_has_its_shape(size: tuple[int, int]) -> None:
    height, width = canvas_size(size)
    assert height * width <= MOST_PIXELS
    assert max(height, width) <= LONGEST_PX
    assert min(height, width) >= 1
    # As large as can be, but for the fraction of a pixel that is cut off either side.
    assert (height + 1) * (width + 1) > MOST_PIXELS or max(height, width) == LONGEST_PX
    one_pixel = 1 / min(size)
    assert height / size[0] == pytest.approx(width / size[1], abs=one_pixel)


def test_what_was_drawn_becomes_a_mask(drawn: bytes) -> None:
    taken = png_of(url(drawn), SIZE)
    assert taken == drawn
    mask = mask_of(taken, SIZE)
    assert mask.dtype == np.uint8
    expected = np.zeros(SIZE, np.uint8)
    expected[5:21, 10:] = 255
    np.testing.assert_array_equal(mask, expected)


def test_the_mask_of_a_large_picture_is_enlarged() -> None:
    size = (2400, 3200)
    height, width = canvas_size(size)
    alpha = np.zeros((height, width), np.uint8)
    alpha[:, width // 2 :] = 255
    mask = mask_of(png_of(url(canvas(alpha)), size), size)
    assert mask.shape == size
    edge = round(width // 2 * 3200 / width)
    soft = 3  # one pixel of the canvas is two of the picture, and half of it lies on either side
    assert not mask[:, : edge - soft].any()
    assert (mask[:, edge + soft :] == 255).all()


def chunk(kind: bytes, content: bytes) -> bytes:
    """Write a part of a PNG file."""
    end = zlib.crc32(kind + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + kind + content + end


def with_size(content: bytes, width: int, height: int) -> bytes:
    """Say another size in a PNG file's header."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + content[24:29]
    return content[:8] + chunk(b"IHDR", header) + content[33:]


GREY = Image.new("L", (40, 30), 255)
CLEAR = png(Image.new("RGBA", (40, 30)))


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (None, "must be text; got NoneType"),
        (7, "must be text; got int"),
        ({"mask": url(CLEAR)}, "must be text; got dict"),
        ([url(CLEAR)], "must be text; got list"),
        (url(CLEAR).encode(), "must be text; got bytes"),
        ("", "must begin with"),
        ("data:image/svg+xml;base64,PHN2Zy8+", "must begin with"),
        ("http://evil.example/mask.png", "must begin with"),
        ("/etc/passwd", "must begin with"),
        (f" {url(CLEAR)}", "must begin with"),
        (f"{url(CLEAR)} ", "must be base64"),
        (f"{HEAD}%89PNG", "must be base64"),
        (f"{HEAD}\N{SNOWMAN}", "must be base64"),
        (f"{HEAD}\ud800", "must be base64"),
        (HEAD, "must be a PNG file of 40 x 30 pixels"),
        (url(b"GIF89a" + bytes(40)), "must be a PNG file of 40 x 30 pixels"),
        (url(png(GREY)), "RGBA, 8 bits"),
        (url(png(GREY.convert("RGB"))), "RGBA, 8 bits"),
        (url(png(Image.new("RGBA", (30, 40)))), "40 x 30 pixels"),
        (url(with_size(CLEAR, 60_000, 60_000)), "40 x 30 pixels"),
        (HEAD + "A" * MOST_CHARACTERS, "at most 4,194,304 characters; got"),
    ],
)
def test_what_is_no_canvas_is_refused_unread(told: Any, why: str) -> None:
    with pytest.raises(DrawnMaskError, match=re.escape(why)):
        png_of(told, SIZE)


@pytest.mark.parametrize(
    "content",
    [
        CLEAR[:33],  # only its header
        CLEAR[:-20],
        CLEAR[:-12],  # without its end
        CLEAR[:50] + bytes(8) + CLEAR[58:],
        with_size(png(Image.new("RGBA", (20, 15))), 40, 30),  # too few pixels
        CLEAR[:33] + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**27), 9)) + CLEAR[33:],
    ],
    ids=["header", "cut", "endless", "damaged", "few", "bomb"],
)
def test_a_damaged_canvas_is_refused(content: bytes) -> None:
    taken = png_of(url(content), SIZE)
    with pytest.raises(DrawnMaskError, match=r"a mask must be a whole PNG file; got .*draw it"):
        mask_of(taken, SIZE)


def test_a_canvas_that_says_it_lies_on_its_side_is_refused() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: a quarter turn
    taken = png_of(url(png(Image.new("RGBA", (40, 30)), exif=exif)), SIZE)
    with pytest.raises(DrawnMaskError, match=r"must lie upright; got \(40, 30\) px"):
        mask_of(taken, SIZE)

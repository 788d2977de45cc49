from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from apps.enlarged_part import MOST_PX, Part, fitted_width, part_png, small_png
from pipelines.images import read_image
from pipelines.picture import Picture
from pipelines.super_resolution.resampling import enlarge

SIZE = (854, 1280)  # of an enlarged picture


def opened(png: bytes) -> Image.Image:
    """Read a PNG file."""
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return image


@pytest.mark.parametrize(
    ("centre", "zoom", "part"),
    [
        ((0.5, 0.5), 1, Part(187, 288, 480, 704)),
        ((0.5, 0.5), 4, Part(367, 552, 120, 176)),
        ((0.0, 1.0), 2, Part(854 - 240, 0, 240, 352)),
        ((1.0, 0.0), 2, Part(0, 1280 - 352, 240, 352)),
        ((0.25, 0.75), 4, Part(round(640.5 - 60), 320 - 88, 120, 176)),
    ],
)
def test_a_part_fills_the_page_and_stays_inside(
    centre: tuple[float, float], zoom: int, part: Part
) -> None:
    assert Part.around(centre, SIZE, zoom) == part


def test_a_small_picture_is_shown_whole() -> None:
    assert Part.around((0.0, 1.0), (100, 90), 1) == Part(0, 0, 100, 90)
    assert Part.around((0.5, 0.5), (300, 90), 2) == Part(30, 0, MOST_PX[0] // 2, 90)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("centre", [(0.0, 0.0), (0.37, 0.61), (1.0, 1.0)])
def test_a_bicubic_part_is_a_part_of_the_bicubic_picture(
    photographs: dict[str, np.ndarray], scale: int, centre: tuple[float, float]
) -> None:
    picture = read_image(photographs["china"])
    whole = enlarge(picture.rgb8, scale)
    part = Part.around(centre, whole.shape[:2], 2)
    np.testing.assert_array_equal(part.bicubic(picture, scale), part.of(whole))


def test_sixteen_bits_are_shown_as_eight() -> None:
    pixels = np.full((9, 8, 3), 65535, np.uint16)
    part = Part(0, 0, 18, 16)
    assert (part.bicubic(read_image(pixels), 2) == 255).all()
    assert (part.of(enlarge(pixels.astype(np.float32), 2).astype(np.uint16)) == 255).all()


@pytest.mark.parametrize(
    ("grey", "mode", "seen"), [(False, "RGBA", (100, 100, 100, 50)), (True, "LA", (100, 50))]
)
def test_what_is_sent_keeps_transparency_and_profile(
    grey: bool, mode: str, seen: tuple[int, ...]
) -> None:
    profile = bytes(16) + (b"GRAY" if grey else b"RGB ") + bytes(108)
    pixels, alpha = np.full((9, 8, 3), 100, np.uint8), np.full((9, 8), 50, np.uint8)
    picture = Picture(pixels, "x", grey=grey, alpha=alpha, icc_profile=profile)
    for image in (opened(small_png(picture)), opened(part_png(pixels, alpha, picture))):
        assert image.mode == mode
        assert image.info["icc_profile"] == profile
        assert image.getpixel((3, 3)) == seen
    assert opened(part_png(pixels, None, picture)).mode == mode.removesuffix("A")


def test_a_profile_of_other_colours_is_not_sent() -> None:
    profile = bytes(16) + b"GRAY" + bytes(108)
    picture = Picture(np.zeros((9, 8, 3), np.uint8), "x", icc_profile=profile)
    assert "icc_profile" not in opened(small_png(picture)).info


@pytest.mark.parametrize(
    ("size", "small", "width"),
    [
        ((30, 60), (60, 30), 128),
        ((600, 800), (400, 300), 128),
        ((800, 600), (300, 400), 96),
        ((3, 3000), (400, 16), 128),
        ((3000, 3), (16, 400), 8),
    ],
)
def test_the_whole_is_shown_small(
    size: tuple[int, int], small: tuple[int, int], width: int
) -> None:
    picture = read_image(np.zeros((*size, 3), np.uint8))
    assert opened(small_png(picture)).size == small
    assert fitted_width(size, 128) == width

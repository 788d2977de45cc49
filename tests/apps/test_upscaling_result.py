from __future__ import annotations

import io
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from apps.enlarged_part import MOST_PX, Part
from apps.made_picture import file_of
from apps.part_map import CENTRE
from apps.upscaling import KEY
from pipelines.images import Picture, read_image, write_image
from pipelines.super_resolution.resampling import enlarge
from sightsound.cli import main
from tests.apps.upscale_page import choose, enlarged, has_map, outcome, slider, upload


def test_the_slider_shows_bicubic_and_ours_of_the_same_part(upscale: AppTest, photo: bytes) -> None:
    page = choose(enlarged(upload(upscale, photo)), "upscale.zoom", 2)
    shown, result = slider(page), outcome(page)
    part = Part.around(CENTRE, result.size_px, 2)
    assert (part.height, part.width) == tuple(side // 2 for side in MOST_PX)
    assert (shown["height_px"], shown["width_px"]) == MOST_PX
    assert shown["is_magnified"]
    assert (shown["before"]["name"], shown["after"]["name"]) == ("Bicubic", "first_x2")
    bicubic = enlarge(read_image(photo).rgb8, 2)
    np.testing.assert_array_equal(shown["before"]["pixels"], part.of(bicubic))
    np.testing.assert_array_equal(shown["after"]["pixels"], part.of(result.pixels))
    assert not np.array_equal(shown["before"]["pixels"], shown["after"]["pixels"])


def test_a_small_picture_is_shown_whole_and_needs_no_map(upscale: AppTest, photo: bytes) -> None:
    page = enlarged(upload(upscale, photo))
    assert (slider(page)["height_px"], slider(page)["width_px"]) == (426, 640)
    assert not has_map(page)
    assert has_map(choose(page, "upscale.zoom", 4))


def formats(page: AppTest) -> Any:
    """Find the row of buttons that chooses the file's format."""
    return page.button_group(key=f"upscale.format.{page.session_state[KEY].source.upload.digest}")


def downloaded(page: AppTest, name: str) -> Picture:
    """Read the file that would be downloaded."""
    return read_image(file_of(page.session_state[KEY].work, name))


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
def test_the_file_is_the_enlarged_picture_with_its_exif(
    upscale: AppTest, photo: bytes, ending: str
) -> None:
    page = enlarged(upload(upscale, photo))
    assert formats(page).options == ["PNG", "JPEG", "WebP", "TIFF"]
    picture = downloaded(page, f"x.{ending}")
    assert picture.size_px == (426, 640)
    assert picture.exif is not None
    assert b"A camera" in picture.exif
    off = picture.pixels.astype(float) - outcome(page).pixels
    assert np.sqrt((off**2).mean()) < (6 if ending in ("jpg", "webp") else 1e-9)  # of 255, lossy


@pytest.mark.parametrize(
    ("form", "chosen"), [("jpeg", "JPEG"), ("webp", "WebP"), ("tiff", "TIFF"), ("gif", "PNG")]
)
def test_the_file_is_of_the_format_that_came_where_that_can_be(
    upscale: AppTest, form: str, chosen: str
) -> None:
    file = io.BytesIO()
    Image.new("RGB", (30, 20)).save(file, form)
    assert formats(enlarged(upload(upscale, file.getvalue()))).value == chosen


def test_sixteen_bits_stay_so_and_where_they_cannot_is_told(
    upscale: AppTest, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(3).integers(0, 65536, (20, 30, 3), np.uint16)
    page = enlarged(upload(upscale, write_image(tmp_path / "x.png", pixels).read_bytes(), "x.png"))
    assert "Keeps: 16 bits a channel" in [text.value for text in page.caption]
    np.testing.assert_array_equal(downloaded(page, "x.tif").pixels, outcome(page).pixels)
    assert outcome(page).pixels.dtype == np.uint16
    formats(page).set_value("JPEG")
    told = [text.value for text in page.run().caption]
    assert told[-1] == "JPEG holds 8 bits a channel, of this picture's 16."


def test_transparency_is_kept_and_seen(upscale: AppTest, tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (20, 30, 4), np.uint8)
    page = enlarged(upload(upscale, write_image(tmp_path / "x.png", pixels).read_bytes(), "x.png"))
    assert formats(page).options == ["PNG", "WebP", "TIFF"]
    alpha = downloaded(page, "x.png").alpha
    assert alpha is not None
    for side in ("before", "after"):
        np.testing.assert_array_equal(slider(page)[side]["pixels"][:, :, 3], alpha)


def test_grey_stays_grey(upscale: AppTest, tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (20, 30), np.uint8)
    page = enlarged(upload(upscale, write_image(tmp_path / "x.png", pixels).read_bytes(), "x.png"))
    assert downloaded(page, "x.png").grey
    assert slider(page)["before"]["pixels"].shape == (40, 60)
    np.testing.assert_array_equal(slider(page)["after"]["pixels"], outcome(page).pixels[:, :, 0])


def test_what_is_too_long_for_webp_is_not_offered_as_such(upscale: AppTest, tmp_path: Path) -> None:
    content = write_image(tmp_path / "x.png", np.zeros((8, 8200, 3), np.uint8)).read_bytes()
    page = enlarged(upload(upscale, content))
    assert formats(page).options == ["PNG", "JPEG", "TIFF"]


def test_the_same_can_be_had_elsewhere(
    upscale: AppTest, photo: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = enlarged(upload(upscale, photo))
    monkeypatch.chdir(tmp_path)
    Path("photo.jpg").write_bytes(photo)
    python, command_line = (code.value for code in page.code[-2:])
    exec(python, {})
    program, *arguments = shlex.split(command_line)
    assert program == "sightsound"
    assert main(arguments) == 0
    for file in ("photo_x2.png", "large/photo_x2.jpg"):
        assert read_image(file).size_px == (426, 640)
    np.testing.assert_array_equal(read_image("photo_x2.png").pixels, outcome(page).pixels)

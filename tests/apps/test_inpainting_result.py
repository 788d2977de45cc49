from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ImageCms
from streamlit.testing.v1 import AppTest

from apps.enlarged_part import MOST_PX
from apps.inpainting_result import mask_of
from apps.jobs import JobError
from apps.made_picture import file_of
from apps.thread_work import Work
from pipelines.images import Picture, read_image, write_image
from sightsound.cli import main
from tests.apps.inpaint_page import (
    HOLE,
    PRESET,
    SIZE,
    choose_method,
    draw,
    hole,
    picture,
    removed,
    sheet_of,
    visit_of,
)
from tests.apps.upscale_page import choose, has_map, press, slider, upload


def test_a_small_picture_is_shown_whole_before_and_after(
    inpaint: AppTest, photographs: dict[str, np.ndarray]
) -> None:
    content = picture(photographs["china"])
    page = choose_method(draw(upload(inpaint, content), hole()), "telea")
    result = removed(page).result
    shown = slider(page)
    assert (shown["before"]["name"], shown["after"]["name"]) == ("Before", "After")
    np.testing.assert_array_equal(shown["before"]["pixels"], read_image(content).pixels)
    np.testing.assert_array_equal(shown["after"]["pixels"], result.pixels)
    assert not has_map(page)
    assert page.button_group(key="inpaint.zoom").options == ["100 %", "200 %", "400 %"]


def test_a_large_picture_is_shown_whole_first_and_then_where_it_was_filled(
    inpaint: AppTest, photographs: dict[str, np.ndarray], tmp_path: Path
) -> None:
    large = np.tile(photographs["china"], (2, 2, 1))
    content = write_image(tmp_path / "x.png", large).read_bytes()
    mask = np.zeros(large.shape[:2], np.uint8)
    mask[600:640, 1200:1240] = 255
    page = choose_method(draw(upload(inpaint, content), mask), "telea")
    made = removed(page)
    assert made.middle == (1220 / 1280, 620 / 854)
    shown = slider(page)
    whole = round(854 * MOST_PX[1] / 1280), MOST_PX[1]
    assert (shown["height_px"], shown["width_px"]) == whole
    assert shown["after"]["pixels"].shape == (*whole, 3)
    assert not has_map(page)
    page = choose(page, "inpaint.zoom.whole", 1)
    top, left = 854 - MOST_PX[0], 1280 - MOST_PX[1]
    assert has_map(page)
    top = 620 - MOST_PX[0] // 2 if 620 + MOST_PX[0] // 2 < 854 else top
    wanted = made.result.pixels[top : top + MOST_PX[0], left : left + MOST_PX[1]]
    np.testing.assert_array_equal(slider(page)["after"]["pixels"], wanted)


def chosen(page: AppTest) -> Any:
    """Find the row of buttons that chooses the file's format."""
    return page.button_group(key=f"inpaint.format.{sheet_of(page).photo.upload.digest}")


def work_of(page: AppTest) -> Work[Any]:
    """Return the work on the picture."""
    work = visit_of(page).work
    assert work is not None
    return work


def test_the_file_keeps_format_exif_and_what_was_not_covered(
    inpaint: AppTest, photographs: dict[str, np.ndarray]
) -> None:
    content = picture(photographs["china"], "jpeg")
    page = choose_method(draw(upload(inpaint, content), hole()), "telea")
    removed(page)
    assert chosen(page).options == ["PNG", "JPEG", "WebP", "TIFF"]
    assert chosen(page).value == "JPEG"
    assert any("PNG and TIFF keep all" in text.value for text in page.caption)
    original, outside = read_image(content), hole() == 0
    for ending in ("png", "tif"):
        taken = read_image(file_of(work_of(page), f"x.{ending}"))
        np.testing.assert_array_equal(taken.pixels[outside], original.pixels[outside])
        assert (taken.pixels[HOLE] != original.pixels[HOLE]).any()
        assert taken.exif is not None
        assert b"A camera" in taken.exif
    chosen(page).set_value("TIFF")
    page.run()
    assert not any("PNG and TIFF keep all" in text.value for text in page.caption)


@pytest.mark.parametrize("kind", ["colour", "sixteen bits", "grey with alpha"])
def test_depth_grey_and_transparency_stay_and_one_goes_on_with_them(
    inpaint: AppTest, tmp_path: Path, kind: str
) -> None:
    rng, alpha = np.random.default_rng(3), None
    if kind != "grey with alpha":
        dtype = np.uint8 if kind == "colour" else np.uint16
        pixels = rng.integers(0, np.iinfo(dtype).max, (*SIZE, 3), dtype)
    else:
        pixels = rng.integers(0, 256, SIZE, np.uint8)
        alpha = rng.integers(100, 256, SIZE, np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    like = Picture(np.zeros((1, 1, 3), np.uint8), "x", icc_profile=profile)
    content = write_image(tmp_path / "x.png", pixels, like=like, alpha=alpha).read_bytes()
    original = read_image(content)
    page = choose_method(draw(upload(inpaint, content, "x.png"), hole()), "telea")
    result = removed(page).result
    assert "JPEG" in chosen(page).options or alpha is not None
    page = press(page, "Go on with this picture")
    taken = read_image(sheet_of(page).photo.upload.content)
    assert (taken.bit_depth, taken.grey) == (original.bit_depth, original.grey)
    np.testing.assert_array_equal(taken.pixels[..., :1], result.pixels[..., :1])
    assert taken.icc_profile == original.icc_profile
    assert (taken.icc_profile is None) == original.grey  # a profile of colours
    outside = hole() == 0
    np.testing.assert_array_equal(taken.pixels[outside], original.pixels[outside])
    if original.alpha is not None:
        assert taken.alpha is not None
        np.testing.assert_array_equal(taken.alpha[outside], original.alpha[outside])


@pytest.mark.parametrize("method", ["auto", "telea"])
def test_the_same_can_be_had_elsewhere(
    inpaint_by_network: AppTest,
    photographs: dict[str, np.ndarray],
    method: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = picture(photographs["china"], "jpeg")
    page = choose_method(draw(upload(inpaint_by_network, content), hole()), method)
    result = removed(page).result
    monkeypatch.chdir(tmp_path)
    Path("photo.jpg").write_bytes(content)
    Path("mask.png").write_bytes(mask_of(work_of(page)))
    python, command_line = (code.value for code in page.code[-2:])
    assert (f'preset="{PRESET}"' if method == "auto" else 'method="telea"') in python
    exec(python, {})
    program, *arguments = shlex.split(command_line)
    assert program == "sightsound"
    assert main(arguments) == 0
    for file in ("photo_inpainted.png", "filled/photo_inpainted.png"):
        np.testing.assert_array_equal(read_image(file).pixels, result.pixels)

    work_of(page).outcome = None
    with pytest.raises(JobError, match="make room"):
        mask_of(work_of(page))

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import pipelines.presets
from apps.inpainting import MOST_BIHARMONIC_PX, SAMPLE, Inpainted, Wish, fillings
from apps.inpainting_result import METHODS
from apps.jobs import JobError, State
from apps.made_picture import file_of
from apps.photograph import size_text
from apps.plain_text import plain
from apps.preset_card import title
from apps.thread_work import AT_ONCE, MOST_WAITING, Told, Work
from pipelines.images import read_image
from pipelines.inpainting import classical
from pipelines.inpainting.pipeline import Inpainting
from pipelines.presets import WEIGHTS
from tests.apps.handwriting import BROKEN
from tests.apps.inpaint_page import (
    HOLE,
    PRESET,
    SIZE,
    choose_method,
    draw,
    hand_mask,
    hole,
    made_on,
    mask_png,
    picture,
    removed,
    sheet_of,
    visit_of,
)
from tests.apps.test_classify import errors
from tests.apps.upscale_page import LONG_S, button, press, texts, upload, wait

HOSTILE = "![x](http://evil.example/x.png) <script> :material/home: .png"


@pytest.fixture(scope="module")
def classic() -> Inpainting:
    """The classical methods."""
    return Inpainting()


@pytest.fixture
def small(photographs: dict[str, np.ndarray]) -> bytes:
    """A small photograph as a PNG file."""
    return picture(photographs["china"])


def options(page: AppTest) -> list[str]:
    """Read which methods there are."""
    found: list[str] = page.selectbox(key="inpaint.method").options
    return found


# What fills ------------------------------------------------------------------------------------


def test_without_a_preset_there_are_the_classical_methods_and_a_sample(
    inpaint: AppTest, small: bytes
) -> None:
    assert not inpaint.exception
    page = press(inpaint, "Try a sample")
    assert sheet_of(page).photo.upload.content == SAMPLE.read_bytes()
    page = upload(page, small)
    assert not page.exception
    names = ("auto", "first_fill", "telea", "ns", "biharmonic")
    assert options(page) == [METHODS[name].title for name in names]
    assert [one.label for one in page.selectbox] == ["Method"]


def test_what_is_not_installed_is_not_offered(
    inpaint: AppTest, small: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classical, "is_installed", lambda name: name in ("first_fill", "ns"))
    assert options(upload(inpaint, small)) == ["Automatic", "First fill", "Navier-Stokes"]


def test_what_is_covered_is_filled_as_by_the_pipeline(
    inpaint: AppTest, small: bytes, classic: Inpainting
) -> None:
    page = draw(upload(inpaint, small), hole())
    for method in ("auto", "first_fill", "telea", "ns", "biharmonic"):
        check_filled(choose_method(page, method), small, classic, method)


def check_filled(page: AppTest, small: bytes, classic: Inpainting, method: str) -> None:
    """Press Remove, and hold what comes of it against the pipeline."""
    result = removed(page).result
    wanted = classic(small, hole(), method=method)
    assert result.method == wanted.method
    np.testing.assert_array_equal(result.pixels, wanted.pixels)
    outside = hole() == 0
    original = read_image(small).pixels
    np.testing.assert_array_equal(result.pixels[outside], original[outside])
    assert (result.pixels[HOLE] != original[HOLE]).any()
    told = f"**6.2 %** of the picture filled by **{plain(METHODS[wanted.method].title)}** in"
    assert any(text.startswith(told) for text in texts(page))


def test_with_a_preset_its_network_fills(
    inpaint_by_network: AppTest, inpainter: Path, small: bytes
) -> None:
    page = upload(inpaint_by_network, small)
    assert page.selectbox(key="inpaint.preset").options == [title(PRESET)]
    assert options(page)[:2] == ["Automatic", "Network"]
    result = removed(draw(page, hole())).result
    wanted = Inpainting.from_preset(inpainter / PRESET)(small, hole())
    assert (result.method, result.preset) == ("network", PRESET)
    np.testing.assert_array_equal(result.pixels, wanted.pixels)
    assert any(f"filled by **{title(PRESET)}**" in text for text in texts(page))
    page = choose_method(page, "telea")
    assert removed(page).result.method == "telea"
    page.switch_page("views/home.py").run()
    page.query_params["preset"] = PRESET  # a link of the home page
    page = page.switch_page("views/inpaint.py").run()
    assert page.selectbox(key="inpaint.preset").value == PRESET


def test_a_damaged_preset_is_told_and_the_classical_methods_work(
    inpaint_by_network: AppTest,
    inpainter: Path,
    small: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = choose_method(draw(upload(inpaint_by_network, small), hole()), "network")
    shutil.copytree(inpainter / PRESET, tmp_path / "damaged")
    (tmp_path / "damaged" / WEIGHTS).write_bytes(b"")
    monkeypatch.setattr(pipelines.presets, "SHIPPED", tmp_path)
    assert "is damaged" in errors(page.run())["This network cannot be loaded"]
    assert options(page)[1] == "First fill"
    assert made_on(page).result.method == "biharmonic"


# A picture and its mask ------------------------------------------------------------------------


def test_without_a_mask_is_told_what_to_do(inpaint: AppTest, small: bytes) -> None:
    page = press(upload(inpaint, small), "Remove")
    assert [info.proto.title for info in page.info] == ["Nothing is covered yet"]
    assert visit_of(page).work is None


@pytest.mark.parametrize("name", ["photo.png", HOSTILE])
def test_a_broken_file_is_told(inpaint: AppTest, small: bytes, name: str) -> None:
    page = upload(upload(inpaint, small), BROKEN, name)
    assert list(errors(page)) == [plain(name)]
    assert "<bytes>" not in next(iter(errors(page).values()))
    assert visit_of(page).source is None  # the picture before has gone
    page = upload(page, small, HOSTILE)
    assert not page.error
    assert any(f"**{plain(HOSTILE)}**" in text for text in texts(page))


def test_a_mask_that_is_handed_over_takes_the_place_of_the_drawing(
    inpaint: AppTest, small: bytes, classic: Inpainting
) -> None:
    drawn, given = hole(), np.zeros(SIZE, np.uint8)
    given[60:70, 10:20] = 255
    given[70, 10:20] = 100  # a soft edge
    page = hand_mask(draw(upload(inpaint, small), drawn), mask_png(given), HOSTILE)
    assert any(f"Mask: **{plain(HOSTILE)}**" in text for text in texts(page))
    made = removed(page)
    np.testing.assert_array_equal(made.result.pixels, classic(small, given).pixels)

    page = press(page, "Draw instead")
    np.testing.assert_array_equal(removed(page).wish.mask, drawn)


def test_a_mask_that_does_not_fit_is_told_and_the_drawing_counts(
    inpaint: AppTest, small: bytes
) -> None:
    refused = {
        f"a mask must have the picture's {size_text(SIZE)} pixels": mask_png(hole((90, 120))),
        "a mask must be white where things are to go": mask_png(np.zeros(SIZE, np.uint8)),
        "a mask's white is 255": mask_png(hole() // 255),
        "a file must not be empty": b"",
        "": BROKEN,
    }
    page = draw(upload(inpaint, small), hole())
    for rule, content in refused.items():
        page = hand_mask(page, content, HOSTILE)
        told = errors(page)[plain(HOSTILE)]
        assert told.startswith(plain(rule))
        assert "<bytes>" not in told
    np.testing.assert_array_equal(made_on(page).wish.mask, hole())
    page.file_uploader[1].set_value(None)  # as a browser does before it sends another one
    assert not page.run().error
    page = hand_mask(page, mask_png(np.full(SIZE, 255, np.uint8)))
    assert visit_of(page).mask_file is not None


# Meanwhile -------------------------------------------------------------------------------------


@pytest.fixture
def occupy() -> Iterator[Callable[[int], None]]:
    """Let other visitors have work under way."""
    is_over = threading.Event()

    def hold(_: Told) -> Inpainted:
        assert is_over.wait(LONG_S)
        raise ValueError("over")

    def occupy(pieces: int) -> None:
        for _ in range(pieces):
            fillings().start(Work(hold))

    yield occupy
    is_over.set()


def test_other_visitors_are_waited_for(
    inpaint: AppTest, small: bytes, occupy: Callable[[int], None]
) -> None:
    occupy(AT_ONCE)
    page = press(draw(upload(inpaint, small), hole()), "Remove")
    waiting = f"Waiting for {AT_ONCE} other pictures on this server"
    assert page.get("progress")[0].proto.text == waiting
    assert button(page, "Remove").disabled
    page = press(page, "Cancel")
    assert [info.value for info in page.info] == ["Cancelled."]
    occupy(MOST_WAITING)
    page = press(page, "Remove")
    assert "pictures wait" in errors(page)["This picture cannot be filled now"]
    assert not page.run().error  # told once


def test_parts_are_told_and_can_be_cancelled(inpaint: AppTest, small: bytes) -> None:
    page = draw(upload(inpaint, small), hole())
    reached, is_told = threading.Event(), threading.Event()

    def halting(_content: bytes, _mask: np.ndarray, **call: object) -> None:
        told = call["on_part"]
        assert callable(told)
        told(1, 3)
        reached.set()
        assert is_told.wait(LONG_S)
        told(2, 3)

    visit, sheet = visit_of(page), sheet_of(page)
    visit.begin(halting, Wish(sheet, hole(), "auto"))  # type: ignore[arg-type]
    assert reached.wait(LONG_S)
    page.run()
    assert page.get("progress")[0].proto.text == "Part 2 of 3"
    page = press(page, "Cancel")
    assert button(page, "Cancelling …").disabled
    is_told.set()
    page = wait(page)
    assert visit.work is not None
    assert visit.work.state is State.STOPPED
    assert [info.value for info in page.info] == ["Cancelled."]


@pytest.mark.filterwarnings("ignore:.*everything is masked")
def test_what_would_take_too_long_is_refused(inpaint: AppTest) -> None:
    page = press(inpaint, "Try a sample")
    size = sheet_of(page).photo.size_px
    mask = np.full(size, 255, np.uint8)
    assert mask.size > MOST_BIHARMONIC_PX
    page = wait(press(choose_method(draw(page, mask), "biharmonic"), "Remove"))
    failure = errors(page)["This picture cannot be filled"]
    assert failure.startswith(plain(f"biharmonic fills at most {MOST_BIHARMONIC_PX:,} pixels"))
    page = choose_method(page, "telea")
    assert removed(page).result.share == 1.0
    assert "everything is masked" in page.warning[0].value


def test_what_had_to_make_room_is_told(inpaint: AppTest, small: bytes) -> None:
    page = draw(upload(inpaint, small), hole())
    removed(page)
    work = visit_of(page).work
    assert work is not None
    work.outcome = None
    page.run()
    assert page.info[0].proto.title == "It had to make room"
    with pytest.raises(JobError, match="make room"):
        file_of(work, "x.png")
    removed(page)


# What stays, and going on ----------------------------------------------------------------------


def test_one_goes_on_with_what_was_made_and_back(
    inpaint: AppTest, photographs: dict[str, np.ndarray]
) -> None:
    content = picture(photographs["china"], "jpeg")
    page = draw(upload(inpaint, content), hole())
    first = removed(page)
    page = press(page, "Go on with this picture")
    sheet = sheet_of(page)
    assert visit_of(page).work is None
    assert page.session_state[f"{sheet.canvas}.drawing"].mask is None  # nothing is drawn on it
    taken = read_image(sheet.photo.upload.content)
    np.testing.assert_array_equal(taken.pixels, first.result.pixels)
    assert sheet.photo.format == "JPEG"
    assert sheet.photo.carries == first.wish.sheet.photo.carries == ("EXIF data",)

    elsewhere = np.zeros(SIZE, np.uint8)
    elsewhere[60:70, 10:20] = 255
    second = removed(draw(page, elsewhere))
    kept = elsewhere == 0
    np.testing.assert_array_equal(second.result.pixels[kept], first.result.pixels[kept])
    assert second.result.original.exif == first.result.original.exif

    page = press(page, "Back to the original")
    assert sheet_of(page).photo.upload.content == content
    assert visit_of(page).work is None
    assert not [one for one in page.button if one.label == "Back to the original"]
    assert f"{sheet.canvas}.drawing" not in page.session_state  # it has gone


def test_all_outlasts_a_visit_to_another_page(inpaint: AppTest, small: bytes) -> None:
    page = choose_method(draw(upload(inpaint, small), hole()), "ns")
    made = removed(page)
    page = page.switch_page("views/home.py").run().switch_page("views/inpaint.py").run()
    assert f"**{plain('photo.jpg')}** · {size_text(SIZE)}" in texts(page)
    assert page.selectbox(key="inpaint.method").value == "ns"
    assert any(f"filled by **{plain('Navier-Stokes')}**" in text for text in texts(page))
    np.testing.assert_array_equal(removed(page).wish.mask, made.wish.mask)


def test_start_over_drops_everything(inpaint: AppTest, small: bytes) -> None:
    page = draw(upload(inpaint, small), hole())
    removed(page)
    page = press(page, "Start over")
    assert [one.label for one in page.button] == ["Try a sample"]
    visit = visit_of(page)
    assert (visit.source, visit.original, visit.work) == (None, None, None)
    page = press(upload(page, small), "Remove")
    assert page.info[0].proto.title == "Nothing is covered yet"


def test_a_file_removed_from_the_uploader_goes(inpaint: AppTest, small: bytes) -> None:
    page = draw(upload(inpaint, small), hole())
    page.file_uploader[0].set_value(None)
    assert [one.label for one in page.run().button] == ["Try a sample"]

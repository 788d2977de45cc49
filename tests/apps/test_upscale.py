from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import apps.upscaling
import pipelines.presets
from apps.jobs import JobError, State
from apps.made_picture import file_of
from apps.photograph import size_text
from apps.plain_text import plain
from apps.preset_card import title
from apps.thread_work import AT_ONCE, MOST_WAITING, Told, Work
from apps.upscaling import KEY, Enlarged, enlargements
from pipelines import DEFAULT_UPSCALERS
from pipelines.presets import WEIGHTS
from pipelines.super_resolution.pipeline import SuperResolution
from tests.apps.handwriting import BROKEN
from tests.apps.test_classify import errors
from tests.apps.upscale_page import (
    LONG_S,
    button,
    choose,
    enlarged,
    outcome,
    press,
    slider,
    texts,
    upload,
    wait,
)

HOSTILE = "![x](http://evil.example/x.png) <script> :material/home: .png"


def test_the_page_starts_with_the_smallest_scale_and_no_picture(upscale: AppTest) -> None:
    assert not upscale.exception
    assert upscale.button_group(key="upscale.scale").value == 2
    assert upscale.selectbox[0].options == [title("first_x2"), title("second_x2")]
    assert not upscale.button


@pytest.mark.parametrize("scale", [2, 4])
def test_each_scale_of_the_package_starts_with_its_own_preset(app: AppTest, scale: int) -> None:
    page = choose(app.switch_page("views/upscale.py").run(), "upscale.scale", scale)
    assert len(page.selectbox[0].options) > 1
    assert page.selectbox[0].value == DEFAULT_UPSCALERS[scale]


def test_an_upload_says_what_would_become_of_it(upscale: AppTest, photo: bytes) -> None:
    page = upload(upscale, photo)
    assert f"**{plain('photo.jpg')}**" in texts(page)
    assert f"{size_text((213, 320))} → {size_text((426, 640))} pixels" in texts(page)
    assert [text.value for text in page.caption] == ["Keeps: EXIF data"]
    page = choose(page, "upscale.scale", 3)
    assert f"{size_text((213, 320))} → {size_text((639, 960))} pixels" in texts(page)


@pytest.mark.parametrize(("scale", "preset"), [(2, "first_x2"), (3, "first_x3")])
def test_a_picture_is_enlarged_as_by_the_pipeline(
    upscale: AppTest, micro_presets: Path, photo: bytes, scale: int, preset: str
) -> None:
    page = enlarged(upload(choose(upscale, "upscale.scale", scale), photo))
    wanted = SuperResolution.from_preset(micro_presets / preset)(photo)
    np.testing.assert_array_equal(outcome(page).pixels, wanted.pixels)
    assert any(f"**{size_text(wanted.size_px)}** pixels in **" in text for text in texts(page))


def test_a_change_of_scale_leaves_the_result_until_enlarged_anew(
    upscale: AppTest, photo: bytes
) -> None:
    page = choose(enlarged(upload(upscale, photo)), "upscale.scale", 3)
    assert outcome(page).scale == 2
    assert slider(page)["after"]["name"] == "first_x2"
    assert outcome(enlarged(page)).scale == 3


def test_a_scale_that_is_chosen_just_before_the_button_counts(
    upscale: AppTest, photo: bytes
) -> None:
    page = upload(upscale, photo)
    page.button_group(key="upscale.scale").set_value(3)
    button(page, "Enlarge").click()  # the browser sends both at once
    assert outcome(wait(page.run())).scale == 3


@pytest.mark.parametrize("name", ["photo.jpg", HOSTILE])
def test_a_broken_file_is_told(upscale: AppTest, photo: bytes, name: str) -> None:
    page = upload(upload(upscale, photo), BROKEN, name)
    assert list(errors(page)) == [plain(name)]
    assert "<bytes>" not in next(iter(errors(page).values()))
    assert not page.button  # the picture before has gone
    assert not upload(page, photo).error


def test_an_empty_file_is_told(upscale: AppTest) -> None:
    assert "must not be empty" in errors(upload(upscale, b""))[plain("photo.jpg")]


def test_a_hostile_name_is_shown_as_it_is(upscale: AppTest, photo: bytes) -> None:
    page = enlarged(upload(upscale, photo, HOSTILE))
    assert f"**{plain(HOSTILE)}**" in texts(page)
    assert page.get("download_button")[0].proto.label == "Download JPEG"


def test_what_would_be_too_large_is_told_before(
    upscale: AppTest, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apps.upscaling, "MOST_PIXELS", 426 * 640)
    page = upload(upscale, photo)
    assert not button(page, "Enlarge").disabled
    page = choose(page, "upscale.scale", 3)
    assert button(page, "Enlarge").disabled
    assert "Choose a smaller scale" in page.warning[0].value


def test_tiles_are_counted_and_can_be_cancelled(
    upscale: AppTest, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apps.upscaling, "TILE_PX", 24)  # so many that there is time to look
    page = press(upload(upscale, photo), "Enlarge")
    assert button(page, "Enlarge").disabled
    work = page.session_state[KEY].work
    deadline = time.monotonic() + LONG_S
    while not work.steps[0]:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    page.run()
    assert page.get("progress")[0].proto.text.startswith("Tile ")
    page = wait(press(page, "Cancel"))
    assert work.state is State.STOPPED
    assert work.steps[0] < work.steps[1]
    assert [info.value for info in page.info] == ["Cancelled."]


@pytest.fixture
def occupy() -> Iterator[Callable[[int], None]]:
    """Let other visitors have work under way."""
    is_over = threading.Event()

    def hold(_: Told) -> Enlarged:
        assert is_over.wait(LONG_S)
        raise ValueError("over")

    def occupy(pieces: int) -> None:
        for _ in range(pieces):
            enlargements().start(Work(hold))

    yield occupy
    is_over.set()


def test_other_visitors_are_waited_for(
    upscale: AppTest, photo: bytes, occupy: Callable[[int], None]
) -> None:
    occupy(AT_ONCE)
    page = press(upload(upscale, photo), "Enlarge")
    waiting = f"Waiting for {AT_ONCE} other pictures on this server"
    assert page.get("progress")[0].proto.text == waiting
    page = press(page, "Cancel")
    assert [info.value for info in page.info] == ["Cancelled."]


def test_too_many_visitors_are_told_to_come_back(
    upscale: AppTest, photo: bytes, occupy: Callable[[int], None]
) -> None:
    occupy(AT_ONCE + MOST_WAITING)
    page = press(upload(upscale, photo), "Enlarge")
    assert "pictures wait" in errors(page)["This picture cannot be enlarged now"]
    assert not page.run().error  # told once


def test_a_failure_is_told_and_another_try_is_free(
    upscale: AppTest, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apps.upscaling, "TILE_PX", 0)
    page = enlarged(upload(upscale, photo))
    failure = errors(page)["This picture cannot be enlarged"]
    assert failure.startswith(plain("tile must be a whole number of pixels"))
    monkeypatch.undo()
    assert not button(page, "Enlarge").disabled


def test_what_had_to_make_room_is_told(upscale: AppTest, photo: bytes) -> None:
    page = enlarged(upload(upscale, photo))
    page.session_state[KEY].work.outcome = None
    page.run()
    assert page.info[0].proto.title == "It had to make room"
    with pytest.raises(JobError, match="make room"):
        file_of(page.session_state[KEY].work, "x.png")
    assert outcome(enlarged(page)).scale == 2


def test_start_over_drops_everything(upscale: AppTest, photo: bytes) -> None:
    page = press(enlarged(upload(upscale, photo)), "Start over")
    assert not page.button
    assert page.session_state[KEY].work is None
    assert outcome(enlarged(upload(page, photo))).scale == 2


def test_a_file_removed_from_the_uploader_goes(upscale: AppTest, photo: bytes) -> None:
    page = enlarged(upload(upscale, photo))
    page.file_uploader[0].set_value(None)
    assert not page.run().button


def test_the_result_outlasts_a_visit_to_another_page(upscale: AppTest, photo: bytes) -> None:
    page = choose(upscale, "upscale.scale", 3)
    page = enlarged(upload(page, photo)).switch_page("views/home.py").run()
    assert {metric.value for metric in page.metric} == {"37.5 dB"}
    page = page.switch_page("views/upscale.py").run()
    assert slider(page)["after"]["name"] == "first_x3"
    assert page.button_group(key="upscale.scale").value == 3


# Which network ---------------------------------------------------------------------------------


def linked(page: AppTest, preset: str) -> AppTest:
    """Come from the front door by a link to a preset."""
    page.switch_page("views/home.py").run()
    page.query_params["preset"] = preset
    return page.switch_page("views/upscale.py").run()


def test_the_address_names_a_preset(upscale: AppTest, photo: bytes) -> None:
    page = linked(upscale, "first_x3")
    assert page.button_group(key="upscale.scale").value == 3
    assert page.selectbox[0].value == "first_x3"
    page = choose(page, "upscale.scale", 2)
    assert page.button_group(key="upscale.scale").value == 2
    page.selectbox[0].set_value("second_x2")
    assert page.run().query_params["preset"] == "second_x2"
    assert outcome(enlarged(upload(page, photo))).preset == "second_x2"


def test_an_address_with_an_unknown_preset_gives_the_first(upscale: AppTest) -> None:
    page = linked(upscale, "../../etc/passwd")
    assert not page.exception
    assert page.selectbox[0].value == "first_x2"


def test_a_damaged_preset_is_told_and_the_others_work(
    micro_presets: Path,
    upscale: AppTest,
    photo: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(micro_presets, tmp_path, dirs_exist_ok=True)
    shutil.copytree(tmp_path / "first_x2", tmp_path / "damaged")
    (tmp_path / "damaged" / WEIGHTS).write_bytes(b"")
    monkeypatch.setattr(pipelines.presets, "SHIPPED", tmp_path)
    page = upscale.run()
    page.selectbox[0].set_value("damaged")
    assert "is damaged" in errors(page.run())["This network cannot be loaded"]
    page.selectbox[0].set_value("first_x2")
    assert outcome(enlarged(upload(page.run(), photo))).preset == "first_x2"

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import apps.pictures
import pipelines.presets
from apps.plain_text import plain
from apps.preset_card import score
from apps.session import preset_metadata
from apps.settings import UPLOAD_LIMIT_MB
from apps.tasks import CLASSIFY
from pipelines.presets import WEIGHTS
from tests.apps.handwriting import BROKEN

Digit = Callable[[int], bytes]


def upload(page: AppTest, files: dict[str, bytes]) -> AppTest:
    """Let the uploader hold these files, and no others."""
    page.file_uploader[0].set_value([(*file, "image/png") for file in files.items()])
    return page.run()


def labels(page: AppTest) -> list[str]:
    """Read the best label of each result."""
    return [heading.value for heading in page.subheader]


def errors(page: AppTest) -> dict[str, str]:
    """Read the title and the text of each error."""
    return {error.proto.title: error.value for error in page.error}


def choose(page: AppTest, preset: str) -> AppTest:
    """Choose a network."""
    page.selectbox[0].set_value(preset)
    return page.run()


def test_the_page_starts_with_the_tasks_own_preset_and_no_result(classify: AppTest) -> None:
    assert not classify.exception
    assert classify.selectbox[0].value == CLASSIFY.presets[0]
    assert not labels(classify)


def test_a_digit_is_named(classify: AppTest, digit: Digit) -> None:
    page = upload(classify, {"zero.png": digit(0)})
    assert not page.exception
    assert labels(page) == ["0"]
    assert page.caption[0].value.startswith(plain("zero.png"))
    assert page.caption[0].value.endswith(" ms")


def test_the_newest_picture_comes_first(classify: AppTest, digit: Digit) -> None:
    page = upload(classify, {"zero.png": digit(0), "six.png": digit(6)})
    assert labels(page) == ["6", "0"]


def test_a_broken_picture_is_told_and_spoils_no_other(classify: AppTest, digit: Digit) -> None:
    name = "![x](http://evil.example/x.png) <script> :material/home: .png"
    page = upload(classify, {"zero.png": digit(0), name: BROKEN})
    assert labels(page) == ["0"]
    assert list(errors(page)) == [plain(name)]
    assert "<bytes>" not in next(iter(errors(page).values()))


def test_a_file_over_the_limit_is_refused_in_python_too(classify: AppTest, digit: Digit) -> None:
    # The server refuses it first; this holds where somebody has set its limit higher.
    page = upload(classify, {"zero.png": digit(0), "big.png": bytes(UPLOAD_LIMIT_MB * 2**20 + 1)})
    assert labels(page) == ["0"]
    assert "at most 20 MB" in errors(page)[plain("big.png")]


def test_one_visitor_keeps_only_so_many_pictures(classify: AppTest, digit: Digit) -> None:
    most = apps.pictures.PICTURE_LIMIT
    page = upload(classify, {f"{number}.png": digit(0) for number in range(most + 1)})
    assert labels(page) == ["0"] * most
    assert list(errors(page)) == [plain(f"{most}.png")]


def test_a_file_removed_from_the_uploader_goes(classify: AppTest, digit: Digit) -> None:
    page = upload(classify, {"zero.png": digit(0), "broken.png": BROKEN})
    page.file_uploader[0].set_value(None)
    page.run()
    assert not labels(page)
    assert not page.error


def test_results_outlast_a_visit_to_another_page(classify: AppTest, digit: Digit) -> None:
    page = choose(upload(classify, {"zero.png": digit(0)}), "lenet5_mnist")
    assert labels(page.switch_page("views/home.py").run())[0] == "Networks in the package"
    page = page.switch_page("views/classify.py").run()
    assert labels(page) == ["0"]
    assert page.selectbox[0].value == "lenet5_mnist"
    assert labels(upload(page, {"six.png": digit(6)})) == ["6", "0"]


def test_start_over_drops_everything(classify: AppTest, digit: Digit) -> None:
    page = upload(classify, {"zero.png": digit(0)})
    next(button for button in page.button if button.label == "Start over").click()
    assert not labels(page.run())
    assert labels(upload(page, {"six.png": digit(6)})) == ["6"]


@pytest.mark.parametrize("most", [1, 3, 10])
def test_as_many_labels_are_shown_as_asked(classify: AppTest, digit: Digit, most: int) -> None:
    page = upload(classify, {"zero.png": digit(0)})
    page.button_group[0].set_value(most)
    scores = [text.value for text in page.run().markdown if text.value.endswith("%")]
    assert len(scores) == most


def test_the_address_names_a_preset(app: AppTest) -> None:
    app.query_params["preset"] = "lenet5_fashion_mnist"
    page = app.switch_page("views/classify.py").run()
    assert page.selectbox[0].value == "lenet5_fashion_mnist"
    assert choose(page, "lenet5_mnist").query_params["preset"] == "lenet5_mnist"


def test_an_address_with_an_unknown_preset_gives_the_tasks_own(app: AppTest) -> None:
    app.query_params["preset"] = "../../etc/passwd"
    page = app.switch_page("views/classify.py").run()
    assert not page.exception
    assert page.selectbox[0].value == CLASSIFY.presets[0]


def test_another_preset_judges_the_same_pictures(classify: AppTest, digit: Digit) -> None:
    page = upload(classify, {"zero.png": digit(0)})
    assert not set(labels(choose(page, "lenet5_fashion_mnist"))) & set("0123456789")


def test_each_score_stands_above_the_command_that_reproduces_it(classify: AppTest) -> None:
    best = preset_metadata(CLASSIFY.presets[0])["metrics"][0]
    card = classify.expander[0]
    assert any(text.value.startswith(f"**{plain(score(best))}**") for text in card.markdown)
    assert best["command"] in [code.value for code in card.code]


def test_a_sample_is_one_click_away(
    app: AppTest, digit: Digit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_zero.png").write_bytes(digit(0))
    monkeypatch.setattr(apps.pictures, "SAMPLES", tmp_path)
    page = app.switch_page("views/classify.py").run()
    page.button[0].click()
    assert page.button[0].label == plain("a zero")
    assert labels(page.run()) == ["0"]


def test_a_damaged_preset_is_told_and_the_others_work(
    app: AppTest, digit: Digit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(pipelines.presets.SHIPPED, tmp_path, dirs_exist_ok=True)
    shutil.copytree(tmp_path / CLASSIFY.presets[0], tmp_path / "damaged")
    (tmp_path / "damaged" / WEIGHTS).write_bytes(b"")
    monkeypatch.setattr(pipelines.presets, "SHIPPED", tmp_path)
    assert "is damaged" in errors(app.run())[plain("damaged")]
    page = choose(app.switch_page("views/classify.py").run(), "damaged")
    assert "is damaged" in errors(page)["This network cannot be loaded"]
    assert labels(upload(choose(page, CLASSIFY.presets[0]), {"zero.png": digit(0)})) == ["0"]

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from apps.plain_text import plain
from apps.preset_card import score
from apps.session import preset_metadata
from apps.tasks import TASK_PAGES
from sightsound.cli import main


@pytest.fixture
def folder_of_the_examples(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    digit: Callable[[int], bytes],
    photo: bytes,
) -> None:
    """Go where the examples' pictures lie."""
    (tmp_path / "scans").mkdir()
    (tmp_path / "seven.png").write_bytes(digit(6))
    (tmp_path / "scans" / "zero.png").write_bytes(digit(0))
    (tmp_path / "photo.jpg").write_bytes(photo)
    monkeypatch.chdir(tmp_path)


def test_home_shows_every_task_and_every_preset_with_its_score(app: AppTest) -> None:
    assert not app.exception
    texts = [element.value for element in app.markdown]
    best = []
    for task in TASK_PAGES:
        assert f"**{task.title}**" in texts
        for name in task.presets:
            assert f"**{plain(preset_metadata(name)['title'])}**" in texts
            best.append(score(preset_metadata(name)["metrics"][0]))
    assert [metric.value for metric in app.metric] == best
    assert best[0].endswith(" %")


@pytest.mark.usefixtures("folder_of_the_examples")
def test_the_python_example_runs(app: AppTest, capsys: pytest.CaptureFixture[str]) -> None:
    exec(app.code[0].value, {})
    assert capsys.readouterr().out.startswith("6 0.")
    with Image.open("photo@2x.png") as enlarged:
        assert enlarged.size == (640, 426)


@pytest.mark.usefixtures("folder_of_the_examples")
def test_the_command_line_examples_run(app: AppTest, capsys: pytest.CaptureFixture[str]) -> None:
    for line in app.code[1].value.splitlines():
        program, *arguments = shlex.split(line.split(">")[0])
        assert program == "sightsound"
        assert main(arguments) == 0
        assert capsys.readouterr().out

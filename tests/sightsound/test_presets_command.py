"""`sightsound presets` and `sightsound export` for every task."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.catalog import create_model
from pipelines import load_exported, presets
from pipelines.preset_card import card, stated_metadata
from tests.sightsound.command_line import call_here

PSNR = {"name": "PSNR x2", "value": 37.5612, "unit": "dB", "data": "Set5", "command": "measure"}


pytestmark = pytest.mark.usefixtures("shipped")


@pytest.fixture
def shipped(micro, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two presets of two tasks, in place of those that ship with the package."""
    folder = tmp_path / "presets"
    micro.save(folder / "digits", metadata={"licence": "CC0"})
    upscaler = create_model("sesr_micro")
    known = {"title": "Twice as large", "licence": "MIT", "data": "T91", "metrics": [PSNR]}
    metadata = stated_metadata("twice", upscaler, known)
    presets.save_preset(
        folder / "twice",
        model=upscaler,
        config={
            "task": "super-resolution",
            "model": "sesr_micro",
            "options": {"scale": 2, "input_shape": [None, None, 1]},
        },
        preprocessor={"scale": 2, "colour": "luma"},
        metadata=metadata,
        card=card("twice", "sesr_micro", metadata),
    )
    monkeypatch.setattr(presets, "SHIPPED", folder)


def test_presets_of_all_tasks_are_listed_with_their_task(capsys) -> None:
    status, out, err = call_here(capsys, "presets")
    assert (status, err) == (0, "")
    header, digits, twice = out.splitlines()
    assert header.split()[:2] == ["preset", "task"]
    assert digits.split()[:2] == ["digits", "image-classification"]
    parameters = f"{create_model('sesr_micro').count_params()}"
    facts = "PSNR x2 37.56 dB on Set5 shipped MIT Twice as large"
    assert " ".join(twice.split()) == f"twice super-resolution {parameters} {facts}"


def test_presets_of_one_task(capsys) -> None:
    status, out, err = call_here(capsys, "presets", "super-resolution", "--json")
    assert (status, err) == (0, "")
    (found,) = json.loads(out)
    assert (found["name"], found["task"]) == ("twice", "super-resolution")
    assert found["metrics"] == [PSNR]


def test_the_readme_s_table_tells_decibels(capsys) -> None:
    out = call_here(capsys, "presets", "--markdown")[1]
    row = "| [twice](presets/twice/README.md) | Twice as large | PSNR x2: 37.56 dB (Set5) |"
    assert row in out.splitlines()


def test_export_asks_the_preset_for_its_task(capsys, tmp_path: Path) -> None:
    for name, task in (("digits", "image-classification"), ("twice", "super-resolution")):
        served = tmp_path / "served" / name
        words = ("export", "--preset", name, "--out", served)
        assert call_here(capsys, *words) == (0, f"{served}\n", "")
        exported = load_exported(served)
        assert exported.preset == name
        stated = json.loads((served / "1" / "assets.extra" / "sightsound.json").read_text("utf-8"))
        assert stated["task"] == task


def test_export_refuses_another_task_s_preset(capsys, tmp_path: Path) -> None:
    words = ("export", "--task", "image-classification", "--preset", "twice", "--out", tmp_path)
    status, out, err = call_here(capsys, *words)
    assert (status, out) == (2, "")
    assert "preset 'twice' must be for image-classification; it is for super-resolution" in err

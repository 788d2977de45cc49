"""`sightsound experiment`, called as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from pipelines.classification.experiments import EXPERIMENTS
from pipelines.classification.experiments.running import PICTURE, REPORT, TABLE, settings_of
from tests.sightsound.command_line import call_here

Capture = pytest.CaptureFixture[str]
TINY = ("--set", "layers=3", "width=8", "inputs=5")


def test_the_list_names_every_experiment_and_its_settings(capsys: Capture) -> None:
    status, out, err = call_here(capsys, "experiment", "--list")
    assert (status, err) == (0, "")
    for name, question in EXPERIMENTS.items():
        assert f"{name}: {question}\n" in out
        for setting in settings_of(name):
            assert f" {setting}=" in out
    assert "depths=8,20,32" in out


def test_it_prints_the_table_and_writes_report_and_picture(capsys: Capture, tmp_path: Path) -> None:
    words = ("experiment", "initialisation", "--out", tmp_path, "--seed", "4", *TINY)
    status, out, err = call_here(capsys, *words)
    assert status == 0
    assert out.startswith("activation  initialisation  deviation in layer 1")
    assert out.endswith(f"\npicture: {tmp_path / PICTURE}\n")
    assert err.count("initialisation: ") == 10  # a line a network
    report = json.loads((tmp_path / REPORT).read_text("utf-8"))
    assert (report["experiment"], report["seed"]) == ("initialisation", 4)
    assert report["settings"] == {"layers": 3, "width": 8, "inputs": 5}
    assert len(report["figures"]["relu"]["he"]["deviation"]) == 3
    assert report["conclusion"] in out
    text = (tmp_path / TABLE).read_text("utf-8")
    assert text.startswith("# Initialisation\n\n| activation | initialisation | ")
    assert report["conclusion"] in text
    with Image.open(tmp_path / PICTURE) as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 50  # something is drawn

    again = call_here(capsys, *words, "--json")
    assert json.loads(again[1]) == report  # the seed determines all


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name an experiment; `sightsound experiment --list` lists them"),
        (("random_label",), "unknown experiment 'random_label'; did you mean 'random_labels'?"),
        (("random_labels", "--set", "epoch=3"), "no setting 'epoch'; did you mean 'epochs'?"),
        (("random_labels", "--set", "epochs"), "--set takes SETTING=VALUE; got 'epochs'"),
        (("random_labels", "--set", "epochs=x"), "epochs takes whole numbers, such as "),
        (("random_labels", "--set", "epochs=0"), "epochs must be at least 1; got 0"),
        (("random_labels", "--seed", "-1"), "seed must be 0 or more; got -1"),
        (("random_labels", "--data", "digit"), "did you mean 'digits'?"),
        (("plain_or_residual", "--set", "depths=8,21"), "depths must be 8, 14, 20, ... 6 n + 2"),
        (("ill_conditioned_bowl", "--data", "digits"), "ill_conditioned_bowl takes no data"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    capsys: Capture, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    status, out, err = call_here(capsys, "experiment", *words, "--out", tmp_path / "none")
    assert (status, out) == (2, "")
    assert err.startswith("sightsound: ")
    assert message in err
    assert err.count("\n") == 1

"""`sightsound search`: a recipe's parameters on the command line, with real trainings."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.classification import named_sets
from tests.sightsound.command_line import call_here


@pytest.fixture(scope="module")
def training_digits(digits, tmp_path_factory) -> Path:
    """A folder that passes for MNIST's training part: scikit-learn's digits, made larger.

    There is no test part: a search that looked at the test pictures would fail.
    """
    some = digits.take(900)
    large = np.pad(np.kron(some.images, np.ones((1, 3, 3), np.uint8)), ((0, 0), (2, 2), (2, 2)))
    folder: Path = tmp_path_factory.mktemp("data")
    np.savez(folder / "mnist.npz", x_train=large, y_train=some.labels)
    return folder


@pytest.fixture(autouse=True)
def few_are_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validate on the last 300 of so few pictures instead of on 5,000."""
    monkeypatch.setattr(named_sets, "HELD_OUT", {"mnist": 300})


@pytest.mark.slow
def test_it_searches_trains_and_goes_on(training_digits: Path, tmp_path: Path, capsys) -> None:
    study = tmp_path / "found" / "found.study"
    words: list[str | Path] = ["search", "lenet5_mnist", "--data", training_digits]
    words += ["--study", study, "--trials", "2", "--epochs", "2", "--short-epochs", "1"]
    words += ["--points", "1", "--over", "peak_rate", "batch_size", "--plot", tmp_path / "p.svg"]
    status, out, err = call_here(capsys, *words, "--json")
    assert status == 0
    document = json.loads(out)
    trials = document["trials"]
    assert [trial["stage"] for trial in trials] == ["coarse", "coarse", "fine"]
    assert document["how"]["refine"] == ["peak_rate"]
    for trial in trials:
        assert 0 < trial["value"] <= 1
        # The last epoch's, of the same averaged weights; rounding may turn one of 300.
        assert trial["last"] == pytest.approx(trial["value"], abs=1 / 300)
    assert trials[2]["values"] == max(trials[:2], key=lambda trial: trial["value"])["values"]
    assert [line.split(":")[0] for line in err.splitlines()] == ["coarse 1", "coarse 2", "fine 1"]
    assert (tmp_path / "p.svg").stat().st_size > 1000
    log = (study.parent / "found_runs" / "fine_0" / "log.csv").read_text()
    assert log.count("\n") == 1 + 2
    status, out, err = call_here(capsys, *words)
    assert (status, err) == (0, "")  # all is done
    assert out.splitlines()[-1].startswith("best: validation accuracy")
    status, out, err = call_here(capsys, *words, "--seed", "1")
    assert (status, out) == (2, "")
    assert "holds a search with seed 0; got 1" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("search lenet5_mnist", "required: --study"),
        ("search lenet5_mnst --study x.study", "did you mean 'lenet5_mnist'?"),
        ("search lenet5_mnist --study x.study --over peakrate", "did you mean 'peak_rate'?"),
        ("search lenet5_mnist --study x.study --trials 0", "must be a whole number of at least 1"),
        ("search lenet5_mnist --study x.study --data nowhere", "'nowhere' holds neither"),
    ],
)
def test_wrong_words_are_refused(words: str, message: str, capsys) -> None:
    status, out, err = call_here(capsys, *words.split())
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not Path("x.study").exists()


def test_without_optuna_it_says_what_to_install(
    tmp_path: Path, training_digits: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)  # so that importing it fails
    words = ("search", "lenet5_mnist", "--study", tmp_path / "s.study", "--data", training_digits)
    status, out, err = call_here(capsys, *words)
    assert (status, out) == (2, "")
    assert "pip install 'sightsound[tune]'" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "s.study").exists()

"""The search: exact counts, pruning, several workers, death and resumption, one file."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from pipelines.training.plan import TrainingPlan
from pipelines.training.search import Search, search
from pipelines.training.search_report import SearchReport, read_trials
from pipelines.training.search_space import Choice, LogUniform
from pipelines.training.search_study import MAX_DEATHS, SearchError, Study
from tests.pipelines.training.training_for_search import DigitsRegression

PLAN = TrainingPlan(epochs=1, batch_size=100)
SPACE = {"peak_rate": LogUniform(1e-3, 10.0), "weight_decay": LogUniform(1e-3, 1.0)}
HOW = Search(trials=8, coarse_epochs=4, fine_epochs=12, points=3, seed=1)


def found(tmp_path: Path, how: Search = HOW, **options) -> SearchReport:
    training = options.pop("training", None) or DigitsRegression(tmp_path)
    settings = {"plan": PLAN, "space": SPACE, "path": tmp_path / "found.study", **options}
    return search(training, how=how, **settings)


def begun(tmp_path: Path) -> Counter[str]:
    """Return how often each trial was begun."""
    return Counter(path.name.rsplit("-", 1)[0] for path in tmp_path.glob("*_*-*"))


def by_number(report: SearchReport) -> dict[tuple[str, int], float | None]:
    return {(trial.stage, trial.number): trial.value for trial in report.trials}


def test_coarse_to_fine_finds_good_parameters_and_counts_are_exact(tmp_path: Path) -> None:
    report = found(tmp_path)
    stages = Counter(trial.stage for trial in report.trials)
    assert stages == {"coarse": 8, "fine": 9}
    assert set(begun(tmp_path).values()) == {1}
    assert sum(begun(tmp_path).values()) == 17
    short = [t for t in report.trials if t.stage == "coarse" and t.value is not None]
    assert report.best.stage == "fine"
    # The grid holds the best short run's values, for three times the epochs. 88 % is what a
    # softmax regression reaches here at any good rate.
    assert report.best.value is not None
    assert report.best.value >= max(trial.value or 0.0 for trial in short)
    assert report.best.value > 0.88
    states = Counter(trial.state for trial in report.trials if trial.stage == "coarse")
    assert states["stopped early"] > 0
    assert states["complete"] >= 4  # nobody is judged before four have finished
    again = found(tmp_path)
    assert again == report
    assert sum(begun(tmp_path).values()) == 17  # nothing is trained twice


def test_more_trials_are_added_to_those_that_there_are(tmp_path: Path) -> None:
    how = replace(HOW, trials=2, points=1, fine_epochs=2)
    first = found(tmp_path, how)
    more = found(tmp_path, replace(how, trials=3))
    assert [t for t in more.trials if t.stage == "coarse"][:2] == list(first.trials[:2])
    assert begun(tmp_path)["coarse_0"] == begun(tmp_path)["coarse_2"] == 1


def test_table_json_and_plot(tmp_path: Path) -> None:
    how = replace(HOW, trials=3, points=2, coarse_epochs=1, fine_epochs=2)
    space = {**SPACE, "batch_size": Choice((100, 120, 5000))}
    report = found(tmp_path, replace(how, seed=4), space=space)
    lines = report.to_markdown().splitlines()
    assert (
        lines[0]
        == "| stage | trial | validation accuracy | peak_rate | weight_decay | batch_size |"
    )
    assert len(lines) == 2 + 3 + 4 + 2
    assert lines[-1].startswith(f"best: validation accuracy {report.best.value:.4f} after 2 epochs")
    failed = [trial for trial in report.trials if trial.state == "failed"]
    assert failed
    assert all("a batch of 5000 needs" in trial.error for trial in failed)
    document = json.loads(json.dumps(report.to_dict()))
    assert document["best"]["value"] == report.best.value
    assert len(document["trials"]) == 7
    picture = report.save_plot(tmp_path / "found.png")
    from PIL import Image

    with Image.open(picture) as image:
        assert image.size[0] > 1000
        assert len(image.convert("RGB").getcolors(10**6) or ()) > 10  # something is drawn


def test_another_search_in_the_same_file_is_refused(tmp_path: Path) -> None:
    how = replace(HOW, trials=1, points=1, coarse_epochs=1, fine_epochs=1)
    found(tmp_path, how)
    with pytest.raises(SearchError, match=r"found.study holds a search with fine_epochs 1; got 2"):
        found(tmp_path, replace(how, fine_epochs=2))
    with pytest.raises(SearchError, match=r"holds a search with plan"):
        found(tmp_path, how, plan=replace(PLAN, l2=0.1))
    (tmp_path / "text.study").write_text("this is no study, but text that is long enough" * 9)
    text = "this is no study, but text\n"
    (tmp_path / "text.study").write_text(text)
    with pytest.raises(SearchError, match=r"text.study' must be a study or a new file: it holds"):
        found(tmp_path, how, path=tmp_path / "text.study")
    assert (tmp_path / "text.study").read_text() == text


def test_impossible_searches_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="trials must be at least 1; got 0"):
        replace(HOW, trials=0)
    with pytest.raises(ValueError, match="refine must name searched parameters"):
        found(tmp_path, replace(HOW, refine=("momentum",)))
    with pytest.raises(SearchError, match="no short run came to its end; the first: a batch of"):
        found(tmp_path, replace(HOW, trials=1), plan=replace(PLAN, batch_size=5000))


def test_a_line_that_was_not_written_to_its_end_is_cut_off(tmp_path: Path) -> None:
    how = replace(HOW, trials=1, points=1, coarse_epochs=1, fine_epochs=1)
    first = found(tmp_path, how)
    with (tmp_path / "found.study").open("a") as journal:
        journal.write('{"op_code":5,"work')
    assert found(tmp_path, how) == first
    more = found(tmp_path, replace(how, trials=2))
    assert [t.number for t in more.trials if t.stage == "coarse"] == [0, 1]


def test_a_trial_that_kills_each_worker_is_given_up(tmp_path: Path) -> None:
    for attempt in range(MAX_DEATHS):
        study = Study(tmp_path / "found.study", "coarse")
        study.queue([{"peak_rate": 1.0}])
        # As a killed process leaves it: begun, and the lock is nobody's.
        trial = study.optuna.ask()
        assert trial.user_attrs["number"] == 0
        with study.taken() as another:
            if another is not None:
                study.give_back(another)
        assert (another is None) == (attempt == MAX_DEATHS - 1)
    (row,) = read_trials(study)
    assert (row.state, row.attempts) == ("failed", 2 * MAX_DEATHS - 1)
    assert row.error == "its worker died each time"


def test_sqlite_has_no_part_in_it(tmp_path: Path) -> None:
    found(tmp_path, replace(HOW, trials=1, points=1, coarse_epochs=1, fine_epochs=1))
    assert "sqlalchemy" not in sys.modules  # see `search_study`


def wait_until(true: Callable[[], bool], timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(1300)  # four processes import Keras, which takes minutes on a loaded machine
def test_of_two_workers_one_is_killed_and_the_other_takes_its_trial_up(tmp_path: Path) -> None:
    how = replace(HOW, trials=4, coarse_epochs=4, points=1, fine_epochs=1)  # too few to stop any
    (tmp_path / "alone").mkdir()
    alone = found(tmp_path / "alone", how)
    reports: list[SearchReport] = []

    def run() -> None:
        training = DigitsRegression(tmp_path, delay_s=0.5)
        reports.append(found(tmp_path, how, training=training, workers=2))

    thread = Thread(target=run)
    thread.start()
    wait_until(lambda: len(begun(tmp_path)) >= 2, 600)  # two trainings of two seconds
    workers = multiprocessing.active_children()
    assert len(workers) == 2
    workers[0].kill()
    thread.join(600)
    (report,) = reports
    assert by_number(report) == by_number(alone)  # whoever trained what, and however often
    assert Counter(trial.attempts for trial in report.trials) == {1: 4, 2: 1}
    assert sum(begun(tmp_path).values()) == 6


def interrupted(tmp_path: Path, how: Search) -> None:
    """Search until the third training, which presses Ctrl-C."""
    found(tmp_path, how, training=InterruptedTraining(tmp_path))


class InterruptedTraining(DigitsRegression):
    """Is interrupted in its third training."""

    def __call__(self, plan, monitor, folder) -> float:
        if len(begun(self.notes)) == 2:
            raise KeyboardInterrupt
        return super().__call__(plan, monitor, folder)


def test_an_interrupted_search_goes_on_at_once_and_ends_as_if_it_had_not_been(
    tmp_path: Path,
) -> None:
    how = replace(HOW, trials=4, points=1)
    (tmp_path / "whole").mkdir()
    whole = found(tmp_path / "whole", how)
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path, how)
    report = found(tmp_path, how)
    assert by_number(report) == by_number(whole)
    assert [trial.attempts for trial in report.trials if trial.attempts > 1] == [2]

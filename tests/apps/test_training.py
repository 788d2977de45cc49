from __future__ import annotations

import json
import shlex
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from streamlit.runtime.caching import clear_session_resource_cache  # when a connection ends
from streamlit.testing.v1 import AppTest

from apps.curves import points_of
from apps.jobs import SAID_TO_STOP, Job, JobPool, State
from apps.plain_text import plain
from apps.settings import MAIN_SCRIPT
from apps.tasks import ALL_PAGES, TRAINING
from apps.training_recipe import changes_of, command_line, named_recipe
from apps.training_run import ARCHIVE, DATA_FOLDER, PRESET, run
from apps.training_visit import KEY, Visit
from apps.training_wish import BATCH_SIZES, DATA, NETWORKS, PEAK_RATES, SCHEDULES, UPLOADED, Wish
from pipelines.training.schedules import KINDS
from sightsound.cli import main

if TYPE_CHECKING:
    from pipelines.classification.data import LabelledImages

PATIENCE_S = 240  # for a process that imports TensorFlow on a busy machine
SESSION = "test session id"  # what AppTest calls every session
SMALL = Wish(
    data="digits",
    network="lenet5",
    epochs=3,
    batch_size=256,
    peak_rate=3e-3,
    schedule="cosine",
    seed=4,
)


@pytest.fixture
def training(app: AppTest) -> AppTest:
    """The page, in a new visitor's session."""
    page = app.switch_page("views/training.py").run()
    assert not page.exception
    return page


def button(page: AppTest, label: str) -> Any:
    """Find a button."""
    return next(button for button in page.button if button.label == label)


def labels(page: AppTest) -> list[str]:
    """Read what the buttons say."""
    return [button.label for button in page.button]


def job_of(page: AppTest) -> Job:
    """Find the visitor's job."""
    job: Job = page.session_state[KEY].job
    return job


def wait(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def with_worker(script: str) -> Visit:
    """Make a visit whose jobs run a small script instead of a training."""
    return Visit(JobPool([sys.executable, "-I", "-S", "-c", f"import sys, time, json\n{script}"]))


@pytest.fixture
def visits() -> Iterator[Callable[[str], Visit]]:
    """Make visits, and close what they leave."""
    made: list[Visit] = []

    def make(script: str) -> Visit:
        made.append(with_worker(script))
        return made[-1]

    yield make
    for visit in made:
        visit.pool.close()


# The wish ----------------------------------------------------------------------------------------


def test_a_wish_is_kept_in_the_folder(tmp_path: Path) -> None:
    SMALL.write(tmp_path)
    assert Wish.read(tmp_path) == SMALL


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data", "../../etc"),
        ("network", "vgg16"),
        ("epochs", 101),
        ("batch_size", 10**9),
        ("peak_rate", float("nan")),
        ("schedule", "plateau"),
        ("seed", -1),
        ("mirror", "no"),
    ],
)
def test_a_wish_is_one_that_the_page_offers(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{name} must be one that the page offers"):
        wish_for(**{name: value})


# The recipe --------------------------------------------------------------------------------------


def wish_for(**settings: object) -> Wish:
    """Make a wish that differs from `SMALL`."""
    return Wish(**{**vars(SMALL), **settings})


@pytest.mark.parametrize("data", [name for name in DATA if name != UPLOADED])
@pytest.mark.parametrize("network", NETWORKS)
def test_what_a_recipe_has_is_offered(data: str, network: str) -> None:
    recipe = named_recipe(data, network)
    assert (recipe.data, recipe.model) == (data, network)
    assert recipe.plan.batch_size in BATCH_SIZES
    assert recipe.plan.peak_rate in PEAK_RATES
    assert recipe.plan.schedule.kind in SCHEDULES
    untouched = Wish(
        data=data,
        network=network,
        epochs=recipe.plan.epochs,
        batch_size=None,
        peak_rate=None,
        schedule=recipe.plan.schedule.kind,
        seed=0,
    )
    assert changes_of(untouched, recipe, 60_000) == {}


def test_every_schedule_that_is_offered_makes_a_plan() -> None:
    assert set(SCHEDULES) < set(KINDS)
    recipe = named_recipe("digits", "lenet5")
    for schedule in SCHEDULES:
        wish = wish_for(schedule=schedule)
        plan = recipe.plan.changed(**changes_of(wish, recipe, 1_500))
        assert (plan.schedule.kind, plan.epochs) == (schedule, 3)


def test_few_pictures_make_a_small_batch_and_a_short_average() -> None:
    recipe = named_recipe("mnist", "lenet5")
    changes = changes_of(wish_for(data="mnist"), recipe, 100)
    assert changes["batch_size"] == 100
    assert changes["average"] == 0.5  # three steps: over the last two of them
    command = command_line(wish_for(data="mnist"), changes)
    assert command == (
        "sightsound train lenet5_mnist --epochs 3 --batch-size 100 --rate 0.003 --average 0.5 "
        "--seeds 4"
    )
    assert command_line(SMALL, changes) == ""  # digits have no recipe of their own


# The run -----------------------------------------------------------------------------------------


def train_here(folder: Path, wish: Wish, stop_at: int | None = None) -> dict[str, Any]:
    """Train in this process; stop when the run has asked so often whether to."""
    folder.mkdir(exist_ok=True)
    wish.write(folder)
    report: dict[str, Any] = {}
    asked = 0

    def is_to_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked == stop_at

    report["status"] = run(folder, lambda **said: report.update(said), is_to_stop)
    return report


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_stopped_and_resumed_ends_with_the_very_network_of_the_command_line(
    tmp_path: Path, digits: LabelledImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.classification.pipeline import ImageClassification

    images, labels = np.asarray(digits.images), digits.labels
    np.savez(
        tmp_path / "mnist.npz",
        x_train=images[:300],
        y_train=labels[:300],
        x_test=images[300:400],
        y_test=labels[300:400],
    )
    monkeypatch.setenv(DATA_FOLDER, str(tmp_path))
    wish = wish_for(data="mnist", batch_size=64, schedule="step")
    # In its second epoch at the latest: it is asked after every epoch.
    stopped = train_here(tmp_path / "job", wish, stop_at=2)
    assert stopped["status"] == SAID_TO_STOP
    assert "result" not in stopped
    resumed = train_here(tmp_path / "job", wish)
    assert resumed["status"] == 0, resumed
    assert len(resumed["rows"]) == wish.epochs
    assert resumed["result"]["count"] == 100
    with zipfile.ZipFile(tmp_path / "job" / ARCHIVE) as archive:
        assert f"{PRESET}/config.json" in archive.namelist()

    program, *words = shlex.split(resumed["command"])
    assert program == "sightsound"
    assert main([*words, "--data", str(tmp_path), "--out", str(tmp_path / "run")]) == 0
    told = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))
    assert told["accuracy"] == [resumed["result"]["accuracy"]]
    trained = (tmp_path / "job" / PRESET, tmp_path / "run" / "lenet5_mnist")
    networks = [ImageClassification.from_preset(path).model.get_weights() for path in trained]
    for one, other in zip(*networks, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_visitors_own_pictures_are_learned(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    shades = np.repeat(np.array([20, 230], np.uint8), 40)  # dark ones and light ones
    images = np.broadcast_to(shades[:, None, None], (80, 12, 12))
    with (folder / UPLOADED).open("wb") as file:
        np.savez(file, images=images, labels=np.arange(80) // 40, classes=["dark", "light"])
    wish = wish_for(data=UPLOADED, epochs=5, batch_size=None, peak_rate=None)
    report = train_here(folder, wish)
    assert report["status"] == 0
    assert report["result"]["accuracy"] == 1.0  # a mean is all there is to learn
    assert set(report["result"]["per_class"]) == {"dark", "light"}


def test_why_a_run_fails_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / UPLOADED).write_bytes(b"no archive")
    report = train_here(tmp_path, wish_for(data=UPLOADED))
    assert report["status"] == 1
    assert report["failed"].startswith("the file must be a whole zip archive or npz file")
    assert str(tmp_path) not in report["failed"]


# The curves --------------------------------------------------------------------------------------


def test_a_curve_has_a_point_for_each_value_that_is_known() -> None:
    rows = [{"epoch": 1.0, "loss": 2.0, "val_loss": 3.0}, {"epoch": 1.5, "loss": 1.0}]
    assert points_of("loss", rows) == [
        {"epoch": 1.0, "value": 2.0, "of": "Training"},
        {"epoch": 1.5, "value": 1.0, "of": "Training"},
        {"epoch": 1.0, "value": 3.0, "of": "Held out"},
    ]
    assert points_of("accuracy", rows) == []


# The page ----------------------------------------------------------------------------------------


def test_home_leads_to_the_page(app: AppTest) -> None:
    assert TRAINING in ALL_PAGES
    assert f"**{TRAINING.title}**" in [text.value for text in app.markdown]


def test_the_page_offers_what_a_wish_may_have(training: AppTest) -> None:
    boxes = {box.label: box for box in training.selectbox}
    assert len(boxes["Pictures to learn from"].options) == len(DATA)
    assert len(boxes["Network"].options) == len(NETWORKS)
    assert boxes["Batch size"].options == [str(size) for size in BATCH_SIZES]
    assert boxes["Peak rate"].options == [f"{rate:g}" for rate in PEAK_RATES]
    boxes["Pictures to learn from"].set_value(UPLOADED)
    page = training.run()
    assert not page.exception
    assert button(page, "Start").disabled  # before there is a file
    assert len(page.get("file_uploader")) == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_training_is_started_watched_stopped_resumed_and_taken(training: AppTest) -> None:
    page = training
    page.selectbox(key="training.batch.digits.lenet5").set_value(256)
    page.number_input(key="training.epochs.digits").set_value(30)
    button(page, "Start").click()
    page.run()
    assert not page.exception
    job = job_of(page)
    assert labels(page) == ["Stop"]
    wait(lambda: job.report.get("rows") or not job.is_active)
    assert job.is_active, job.report
    page.run()
    assert not page.exception
    told = [chart.proto.alt for chart in page.get("vega_lite_chart")]
    assert told[0].startswith("Accuracy after epoch")
    assert told[1].startswith("Loss after epoch")
    assert {metric.label for metric in page.metric} >= {"Epoch", "Held-out accuracy"}
    button(page, "Stop").click()
    page.run()
    wait(lambda: not job.is_active)
    page.run()
    assert labels(page) == ["Resume", "New training"]
    assert page.info[0].value.startswith("Resume goes on where it stopped")
    rows = job.report["rows"]
    assert len(rows) < 30

    button(page, "Resume").click()
    page.run()
    assert not page.exception
    other = AppTest.from_file(str(MAIN_SCRIPT), default_timeout=PATIENCE_S).run()
    other = other.switch_page("views/training.py").run()
    assert job.is_active
    assert labels(other) == ["Start"]  # nothing of the first visitor's
    assert not other.exception
    wait(lambda: not job.is_active)
    page.run()
    assert not page.exception
    assert job.state is State.DONE, job.report
    assert job.report["rows"][: len(rows)] == rows
    shown = {metric.label: metric.value for metric in page.metric}
    assert shown["Held-out pictures"] == "297"
    assert job.report["result"]["accuracy"] > 0.5  # chance is 0.1

    button(page, "New training").click()
    page.run()
    assert labels(page) == ["Start"]
    assert not job.folder.exists()


def begun(page: AppTest, visit: Visit) -> AppTest:
    """Begin a training in a visit, and show the page."""
    visit.begin(SMALL)
    page.session_state[KEY] = visit
    page = page.switch_page("views/training.py").run()
    assert not page.exception
    return page


def test_a_failure_is_shown_in_words(app: AppTest, visits: Callable[[str], Visit]) -> None:
    reason = "<b>![x](http://evil.example)</b>"
    visit = visits(f"print(json.dumps({{'failed': {reason!r}}}), flush=True); sys.exit(1)")
    page = begun(app, visit)
    wait(lambda: not job_of(page).is_active)
    page.run()
    assert [error.value for error in page.error] == [plain(reason)]
    assert labels(page) == ["New training"]


def test_a_visitor_who_waits_sees_for_what(app: AppTest, visits: Callable[[str], Visit]) -> None:
    first = visits("sys.stdin.read(); sys.exit(3)")
    first.begin(SMALL)
    second = Visit(first.pool)
    page = begun(app, second)
    assert page.get("progress")[0].proto.text == "Waiting for one other training on this server"
    button(page, "Stop").click()
    page.run()
    assert labels(page) == ["Resume", "New training"]
    assert first.job is not None
    assert first.job.is_active


def test_a_full_queue_is_told(app: AppTest, visits: Callable[[str], Visit]) -> None:
    visit = visits("sys.stdin.read(); sys.exit(3)")
    others = [Visit(visit.pool) for _ in range(9)]  # one runs, eight wait
    for other in others:
        other.begin(SMALL)
    app.session_state[KEY] = visit
    page = app.switch_page("views/training.py").run()
    button(page, "Start").click()
    page.run()
    assert not page.exception
    assert "at most 8 jobs wait at a time" in page.error[0].value
    assert labels(page) == ["Start"]


def test_a_training_ends_some_time_after_its_visitor_has_left(
    app: AppTest, visits: Callable[[str], Visit]
) -> None:
    visit = visits("sys.stdin.read(); sys.exit(3)")
    page = begun(app, visit)
    job = job_of(page)
    clear_session_resource_cache(SESSION)
    assert visit._leaving is not None
    page.switch_page("views/home.py").run()  # they are back, though on another page
    assert visit._leaving is None
    assert job.is_active
    visit.away_s = 0.05
    clear_session_resource_cache(SESSION)
    wait(lambda: not job.is_active)
    wait(lambda: not job.folder.exists())
    assert visit.job is None

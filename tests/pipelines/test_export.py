"""A SavedModel's folder is written whole or not at all, and known again by its card."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from pipelines import load_exported
from pipelines.export import CARD, ExportError, SavedModel, new_saved_model, read_card

METADATA = {"licence": "CC0", "title": "Größer um eins"}


def add_one(numbers: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"sums": numbers + 1}


def write(folder: Path, *, overwrite: bool = False, **card: Any) -> Path:
    stated = {"task": "adding", "preset": "plus_one", "metadata": METADATA, **card}
    with new_saved_model(folder, stated, overwrite=overwrite) as archive:
        numbers = tf.TensorSpec((None,), tf.int32, name="numbers")
        archive.add_endpoint("serving_default", add_one, [numbers])
    return folder


def answer(model: SavedModel) -> list[int]:
    sums: list[int] = model.endpoints["serving_default"](numbers=tf.constant([1, 2]))["sums"]
    return list(map(int, sums))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("deeper") / "served")


@pytest.mark.parametrize("inner", ["", "1"])
def test_what_is_written_is_loaded_from_wherever_it_lies(served, tmp_path: Path, inner) -> None:
    moved = shutil.copytree(served, tmp_path / "moved") / inner
    model = SavedModel(moved, "adding")
    assert answer(model) == [2, 3]
    assert (model.card["preset"], model.card["metadata"]) == ("plus_one", METADATA)
    assert read_card(moved) == model.card


def test_a_server_s_user_may_read_it(served) -> None:
    assert (served / "1").stat().st_mode & 0o055 == 0o055


def test_it_is_replaced_only_on_demand(tmp_path: Path) -> None:
    folder = write(tmp_path / "served")
    with pytest.raises(FileExistsError, match="exists already; pass overwrite=True"):
        write(folder, preset="other")
    assert read_card(folder)["preset"] == "plus_one"
    write(folder, preset="other", overwrite=True)
    assert read_card(folder)["preset"] == "other"
    assert [path.name for path in folder.iterdir()] == ["1"]


def test_what_is_no_model_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(FileExistsError, match="it is no SavedModel"):
        write(tmp_path, overwrite=True)
    assert (tmp_path / "1" / "thesis.txt").read_text() == "irreplaceable"


def test_it_is_refused_before_the_endpoints_are_made(served) -> None:
    with pytest.raises(FileExistsError), new_saved_model(served, {}):
        pytest.fail("the endpoints were asked for")


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        write(tmp_path / "served", metadata={"when": object()})
    assert list((tmp_path / "served").iterdir()) == []
    with pytest.raises(ZeroDivisionError), new_saved_model(tmp_path / "other", {}):
        _ = 1 / 0
    assert not (tmp_path / "other").exists()


def test_a_failure_keeps_what_was_there(tmp_path: Path) -> None:
    folder = write(tmp_path / "served")
    with pytest.raises(TypeError, match="not JSON serializable"):
        write(folder, metadata={"when": object()}, overwrite=True)
    assert answer(SavedModel(folder, "adding")) == [2, 3]


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"must hold saved_model\.pb or 1/saved_model\.pb"):
        load_exported(tmp_path)


@pytest.mark.parametrize(
    ("card", "says"),
    [
        (None, "must be what an export writes"),
        ("no JSON", "must be what an export writes"),
        ("[]", r"must state a task; got \[\]"),
        ('{"task": 5}', r"must state a task; got \{'task': 5\}"),
        ('{"task": "captioning"}', "must state one of the tasks .*; got 'captioning'"),
        ('{"task": "image-classification"}', "lacks preset, metadata, labels"),
    ],
)
def test_a_foreign_card_is_refused(served, tmp_path: Path, card: str | None, says: str) -> None:
    foreign = shutil.copytree(served / "1", tmp_path / "foreign")
    (foreign / CARD).unlink()
    if card is not None:
        (foreign / CARD).write_text(card)
    with pytest.raises(ExportError, match=says):
        load_exported(foreign)


def test_another_task_s_model_is_refused(served) -> None:
    with pytest.raises(ExportError, match="must state the task 'taking away'; got 'adding'"):
        SavedModel(served, "taking away")

"""The newcomer's path: a folder of photographs to a classifier that is trained, measured, served.

The photographs are scikit-learn's two, cut into pieces that do not overlap: those of one are its
class. What is tested on was therefore never seen, though it is an easy task.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pipelines.classification.data import DataError, load_data
from pipelines.classification.own_pictures import report_text, train_own, wilson_interval
from pipelines.classification.own_recipe import own_recipe
from pipelines.classification.pipeline import ImageClassification
from tests.sightsound.command_line import call_here

PIECE_PX = 61  # 7 rows and 10 columns of a photograph
QUICK: dict[str, Any] = {"network": "resnet_cifar_micro", "size_px": 32, "epochs": 10}


@pytest.fixture(scope="module")
def photos(photographs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("newcomer") / "photos"
    for name, photo in photographs.items():
        (folder / name).mkdir(parents=True)
        for row in range(7):
            for column in range(10):
                y, x = row * PIECE_PX, column * PIECE_PX
                piece = Image.fromarray(photo[y : y + PIECE_PX, x : x + PIECE_PX])
                piece.save(folder / name / f"{row}{column}.jpg")
    (folder / "china" / "35.jpg").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def trained(photos: Path) -> dict[str, Any]:
    return train_own(photos, out=photos.parent / "mine", on_error="skip", **QUICK)


@pytest.mark.slow
def test_photographs_become_a_classifier(photos: Path, trained: dict[str, Any], capsys) -> None:
    counts, (low, high) = trained["pictures"], trained["interval"]
    assert [Path(skipped["source"]).name for skipped in trained["skipped"]] == ["35.jpg"]
    assert 0 <= low < trained["accuracy"] <= high <= 1
    # 94 % were measured. With so few pictures the interval is wide: above chance, then.
    assert trained["accuracy"] > trained["baseline"]["accuracy"]
    assert f"{counts['train']} pictures trained on" in report_text(trained)

    preset = Path(trained["preset"])
    words = ("evaluate", "--preset", preset, "--data", photos, "--json", "--split")
    status, out, _ = call_here(capsys, *words, "validation")
    assert json.loads(out)["accuracy"] == trained["accuracy"]
    status, out, _ = call_here(capsys, *words, "test")
    assert (status, json.loads(out)["count"]) == (0, len(load_data(photos, "test")))
    # 95 % were measured of 20; guessing gets half, with a standard error of a ninth.
    assert json.loads(out)["accuracy"] > 0.75

    served = photos.parent / "served"
    status, out, _ = call_here(capsys, "export", "--preset", preset, "--out", served)
    assert status == 0
    answer = tf.saved_model.load(str(served / "1")).signatures["serving_default"]
    file = load_data(photos, "test").images[0]
    labels = answer(image_bytes=tf.stack([tf.io.read_file(str(file))]))["labels"]
    assert labels[0, 0].numpy().decode() == ImageClassification.from_preset(preset)(file).label


@pytest.mark.slow
def test_a_complete_run_is_not_repeated_and_another_not_mixed_in(
    photos: Path, trained: dict[str, Any]
) -> None:
    out = photos.parent / "mine"
    written = (out / "report.json").stat().st_mtime_ns
    assert train_own(photos, out=out, on_error="skip", **QUICK) == trained
    assert (out / "report.json").stat().st_mtime_ns == written
    with pytest.raises(ValueError, match="other pictures or with other settings"):
        train_own(photos, out=out, on_error="skip", seed=1, **QUICK)


@pytest.mark.slow
def test_a_new_head_on_a_preset_keeps_its_other_layers(
    photos: Path, trained: dict[str, Any]
) -> None:
    options: dict[str, Any] = {"head_only": True, "epochs": 1, "on_error": "skip"}
    report = train_own(photos, out=photos.parent / "head", start=trained["preset"], **options)
    old, new = (ImageClassification.from_preset(r["preset"]) for r in (trained, report))
    assert new.preprocessing == old.preprocessing
    for kept, same in zip(old.model.layers[:-1], new.model.layers[:-1], strict=True):
        for a, b in zip(kept.weights, same.weights, strict=True):
            np.testing.assert_array_equal(a, b)
    before, after = (np.asarray(c.model.layers[-1].weights[0]) for c in (old, new))
    assert not np.array_equal(before, after)
    with pytest.raises(ValueError, match="name the preset with start"):
        train_own(photos, out=photos.parent / "head", head_only=True)


def test_a_picture_that_cannot_be_read_is_refused_by_name(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"35\.jpg"):
        train_own(photos, out=tmp_path, **QUICK)


def test_the_plan_suits_the_number_of_pictures(digits) -> None:
    few, many = (own_recipe(digits.take(count)) for count in (60, 1_797))
    assert few.plan.epochs > many.plan.epochs
    assert few.plan.batch_size < many.plan.batch_size
    assert few.plan.batch_size <= 60 // 4
    assert [len(plan.warnings) for plan in (few, many)] == [1, 0]
    assert "below 20 training pictures: 0 (8), 1 (6)" in few.warnings[0]
    assert not own_recipe(digits, mirror=False).augment.mirror
    with pytest.raises(DataError, match=r"none of \['2', '3', '4', '5', '6'\]"):
        own_recipe(digits.take(2))


def test_the_interval_is_wilsons() -> None:
    # Wilson's formula worked out by hand for 18 of 20: z = 1.959964.
    assert wilson_interval(18, 20) == pytest.approx((0.6990, 0.9721), abs=1e-4)
    assert wilson_interval(20, 20) == pytest.approx((1 / (1 + 1.959964**2 / 20), 1.0))
    assert wilson_interval(0, 20)[0] == 0.0


@pytest.mark.slow
def test_three_commands(photos: Path, tmp_path: Path, capsys) -> None:
    run, served = tmp_path / "runs" / "mine", tmp_path / "served"
    quick = ("--network", "resnet_cifar_micro", "--size", "32", "--epochs", "10")
    status, out, err = call_here(
        capsys, "train", "--data", photos, "--out", run, "--on-error", "skip", *quick
    )
    assert status == 1  # one picture was skipped
    assert "35.jpg" in err
    assert "accuracy on the held-out pictures" in out
    preset = run / "preset"
    status, out, _ = call_here(
        capsys, "evaluate", "--preset", preset, "--data", photos, "--split", "test", "--json"
    )
    assert (status, json.loads(out)["count"]) == (0, len(load_data(photos, "test")))
    status, _, _ = call_here(capsys, "export", "--preset", preset, "--out", served)
    assert status == 0
    assert (served / "1" / "saved_model.pb").is_file()

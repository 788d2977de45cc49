"""Recipes: run for real on a small MNIST made of scikit-learn's digits; and what was shipped."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.catalog import list_models
from models.noise import Noise
from pipelines.classification import recipes
from pipelines.classification.data import NAMED, load_data
from pipelines.classification.ensemble import Ensemble
from pipelines.classification.pipeline import ImageClassification
from pipelines.classification.recipe_looks import RecipeLooks
from pipelines.presets import list_presets, load_preset
from pipelines.recipes import train_recipe
from pipelines.training.augmentation import Augmentation
from pipelines.training.run_folder import read_log
from tests.conftest import DATA_PACK


@pytest.fixture(scope="module")
def small_mnist(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    images = np.kron(digits.images, np.ones((1, 3, 3), np.uint8))  # (1797, 24, 24)
    images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    split = {
        "x_train": images[:640],
        "y_train": digits.labels[:640],
        "x_test": images[1600:],
        "y_test": digits.labels[1600:],
    }
    np.savez(folder / "mnist.npz", **split)
    return folder


def test_a_recipe_trains_each_seed_once_and_ships_the_first(small_mnist, tmp_path: Path) -> None:
    run = partial(train_recipe, out=tmp_path, data=str(small_mnist), epochs=2)
    report = run("lenet5_mnist", seeds=(0, 1))
    assert report["mean"] == pytest.approx(np.mean(report["accuracy"]))
    assert report["accuracy"][0] != report["accuracy"][1]
    written = (tmp_path / "seed_0" / "preset" / "model.weights.h5").stat().st_mtime_ns

    again = run("lenet5_mnist", seeds=(0, 1))
    assert again == report
    assert (tmp_path / "seed_0" / "preset" / "model.weights.h5").stat().st_mtime_ns == written

    preset = load_preset(report["preset"])
    assert preset.name == "lenet5_mnist"
    card = (preset.path / "README.md").read_text()
    assert "`sightsound train lenet5_mnist --seeds 0 1`" in card
    assert "digits (scikit-learn)" in card
    assert f"| accuracy, ensemble of 2 | {report['ensemble']:.4f} |" in card
    shipped = ImageClassification.from_preset(preset.path)
    test = load_data("mnist", "test", folder=str(small_mnist))
    assert shipped.evaluate(test).accuracy == report["accuracy"][0]
    members = [ImageClassification.from_preset(tmp_path / f"seed_{i}" / "preset") for i in (0, 1)]
    assert Ensemble(members).evaluate(test).accuracy == report["ensemble"]

    with pytest.raises(ValueError, match="holds a training by another recipe or plan"):
        run("lenet5_mnist", seeds=(0, 1), epochs=3)


def test_what_a_recipe_measures_and_adds_stays_out_of_the_shipped_network(
    small_mnist: Path, tmp_path: Path
) -> None:
    """Scales are measured on the training pictures; noise trains, and is not shipped."""
    changed = replace(
        recipes.recipe("lenet5_mnist"),
        standardise="standard",
        initialisation="he",
        noise=Noise(dropout=0.2),
        also=(),
    )
    report = train_recipe(
        "lenet5_mnist",
        instead=changed,
        out=tmp_path,
        data=str(small_mnist),
        changes={"epochs": 6, "average": 0.9},
    )
    shipped = ImageClassification.from_preset(report["preset"])
    train = load_data("mnist", "train", folder=str(small_mnist))
    fitted = ImageClassification.fitted_pictures(shipped, train.images) / 255.0
    (scale,), (offset,) = shipped.preprocessing.scale, shipped.preprocessing.offset
    standardised = fitted * scale + offset
    # The deviation's floor and single precision move the last digits.
    assert standardised.mean() == pytest.approx(0.0, abs=1e-4)
    assert standardised.std() == pytest.approx(1.0, abs=1e-4)
    assert not any("dropout" in layer.name for layer in shipped.model.layers)
    assert report["mean"] > 0.5  # of ten classes, 640 pictures and six epochs


def test_a_recipe_may_have_several_stages(small_mnist: Path, tmp_path: Path) -> None:
    plain = replace(recipes.recipe("lenet5_mnist"), model="lenet_micro", also=())
    plan = replace(plain.plan, peak_rate=1e-9, weight_decay=0.0)  # so that nothing changes
    still = recipes.Stage(plan=plan, augment=Augmentation())
    run = partial(train_recipe, "lenet5_mnist", instead=replace(plain, then=(still,)))
    report = run(out=tmp_path, data=str(small_mnist), epochs=2)
    before, after = (
        ImageClassification.from_preset(folder / "seed_0" / "preset").model.trainable_weights
        for folder in (tmp_path / "before", tmp_path)
    )
    for old, new in zip(before, after, strict=True):
        np.testing.assert_allclose(new.numpy(), old.numpy(), atol=1e-4)
    log = [row["epoch"] for row in read_log(Path(report["preset"]) / "log.csv")]
    assert log == [1, 2, 3, 4]
    (tmp_path / "seed_0" / "report.json").unlink()  # as if the last had been interrupted
    written = (tmp_path / "before" / "seed_0" / "report.json").stat().st_mtime_ns
    assert run(out=tmp_path, data=str(small_mnist), epochs=2) == report
    assert (tmp_path / "before" / "seed_0" / "report.json").stat().st_mtime_ns == written
    with pytest.raises(ValueError, match="folded into all_cnn_c cannot be trained on"):
        replace(recipes.recipe("all_cnn_c_cifar10"), then=(still,))


def test_a_recipe_can_be_looked_at_before_it_runs(small_mnist: Path, tmp_path: Path) -> None:
    look = RecipeLooks("lenet5_mnist", {"schedule": "step", "epochs": 8}, str(small_mnist))
    assert look.plan.schedule.milestones == (4, 6)
    look.draw_schedule(tmp_path / "schedule.png")
    look.draw_augmentation(tmp_path / "augmentation.png")
    found = look.find_rate(tmp_path / "rate.png")
    for name in ("schedule", "augmentation", "rate"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert min(picture.size) > 100
            assert len(np.unique(np.asarray(picture.convert("L")))) > 10
    # Adam's usual rates for such a network; beyond 0.1 it diverges.
    assert 1e-4 < found.suggested < 1e-1


@pytest.fixture
def small_cifar10(photographs, tmp_path: Path) -> Path:
    """5,256 pieces of two photographs, each with the number of its row as label."""
    pieces, labels = [], []
    for picture in photographs.values():
        for row, y in enumerate(range(0, 380, 38)):
            for x in range(0, 526, 2):
                pieces.append(picture[y : y + 32, x : x + 32])
                labels.append(row)
    order = np.random.default_rng(0).permutation(len(pieces))[:5_256]
    images, rows = np.stack(pieces)[order], np.array(labels)[order][:, None]
    np.savez(tmp_path / "cifar10_train.npz", x_train=images, y_train=rows)
    return tmp_path


@pytest.mark.slow
def test_a_normalised_network_in_half_precision_ships_as_the_plain_one(
    small_cifar10: Path, tmp_path: Path
) -> None:
    tiny = recipes.recipe("all_cnn_c_cifar10")
    tiny = replace(
        tiny,
        model="all_cnn_micro_bn",
        folded_into="all_cnn_micro",
        plan=replace(tiny.plan, batch_size=64, average=0.9),
    )
    report = train_recipe(
        "all_cnn_c_cifar10",
        instead=tiny,
        out=tmp_path / "out",
        data=str(small_cifar10),
        epochs=12,
    )
    assert report["data"] == "cifar10 validation"
    shipped = ImageClassification.from_preset(report["preset"])
    assert shipped.model.name == "all_cnn_micro"
    assert shipped.model.dtype_policy.name == "float32"
    held_out = load_data("cifar10", "validation", folder=str(small_cifar10))
    assert shipped.evaluate(held_out).accuracy == report["accuracy"][0] > 0.2  # chance: 0.1
    figures = {m["name"]: m for m in shipped.metadata["metrics"]}
    mirrored = figures["accuracy with mirror images"]
    assert mirrored["command"].endswith("--data cifar10 --split validation --mirror")
    assert mirrored["value"] == shipped.evaluate(held_out, mirror=True).accuracy


def test_recipes_name_what_exists() -> None:
    for name, recipe in recipes.RECIPES.items():
        assert recipe.model in list_models()
        assert recipe.data in NAMED
        assert name == f"{recipe.folded_into or recipe.model}_{recipe.data}"


def test_an_unknown_recipe_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'lenet5_mnist'"):
        train_recipe("lenet5_mnits", out=tmp_path)


def test_every_shipped_classifier_has_its_recipe() -> None:
    assert set(list_presets("image-classification")) <= set(recipes.RECIPES)


@pytest.mark.parametrize("name", [n for n, r in recipes.RECIPES.items() if "digits" in r.also])
def test_scikit_learns_digits_give_the_cards_figures(name: str) -> None:
    stated = {m["data"]: m["value"] for m in load_preset(name).metadata["metrics"]}
    measured = ImageClassification.from_preset(name).evaluate("digits").accuracy
    # A picture or two may flip with another processor's rounding.
    assert measured == pytest.approx(stated["digits (scikit-learn)"], abs=2 / 1797)


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory) -> Path:
    """The data pack's pictures in public formats."""
    folder: Path = tmp_path_factory.mktemp("pack")
    command = [sys.executable, str(DATA_PACK / "unpack.py"), str(folder), "mnist", "fashion"]
    subprocess.run([*command, "cifar10"], check=True, capture_output=True)
    return folder


@pytest.mark.data
@pytest.mark.parametrize("name", list_presets("image-classification"))
def test_the_held_out_pictures_give_the_cards_figures(name: str, data_folder: Path) -> None:
    recipe, metric = recipes.RECIPES[name], load_preset(name).metadata["metrics"][0]
    held_out = load_data(recipe.data, recipe.measured, folder=str(data_folder))
    assert metric["data"] == held_out.name
    measured = ImageClassification.from_preset(name).evaluate(held_out)
    # Two pictures may flip with another processor's rounding.
    assert measured.accuracy == pytest.approx(metric["value"], abs=2 / len(held_out))


def test_the_default_preset_reads_digits_that_it_never_saw(digits) -> None:
    shipped = ImageClassification.from_preset("lenet_modern_mnist")
    assert shipped.evaluate(digits).accuracy >= 0.90

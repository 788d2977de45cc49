"""Recipes: run for real on a small MNIST made of scikit-learn's digits; and what was shipped."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from models.catalog import list_models
from pipelines.classification import recipes
from pipelines.classification.data import NAMED, load_data
from pipelines.classification.pipeline import ImageClassification
from pipelines.presets import list_presets, load_preset
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
    run = partial(recipes.run, out=tmp_path, data=str(small_mnist), epochs=2)
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
    shipped = ImageClassification.from_preset(preset.path)
    test = load_data("mnist", "test", folder=str(small_mnist))
    assert shipped.evaluate(test).accuracy == report["accuracy"][0]


def test_recipes_name_what_exists() -> None:
    for name, recipe in recipes.RECIPES.items():
        assert recipe.model in list_models()
        assert recipe.data in NAMED
        assert name == f"{recipe.model}_{recipe.data}"


def test_an_unknown_recipe_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'lenet5_mnist'"):
        recipes.run("lenet5_mnits", out=tmp_path)


def test_every_shipped_classifier_has_its_recipe() -> None:
    assert set(list_presets("image-classification")) == set(recipes.RECIPES)


@pytest.mark.parametrize("name", [n for n, r in recipes.RECIPES.items() if "digits" in r.also])
def test_scikit_learns_digits_give_the_cards_figures(name: str) -> None:
    stated = {m["data"]: m["value"] for m in load_preset(name).metadata["metrics"]}
    measured = ImageClassification.from_preset(name).evaluate("digits").accuracy
    # A picture or two may flip with another processor's rounding.
    assert measured == pytest.approx(stated["digits (scikit-learn)"], abs=2 / 1797)


@pytest.mark.data
@pytest.mark.skipif(not DATA_PACK.is_dir(), reason="the data pack lies beside the checkout only")
@pytest.mark.parametrize("name", list_presets("image-classification"))
def test_the_test_set_gives_the_cards_figures(name: str) -> None:
    metric = load_preset(name).metadata["metrics"][0]
    test = load_data(recipes.RECIPES[name].data, "test", folder=str(DATA_PACK))
    assert metric["data"] == test.name
    measured = ImageClassification.from_preset(name).evaluate(test)
    assert measured.accuracy == pytest.approx(metric["value"], abs=2 / 10_000)


def test_the_default_preset_reads_digits_that_it_never_saw(digits) -> None:
    shipped = ImageClassification.from_preset("lenet_modern_mnist")
    assert shipped.evaluate(digits).accuracy >= 0.90

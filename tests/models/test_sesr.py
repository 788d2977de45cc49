"""SESR: the form that trains and the one that is served compute the same."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models.catalog import create_model
from models.restoration import sesr


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(3).random((2, 13, 18, 1), "float32")


def stirred(name: str, seed: int, **options) -> keras.Model:
    """A network with random weights everywhere: last layers and biases start at 0."""
    keras.utils.set_random_seed(seed)
    model = create_model(name, **options)
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(0, 0.05, w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("name", ["sesr_micro", "sesr_m3", "sesr_c32"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_collapsed_form_computes_the_same(name: str, scale: int, image: np.ndarray) -> None:
    expanded = stirred(name, 1, scale=scale, expanded=True)
    plain = stirred(name, 2, scale=scale)
    before = np.asarray(plain(image))
    sesr.collapse(plain, expanded)
    expected, found = np.asarray(expanded(image)), np.asarray(plain(image))
    assert np.abs(before - expected).max() > 0.1
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_the_expanded_form_goes_on_from_the_plain_one(image: np.ndarray) -> None:
    plain = stirred("sesr_micro", 1)
    expanded = create_model("sesr_micro", expanded=True)
    sesr.lift(expanded, plain)
    expected, found = np.asarray(plain(image)), np.asarray(expanded(image))
    # The identity is taken off a kernel and added again: one rounding of float32.
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_another_scale_takes_all_but_the_last_layer() -> None:
    plain = stirred("sesr_micro", 1)
    expanded = create_model("sesr_micro", scale=3, expanded=True)
    sesr.lift(expanded, plain)
    block, last = (expanded.get_layer(f"{place}_conv") for place in ("block2", "last"))
    np.testing.assert_allclose(block.collapsed(), plain.get_layer("block2_conv").kernel, atol=1e-6)
    assert not np.asarray(last.collapsed()).any()  # where it starts


def test_it_starts_with_repeated_pixels(image: np.ndarray) -> None:
    found = np.asarray(create_model("sesr_c32", expanded=True)(image))
    np.testing.assert_array_equal(found, image.repeat(2, axis=1).repeat(2, axis=2))


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("sesr_m3", 8_912),
        ("sesr_m5", 13_520),
        ("sesr_m7", 18_128),
        ("sesr_m11", 27_344),
        ("sesr_xl", 105_376),
    ],
)
def test_weights_are_counted_as_in_the_paper(name: str, published: int) -> None:
    model = create_model(name)
    kernels = [w for w in model.trainable_variables if len(w.shape) == 4]
    assert sum(int(np.prod(kernel.shape)) for kernel in kernels) == published

"""Fills along directions: what they carry where, and their mixture against its equation."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.ndimage import correlate

from models.layers.directed_fills import DIRECTIONS, DirectedFills, Mixture


def holed(seed: int = 0, height: int = 9, width: int = 12) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    mask = random.random((2, height, width, 1)) < 0.4
    return random.random((2, height, width, 3)).astype("float32"), mask.astype("float32")


def test_sweeps_equal_an_independent_correlation() -> None:
    image, mask = holed()
    found = np.asarray(DirectedFills(3)([image, mask])).reshape(*image.shape[:3], 4, 3)
    for number, (down, right) in enumerate(DIRECTIONS):
        kernel = np.full((3, 3), 0.05)
        kernel[1, 1] = 0.0
        kernel[1 + down, 1 + right] = kernel[1 - down, 1 - right] = 1.0
        kernel *= 0.8 / kernel.sum()
        kernel[1, 1] = 0.2
        expected = image.astype(np.float64)
        for _ in range(3):
            swept = correlate(expected, kernel[None, :, :, None], mode="reflect")
            expected = np.where(mask == 1, swept, image)
        np.testing.assert_allclose(found[..., number, :], expected - image, atol=1e-6)


@pytest.mark.parametrize("direction", range(4))
def test_the_fill_along_an_edge_is_the_best_of_the_four(direction: int) -> None:
    down, right = DIRECTIONS[direction]
    rows, columns = np.mgrid[:32, :32]
    across = rows * right - columns * down  # constant along the direction
    whole = (across > across[16, 16]).astype("float32")[None, ..., None]
    mask = np.zeros_like(whole)
    mask[:, 13:19, 13:19] = 1.0
    image = np.where(mask == 1, whole.mean(), whole)
    changes = np.asarray(DirectedFills(24)([image, mask]))
    errors = np.square(image + changes - whole).sum(axis=(0, 1, 2))
    assert errors.argmin() == direction
    assert errors[direction] < 0.5 * np.delete(errors, direction).min()


def test_outside_the_holes_nothing_changes() -> None:
    image, mask = holed()
    changes = np.asarray(DirectedFills(5)([image, mask]))
    np.testing.assert_array_equal(changes[np.broadcast_to(mask == 0, changes.shape)], 0.0)


def test_a_mixture_is_the_weighted_sum_and_what_is_added() -> None:
    random = np.random.default_rng(1)
    maps = random.normal(size=(2, 3, 5, 4 + 3)).astype("float32")
    changes = random.normal(size=(2, 3, 5, 4 * 3)).astype("float32")
    weighted = np.einsum("bhwd,bhwdc->bhwc", maps[..., :4], changes.reshape(2, 3, 5, 4, 3))
    np.testing.assert_allclose(Mixture()([maps, changes]), weighted + maps[..., 4:], atol=1e-5)


def test_layers_survive_saving_and_tell_what_they_cost() -> None:
    layer = DirectedFills(7, name="directed")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert isinstance(again, DirectedFills)
    assert again.get_config() == layer.get_config()
    shapes = [(None, 4, 6, 3), (None, 4, 6, 1)]
    assert layer.compute_output_shape(shapes) == (None, 4, 6, 12)
    assert layer.multiply_adds(shapes, (None, 4, 6, 12)) == 9 * 7 * 4 * 6 * 12
    assert Mixture().multiply_adds([(None, 4, 6, 7), (None, 4, 6, 12)], (None, 4, 6, 3)) == 4 * 72

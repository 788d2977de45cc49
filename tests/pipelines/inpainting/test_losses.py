"""The losses look into the holes alone, and each picture weighs the same."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.inpainting.losses import LOSSES, HoleDecibels, HoleDifference


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, made ones, and masks of a large and a small hole."""
    random = np.random.default_rng(1)
    image, made = random.random((2, 2, 6, 5, 3))
    mask = np.zeros((2, 6, 5, 1))
    mask[0, 1:5], mask[1, 2, 3] = 1.0, 1.0
    return image, made, mask


def test_they_are_what_they_say(pair) -> None:
    image, made, mask = pair
    target = np.concatenate([image, mask], axis=-1)
    hole = mask[..., 0] == 1
    differences = [(image - made)[n][hole[n]] for n in range(2)]
    decibels = [10 * np.log10(np.mean(d**2) + 1e-4) for d in differences]
    absolute = [np.mean(np.abs(d)) for d in differences]
    np.testing.assert_allclose(HoleDecibels().call(target, made), decibels, rtol=1e-5)
    np.testing.assert_allclose(HoleDifference().call(target, made), absolute, rtol=1e-5)
    assert float(HoleDecibels()(target, made)) == pytest.approx(np.mean(decibels), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_what_lies_outside_does_not_count(name: str, pair) -> None:
    image, made, mask = pair
    target = np.concatenate([image, mask], axis=-1)
    other = np.where(mask == 1, made, 7.0)
    loss = LOSSES[name]()
    np.testing.assert_allclose(loss.call(target, other), loss.call(target, made), rtol=1e-6)
    perfect = loss.call(target, np.where(mask == 1, image, 7.0))
    np.testing.assert_allclose(perfect, -40.0 if name == "decibels" else 0.0, atol=1e-4)
    nothing = np.concatenate([image, np.zeros_like(mask)], axis=-1)
    assert np.isfinite(np.asarray(loss.call(nothing, made))).all()

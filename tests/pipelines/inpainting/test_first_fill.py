"""The first fill: near the smoothest there is, exact on its rim, of any size and mask."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipelines.inpainting.first_fill import first_fill
from pipelines.inpainting.mask_sets import draw_mask

SHAPES = [tf.TensorSpec((None, None, None, 3), tf.float32), tf.TensorSpec((None, None, None, 1))]
any_size = tf.function(first_fill, input_signature=SHAPES)


def filled(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill an image (H, W) or (H, W, 3) whose mask is (H, W)."""
    pixels = np.broadcast_to(image.reshape(*image.shape[:2], -1), (*image.shape[:2], 3))
    made = any_size(pixels[None].astype("float32"), mask[None, ..., None].astype("float32"))
    found: np.ndarray = np.asarray(made)[0]
    return found


def smoothest(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Solve Laplace's equation in the holes: each pixel the mean of its neighbours, (H, W)."""
    holes = np.argwhere(mask)
    place = {tuple(at): n for n, at in enumerate(holes)}
    matrix, right = np.eye(len(holes)), np.zeros(len(holes))
    for n, (y, x) in enumerate(holes):
        around = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        inside = [at for at in around if 0 <= at[0] < len(image) and 0 <= at[1] < image.shape[1]]
        for at in inside:
            if at in place:
                matrix[n, place[at]] -= 1 / len(inside)
            else:
                right[n] += image[at] / len(inside)
    solved = image.copy()
    solved[mask] = np.linalg.solve(matrix, right)
    return solved


@pytest.mark.parametrize("kind", ["strokes", "freeform", "center"])
def test_it_is_near_the_smoothest_fill(kind: str, photographs) -> None:
    image = photographs["china"][100:164, 200:264, 0] / 255.0
    mask = draw_mask(kind, 64, 64, 1)
    exact, found = smoothest(image, mask), filled(image, mask)[..., 0]
    # What is left of the error when the sweeps end, beside what the fill itself errs by.
    left = np.sqrt(np.mean((found - exact)[mask] ** 2))
    assert left < 0.2 * np.sqrt(np.mean((exact - image)[mask] ** 2))


def test_a_single_pixel_becomes_the_mean_of_its_neighbours() -> None:
    image = np.random.default_rng(1).random((9, 8))
    mask = np.zeros((9, 8), bool)
    mask[4, 3] = True
    expected = (image[3, 3] + image[5, 3] + image[4, 2] + image[4, 4]) / 4
    # Each sweep takes four fifths of the difference away: after eight, 2.6e-6 of it is left.
    np.testing.assert_allclose(filled(image, mask)[4, 3], expected, atol=5e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 17), (31, 2), (64, 64), (45, 130)])
def test_any_size_and_mask(size: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    image = random.uniform(0.2, 0.7, (*size, 3)).astype("float32")
    for share in (0.0, 0.3, 0.95):
        mask = random.random(size) < share
        found = filled(image, mask)
        np.testing.assert_array_equal(found[~mask], image[~mask])
        if mask.all():
            assert (found == 0.5).all()
        else:
            known = image[~mask]
            # Rounded sums may leave the range by one float32 step or two.
            assert (found >= known.min(axis=0) - 1e-6).all()
            assert (found <= known.max(axis=0) + 1e-6).all()


def test_nothing_known_is_grey_and_alone_in_its_batch() -> None:
    images = np.random.default_rng(4).random((2, 20, 24, 3)).astype("float32")
    masks = np.zeros((2, 20, 24, 1), "float32")
    masks[0] = 1.0
    masks[1, 5:15, 5:15] = 1.0
    both = np.asarray(any_size(images, masks))
    assert (both[0] == 0.5).all()
    np.testing.assert_array_equal(both[1], np.asarray(any_size(images[1:], masks[1:]))[0])


def test_what_lies_in_the_holes_is_not_looked_at_and_soft_edges_are_holes() -> None:
    image = np.random.default_rng(5).random((32, 32)).astype("float32")
    hard = draw_mask("freeform", 32, 32, 2)
    soft = np.where(hard, 0.3, 0.0)
    other = np.where(hard, 9.0, image)
    np.testing.assert_array_equal(filled(image, soft), filled(other, hard))


def test_a_known_size_gives_the_same() -> None:
    """Known sizes end at one pixel, unknown ones go on with it."""
    image = np.random.default_rng(6).random((1, 33, 50, 3)).astype("float32")
    mask = draw_mask("strokes", 33, 50, 4)[None, ..., None].astype("float32")
    np.testing.assert_allclose(any_size(image, mask), first_fill(image, mask), atol=1e-6)

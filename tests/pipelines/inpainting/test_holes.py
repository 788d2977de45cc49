"""Which parts of a picture are computed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from pipelines.inpainting import holes
from pipelines.inpainting.holes import CELL_PX, CONTEXT_PX, WINDOW_PX, plan

Plan = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def planned() -> Plan:
    """The plan of a mask, as an array."""
    graph = tf.function(
        plan, autograph=False, input_signature=[tf.TensorSpec((None, None), tf.bool)]
    )
    return lambda mask: graph(tf.constant(mask)).numpy()


def empty(height: int, width: int) -> np.ndarray:
    made: np.ndarray = np.zeros((height, width), bool)
    return made


def test_near_holes_are_one_and_far_ones_are_not(planned: Plan) -> None:
    mask = empty(700, 900)
    mask[100:110, 100:150] = True
    mask[120:125, 140:160] = True  # in a cell that touches
    mask[650, 880] = True
    first, second = planned(mask)
    assert first[0].tolist() == [100, 100, 125, 160]
    assert first[1].tolist() == [0, 0, 125 + CONTEXT_PX, 160 + CONTEXT_PX]
    assert second[0].tolist() == [650, 880, 651, 881]
    assert second[1].tolist() == [650 - CONTEXT_PX, 880 - CONTEXT_PX, 700, 900]


def test_nothing_and_everything(planned: Plan) -> None:
    for size in ((1, 1), (300, 400), (900, 1000)):
        assert planned(empty(*size)).shape == (0, 2, 4)
        found = planned(~empty(*size))
        covered = empty(*size)
        for (top, left, bottom, right), _ in found:
            covered[top:bottom, left:right] = True
        assert covered.all()


def test_a_small_picture_is_one_crop(planned: Plan) -> None:
    mask = empty(256, 256)
    mask[3, 200] = mask[250, 7] = True
    assert planned(mask).tolist() == [[[3, 7, 251, 201], [0, 0, 256, 256]]]


def test_a_hole_larger_than_a_window_is_cut_into_even_parts(planned: Plan) -> None:
    mask = empty(1100, 1700)
    mask[10:1010, 50 : 50 + 2 * WINDOW_PX + 2] = True
    found = planned(mask)
    assert len(found) == 2 * 3
    sides = found[:, 0, 2:] - found[:, 0, :2]
    assert sides.max() <= WINDOW_PX
    assert np.ptp(sides, axis=0).max() <= 1
    count = np.zeros(mask.shape, int)
    for (top, left, bottom, right), _ in found:
        count[top:bottom, left:right] += 1
    np.testing.assert_array_equal(count, mask)  # each pixel once
    read = found[:, 1, 2:] - found[:, 1, :2]
    assert read.max() <= WINDOW_PX + 2 * CONTEXT_PX
    starts = found[:, 0, :2].tolist()
    assert starts == sorted(starts)


@pytest.mark.parametrize("seed", range(4))
def test_holes_are_the_cells_that_touch(planned: Plan, seed: int) -> None:
    random = np.random.default_rng(seed)
    height, width = random.integers(540, 1200, 2)
    mask = empty(height, width)
    for _ in range(40):
        at = random.integers((0, 0), (height, width))
        mask[at[0] : at[0] + random.integers(1, 90), at[1] : at[1] + random.integers(1, 9)] = True
    rows, columns = -(-height // CELL_PX), -(-width // CELL_PX)
    padded = np.pad(mask, ((0, rows * CELL_PX - height), (0, columns * CELL_PX - width)))
    cells = padded.reshape(rows, CELL_PX, columns, CELL_PX).any((1, 3))
    labels, count = ndimage.label(cells, np.ones((3, 3)))
    fine = labels.repeat(CELL_PX, 0).repeat(CELL_PX, 1)[:height, :width] * mask
    expected = sorted(
        [part[0].start, part[1].start, part[0].stop, part[1].stop]
        for part in ndimage.find_objects(fine)
    )
    found = planned(mask)
    whole = [hole for hole in found[:, 0].tolist() if hole in expected]
    assert count > 3
    # Those larger than a window are cut; here that is one at most.
    assert len(whole) >= count - 1
    for (top, left, bottom, right), _ in found:
        fine[top:bottom, left:right] = 0
    assert not fine.any()


def test_a_winding_hole_is_one(planned: Plan) -> None:
    mask = empty(1200, 720)
    for turn in range(0, 9):  # a snake whose ends touch at alternating sides
        top = turn * 130
        mask[top : top + 4] = True
        column = 0 if turn % 2 else 716
        mask[top : top + 134, column : column + 4] = True
    cells = planned(mask)[:, 0]
    assert (cells[:, :2].min(0).tolist(), cells[:, 2:].max(0).tolist()) == ([0, 0], [1174, 720])
    assert len(cells) == 2  # one hole, of two windows' height


def test_the_constants_fit_together() -> None:
    assert holes.WHOLE_PX <= (WINDOW_PX + 2 * CONTEXT_PX) ** 2
    assert CELL_PX < CONTEXT_PX

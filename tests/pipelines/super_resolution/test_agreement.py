"""Sizes of tiles that round alike are found, whatever a convolution does."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipelines.engines import Engine
from pipelines.super_resolution.agreement import TRIES, Agreement
from pipelines.super_resolution.graph import Enlargement, Network, enlarge_bicubic
from pipelines.super_resolution.tiling import Needs, look_at
from tests.pipelines.super_resolution.upscalers import stirred

NEEDS = Needs(overlap_px=4, bytes_per_px=1)
USUAL = (60, 50)


class Moody:
    """A network that rounds otherwise at some widths, as oneDNN does, and counts its calls."""

    def __init__(self, odd_widths: set[int], enlargement: Enlargement) -> None:
        self.odd_widths, self.enlargement = odd_widths, enlargement
        self.sizes: list[tuple[int, ...]] = []

    def __call__(self, image: tf.Tensor) -> tf.Tensor:
        grown = self.enlargement.scale if self.enlargement.enlarged else 1
        size = tuple(side // grown for side in image.shape[1:3])
        self.sizes.append(size)
        large = image if grown > 1 else enlarge_bicubic(image, self.enlargement.scale)
        return large * (1 + 1e-7) if size[1] in self.odd_widths else large


def agreement(odd_widths: set[int], enlarged: bool = False) -> tuple[Agreement, Moody]:
    enlargement = Enlargement(3, "luma", enlarged)
    network = Moody(odd_widths, enlargement)
    return Agreement(network, enlargement, NEEDS), network


@pytest.mark.parametrize("enlarged", [False, True])
def test_a_size_that_rounds_otherwise_makes_way_for_the_next(enlarged: bool) -> None:
    found, _ = agreement({31, 32, 33}, enlarged)
    assert found.size_like(USUAL, (20, 30)) == (20, 30)
    assert found.size_like(USUAL, (20, 33)) == (17, 30)


def test_sizes_leave_something_to_keep() -> None:
    found, network = agreement(set(range(20)))
    assert found.size_like(USUAL, (15, 17)) == (18, 20)
    assert min(min(size) for size in network.sizes) == 2 * 4 + 1


def test_the_usual_size_is_the_last_resort() -> None:
    found, network = agreement(set(range(80)))
    assert found.size_like((90, 80), (35, 35)) == (90, 80)
    smaller, larger = 35 - 8, TRIES - 1
    assert len(network.sizes) == len(set(network.sizes)) == 1 + smaller + larger


def test_a_usual_size_that_rounds_otherwise_is_followed() -> None:
    found, _ = agreement({50, 31})
    assert found.size_like(USUAL, (20, 40)) == (11, 31)
    assert found.size_like(USUAL, (20, 29)) == (22, 31)
    assert found.size_like(USUAL, (20, 50)) == (20, 50)


def test_what_was_tried_is_remembered() -> None:
    found, network = agreement(set())
    found.size_like(USUAL, (20, 30))
    calls = len(network.sizes)
    found.size_like(USUAL, (20, 30))
    assert len(network.sizes) == calls == 2


def test_an_edge_of_the_picture_is_compared_to_the_edge() -> None:
    # As high as the usual size: what the network makes of the picture's first row counts, too.
    network: Network = lambda image: enlarge_bicubic(image, 3)  # noqa: E731
    calls = []

    def first_row_differs(image: tf.Tensor) -> tf.Tensor:
        calls.append(image.shape)
        large = network(image).numpy()
        if image.shape[2] == 30:
            large[:, 0] += np.float32(1e-3)
        return tf.constant(large)

    found = Agreement(first_row_differs, Enlargement(3), NEEDS)
    assert found.size_like(USUAL, (60, 30)) == (60, 29)
    assert found.size_like(USUAL, (59, 30)) == (59, 30)  # cut off there


@pytest.mark.parametrize("name", ["sesr_micro", "srcnn_micro"])
@pytest.mark.parametrize("width", [29, 30, 31, 32])
def test_real_convolutions_agree_at_the_size_that_is_found(name: str, width: int) -> None:
    engine = Engine("tensorflow", stirred(name, 2))
    enlargement, needs = look_at(engine.network, 2, "luma")
    height, width = Agreement(engine, enlargement, needs).size_like((80, 90), (40, width))
    grown = 2 if enlargement.enlarged else 1
    noise = np.random.default_rng(5).random((1, grown * 80, grown * 90, 1), np.float32)
    whole = np.asarray(engine(tf.constant(noise)))
    overlap = needs.overlap_px or 0
    for top, left in ((0, 0), (13, 7), (80 - height, 90 - width)):
        corner = noise[:, grown * top :, grown * left :]
        part = engine(tf.constant(corner[:, : grown * height, : grown * width]))
        inner = [slice(2 * overlap, 2 * (side - overlap)) for side in (height, width)]
        moved = [
            slice(2 * (start + overlap), 2 * (start + side - overlap))
            for start, side in ((top, height), (left, width))
        ]
        np.testing.assert_array_equal(
            np.asarray(part)[0][tuple(inner)], whole[0][tuple(moved)], err_msg=f"{top}, {left}"
        )

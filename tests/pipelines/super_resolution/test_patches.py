"""Patches: the same part of both sizes, and a function of seed and step alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipelines.super_resolution.patches import WHITE, CentrePatches, Pair, PatchStream
from pipelines.training.plan import TrainingPlan
from pipelines.training.replicas import Share

SCALE, SIDE, BATCH = 3, 5, 8


def pair(height: int, width: int, seed: int) -> Pair:
    """A picture whose large version is the small one with each pixel repeated."""
    low = np.random.default_rng(seed).integers(0, WHITE + 1, (height, width, 1), dtype=np.uint16)
    return Pair(low, low.repeat(SCALE, axis=0).repeat(SCALE, axis=1))


@pytest.fixture(scope="module")
def stream() -> PatchStream:
    return PatchStream(
        pairs=[pair(9, 12, 1), pair(5, 30, 2)],
        scale=SCALE,
        side_px=SIDE,
        plan=TrainingPlan(epochs=2, batch_size=BATCH),
        steps=6,
        seed=4,
    )


def arrays(dataset) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(low.numpy(), high.numpy()) for low, high in dataset]


def test_both_sizes_show_the_same_part(stream: PatchStream) -> None:
    batches = arrays(stream.training())
    assert len(batches) == 12
    for low, high in batches:
        assert low.shape == (BATCH, SIDE, SIDE, 1)
        np.testing.assert_array_equal(high, low.repeat(SCALE, axis=1).repeat(SCALE, axis=2))


def test_every_part_and_every_turn_comes(stream: PatchStream) -> None:
    """A picture of two patches' width: both lie somewhere, each in eight ways."""
    low = np.arange(SIDE * (SIDE + 1), dtype=np.uint16).reshape(SIDE, SIDE + 1, 1)
    small = Pair(low, low.repeat(SCALE, axis=0).repeat(SCALE, axis=1))
    found = {
        patch.tobytes()
        for batch, _ in arrays(replace(stream, pairs=[small], steps=30).training())
        for patch in batch
    }
    assert len(found) == 2 * 8


def test_a_stream_from_a_step_on_is_the_rest_of_the_whole(stream: PatchStream) -> None:
    whole, rest = arrays(stream.training()), arrays(stream.training(7))
    assert len(rest) == 5
    for (a, b), (c, d) in zip(whole[7:], rest, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)
    assert not np.array_equal(whole[0][0], whole[6][0])  # another epoch has other patches


def test_shares_are_the_rows_of_the_whole(stream: PatchStream) -> None:
    whole = arrays(stream.training())
    parts = [arrays(stream.training(0, Share(index, 2))) for index in range(2)]
    for batch, first, second in zip(whole, *parts, strict=True):
        np.testing.assert_array_equal(batch[0], np.concatenate([first[0], second[0]]))
        np.testing.assert_array_equal(batch[1], np.concatenate([first[1], second[1]]))


def test_another_seed_or_picture_is_another_run(stream: PatchStream) -> None:
    assert stream.facts() != replace(stream, seed=5).facts()
    assert stream.facts() != replace(stream, pairs=[pair(9, 12, 3), pair(5, 30, 2)]).facts()


def test_held_out_patches_are_the_middle(stream: PatchStream) -> None:
    held_out = CentrePatches(pairs=stream.pairs, scale=SCALE, side_px=SIDE)
    assert len(held_out) == 2
    ((low, high),) = arrays(held_out.plain())
    np.testing.assert_array_equal(high, low.repeat(SCALE, axis=1).repeat(SCALE, axis=2))
    np.testing.assert_allclose(low[0], stream.pairs[0].low[2:7, 3:8] / WHITE, rtol=1e-6)
    halves = [arrays(held_out.plain(Share(index, 2))) for index in range(2)]
    np.testing.assert_array_equal(low, np.concatenate([half[0][0] for half in halves]))

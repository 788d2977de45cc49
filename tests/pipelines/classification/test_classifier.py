"""The ways that pictures take to a network: by the batch, one by one, mixed, large."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from pipelines.classification.classifier import SMALL_PX, stacks
from pipelines.classification.pipeline import AT_ONCE
from pipelines.images import ImageError, Limits

# The same graphs on batches of another size: only the order of float32 additions may differ.
ROUNDING = 1e-6


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def test_grey_in_one_channel_and_in_three_is_the_same_to_the_last_bit(micro, digits) -> None:
    grey = [*digits.images[:8], *noise(3, 28, 28)]
    for picture in grey:
        as_rgb = np.repeat(picture[:, :, None], 3, axis=2)
        assert micro.scores([picture[:, :, None]]).tolist() == micro.scores([as_rgb]).tolist()


def test_the_size_of_batches_changes_nothing(micro) -> None:
    pictures = list(noise(AT_ONCE + 5, 28, 28))
    together = micro(pictures, batch_size=2 * AT_ONCE, top_k=10)
    by_parts = micro(pictures, batch_size=7, top_k=10)
    for one, other in zip(together, by_parts, strict=True):
        assert one.indices.tolist() == other.indices.tolist()
        np.testing.assert_allclose(one.scores, other.scores, rtol=0, atol=ROUNDING)


def test_pictures_of_all_sizes_may_share_a_batch(micro) -> None:
    side = int(SMALL_PX**0.5)
    shapes = [(28, 28), (side, side), (28, 28, 3), (side + 1, side, 3), (9, 40, 4), (28, 28)]
    pictures = [noise(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    for one, picture in zip(micro(pictures, top_k=10), pictures, strict=True):
        alone = micro(picture, top_k=10)
        assert one.indices.tolist() == alone.indices.tolist()
        np.testing.assert_allclose(one.scores, alone.scores, rtol=0, atol=ROUNDING)


def test_large_pictures_do_not_wait_for_their_batch_as_they_are(micro) -> None:
    count, size = 60, (800, 800, 3)

    def large_pictures() -> Iterator[np.ndarray]:
        for level in range(count):
            yield np.full(size, level, np.uint8)

    micro(np.zeros((2, 2), np.uint8))  # what the first call allocates is not the question
    tracemalloc.start()
    results = list(micro(large_pictures(), batch_size=count))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(results) == count
    # Up to 20 are read ahead, by the number of cores; without care all 60 would be held, twice.
    assert peak < 30 * np.prod(size)


def test_arrays_taken_as_they_are_pass_the_same_door(micro) -> None:
    pictures = list(noise(3, 28, 28))
    with pytest.raises(ImageError, match="at most 100 pixels"):
        micro(pictures, limits=Limits(max_pixels=100))
    masked = [np.ma.masked_array(picture, mask=picture > 9) for picture in pictures]
    for sources in (masked, np.ma.masked_array(noise(3, 28, 28, 3), mask=True)):
        with pytest.raises(ImageError, match="masked array"):
            micro(sources)
    first_is_plain = [pictures[0], pictures[1].astype(np.float32)]
    with pytest.raises(ImageError, match="must lie in"):
        micro(first_is_plain)
    outcomes = micro([pictures[0], pictures[1][:0], pictures[2]], on_error="return")
    assert [outcome.ok for outcome in outcomes] == [True, False, True]


def test_the_caller_s_arrays_stay_as_they_are(micro) -> None:
    pictures = list(noise(5, 28, 28))
    before = [picture.copy() for picture in pictures]
    micro(pictures)
    assert all(np.array_equal(a, b) for a, b in zip(pictures, before, strict=True))


def test_stacks_cover_every_picture_once() -> None:
    shapes = [(4, 5, 1), (4, 5, 3), (4, 5, 1), (900, 2500, 3), (900, 2500, 3)]
    pixels = [np.full(shape, place, np.uint8) for place, shape in enumerate(shapes)]
    groups = list(stacks(pixels))
    assert [places for places, _ in groups] == [[0, 2], [1], [3], [4]]  # few large ones at once
    for places, stack in groups:
        assert stack[:, 0, 0, 0].tolist() == places


def test_mirrored_evaluation_is_the_mean_of_a_picture_and_its_mirror_image(micro, digits) -> None:
    from pipelines.classification.data import LabelledImages

    some = digits.take(40)
    plain = micro.scores([p[:, :, None] for p in some.images])
    swapped = micro.scores([p[:, ::-1, None] for p in some.images])
    assert np.abs(plain - swapped).max() > 1e-3
    by_hand = (plain + swapped) / 2
    accuracy = float((by_hand.argmax(axis=1) == some.labels).mean())
    loss = float(-np.log(by_hand[np.arange(40), some.labels]).mean())
    measured = micro.evaluate(some, mirror=True)
    assert measured.accuracy == accuracy
    assert measured.loss == pytest.approx(loss, rel=1e-5)  # float32 sums
    mirrored = LabelledImages(some.images[:, :, ::-1], some.labels, some.classes, "mirrored")
    assert micro.evaluate(mirrored, mirror=True).loss == pytest.approx(loss, rel=1e-5)

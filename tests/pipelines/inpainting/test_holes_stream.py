"""Crops with holes: a function of seed and step alone, and what was cut out of the pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from pipelines.inpainting.first_fill import first_fill
from pipelines.inpainting.holes_stream import HeldOutHoles, HoleStream
from pipelines.inpainting.mask_sets import KINDS, draw_mask
from pipelines.training.plan import TrainingPlan
from pipelines.training.replicas import Share

SIDE, BATCH = 40, 8


def picture(height: int, width: int, number: int) -> np.ndarray:
    """A picture whose pixels tell where they are, and in which picture."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y % 256, x % 256, np.full_like(x, number)], axis=-1).astype(np.uint8)


@pytest.fixture(scope="module")
def stream() -> HoleStream:
    return HoleStream(
        pictures=[picture(60, 45, 1), picture(40, 90, 2)],
        side_px=SIDE,
        plan=TrainingPlan(epochs=2, batch_size=BATCH),
        steps=3,
        seed=4,
    )


def arrays(dataset) -> list[dict[str, np.ndarray]]:
    return [
        {**{name: value.numpy() for name, value in inputs.items()}, "target": target.numpy()}
        for inputs, target in dataset
    ]


@pytest.fixture(scope="module")
def whole(stream: HoleStream) -> list[dict[str, np.ndarray]]:
    return arrays(stream.training())


def test_batches_are_parts_of_pictures_with_their_holes_filled(whole) -> None:
    assert len(whole) == 6
    for batch in whole:
        image, mask, target = batch["image"], batch["mask"], batch["target"]
        assert image.shape == (BATCH, SIDE, SIDE, 3)
        np.testing.assert_array_equal(target[..., 3:], mask)
        assert set(np.unique(mask)) <= {0.0, 1.0}
        places = np.rint(255 * target[..., :2])
        for crop in places:  # steps of one pixel, whichever way the crop was turned
            steps = np.abs(np.diff(crop, axis=0)).sum(axis=-1)
            assert (steps == 1).all()
    filled = tf.function(first_fill)(whole[0]["target"][..., :3], whole[0]["mask"])
    np.testing.assert_allclose(whole[0]["image"], filled, atol=1e-6)
    numbers = np.rint(255 * np.concatenate([batch["target"][..., 2] for batch in whole]))
    assert set(np.unique(numbers)) == {1, 2}
    shares = [float(mask.mean()) for batch in whole for mask in batch["mask"]]
    assert len(set(shares)) > BATCH
    assert max(shares) > 0.3


def test_a_share_from_a_step_on_is_its_rows_of_the_rest(stream: HoleStream, whole) -> None:
    parts = [arrays(stream.training(4, Share(index, 2))) for index in range(2)]
    for expected, *halves in zip(whole[4:], *parts, strict=True):
        found = np.concatenate([half["target"] for half in halves])
        np.testing.assert_array_equal(found, expected["target"])


def test_another_seed_has_other_crops(stream: HoleStream, whole) -> None:
    other = arrays(replace(stream, seed=5).training(5))
    assert (other[0]["target"] != whole[5]["target"]).any()


def test_facts_tell_pictures_apart(stream: HoleStream) -> None:
    facts = stream.facts()
    other = replace(stream, pictures=stream.pictures[::-1]).facts()
    assert {name for name in facts if facts[name] != other[name]} == {"pictures_crc32"}


def test_held_out_pictures_have_masks_of_the_published_sets() -> None:
    pictures = [picture(300, 256, number) for number in range(4)]
    held_out = HeldOutHoles(pictures=pictures)
    assert len(held_out) == 4
    first, second = arrays(held_out.plain(batch_size=3))
    masks = np.concatenate([first["mask"], second["mask"]])[..., 0]
    for number, mask in enumerate(masks):
        np.testing.assert_array_equal(mask, draw_mask(KINDS[number % 3], 256, 256, number))
    np.testing.assert_array_equal(np.rint(255 * second["target"][0, ..., :3]), pictures[3][22:278])
    half = arrays(held_out.plain(Share(1, 2), 4))[0]["target"]
    np.testing.assert_array_equal(half[1], second["target"][0])

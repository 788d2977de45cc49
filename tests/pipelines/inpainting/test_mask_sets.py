"""The published masks: in their ranges, of one piece with their seeds, and always the same."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from pipelines.inpainting.mask_sets import BOX, BUCKETS, KINDS, bucket, draw_mask

SHARES = {
    "strokes": (0.05, 0.20),
    "freeform": (0.20, 0.40),
    "center": (0.245, 0.25),
}  # odd sides round down


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(256, 256), (192, 301), (16, 40)])
def test_shares_lie_in_their_ranges(kind: str, size: tuple[int, int]) -> None:
    least, most = SHARES[kind]
    masks = [draw_mask(kind, *size, seed) for seed in range(12)]
    for mask in masks:
        assert mask.shape == size
        assert mask.dtype == bool
        assert least <= mask.mean() <= most
    assert len({mask.tobytes() for mask in masks}) == (1 if kind == "center" else 12)


# What the figures in cards and reports were measured with: another mask is another set.
@pytest.mark.parametrize(
    ("kind", "digest"),
    [
        ("strokes", "82cca6a971b1effb"),
        ("freeform", "02f5d730badb1d8a"),
        ("center", "f5e17f97f675484d"),
        ("box", "108bc13cb01a9f2c"),
    ],
)
def test_the_sets_are_what_they_were(kind: str, digest: str) -> None:
    bits = b"".join(np.packbits(draw_mask(kind, 256, 256, seed)).tobytes() for seed in range(50))
    assert hashlib.sha256(bits).hexdigest()[:16] == digest


def test_the_centre_is_the_middle_half_of_each_side() -> None:
    mask = draw_mask("center", 256, 200, 3)
    assert mask[64:192, 50:150].all()
    assert mask.sum() == 128 * 100


def test_strokes_are_thin_and_free_form_is_broad() -> None:
    """At 256 pixels lines are 3 to 10 and 12 to 40 broad: only the latter hold a 11 x 11 square."""
    for kind, stays in (("strokes", False), ("freeform", True)):
        mask = draw_mask(kind, 256, 256, 1)
        # Pixels all of whose 11 x 11 neighbours are masked; two thin lines may lie side by side.
        windows = np.lib.stride_tricks.sliding_window_view(mask, (11, 11))
        inside = windows.all(axis=(2, 3)).mean()
        assert bool(inside > 0.02) == stays


def test_boxes_lie_anywhere() -> None:
    masks = [draw_mask(BOX, 100, 80, (9, seed)) for seed in range(40)]
    for mask in masks:
        rows, columns = mask.any(axis=1).sum(), mask.any(axis=0).sum()
        assert mask.sum() == rows * columns
        assert 25 <= rows <= 50
        assert 20 <= columns <= 40
    assert len({mask.tobytes() for mask in masks}) > 35


def test_every_share_has_its_bucket() -> None:
    assert [bucket(share) for share in (0.0, 0.05, 0.1, 0.25, 0.4, 1.0)] == [
        (0, 10),
        (0, 10),
        (10, 20),
        (20, 30),
        (40, 100),
        (40, 100),
    ]
    assert [low for low, _ in BUCKETS[1:]] == [high for _, high in BUCKETS[:-1]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("stroke", 64, 64, 0), "unknown kind of masks 'stroke'; did you mean 'strokes'"),
        (("strokes", 15, 64, 0), "sides of at least 16 pixels; got 15 x 64"),
        (("center", 64, 64, -1), "negative"),
    ],
)
def test_wrong_arguments_are_refused(arguments, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        draw_mask(*arguments)

"""Figures of the holes are of the holes alone; those of the whole picture flatter."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipelines.inpainting.metrics import compare
from pipelines.similarity import psnr, ssim


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture, another that differs in a quarter of it, and where."""
    random = np.random.default_rng(1)
    reference = random.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    filled = np.where(mask[..., None], random.integers(0, 256, (40, 40, 3)), reference)
    return reference, filled.astype(np.uint8), mask


def test_holes_and_whole(pictures) -> None:
    reference, filled, mask = pictures
    holes, whole = compare(reference, filled, mask)
    part = (slice(10, 30), slice(10, 30))
    assert holes.psnr == pytest.approx(psnr(reference[part], filled[part]))
    assert whole.psnr == pytest.approx(psnr(reference, filled))
    # A quarter of the picture: 10 log10(4) dB, as if it were better.
    assert whole.psnr - holes.psnr == pytest.approx(10 * math.log10(4))
    assert holes.l1 == pytest.approx(4 * whole.l1)
    channels = [ssim(reference[..., c], filled[..., c]) for c in range(3)]
    assert whole.ssim == pytest.approx(np.mean(channels))
    assert holes.ssim < whole.ssim


def test_similarity_counts_windows_whose_centre_lies_in_a_hole(pictures) -> None:
    reference, filled, mask = pictures
    # All windows with a centre in 10..29 lie in 5..34: cut to these, they are all there are.
    inner = (slice(5, 35), slice(5, 35))
    channels = [ssim(reference[inner][..., c], filled[inner][..., c]) for c in range(3)]
    assert compare(reference, filled, mask)[0].ssim == pytest.approx(np.mean(channels))


def test_a_hole_on_the_very_border_has_no_window(pictures) -> None:
    reference, filled, _ = pictures
    mask = np.zeros((40, 40), bool)
    mask[:3] = True
    holes, _ = compare(reference, filled, mask)
    assert math.isnan(holes.ssim)
    assert holes.psnr == math.inf  # nothing differs there


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r, f, m: (r, f[:-1], m), "must have one size"),
        (lambda r, f, m: (r, f, m[:, :-1]), "must have one size"),
        (lambda r, f, m: (r, f, m & False), "must be a hole"),
    ],
)
def test_what_does_not_fit_is_refused(pictures, change, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        compare(*change(*pictures))

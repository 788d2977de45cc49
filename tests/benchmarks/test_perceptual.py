"""What the benchmark of looks measures, by hand and on small pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks import perceptual as benchmark
from pipelines import pipeline
from pipelines.super_resolution.adversarial import content_network
from pipelines.super_resolution.resampling import enlarge


def test_detail_is_the_laplacians_energy() -> None:
    ramp = np.add.outer(np.arange(5.0), 3 * np.arange(6.0))
    assert benchmark.laplacian_energy(ramp) == 0
    spot = np.zeros((5, 5))
    spot[2, 2] = 1  # the Laplacian is -4 there, 1 at its four neighbours, 0 at the other four
    assert benchmark.laplacian_energy(spot) == pytest.approx((16 + 4) / 9)


def test_a_picture_looks_like_itself(photographs) -> None:
    picture = photographs["flower"][:64, :64]
    eyes = [content_network(*which) for which in (benchmark.LEARNED_FROM, benchmark.NEVER_SEEN)]
    found = benchmark.looks(picture, picture, eyes)
    assert (found.ssim, found.detail, found.learned, found.unseen) == pytest.approx((1, 1, 0, 0))
    assert math.isinf(found.psnr)


def test_the_twins_differ_as_the_claims_say(photographs) -> None:
    names = (benchmark.PIXELS, benchmark.JUDGED)
    enlargers = {name: pipeline("super-resolution", name) for name in names}
    enlargers["bicubic"] = lambda low: enlarge(low, benchmark.SCALE)
    found = benchmark.measured(enlargers, [photographs["china"][100:260, 60:260]])
    assert all(holds for holds, _ in benchmark.verdicts(*(found[name] for name in names)))
    assert found["bicubic"].psnr < found[benchmark.PIXELS].psnr

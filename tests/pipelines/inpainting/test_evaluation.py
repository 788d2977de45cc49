"""Evaluation: every method on the same crops, the holes alone counted, by kind and by share."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.catalog import create_model
from pipelines.inpainting.classical import fill_first
from pipelines.inpainting.data import DataError, as_pictures, center_crop
from pipelines.inpainting.evaluation import evaluate_inpainting
from pipelines.inpainting.mask_sets import KINDS, bucket, draw_mask
from pipelines.inpainting.metrics import compare
from pipelines.inpainting.report import InpaintingReport


@pytest.fixture(scope="module")
def pictures(crops: Path) -> list[np.ndarray]:
    """Three of the crops; another list of them is another set of masks."""
    return [picture.pixels for picture in as_pictures(crops)][::4]


@pytest.fixture(scope="module")
def report(pictures) -> InpaintingReport:
    """An untrained network, which returns the first fill, and what stands beside it."""
    return evaluate_inpainting(create_model("gated_unet_micro"), pictures, method="untrained")


def test_each_method_has_the_same_crops_and_masks(report: InpaintingReport, pictures) -> None:
    assert report.methods == ("untrained", "first_fill", "telea", "ns")
    assert len(report.scores) == 3 * len(KINDS) * 4
    for number, pixels in enumerate(pictures):
        crop = center_crop(pixels)
        for kind in KINDS:
            mask = draw_mask(kind, 256, 256, number)
            holes, whole = compare(crop, fill_first(crop, mask), mask)
            (found,) = (
                score
                for score in report.scores
                if (score.picture, score.kind, score.method)
                == (str(number + 1), kind, "first_fill")
            )
            assert (found.holes, found.whole) == (holes, whole)
            assert found.share == mask.mean()


def test_an_untrained_network_is_the_first_fill(report: InpaintingReport) -> None:
    own, first = (
        [score.holes.psnr for score in report.scores if score.method == method]
        for method in ("untrained", "first_fill")
    )
    np.testing.assert_allclose(own, first, atol=1e-3)  # a value may be rounded the other way


def test_means_by_kind_and_by_share(report: InpaintingReport) -> None:
    chosen = [s.holes.psnr for s in report.scores if (s.method, s.kind) == ("telea", "strokes")]
    mean = report.mean("telea", kind="strokes")
    assert mean is not None
    assert mean.holes.psnr == pytest.approx(np.mean(chosen))
    center = report.mean("ns", percent=(20, 30))
    assert center is not None
    inside = [s for s in report.scores if s.method == "ns" and bucket(s.share) == (20, 30)]
    assert center.holes.l1 == pytest.approx(np.mean([s.holes.l1 for s in inside]))
    assert report.mean("ns", percent=(40, 100)) is None
    assert set(report.psnr) == set(KINDS)


def test_the_least_gain_is_over_the_best_of_the_others(report: InpaintingReport) -> None:
    gain, part = report.worst_gain
    assert gain == pytest.approx(
        min(own.holes.psnr - max(m.holes.psnr for m in others) for own, others in _by_part(report))
    )
    assert part in (*KINDS, "0 to 10 %", "10 to 20 %", "20 to 30 %", "30 to 40 %")


def _by_part(report: InpaintingReport):
    parts: list[dict[str, Any]] = [{"kind": kind} for kind in KINDS]
    parts += [{"percent": bucket(s.share)} for s in report.scores]
    for part in parts:
        own, *others = (report.mean(method, **part) for method in report.methods)
        yield own, others


def test_tables_call_the_whole_pictures_figures_flattering(report: InpaintingReport) -> None:
    header, rows = report.table()
    assert header[6].startswith("whole (flattering)")
    assert [row[0] for row in rows[:12:4]] == list(KINDS)
    for row in rows:
        assert float(row[6]) > float(row[3])
    text = report.to_markdown()
    assert text.startswith(
        "untrained on 3 pictures: 3 crops of 256 x 256 pixels, PSNR of the holes"
    )
    assert text.count("\n") == len(rows) + 3
    told = json.loads(report.to_json())
    assert len(told["scores"]) == len(report.scores)
    assert told["means"][0]["masks"] == "strokes"


def test_a_perfect_fill_is_infinite_and_json_says_none(pictures) -> None:
    wanted = {center_crop(pixels)[0, 0].tobytes(): center_crop(pixels) for pixels in pictures}
    report = evaluate_inpainting(
        lambda image, _: wanted[image[0, 0].tobytes()],
        pictures,
        method="oracle",
        masks=("center",),
        beside=(),
    )
    assert report.psnr == {"center": math.inf}
    (mean, *_) = json.loads(report.to_json())["means"]
    assert mean["holes"] == {"psnr": None, "ssim": pytest.approx(1.0), "l1": 0.0}


def test_small_and_broken_pictures_are_told(pictures, tmp_path: Path) -> None:
    small = np.zeros((255, 300, 3), np.uint8)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    report = evaluate_inpainting(
        "telea", [small, pictures[0], broken], masks=("center",), beside=("telea", "first_fill")
    )
    assert report.methods == ("telea", "first_fill")
    assert [score.picture for score in report.scores] == ["2", "2"]
    assert "at least 256 x 256 pixels; got 255 x 300" in report.failed[0][1]
    assert report.failed[1][0].endswith("broken.png")
    with pytest.raises(DataError, match="no picture could be measured; the first: 1: a picture"):
        evaluate_inpainting("telea", [small])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"masks": ("stroke",)}, "unknown kind of masks 'stroke'; did you mean 'strokes'"),
        ({"beside": ("teela",)}, "unknown method 'teela'; did you mean 'telea'"),
        ({"filler": "tellea"}, "unknown method 'tellea'"),
        ({"filler": lambda image, _: image[1:]}, r"filler must return \(256, 256, 3\) uint8; got"),
        ({"filler": lambda image, _: image / 255.0}, "got .* float64"),
    ],
)
def test_wrong_arguments_are_refused(change, says: str, pictures) -> None:
    with pytest.raises(ValueError, match=says):
        evaluate_inpainting(**{"filler": "telea", "data": pictures[:1], **change})

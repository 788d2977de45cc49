"""Figures of what fills holes, by the kind of mask and by its share, in tables and in JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipelines.inpainting.data import CROP_PX
from pipelines.inpainting.mask_sets import BUCKETS, Kind, bucket
from pipelines.inpainting.metrics import Figures


@dataclass(frozen=True)
class HoleScore:
    """One method's figures on one crop with one mask.

    Attributes:
        picture: Its name.
        kind: The mask's.
        share: What part of the crop is masked.
        method: What filled.
        holes: Figures of the holes alone.
        whole: Flattering: those of the whole crop.
    """

    picture: str
    kind: Kind
    share: float
    method: str
    holes: Figures
    whole: Figures


@dataclass(frozen=True, kw_only=True)
class InpaintingReport:
    """Figures of a method and of those beside it, all of one run on the same crops.

    Attributes:
        method: What was measured.
        beside: The others.
        data: The pictures' name.
        masks: The kinds of masks.
        scores: All of them.
        failed: Sources that could not be measured, with their errors.
    """

    method: str
    beside: tuple[str, ...]
    data: str
    masks: tuple[Kind, ...]
    scores: tuple[HoleScore, ...]
    failed: tuple[tuple[str, str], ...] = ()

    @property
    def methods(self) -> tuple[str, ...]:
        """What was measured, and the others."""
        return (self.method, *self.beside)

    def mean(
        self, method: str, *, kind: Kind | None = None, percent: tuple[int, int] | None = None
    ) -> HoleScore | None:
        """Return a method's mean figures, or None where there are none.

        Args:
            method: One of `methods`.
            kind: Of masks of this kind alone.
            percent: Of masks whose share lies in this one of `BUCKETS` alone.
        """
        found = [
            score
            for score in self.scores
            if score.method == method
            and kind in (None, score.kind)
            and percent in (None, bucket(score.share))
        ]
        if not found:
            return None
        return HoleScore(
            "mean",
            kind or found[0].kind,
            float(np.mean([score.share for score in found])),
            method,
            _mean([score.holes for score in found]),
            _mean([score.whole for score in found]),
        )

    @property
    def psnr(self) -> dict[Kind, float]:
        """The method's mean PSNR of the holes in dB, by kind of mask."""
        means = {kind: self.mean(self.method, kind=kind) for kind in self.masks}
        return {kind: mean.holes.psnr for kind, mean in means.items() if mean}

    @property
    def worst_gain(self) -> tuple[float, str]:
        """The least that the method is ahead of the best other one, in dB, and in which part."""
        gains = []
        for name, part in self._parts():
            own = self.mean(self.method, **part)
            others = [self.mean(method, **part) for method in self.beside]
            best = max((other.holes.psnr for other in others if other), default=math.nan)
            if own:
                gains.append((_gain(own.holes.psnr, best), name))
        return min(gains)

    def _parts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the parts that means are taken over, with what `mean` takes for them."""
        for kind in self.masks:
            yield kind, {"kind": kind}
        for percent in BUCKETS:
            if self.mean(self.method, percent=percent):
                yield f"{percent[0]} to {percent[1]} %", {"percent": percent}

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return a header, and a row a part and method."""
        header = (
            *("masks", "share", "method", "PSNR dB", "SSIM", "L1"),
            *("whole (flattering): PSNR dB", "SSIM", "L1"),
        )
        rows = []
        for name, part in self._parts():
            for method in self.methods:
                mean = self.mean(method, **part)
                assert mean is not None  # all methods fill the same holes
                rows.append((name, f"{mean.share:.1%}", method, *_cells(mean)))
        return header, rows

    def to_markdown(self) -> str:
        """Return the figures as a Markdown table."""
        header, rows = self.table()
        lines = [header, ["---"] * 3 + ["---:"] * (len(header) - 3), *rows]
        return "\n".join([self.title, "", *(f"| {' | '.join(line)} |" for line in lines)])

    @property
    def title(self) -> str:
        """One line: what was measured, and the result."""
        figures = ", ".join(f"{kind} {psnr:.2f}" for kind, psnr in self.psnr.items())
        count = len({score.picture for score in self.scores})
        return (
            f"{self.method} on {self.data}: {count} crops of {CROP_PX} x {CROP_PX} pixels, PSNR of "
            f"the holes in dB: {figures}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold; what is infinite or undefined is None."""
        means = [
            {"masks": name, **_plain(mean)}
            for name, part in self._parts()
            for method in self.methods
            if (mean := self.mean(method, **part))
        ]
        return {
            "method": self.method,
            "data": self.data,
            "masks": list(self.masks),
            "means": means,
            "scores": [_plain(score) for score in self.scores],
            "failed": [{"source": s, "error": e} for s, e in self.failed],
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON, in ASCII: a file name may hold any byte."""
        return json.dumps(self.to_dict())


def _mean(figures: Sequence[Figures]) -> Figures:
    """Return the means; of SSIM, over those that have one."""
    similar = [found.ssim for found in figures if not math.isnan(found.ssim)]
    return Figures(
        psnr=float(np.mean([found.psnr for found in figures])),
        ssim=float(np.mean(similar)) if similar else math.nan,
        l1=float(np.mean([found.l1 for found in figures])),
    )


def _gain(own: float, best: float) -> float:
    """Return by how much a PSNR is ahead; where both are infinite, neither is."""
    return 0.0 if own == best else own - best


def _cells(score: HoleScore) -> tuple[str, ...]:
    return tuple(
        cell
        for found in (score.holes, score.whole)
        for cell in (f"{found.psnr:.2f}", f"{found.ssim:.4f}", f"{found.l1:.4f}")
    )


def _plain(score: HoleScore) -> dict[str, Any]:
    values = asdict(score)
    for place in ("holes", "whole"):
        figures = values[place].items()
        values[place] = {name: n if math.isfinite(n) else None for name, n in figures}
    return values

"""How well something enlarges, measured as the papers do it.

A picture is cropped to a multiple of the scale (its top left part stays), made smaller by
antialiased bicubic resampling, enlarged again, and compared with what it was: PSNR and SSIM of the
luma (BT.601, 16 to 235), `scale` pixels of the border cut off, the mean over the pictures. A grey
picture's values are its luma as they are, in the papers and here. The order says what is rounded
when:

rgb     The small picture is 8-bit RGB, and so is the enlarged one: what a person has and gets, and
        what can be measured of anything that enlarges. Luma is computed of both, unrounded.
luma    As SRCNN and its successors up to VDSR measured their networks: of the luma, rounded to 8
        bits, which is made smaller without rounding; the enlarged luma is rounded to 8 bits.

Bicubic enlargement, as published and in both orders (PSNR in dB, SSIM):

                x2               x3               x4
Set5 published  33.66  0.9299    30.39  0.8682    28.42  0.8104
     luma       33.66  0.9299    30.39  0.8682    28.42  0.8104
     rgb        33.67  0.9303    30.40  0.8689    28.43  0.8111
Set14 published 30.24  0.8688    27.55  0.7742    26.00  0.7027
     luma       30.23  0.8687    27.54  0.7736    26.00  0.7019
     rgb        30.23  0.8691    27.54  0.7745    26.00  0.7029
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from models.spec import SCALES
from pipelines.images import ImageSource, describe_source
from pipelines.mapping import with_progress
from pipelines.super_resolution.colour import luma, to_8bit, unit
from pipelines.super_resolution.data import DataError, NamedPicture, PictureSet, as_pictures
from pipelines.super_resolution.metrics import WINDOW_PX, cut_border, psnr, ssim
from pipelines.super_resolution.resampling import crop_to_multiple, enlarge, shrink

Order = Literal["rgb", "luma"]
ORDERS: tuple[Order, ...] = get_args(Order)
BICUBIC = "bicubic"

# In the order rgb: maps (h, w, 3) uint8, or (h, w) of a grey picture, to a picture `scale` times as
# large, or to a result that holds it as `pixels`. In the order luma: (h, w) float32 likewise.
Enlarger = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class PictureScore:
    """One picture's figures: PSNR in dB, SSIM, and those of bicubic enlargement."""

    name: str
    psnr: float
    ssim: float
    bicubic_psnr: float
    bicubic_ssim: float


@dataclass(frozen=True, kw_only=True)
class SuperResolutionReport:
    """An enlarger's figures on pictures, with those of bicubic enlargement of the same run.

    Attributes:
        method: What enlarged: a preset's name, or "bicubic".
        data: The pictures' name.
        scale: How many times.
        order: What was rounded when; see the module.
        scores: Each picture's.
        failed: Sources that could not be measured, with their errors.
    """

    method: str
    data: str
    scale: int
    order: Order
    scores: tuple[PictureScore, ...]
    failed: tuple[tuple[str, str], ...] = ()

    @property
    def mean(self) -> PictureScore:
        """The means over the pictures; infinite where one came back unchanged."""
        columns = zip(*(_figures(score) for score in self.scores), strict=True)
        return PictureScore("mean", *(sum(column) / len(self.scores) for column in columns))

    @property
    def psnr(self) -> float:
        """The mean PSNR in dB."""
        return self.mean.psnr

    @property
    def ssim(self) -> float:
        """The mean SSIM."""
        return self.mean.ssim

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold; an infinite PSNR is None."""
        return {
            "method": self.method,
            "data": self.data,
            "scale": self.scale,
            "order": self.order,
            "count": len(self.scores),
            **_plain(self.mean),
            "pictures": [{"name": score.name, **_plain(score)} for score in self.scores],
            "failed": [{"source": s, "error": e} for s, e in self.failed],
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON, in ASCII: a file name may hold any byte."""
        return json.dumps(self.to_dict())

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return a header and a row a picture, the means last; bicubic beside all but itself."""
        alone = self.method == BICUBIC
        beside = () if alone else ("bicubic PSNR dB", "SSIM", "gain dB")
        header = ("picture", f"{self.method} PSNR dB", "SSIM", *beside)
        return header, [_row(score, alone) for score in (*self.scores, self.mean)]

    def to_markdown(self) -> str:
        """Return the figures as a Markdown table."""
        header, rows = self.table()
        lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
        return "\n".join([self.title, "", *(f"| {' | '.join(line)} |" for line in lines)])

    @property
    def title(self) -> str:
        """One line: what was measured, and the result."""
        mean = self.mean
        return (
            f"{self.method} on {self.data}, x{self.scale}: {len(self.scores)} pictures, PSNR "
            f"{mean.psnr:.2f} dB, SSIM {mean.ssim:.4f} (luma; {self.scale} px of border cut)"
        )


def evaluate_enlarger(
    enlarger: Enlarger,
    data: PictureSet | str | os.PathLike[str] | Sequence[ImageSource],
    *,
    scale: int,
    method: str,
    folder: str | os.PathLike[str] | None = None,
    order: Order = "rgb",
    progress: bool = False,
) -> SuperResolutionReport:
    """Measure what enlarges pictures, with bicubic enlargement beside it.

    Args:
        enlarger: In the order "rgb" it maps (h, w, 3) uint8, or (h, w) of a grey picture, to a
            picture `scale` times as large, or to a result that holds it as `pixels`; grey may
            come back as R = G = B. In the order "luma" it maps (h, w) float32 to floats.
        data: Pictures, or what `load_pictures` takes, or a list of what `read_image` takes.
        scale: 2, 3 or 4.
        method: What reports call the enlarger.
        folder: Where a named set lies.
        order: What is rounded when; see the module.
        progress: Whether to print progress on standard error.

    Raises:
        DataError: There are no such pictures, or none could be measured.
        ValueError: The enlarger gives another size or type; unknown scale or order.
    """
    if scale not in SCALES:
        raise ValueError(f"scale must be one of {', '.join(map(str, SCALES))}; got {scale!r}")
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}; got {order!r}")
    pictures = as_pictures(data, folder)
    outcomes: Iterator[PictureScore | Exception] = (
        _measured(picture, enlarger, scale, order) for picture in pictures.read()
    )
    if progress:
        outcomes = with_progress(outcomes, len(pictures), "evaluated")
    scores, failed = [], []
    for source, outcome in zip(pictures.sources, outcomes, strict=True):
        if isinstance(outcome, Exception):
            failed.append((describe_source(source), str(outcome)))
        else:
            scores.append(outcome)
    if not scores:
        raise DataError(f"{pictures.name}: no picture could be measured; the first: {failed[0][1]}")
    return SuperResolutionReport(
        method=method,
        data=pictures.name,
        scale=scale,
        order=order,
        scores=tuple(scores),
        failed=tuple(failed),
    )


def evaluate_bicubic(
    data: PictureSet | str | os.PathLike[str] | Sequence[ImageSource],
    *,
    scale: int,
    folder: str | os.PathLike[str] | None = None,
    order: Order = "rgb",
    progress: bool = False,
) -> SuperResolutionReport:
    """Measure bicubic enlargement; arguments as for `evaluate_enlarger`."""
    return evaluate_enlarger(
        lambda low: enlarge(low, scale),
        data,
        scale=scale,
        method=BICUBIC,
        folder=folder,
        order=order,
        progress=progress,
    )


def _measured(
    picture: NamedPicture | Exception, enlarger: Enlarger, scale: int, order: Order
) -> PictureScore | Exception:
    """Return a picture's figures, or why there are none."""
    if isinstance(picture, Exception):
        return picture
    height, width = picture.pixels.shape[:2]
    least = -(-(WINDOW_PX + 2 * scale) // scale) * scale
    if min(height, width) < least:
        rule = f"a picture must have at least {least} x {least} pixels at a scale of {scale}"
        return DataError(f"{picture.name}: {rule}; got {height} x {width}")
    high = crop_to_multiple(picture.pixels[..., 0] if picture.grey else picture.pixels, scale)
    if order == "luma":
        reference = to_8bit(_luma(high))
        low = shrink(unit(reference), scale)
    else:
        reference, low = _luma(high), shrink(high, scale)
    figures: list[float] = []
    for way in (enlarger, lambda small: enlarge(small, scale)):
        found = _luma_of_result(way(low), high, order)
        pair = cut_border(reference, scale), cut_border(found, scale)
        figures += [psnr(*pair), ssim(*pair)]
    return PictureScore(picture.name, *figures)


def _luma(pixels: np.ndarray) -> np.ndarray:
    """Return the luma (H, W) float32 of uint8 pixels; that of grey ones is what they are."""
    return unit(pixels) if pixels.ndim == 2 else luma(pixels)


def _luma_of_result(result: Any, high: np.ndarray, order: Order) -> np.ndarray:
    """Return what is compared of an enlarger's result.

    Raises:
        ValueError: It has another size or type than it should.
    """
    pixels = np.asarray(getattr(result, "pixels", result))
    size = high.shape[:2]
    if order == "luma":
        if pixels.shape != size or pixels.dtype.kind != "f":
            raise _misfit(f"{size} float", pixels)
        return to_8bit(pixels)
    if pixels.dtype != np.uint8:
        raise _misfit(f"{high.shape} uint8", pixels)
    if high.ndim == 2 and pixels.shape in (size, (*size, 1), (*size, 3)):
        return unit(pixels.reshape(*size, -1)[..., 0])
    if pixels.shape != high.shape:
        raise _misfit(f"{high.shape} uint8", pixels)
    return luma(pixels)


def _misfit(expected: str, pixels: np.ndarray) -> ValueError:
    got = f"{pixels.shape} {pixels.dtype}"
    return ValueError(f"the enlarged picture must be {expected}; got {got}")


def _figures(score: PictureScore) -> tuple[float, float, float, float]:
    return score.psnr, score.ssim, score.bicubic_psnr, score.bicubic_ssim


def _plain(score: PictureScore) -> dict[str, float | None]:
    names = ("psnr", "ssim", "bicubic_psnr", "bicubic_ssim")
    figures = zip(names, _figures(score), strict=True)
    return {name: figure if math.isfinite(figure) else None for name, figure in figures}


def _row(score: PictureScore, alone: bool) -> tuple[str, ...]:
    own = (score.name, f"{score.psnr:.2f}", f"{score.ssim:.4f}")
    if alone:
        return own
    # Where both came back unchanged, neither gained.
    gain = 0.0 if score.psnr == score.bicubic_psnr else score.psnr - score.bicubic_psnr
    return (*own, f"{score.bicubic_psnr:.2f}", f"{score.bicubic_ssim:.4f}", f"{gain:+.2f}")

"""Masks to measure and to train with: a kind, a size and a seed always give the same mask.

strokes    thin lines that bend, 5 to 20 percent of the picture: scratches, wires, writing
freeform   broad strokes of a brush that turns, 20 to 40 percent: as arXiv:1806.03589, appendix A,
           draws them
center     the middle half of each side, a quarter of the picture, as arXiv:1604.07379 measures
box        one rectangle somewhere, a sixteenth to a quarter of the picture; for training alone

A line is all pixels whose centre is no further than half its width from it, ends included. Its
sizes are parts of the shorter side, at 256 pixels those that the comments tell. Nothing but NumPy's
generator PCG64 and arithmetic in double precision decides, no drawing library; a test holds the
sets to what they were.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from models.words import suggest

Kind = Literal["strokes", "freeform", "center"]
KINDS: tuple[Kind, ...] = get_args(Kind)
BOX = "box"
# Shares of the picture, in percent, in which reports count what happens: lower end included.
BUCKETS = ((0, 10), (10, 20), (20, 30), (30, 40), (40, 100))
SMALLEST_PX = 16  # of a side; below, a line of one pixel is already too broad


@dataclass(frozen=True)
class Lines:
    """How lines are drawn.

    Attributes:
        shares: The least and the most of the picture.
        widths: Of a line, over the shorter side.
        lengths: Of each of a line's straight parts, likewise.
        parts: How many a line has, both ends included.
        turn: By how much each part turns at most from the one before, in radians.
    """

    shares: tuple[float, float]
    widths: tuple[float, float]
    lengths: tuple[float, float]
    parts: tuple[int, int]
    turn: float


LINES: Mapping[str, Lines] = MappingProxyType(
    {
        # 3 to 10 px broad, 13 to 64 px long.
        "strokes": Lines((0.05, 0.20), (0.012, 0.04), (0.05, 0.25), (2, 6), math.pi / 3),
        # 12 to 40 px broad, 13 to 77 px long, turning as they like.
        "freeform": Lines((0.20, 0.40), (0.047, 0.156), (0.05, 0.30), (2, 6), math.pi),
    }
)
MARGIN = 0.02  # of the picture: a target this far above the least can always be reached
_SALT = {name: number for number, name in enumerate((*KINDS, BOX))}


def draw_mask(kind: str, height: int, width: int, seed: int | tuple[int, ...]) -> np.ndarray:
    """Return a mask (H, W) bool, True where to fill.

    Args:
        kind: One of `KINDS`, or `BOX`.
        height: In pixels.
        width: In pixels.
        seed: Which of the kind's masks; no part of it may be negative.

    Raises:
        ValueError: An unknown kind, or a side of less than 16 pixels.
    """
    if kind not in _SALT:
        raise ValueError(f"unknown kind of masks {kind!r}; {suggest(kind, KINDS)}")
    if min(height, width) < SMALLEST_PX:
        raise ValueError(
            f"masks need sides of at least {SMALLEST_PX} pixels; got {height} x {width}"
        )
    parts = (seed,) if isinstance(seed, int) else seed
    random = np.random.Generator(np.random.PCG64((*parts, _SALT[kind])))
    if kind in LINES:
        return _lines(LINES[kind], height, width, random)
    sides = [length // 2 for length in (height, width)]
    top, left = ((length - side) // 2 for length, side in zip((height, width), sides, strict=True))
    if kind == BOX:
        sides = [int(length * random.uniform(0.25, 0.5)) for length in (height, width)]
        top, left = (
            int(random.integers(length - side + 1))
            for length, side in zip((height, width), sides, strict=True)
        )
    mask = np.zeros((height, width), bool)
    mask[top : top + sides[0], left : left + sides[1]] = True
    return mask


def bucket(share: float) -> tuple[int, int]:
    """Return the bucket, in percent, in which a masked share from 0 to 1 lies."""
    found = [ends for ends in BUCKETS if ends[0] <= 100 * share]
    return found[-1]


def _lines(lines: Lines, height: int, width: int, random: np.random.Generator) -> np.ndarray:
    """Draw parts of lines until the next one would mask more than was drawn for this mask."""
    least, most = lines.shares
    target = random.uniform(least + MARGIN, most) * height * width
    mask = np.zeros((height, width), bool)
    while True:
        for rows, columns, part in _line(lines, height, width, random):
            more = int(np.count_nonzero(part & ~mask[rows, columns]))
            if np.count_nonzero(mask) + more <= target:
                mask[rows, columns] |= part
            elif np.count_nonzero(mask) >= least * height * width:
                return mask


def _line(
    lines: Lines, height: int, width: int, random: np.random.Generator
) -> list[tuple[slice, slice, np.ndarray]]:
    """Return a line's parts: the rows and columns of each, and which pixels there it covers."""
    side = min(height, width)
    at = random.uniform((0.0, 0.0), (height, width))
    radius = side * random.uniform(*lines.widths) / 2
    angle = random.uniform(0, 2 * math.pi)
    parts = []
    for _ in range(random.integers(lines.parts[0], lines.parts[1], endpoint=True)):
        angle += random.uniform(-lines.turn, lines.turn)
        length = side * random.uniform(*lines.lengths)
        end = at + length * np.array((math.sin(angle), math.cos(angle)))
        end = np.clip(end, 0.0, (height, width))
        parts.append(_part(at, end, radius, height, width))
        at = end
    return parts


def _part(
    start: np.ndarray, end: np.ndarray, radius: float, height: int, width: int
) -> tuple[slice, slice, np.ndarray]:
    """Return which pixels of a window lie within `radius` of a straight line."""
    low = np.floor(np.minimum(start, end) - radius).astype(int)
    high = np.ceil(np.maximum(start, end) + radius).astype(int)
    rows = slice(max(0, low[0]), min(height, high[0]))
    columns = slice(max(0, low[1]), min(width, high[1]))
    y = np.arange(rows.start, rows.stop)[:, None] + 0.5 - start[0]
    x = np.arange(columns.start, columns.stop)[None, :] + 0.5 - start[1]
    way = end - start
    along = (y * way[0] + x * way[1]) / max(float(way @ way), 1e-12)
    along = np.clip(along, 0.0, 1.0)
    distance2 = (y - along * way[0]) ** 2 + (x - along * way[1]) ** 2
    return rows, columns, distance2 <= radius**2

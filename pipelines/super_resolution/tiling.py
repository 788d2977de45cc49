"""A picture of any size in constant memory: tiles that overlap, and nothing of it to be seen.

A pixel of the result depends on the pixels before it that lie within the network's receptive field.
So each tile is computed with that much more around it, and what comes of the more is thrown away.
At the edge of the picture there is no more, and the network itself puts zeros around each of its
maps: there a tile ends where the picture does. All tiles of a picture have one size, so that the
last of a row or column begins further back than it had to.

That is right to rounding; `agreement` tells what makes it exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from pipelines.super_resolution.graph import CUBIC_PX, Colour, Enlargement

if TYPE_CHECKING:
    import keras

PROBE_PX = 64  # side of the picture whose cost is looked at
# Of a tile of the usual size. Larger ones are quicker by their smaller share of overlap alone: it
# makes a tenth more work for the default network, and a twentieth with four times the memory.
USUAL_BYTES = 2**28
SHARE = 0.25  # of the memory at hand that a tile may take: the result and its file need some too
# Measured on TensorFlow 2.21: what a tile takes is below twice the network's live activations and
# 36 bytes for each enlarged pixel, the bicubic picture's.
WORKSPACE, BICUBIC_BYTES = 2, 36

Size = tuple[int, int]  # height and width, in pixels before enlargement
Part = tuple[slice, slice]  # rows and columns


class Span(NamedTuple):
    """What a tile reads along one axis, and the part of it whose result is kept."""

    start: int
    stop: int
    kept_start: int
    kept_stop: int


class Tile(NamedTuple):
    """A part of a picture, before enlargement."""

    rows: Span
    columns: Span

    @property
    def read(self) -> Part:
        """What it reads of the picture."""
        rows, columns = (slice(span.start, span.stop) for span in self)
        return rows, columns

    def kept(self, scale: int) -> Part:
        """Return where its result belongs in the picture that is `scale` times larger."""
        rows, columns = (slice(scale * s.kept_start, scale * s.kept_stop) for s in self)
        return rows, columns

    def kept_of_own(self, scale: int) -> Part:
        """Return which part of its own result that is."""
        rows, columns = (
            slice(scale * (s.kept_start - s.start), scale * (s.kept_stop - s.start)) for s in self
        )
        return rows, columns


@dataclass(frozen=True)
class Needs:
    """What a network needs of tiles.

    Attributes:
        overlap_px: How much of the picture around a pixel its result depends on; None where it
            depends on all of it, or that is not known.
        bytes_per_px: Memory for each pixel of a tile.
    """

    overlap_px: int | None
    bytes_per_px: int

    @property
    def usual_side_px(self) -> int:
        """The most pixels along a side of a tile where nothing speaks for smaller ones."""
        return self._side_px(USUAL_BYTES)

    def usual_size(self, picture: Size) -> Size:
        """Return how large tiles usually are, overlap included."""
        return self._size(picture, self.usual_side_px)

    def size(self, picture: Size, tile: int | None, free_bytes: int | None) -> Size:
        """Return how large tiles are, overlap included; at most as the usual ones.

        Args:
            picture: Its height and width.
            tile: Pixels along each side that a tile keeps at most; None for as many as are quick
                and fit into the memory.
            free_bytes: The memory at hand; None where it is not known.

        Raises:
            ValueError: `tile` is smaller than the picture, and the network allows no tiles.
        """
        if tile is not None:
            if self.overlap_px is None and tile < max(picture):
                raise ValueError(
                    "tiles need a network whose receptive field is known; leave tile out to "
                    f"compute the picture as a whole; got tile={tile}"
                )
            wanted = tile + 2 * (self.overlap_px or 0)
        elif free_bytes is not None:
            wanted = self._side_px(int(SHARE * free_bytes))
        else:
            wanted = self.usual_side_px
        return self._size(picture, min(wanted, self.usual_side_px))

    def _side_px(self, most_bytes: int) -> int:
        """Return the side of a square of so much memory; half of the least one is overlap."""
        return max(math.isqrt(most_bytes // self.bytes_per_px), 4 * (self.overlap_px or 0), 1)

    def _size(self, picture: Size, most: int) -> Size:
        """Return the size, at most `most`, of as few tiles as possible, each of the same share."""
        if self.overlap_px is None:
            return picture
        height, width = (_side(length, most, 2 * self.overlap_px) for length in picture)
        return height, width


def look_at(network: keras.Model, scale: int, colour: Colour) -> tuple[Enlargement, Needs]:
    """Return how a network is used, and what it needs.

    Args:
        network: It maps (B, H, W, C) to (B, sH, sW, C), any H and W, for the scale s; or to
            (B, H, W, C), which means that it takes what is enlarged already.
        scale: How many times the result is larger.
        colour: What the network maps.

    Raises:
        ValueError: It does something else, or there is no such scale or colour.
    """
    from models.explain import explain  # here: an exported upscaler has no Keras

    enlargement = Enlargement(scale, colour)
    channels = enlargement.channels
    if tuple(network.input_shape) != (None, None, None, channels):
        raise ValueError(
            f"a network on {colour} must take images of any size, (None, None, {channels}); got "
            f"{tuple(network.input_shape[1:])}"
        )
    probe = (PROBE_PX, PROBE_PX, channels)
    explanation = explain(network, input_shape=probe)
    last = explanation.rows[-1]
    areas = 1  # of the network's pixels in one of the picture's
    if last.output_shape == probe:
        enlargement, areas = replace(enlargement, enlarged=True), scale**2
    elif last.output_shape != (scale * PROBE_PX, scale * PROBE_PX, channels):
        raise ValueError(
            f"at a scale of {scale} the network must make {scale} x {scale} pixels of one; of "
            f"{probe} it makes {last.output_shape}"
        )
    live = explanation.live_activation_bytes / PROBE_PX**2 * areas
    per_px = WORKSPACE * live + BICUBIC_BYTES * scale**2
    return enlargement, Needs(_overlap(last.receptive_field, enlargement), math.ceil(per_px))


def _overlap(field: tuple[int, ...] | None, enlargement: Enlargement) -> int | None:
    """Return how far a result depends on its surroundings, in pixels before enlargement."""
    if field is None:
        return None
    half = max(field) // 2 + 1  # one more than half: an even window reaches further to one side
    if enlargement.enlarged:
        return _ceil(half, enlargement.scale) + CUBIC_PX
    return max(half, CUBIC_PX)


def checked_tile(tile: int | None) -> int | None:
    """Return the side of a tile as it was given.

    Raises:
        ValueError: It is no whole number of at least 1.
    """
    if tile is not None and (not isinstance(tile, int) or tile < 1):
        raise ValueError(f"tile must be a whole number of pixels, at least 1; got {tile!r}")
    return tile


def cover(picture: Size, size: Size, needs: Needs) -> Iterator[Tile]:
    """Yield tiles of one size, from the top down; what they keep is the picture, each part once.

    Args:
        picture: Its height and width.
        size: Of the tiles, overlap included, and no larger than the picture.
        needs: The network's.
    """
    overlap = needs.overlap_px or 0
    rows, columns = (
        _spans(length, side, overlap) for length, side in zip(picture, size, strict=True)
    )
    return (Tile(row, column) for row in rows for column in columns)


def _side(length: int, most: int, twice: int) -> int:
    """Return the length of spans, at most `most`, that cover `length` and overlap by `twice`."""
    if length <= most:
        return length
    inner = length - twice
    return twice + _ceil(inner, _ceil(inner, most - twice))


def _spans(length: int, size: int, overlap: int) -> list[Span]:
    """Cover `length` with spans of `size` that overlap by twice `overlap`, the last by more."""
    step = size - 2 * overlap
    count = 1 if length <= size else _ceil(length - 2 * overlap, step)
    starts = [min(number * step, length - size) for number in range(count)]
    cuts = [0, *(start + overlap for start in starts[1:]), length]
    return [
        Span(start, start + size, cuts[number], cuts[number + 1])
        for number, start in enumerate(starts)
    ]


def _ceil(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)

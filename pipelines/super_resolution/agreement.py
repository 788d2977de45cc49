"""Tiles of another size that round as the usual ones do, so that the result is the same to the bit.

On a CPU, TensorFlow's convolutions (oneDNN) choose their algorithm by the size of what they
convolve, and with it the order in which they sum: of 32 maps, 5 x 5, pictures that are 31, 61,
91, ... pixels wide come out up to 1e-6 different, and now and then the height decides. Within one
size, a value does not depend upon its place. So there is a usual size of tiles, which follows from
the picture and the network alone. Where tiles must be smaller, because the caller or the memory at
hand wants it so, their size is tried on noise: does the network give the same bits as in a tile of
the usual size? If not, the next smaller sizes are tried, then larger ones. What is not the
network's is written in a fixed order (`graph`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from pipelines.super_resolution.graph import Enlargement, Network
from pipelines.super_resolution.tiling import Needs, Size

TRIES = 30  # smaller, and as many larger: the widths that round otherwise come back after 30
REMEMBERED = 256  # answers


class Agreement:
    """Finds sizes of tiles that round as others do; may be asked by several threads."""

    def __init__(self, network: Network, enlargement: Enlargement, needs: Needs) -> None:
        self._network, self._enlargement, self._needs = network, enlargement, needs
        self._known: dict[tuple[Size, Size], Size] = {}
        self._lock = threading.Lock()

    def size_like(self, usual: Size, wanted: Size) -> Size:
        """Return a size near to the one that is wanted, whose tiles give the usual ones' bits.

        Where none is found, that is the usual size itself.

        Args:
            usual: Height and width of the usual tiles.
            wanted: Of the tiles in question; no larger.
        """
        with self._lock:
            if (usual, wanted) not in self._known:
                if len(self._known) >= REMEMBERED:
                    self._known.pop(next(iter(self._known)))
                self._known[usual, wanted] = self._found(usual, wanted)
            return self._known[usual, wanted]

    def _found(self, usual: Size, wanted: Size) -> Size:
        if usual == wanted:
            return usual
        grown = self._enlargement.scale if self._enlargement.enlarged else 1
        shape = (1, grown * usual[0], grown * usual[1], self._enlargement.channels)
        noise = np.random.default_rng(0).random(shape, np.float32)
        whole = self._computed(noise)
        for size in self._sizes(usual, wanted):
            # The lower right part of the noise, alone and as a part of the whole.
            top, left = (all_ - part for all_, part in zip(usual, size, strict=True))
            alone = self._computed(noise[:, grown * top :, grown * left :])
            if self._same_bits(alone, whole, top, left):
                return size
        return usual

    def _sizes(self, usual: Size, wanted: Size) -> Iterator[Size]:
        """Yield sizes near to the one that is wanted; a side that is not cut is left so."""
        least = 2 * (self._needs.overlap_px or 0) + 1
        nearer = [*range(0, -TRIES, -1), *range(1, TRIES)]
        sizes = (
            tuple(
                side if side == most else min(max(side + more, least), most)
                for side, most in zip(wanted, usual, strict=True)
            )
            for more in nearer
        )
        yield from dict.fromkeys((height, width) for height, width in sizes)

    def _computed(self, image: np.ndarray) -> np.ndarray:
        return np.asarray(self._network(tf.constant(image)))

    def _same_bits(self, alone: np.ndarray, whole: np.ndarray, top: int, left: int) -> bool:
        """Compare, but for the first pixels of a side that is cut off: they lack surroundings."""
        scale, overlap = self._enlargement.scale, self._needs.overlap_px or 0
        rows, columns = (scale * overlap * bool(cut) for cut in (top, left))
        part = whole[:, scale * top :, scale * left :]
        return np.array_equal(alone[:, rows:, columns:], part[:, rows:, columns:])

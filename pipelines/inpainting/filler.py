"""What fills the holes of pixels of any size, crop by crop, by a network or a classical method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import tensorflow as tf

from models.words import suggest
from pipelines.inpainting import classical
from pipelines.inpainting.graph import VISIBLE, Graphs, Network, first_fill_alone
from pipelines.inpainting.holes import plan
from pipelines.picture import Picture, to_depth

AUTO, NETWORK, FIRST_FILL, NONE = "auto", "network", "first_fill", "none"
METHODS = (AUTO, NETWORK, *classical.METHODS)
OTHER_NAMES = MappingProxyType({"navier_stokes": "ns"})
# Up to here biharmonic is quick (0.3 s were measured): it solves an equation for each.
BIHARMONIC_PX = 4096
GREY_HALF = 0.5  # what is filled in where nothing is known, as by the first fill


class Filler:
    """Fills holes; may be asked by several threads.

    Attributes:
        has_network: Whether there is a network, besides the classical methods.
    """

    def __init__(self, network: Network | None, stride: int = 1) -> None:
        """Take what computes the network, and what the sides of its images are multiples of."""
        self.has_network = network is not None
        self._networks: Mapping[str, Network] = {FIRST_FILL: first_fill_alone}
        if network is not None:
            self._networks = {**self._networks, NETWORK: network}
        self._graphs = Graphs(stride)
        self._plan = tf.function(
            plan, autograph=False, input_signature=[tf.TensorSpec((None, None), tf.bool)]
        )

    def checked(self, method: str) -> str:
        """Return a method's name, of several that it has the usual one.

        Raises:
            ValueError: There is no such method, or it is the network's and there is none.
        """
        method = OTHER_NAMES.get(method, method)
        if method not in METHODS:
            raise ValueError(f"unknown method {method!r}; {suggest(str(method), METHODS)}")
        if method == NETWORK and not self.has_network:
            raise ValueError(
                "method 'network' needs a network; open a preset, or choose one of "
                f"{', '.join(classical.METHODS)}"
            )
        return method

    def chosen(self, method: str, mask: np.ndarray) -> str:
        """Return what fills a mask (H, W); "auto" is the network, where there is one.

        Of the classical methods, biharmonic is the best for what is thin and takes too long for
        what is broad; then it is Telea's, and where neither is installed the first fill.
        """
        area = np.count_nonzero(mask)
        if area == 0:
            return NONE
        if method != AUTO:
            return method
        if self.has_network:
            return NETWORK
        if area <= BIHARMONIC_PX and classical.is_installed("biharmonic"):
            return "biharmonic"
        return "telea" if classical.is_installed("telea") else FIRST_FILL

    def begin(self, picture: Picture, mask: np.ndarray, method: str) -> Filling:
        """Return the work to be done on a picture.

        Args:
            picture: Not modified.
            mask: (H, W) uint16, 65535 where to fill. Not modified.
            method: What `chosen` gives.
        """
        if method == NONE:
            nothing = np.zeros((0, 2, 4), np.int32)
            return Filling(self, method, picture, nothing, picture.pixels, picture.alpha, mask)
        return Filling(
            self,
            method,
            picture,
            self._plan(tf.constant(mask > 0)).numpy(),
            picture.pixels.copy(),
            None if picture.alpha is None else picture.alpha.copy(),
            mask.copy(),
        )

    def of_crop(self, crop: Crop, method: str) -> np.ndarray:
        """Return a crop's pixels (H, W, 4) uint16, filled."""
        pixels, left, own = (tf.constant(array) for array in (crop.pixels, crop.left, crop.own))
        levels, grey = tf.constant(crop.levels, tf.float32), tf.constant(crop.grey)
        if method in self._networks:
            image, mask = self._graphs.begin(pixels, left, levels)
            filled = self._networks[method](image, mask)
        else:
            filled = tf.constant(_classical(crop, method))
        if crop.transparent:
            alpha = self._graphs.alpha(pixels, left, levels)
        else:
            alpha = tf.ones((*crop.left.shape, 1))
        made: np.ndarray = self._graphs.end(filled, alpha, pixels, own, levels, grey).numpy()
        return made


@dataclass(frozen=True, eq=False)
class Crop:
    """A part of a picture, as `graph` takes it.

    Attributes:
        pixels: (H, W, 4) uint16, RGB and alpha.
        left: (H, W) uint16: what is still to be filled.
        own: (H, W) uint16: what of that is filled now.
        levels: Full scale, 255 or 65535.
        grey: Whether the picture is.
        transparent: Whether it has an alpha.
    """

    pixels: np.ndarray
    left: np.ndarray
    own: np.ndarray
    levels: int
    grey: bool
    transparent: bool


@dataclass(frozen=True, eq=False)
class Filling:
    """The work on one picture; `run` does it.

    Attributes:
        parts: (N, 2, 4), see `holes.plan`, in the order in which they are filled.
        pixels: (H, W, 3), complete when all parts are done.
        alpha: (H, W) likewise, or None.
        left: (H, W) uint16: what is still to be filled.
    """

    filler: Filler
    method: str
    original: Picture
    parts: np.ndarray
    pixels: np.ndarray
    alpha: np.ndarray | None
    left: np.ndarray

    def run(self) -> Iterator[int]:
        """Fill the parts; yield after each how many are done."""
        for done, (filled, read) in enumerate(self.parts.tolist(), start=1):
            core, place = _slices(filled), _slices(read)
            # A hole within another's bounds is filled with it.
            if self.left[core].any():
                own = np.zeros_like(self.left[place])
                shifted = _slices([n - read[axis % 2] for axis, n in enumerate(filled)])
                own[shifted] = self.left[core]
                made = self.filler.of_crop(self._crop(place, own), self.method)
                self.pixels[place] = made[..., :3]
                if self.alpha is not None:
                    self.alpha[place] = made[..., 3]
                self.left[core] = 0
            yield done

    def _crop(self, place: tuple[slice, slice], own: np.ndarray) -> Crop:
        levels = np.iinfo(self.pixels.dtype).max
        opaque = np.full(own.shape, levels, np.uint16)
        alpha = opaque if self.alpha is None else self.alpha[place]
        return Crop(
            np.dstack((self.pixels[place], alpha)).astype(np.uint16),
            self.left[place],
            own,
            levels,
            self.original.grey,
            self.alpha is not None,
        )


def _classical(crop: Crop, method: str) -> np.ndarray:
    """Return the image (1, H, W, 3) float32 that a classical method fills, to 8 bits."""
    depth = 8 if crop.levels == 255 else 16
    colour = crop.pixels[..., :3].astype(np.uint8 if depth == 8 else np.uint16)
    hidden = crop.pixels[..., 3].astype(np.uint32) * VISIBLE < crop.levels
    unknown = (crop.left > 0) | hidden
    if unknown.all():  # they would give anything, such as what is to be removed
        return np.full((1, *colour.shape), GREY_HALF, np.float32)
    filled = classical.METHODS[method](to_depth(colour, 8), unknown)
    return (filled.astype(np.float32) / np.float32(255.0))[None]


def _slices(bounds: list[int]) -> tuple[slice, slice]:
    """Return the rows and columns of top, left, bottom and right."""
    top, left, bottom, right = bounds
    return slice(top, bottom), slice(left, right)

"""A network that enlarges pixels of any size, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from pipelines.free_memory import free_memory_bytes
from pipelines.super_resolution.agreement import Agreement
from pipelines.super_resolution.graph import Enlargement, Network, enlarge_pixels
from pipelines.super_resolution.tiling import Needs, Tile, cover

DEPTHS, CHANNELS = (tf.uint8, tf.uint16), (1, 3)


class Upscaler:
    """Enlarges pixels; may be asked by several threads.

    Attributes:
        enlargement: How the network is used.
        needs: What it needs of tiles.
    """

    def __init__(self, network: Network, enlargement: Enlargement, needs: Needs) -> None:
        """Take what computes the network, and what `tiling.look_at` says of it."""
        self.enlargement, self.needs = enlargement, needs
        self._network = network
        self._agreement = Agreement(network, enlargement, needs)
        # Three graphs around the network's own.
        bicubic = partial(enlarge_pixels, scale=enlargement.scale)
        output = _spec(tf.float32, enlargement.channels)
        self._prepare, self._finish, self._bicubic = {}, {}, {}
        for depth in DEPTHS:
            self._bicubic[depth] = Graph(bicubic, _spec(depth, 1))
            finish = partial(enlargement.finish, dtype=depth)
            for channels in CHANNELS:
                kind = depth, channels
                self._prepare[kind] = Graph(enlargement.prepare, _spec(*kind))
                self._finish[kind] = Graph(finish, _spec(tf.float32, channels), output)

    def begin(
        self, colour: np.ndarray, alpha: np.ndarray | None = None, *, tile: int | None = None
    ) -> Upscaling:
        """Return the work to be done on a picture.

        Args:
            colour: (H, W, 3) RGB or (H, W, 1) grey, uint8 or uint16. Not modified.
            alpha: (H, W) of the same type, or None.
            tile: Pixels along each side that are computed at once, at most; as many as are quick
                and fit into the memory at hand when None.

        Raises:
            MemoryError: The result would not fit into the memory at hand.
            ValueError: The network allows no tiles.
        """
        scale, (height, width, channels) = self.enlargement.scale, colour.shape
        free_bytes = free_memory_bytes()
        layers = channels + (alpha is not None)
        result_bytes = scale**2 * height * width * layers * colour.itemsize
        if free_bytes is not None and result_bytes > free_bytes:
            raise MemoryError(
                f"enlarged {scale} times it takes {result_bytes / 1e9:.1f} GB of memory; "
                f"{free_bytes / 1e9:.1f} GB are free"
            )
        picture = (height, width)
        usual = self.needs.usual_size(picture)
        size = self.needs.size(picture, tile, free_bytes)
        if size != usual:
            size = self._agreement.size_like(usual, size)
        large = (scale * height, scale * width)
        return Upscaling(
            self,
            colour,
            alpha,
            tuple(cover(picture, size, self.needs)),
            np.empty((*large, channels), colour.dtype),
            None if alpha is None else np.empty(large, colour.dtype),
        )

    def of_tile(self, pixels: np.ndarray) -> np.ndarray:
        """Return pixels (H, W, C) enlarged by the network, all at once."""
        batch = tf.constant(pixels[None])
        kind = batch.dtype, batch.shape[-1]
        image, bicubic = self._prepare[kind](batch)
        enlarged: np.ndarray = self._finish[kind](bicubic, self._network(image)).numpy()[0]
        return enlarged

    def bicubic_of_tile(self, pixels: np.ndarray) -> np.ndarray:
        """Return pixels (H, W, 1) enlarged by bicubic interpolation, all at once."""
        batch = tf.constant(pixels[None])
        enlarged: np.ndarray = self._bicubic[batch.dtype](batch).numpy()[0]
        return enlarged


@dataclass(frozen=True, eq=False)
class Upscaling:
    """The work on one picture; `run` does it.

    Attributes:
        tiles: In the order in which they are computed.
        pixels: (sH, sW, C), complete when all tiles are done.
        alpha: (sH, sW) likewise, or None.
    """

    upscaler: Upscaler
    colour_before: np.ndarray
    alpha_before: np.ndarray | None
    tiles: tuple[Tile, ...]
    pixels: np.ndarray
    alpha: np.ndarray | None

    def run(self) -> Iterator[int]:
        """Compute the tiles; yield after each how many are done."""
        scale = self.upscaler.enlargement.scale
        for done, tile in enumerate(self.tiles, start=1):
            place, own = tile.kept(scale), tile.kept_of_own(scale)
            enlarged = self.upscaler.of_tile(self.colour_before[tile.read])
            self.pixels[place] = enlarged[own]
            if self.alpha is not None and self.alpha_before is not None:
                alpha = self.upscaler.bicubic_of_tile(self.alpha_before[tile.read][..., None])
                self.alpha[place] = alpha[own][..., 0]
            yield done


class Graph:
    """A function of tensors as a graph, traced at its first call, for pictures of any size."""

    def __init__(self, function: Callable[..., Any], *specs: tf.TensorSpec) -> None:
        # Without AutoGraph: there are no Python branches on tensors, and it would read the source
        # files again when the graph is traced, which may be hours after the import.
        self._function = tf.function(function, autograph=False, input_signature=specs)
        self._traced: Callable[..., Any] | None = None

    def __call__(self, *tensors: tf.Tensor) -> Any:
        """Return what the function makes of tensors as the specs say."""
        if self._traced is None:
            # The function itself would warn of many traces where there are many upscalers.
            self._traced = self._function.get_concrete_function()
        return self._traced(*tensors)


def _spec(dtype: tf.DType, channels: int) -> tf.TensorSpec:
    return tf.TensorSpec((1, None, None, channels), dtype)

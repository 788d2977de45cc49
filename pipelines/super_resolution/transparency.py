"""Colour where nothing is visible: it must not tint what is.

A transparent pixel has a colour too, white or black mostly, which nobody sees. Enlargement would
mix it into its visible neighbours, and a network's reach is wide. So before a picture is enlarged,
what is hidden takes the colour of the visible pixels around: their mean, weighted by how visible
they are, within the smallest block of 2, 4, 8, ... pixels that holds any. Visible ones keep theirs.
"""

from __future__ import annotations

import numpy as np

# As a fraction of full: at less, a change of the colour is not to be seen.
VISIBLE = 1 / 64


def with_hidden_colours_filled(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return the pixels with other colours where they are hidden; the same array if none are.

    Args:
        pixels: (H, W, C) uint8 or uint16, not blended with alpha. Not modified.
        alpha: (H, W) of the same type, 0 where transparent.
    """
    hidden = alpha < np.iinfo(alpha.dtype).max * VISIBLE
    if not hidden.any() or hidden.all():
        return pixels
    weights = np.where(hidden, 0, alpha).astype(np.float32)
    blocks = [_halved(pixels * weights[..., None], weights[..., None])]
    while not blocks[-1][1].all():  # at the latest, when one block holds all
        blocks.append(_halved(*blocks[-1]))
    sums, weight_sums = blocks.pop()
    colours = sums / weight_sums
    for sums, weight_sums in reversed(blocks):
        some = weight_sums > 0
        coarse = _doubled(colours, some.shape[:2])
        colours = np.where(some, sums / np.where(some, weight_sums, 1), coarse)
    filled = pixels.copy()
    filled[hidden] = np.rint(_doubled(colours, alpha.shape)[hidden])
    return filled


def _halved(sums: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of blocks of 2 x 2 of colours times weights, and of the weights."""
    return _block_sums(sums), _block_sums(weights)


def _block_sums(values: np.ndarray) -> np.ndarray:
    height, width, _ = values.shape
    even = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    # In an order of our own, which an exported graph keeps, too; NumPy's depends on the shape.
    pairs = even[:, 0::2] + even[:, 1::2]
    sums: np.ndarray = pairs[0::2] + pairs[1::2]
    return sums


def _doubled(colours: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Return each block's colour for the up to 2 x 2 that it is made of."""
    return colours.repeat(2, axis=0)[: size[0]].repeat(2, axis=1)[:, : size[1]]

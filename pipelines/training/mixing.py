"""Mixup (arXiv:1710.09412) and CutMix (arXiv:1905.04899): two pictures and their labels in one.

Both papers pair a batch with a shuffled copy of itself. Here the partner of row i is row i XOR 1:
batches are shuffled already, and a process that holds an even share of a batch finds all partners
in it. In a batch of an odd size the last picture stays alone.
"""

from __future__ import annotations

import tensorflow as tf

from pipelines.training.draws import Draws, Purpose, Rows
from pipelines.training.geometry import rectangle


def mix_pairs(
    pixels: tf.Tensor, targets: tf.Tensor, draws: Draws, *, mixup: float, cutmix: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Mix each picture with its partner.

    Args:
        pixels: (N, H, W, C).
        targets: (N, classes), one-hot.
        draws: Of this step.
        mixup: Parameter of the Beta distribution of a picture's own part; 0 for no mixup.
        cutmix: The same for CutMix; with both, each picture is mixed by one or the other, at equal
            odds.

    Returns:
        Both, of the same shapes; targets are mixed as the pixels are.
    """
    _check_share(pixels, draws.rows)
    height, width = pixels.shape[1], pixels.shape[2]
    own, kept = _mixed(draws, mixup) if mixup else _cut(draws, cutmix, height, width)
    if mixup and cutmix:
        cut_own, cut_kept = _cut(draws, cutmix, height, width)
        cuts = draws.uniform(Purpose.MIXUP_OR_CUTMIX, 1)[0] < 0.5
        own = tf.where(cuts[:, None, None, None], cut_own, own)
        kept = tf.where(cuts, cut_kept, kept)
    other = _partner(draws.count)
    kept = kept[:, None]
    return (
        own * pixels + (1 - own) * tf.gather(pixels, other),
        kept * targets + (1 - kept) * tf.gather(targets, other),
    )


def _mixed(draws: Draws, concentration: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the picture's own part at each pixel, (N, 1, 1, 1), and on the whole, (N,)."""
    kept = draws.beta(Purpose.MIXUP, concentration)
    return kept[:, None, None, None], kept


def _cut(
    draws: Draws, concentration: float, height: int, width: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the picture's own part at each pixel, (N, H, W, 1) of 0 and 1, and on the whole."""
    side = tf.sqrt(1 - draws.beta(Purpose.CUTMIX, concentration))[:, None]
    centre = draws.uniform(Purpose.CUTMIX_PLACE, 2)[..., None]
    hole = rectangle(centre, (side * height, side * width), height, width)
    own = 1 - tf.cast(hole, tf.float32)
    return own, tf.reduce_mean(own, axis=(1, 2, 3))  # the box may lie partly outside


def _partner(count: tf.Tensor) -> tf.Tensor:
    rows = tf.range(count)
    other = tf.bitwise.bitwise_xor(rows, 1)
    return tf.where(other < count, other, rows)


def _check_share(pixels: tf.Tensor, rows: Rows | None) -> None:
    if rows is None:
        return
    (first, total), count = rows, pixels.shape[0]
    ends_inside = count is not None and first + count != total
    if first % 2 or (ends_inside and count % 2):
        raise ValueError(
            "a share of a mixed batch must begin at an even row and have an even number; got "
            f"{count} rows from {first} of {total}; choose another batch size or number of workers"
        )

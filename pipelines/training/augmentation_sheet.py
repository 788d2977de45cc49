"""A sheet that shows what an augmentation does: a picture a row, then changed versions of it."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFont

from pipelines.training.augmentation import Augmentation

VARIANTS = 8
CELL_PX = 112  # pictures are enlarged by a whole factor to about this size
GAP_PX = 4
LINE_PX = 15
GROUND = "lightgrey"  # neither a white sky nor a black border is lost in it


def draw_augmentation(
    augment: Augmentation,
    images: np.ndarray,
    path: str | os.PathLike[str],
    *,
    seed: int = 0,
    labels: Sequence[str] | None = None,
    variants: int = VARIANTS,
) -> None:
    """Draw pictures and their changes, the original at the left, into a PNG file.

    Mixup and CutMix mix neighbouring rows; the text below then tells the labels' parts.

    Args:
        augment: The changes.
        images: (N, H, W, C) uint8, a few; of one size.
        path: The file.
        seed: Determines the changes, as in a training.
        labels: A name for each picture.
        variants: How many changes a picture.
    """
    if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
        raise ValueError(f"images must be (N, H, W, C) uint8; got {images.shape} {images.dtype}")
    if labels is not None and len(labels) != len(images):
        raise ValueError(f"{len(images)} images must have as many labels; got {len(labels)}")
    names = [""] * len(images) if labels is None else list(labels)
    columns = [(images, names)]
    for step in range(variants):
        pixels, parts = _changed(augment, images, seed, step)
        columns.append((pixels, [_mixture(row, names) for row in parts]))
    _sheet(columns, with_text=labels is not None).save(os.fspath(path), format="PNG")


def _changed(
    augment: Augmentation, images: np.ndarray, seed: int, step: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures as in step `step`, uint8, and the part that each has of each (N, N)."""
    key = tf.constant([seed, step], tf.int64)
    pixels = tf.constant(images, tf.float32) / 255.0
    swapped = tf.fill([len(images)], step % 2 == 1)
    pixels = augment(pixels, key, swapped=swapped)
    pixels, parts = augment.mix(pixels, tf.eye(len(images)), key)
    return np.clip(np.round(pixels.numpy() * 255), 0, 255).astype(np.uint8), parts.numpy()


def _mixture(parts: np.ndarray, names: Sequence[str]) -> str:
    order = [int(i) for i in np.argsort(-parts) if parts[i] >= 0.005]
    if len(order) == 1:
        return names[order[0]]
    return "\n".join(f"{parts[i]:.0%} {names[i]}" for i in order)


def _sheet(columns: Sequence[tuple[np.ndarray, Sequence[str]]], *, with_text: bool) -> Image.Image:
    count, height, width, channels = columns[0][0].shape
    factor = max(1, round(CELL_PX / max(height, width)))
    across, down = width * factor, height * factor
    lines = max(1 + name.count("\n") for _, names in columns for name in names)
    text = lines * LINE_PX if with_text else 0
    size = (GAP_PX + len(columns) * (across + GAP_PX), GAP_PX + count * (down + text + GAP_PX))
    sheet = Image.new("RGB", size, GROUND)
    font = ImageFont.load_default(LINE_PX - 3)
    for column, (pixels, names) in enumerate(columns):
        for row in range(count):
            place = (GAP_PX + column * (across + GAP_PX), GAP_PX + row * (down + text + GAP_PX))
            picture = pixels[row, :, :, 0] if channels == 1 else pixels[row]
            cell = Image.new("RGB", (across, down + text), GROUND)
            shown = Image.fromarray(picture).convert("RGB")
            cell.paste(shown.resize((across, down), Image.Resampling.NEAREST))
            if with_text:
                ImageDraw.Draw(cell).text((0, down), names[row], fill="black", font=font)
            sheet.paste(cell, place)  # text that is too long ends at the cell's border
    return sheet

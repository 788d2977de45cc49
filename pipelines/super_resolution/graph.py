"""From a picture's pixels to enlarged ones, as one TensorFlow graph.

The same functions run in the Python pipeline, tile by tile, and inside an exported SavedModel.

A network on luma changes the luma alone: all else is bicubic enlargement. So the picture is
enlarged by bicubic interpolation, and each channel then gets what the network's luma has more than
the bicubic one's. That is the same as to enlarge Y by the network, Cb and Cr by bicubic
interpolation, and to go back to RGB: both ways are linear. A network on RGB gives all three.

Bicubic means Keys' kernel with a = -0.5, and pixels at the edge of the picture repeat outside it,
as in `resampling`. With a whole scale the kernel has `scale` sets of at most five weights, so it is
written out here as sums of shifted pictures. That makes every value the same sum in the same order
wherever it lies, which tiles depend upon: `tf.image.resize` computes places as floats, and at a
scale of 3 it weighs by where a tile begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import tensorflow as tf

from models.spec import SCALES
from pipelines.preprocessing import LUMA
from pipelines.super_resolution.colour import LUMA_OFFSET, LUMA_WEIGHTS

Colour = Literal["luma", "rgb"]
COLOURS: tuple[Colour, ...] = get_args(Colour)
CUBIC_PX = 2  # how far the bicubic kernel reaches to each side, in pixels before enlargement
LUMA_SPAN = float(LUMA_WEIGHTS.sum())  # 219 / 255, from black to white
WHITE = {tf.uint8: 255.0, tf.uint16: 65535.0}

Network = Callable[[tf.Tensor], tf.Tensor]  # (B, H, W, C) to (B, sH, sW, C), floats in [0, 1]


@dataclass(frozen=True)
class Enlargement:
    """What happens to pixels before and after a network.

    Attributes:
        scale: How many times larger, along each side: 2, 3 or 4.
        colour: What the network maps: `luma` or `rgb`.
        enlarged: Whether it takes what bicubic interpolation has enlarged already.
    """

    scale: int
    colour: Colour = "luma"
    enlarged: bool = False

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: One of them is unknown.
        """
        for name, allowed in (("scale", SCALES), ("colour", COLOURS)):
            if getattr(self, name) not in allowed:
                listed = ", ".join(map(str, allowed))
                raise ValueError(f"{name} must be one of {listed}; got {getattr(self, name)!r}")

    @property
    def channels(self) -> int:
        """How many the network has."""
        return 1 if self.colour == "luma" else 3

    def __call__(self, pixels: tf.Tensor, network: Network) -> tf.Tensor:
        """Return pixels (B, H, W, C), uint8 or uint16, C of 3 or 1, enlarged: (B, sH, sW, C)."""
        image, bicubic = self.prepare(pixels)
        return self.finish(bicubic, network(image), pixels.dtype)

    def prepare(self, pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return what the network takes, and the picture that bicubic interpolation enlarged.

        Args:
            pixels: (B, H, W, 3) RGB or (B, H, W, 1) grey, uint8 or uint16.

        Returns:
            (B, H, W, 1) or (B, H, W, 3), or as large as the result where the network wants it so;
            and (B, sH, sW, C), not clipped. Both float32, 1 is white.
        """
        unit = tf.cast(pixels, tf.float32) / WHITE[pixels.dtype]
        bicubic = enlarge_bicubic(unit, self.scale)
        source = bicubic if self.enlarged else unit
        if self.colour == "luma":
            return studio_luma(source), bicubic
        return (tf.repeat(source, 3, axis=-1) if source.shape[-1] == 1 else source), bicubic

    def finish(self, bicubic: tf.Tensor, output: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """Return the enlarged pixels, clipped and rounded to the nearest.

        Args:
            bicubic: As `prepare` gave it.
            output: What the network made of the other thing that `prepare` gave.
            dtype: Of the result: uint8 or uint16.
        """
        if self.colour == "luma":
            values = bicubic + (output - studio_luma(bicubic)) * (1 / LUMA_SPAN)
        elif bicubic.shape[-1] == 1:
            values = _weighted(output, LUMA)  # grey as Pillow has it
        else:
            values = output
        return to_pixels(values, dtype)


def enlarge_pixels(pixels: tf.Tensor, scale: int) -> tf.Tensor:
    """Return (B, H, W, C) uint8 or uint16 enlarged by bicubic interpolation: alpha, for one."""
    unit = tf.cast(pixels, tf.float32) / WHITE[pixels.dtype]
    return to_pixels(enlarge_bicubic(unit, scale), pixels.dtype)


def studio_luma(rgb: tf.Tensor) -> tf.Tensor:
    """Map RGB or grey (B, H, W, C) to luma (B, H, W, 1), white being 235 / 255, black 16 / 255."""
    if rgb.shape[-1] == 1:
        return rgb * LUMA_SPAN + LUMA_OFFSET
    return _weighted(rgb, LUMA_WEIGHTS.tolist()) + LUMA_OFFSET


def to_pixels(values: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Return floats, 1 being white, as uint8 or uint16, clipped and rounded to the nearest."""
    white = WHITE[dtype]
    return tf.cast(tf.round(tf.clip_by_value(values * white, 0.0, white)), dtype)


def enlarge_bicubic(image: tf.Tensor, scale: int) -> tf.Tensor:
    """Map (B, H, W, C) float32 to (B, sH, sW, C); not clipped: it overshoots at edges."""
    return _along(_along(image, scale, axis=1), scale, axis=2)


def _along(image: tf.Tensor, scale: int, axis: int) -> tf.Tensor:
    """Enlarge along one axis."""
    size = tf.shape(image)[axis]
    first, last = _part(image, axis, 0, 1), _part(image, axis, size - 1, 1)
    around = CUBIC_PX * [first], CUBIC_PX * [last]
    padded = tf.concat([*around[0], image, *around[1]], axis)
    phases = [
        tf.add_n([weight * _part(padded, axis, CUBIC_PX + at, size) for at, weight in weights])
        for weights in cubic_weights(scale)
    ]
    shape = tf.unstack(tf.shape(image))
    shape[axis] *= scale
    shuffled = tf.reshape(tf.stack(phases, axis + 1), shape)
    return tf.ensure_shape(shuffled, (*image.shape[:1], None, None, image.shape[-1]))


def _part(image: tf.Tensor, axis: int, start: tf.Tensor | int, size: tf.Tensor | int) -> tf.Tensor:
    """Return `size` rows (axis 1) or columns (axis 2) from `start` on."""
    return image[:, start : start + size] if axis == 1 else image[:, :, start : start + size]


def cubic_weights(scale: int) -> list[list[tuple[int, float]]]:
    """Return, for each of the `scale` pixels that come of one, the pixels it is a sum of.

    Each as (pixels from that one, weight); weights of 0 are left out.
    """
    phases = []
    for phase in range(scale):
        place = (phase + 0.5) / scale - 0.5  # in pixels, from the middle of the one
        every = [(at, _keys(place - at)) for at in range(-CUBIC_PX, CUBIC_PX + 1)]
        phases.append([(at, weight) for at, weight in every if weight])
    return phases


def _keys(distance: float, a: float = -0.5) -> float:
    """Return Keys' kernel (doi:10.1109/TASSP.1981.1163711), equation 15."""
    x = abs(distance)
    if x >= 2:
        return 0.0
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4)


def _weighted(image: tf.Tensor, weights: tuple[float, ...] | list[float]) -> tf.Tensor:
    """Return the weighted sum of three channels, (B, H, W, 1)."""
    # Three slices: a reduction over an axis of three takes three times as long.
    return tf.add_n([image[..., c : c + 1] * weights[c] for c in range(3)])

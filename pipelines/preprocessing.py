"""From a picture to a network's input, as one TensorFlow graph.

The same functions run in the Python pipeline and inside an exported SavedModel. What is done is
data (`ImagePreprocessing`), stored with a preset as `preprocessor.json`; a mean picture or a
whitening matrix lies beside it in a file of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from models.words import suggest
from pipelines.object_fitting import place_object, resize
from pipelines.presets import PREPROCESSOR, Preset, PresetError
from pipelines.standardisation import EPSILON, KINDS_WITH_ARRAYS, PixelMap, fit_standardisation
from pipelines.standardisation import Kind as StandardisationKind

Fit = Literal["stretch", "crop", "pad", "object"]
Polarity = Literal["as_is", "light_on_dark"]
ChannelOrder = Literal["rgb", "bgr"]
Convention = Literal["caffe", "torch", "tf"]

# ITU-R BT.601 in Pillow's rounding: exact in float32, so that R = G = B keeps its value.
LUMA = (19595 / 65536, 38470 / 65536, 7471 / 65536)

# What networks trained on ImageNet read, by keras.applications' names of the conventions. The
# figures are means, and for PyTorch deviations, of ImageNet's training pictures.
_TORCH_MEAN, _TORCH_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CONVENTIONS: Mapping[Convention, Mapping[str, Any]] = MappingProxyType(
    {
        "caffe": {
            "channel_order": "bgr",
            "scale": (255.0,),
            "offset": (-103.939, -116.779, -123.68),
        },
        "torch": {
            "scale": tuple(1 / d for d in _TORCH_DEVIATION),
            "offset": tuple(-m / d for m, d in zip(_TORCH_MEAN, _TORCH_DEVIATION, strict=True)),
        },
        "tf": {"scale": (2.0,), "offset": (-1.0,)},
    }
)


@dataclass(frozen=True, kw_only=True)
class ImagePreprocessing:
    """How a picture becomes a network's input.

    Attributes:
        height_px: Height of the picture that is fitted, without the margin.
        width_px: Its width.
        channels: 3 for RGB, 1 for luma.
        fit: How a picture of another size is fitted. `stretch` changes the aspect; `crop` scales
            the shorter side and cuts the middle out; `pad` scales the longer side and fills up
            with black; `object` finds the drawn object, scales it to `object_fraction` of the
            height and centres it, which is how MNIST was made. A picture that has the right size
            already is taken as it is.
        polarity: `light_on_dark` inverts a picture whose border is light.
        object_fraction: The object's longer side as a fraction of `height_px` (`object` only).
        object_centre: What is put in the middle: the centre of `mass`, or of the bounding `box`.
        margin_px: Black border added on every side after fitting.
        scale: Input = pixel in [0, 1] times scale plus offset; one value, or one a channel, in
            `channel_order`.
        offset: See `scale`.
        channel_order: How the network takes colours: as RGB or as BGR.
        pixel_map: What is done after scale and offset: a mean picture is subtracted, or the
            picture is whitened (`pipelines.standardisation`).
    """

    height_px: int
    width_px: int
    channels: int = 3
    fit: Fit = "crop"
    polarity: Polarity = "as_is"
    object_fraction: float = 1.0
    object_centre: Literal["mass", "box"] = "box"
    margin_px: int = 0
    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    channel_order: ChannelOrder = "rgb"
    pixel_map: PixelMap | None = None

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """What the network takes: (H, W, C) with the margin."""
        margin = 2 * self.margin_px
        return (self.height_px + margin, self.width_px + margin, self.channels)

    def to_dict(self) -> dict[str, Any]:
        """Return what a `preprocessor.json` holds; of a pixel map it states the kind only."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.channel_order == "rgb":
            del values["channel_order"]  # files written before there was a choice stay the same
        pixel_map = values.pop("pixel_map")
        if pixel_map is not None:
            values["pixel_map"] = pixel_map.kind
        return values

    def to_json(self) -> str:
        """Return `to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def standardised(
        self, kind: StandardisationKind, images: np.ndarray, *, epsilon: float = EPSILON
    ) -> ImagePreprocessing:
        """Return this preprocessing with scale, offset and pixel map measured on pictures.

        Args:
            kind: What the network shall get: `mean_channel`, `mean_image`, `standard`, `pca` or
                `zca`, see `pipelines.standardisation`.
            images: (N, H, W, C) uint8, the training pictures as they are fitted, without the
                margin; in memory or an `np.memmap`.
            epsilon: See `fit_standardisation`.

        Raises:
            ValueError: The pictures do not fit, or a matrix would be too large.
        """
        expected = (self.height_px, self.width_px, self.channels)
        if tuple(images.shape[1:]) != expected:
            raise ValueError(f"images must be fitted to {expected}; got {tuple(images.shape[1:])}")
        measured = fit_standardisation(
            kind,
            images,
            epsilon=epsilon,
            margin_px=self.margin_px,
            channel_order=self.channel_order,
        )
        return replace(
            self,
            scale=measured.scale,
            offset=measured.offset,
            pixel_map=measured.pixel_map,
        )

    @classmethod
    def imagenet(
        cls, convention: Convention, height_px: int = 224, width_px: int = 224
    ) -> ImagePreprocessing:
        """Return how a network that was trained on ImageNet wants its pictures.

        The middle of a picture, cut to the target's aspect, is scaled bilinearly with
        antialiasing, as `keras.utils.load_img` does with `keep_aspect_ratio=True` and bilinear
        interpolation.

        Args:
            convention: Whose weights: `caffe` for Keras's VGG and ResNet (BGR less the mean),
                `torch` for Keras's DenseNet and all of torchvision's and timm's (mean 0, deviation
                1), `tf` for Keras's NASNet (-1 to 1).
            height_px: What the network takes.
            width_px: What the network takes.

        Raises:
            ValueError: Unknown convention.
        """
        if convention not in CONVENTIONS:
            raise ValueError(
                f"unknown convention {convention!r}; {suggest(convention, CONVENTIONS)}"
            )
        return cls(height_px=height_px, width_px=width_px, **CONVENTIONS[convention])

    @classmethod
    def from_preset(cls, preset: Preset) -> ImagePreprocessing:
        """Return how a preset wants its pictures.

        Raises:
            PresetError: Its `preprocessor.json` or the array beside it is not of this kind.
        """
        values, pixel_map = preset.preprocessor, preset.pixel_map
        try:
            return cls.from_dict(values, pixel_map)
        except (ValueError, TypeError) as error:
            raise PresetError(f"preset {preset.name!r}: {PREPROCESSOR}: {error}") from error

    @classmethod
    def from_json(cls, text: str, pixel_map: np.ndarray | None = None) -> ImagePreprocessing:
        """Read the text of a `preprocessor.json`; see `from_dict`.

        Raises:
            ValueError: It is not JSON, or not what `from_dict` takes.
        """
        return cls.from_dict(json.loads(text), pixel_map)

    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], pixel_map: np.ndarray | None = None
    ) -> ImagePreprocessing:
        """Take what a `preprocessor.json` holds.

        Args:
            values: As `to_dict` returns them.
            pixel_map: The array that belongs to it, from `PixelMap.to_array`, where it states one.

        Raises:
            ValueError: A value is missing, unknown or out of range.
        """
        known = {f.name for f in fields(cls)}
        if not isinstance(values, Mapping) or not {"height_px", "width_px"} <= set(values) <= known:
            raise ValueError(f"preprocessing takes {sorted(known)}; got {values!r}")
        plain: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        kind = plain.pop("pixel_map", None)
        plan = cls(**plain)
        if (kind is None) != (pixel_map is None) or kind not in (None, *KINDS_WITH_ARRAYS):
            raise ValueError(
                f"pixel_map must be one of {KINDS_WITH_ARRAYS} and have its array; got {kind!r} "
                f"{'with' if pixel_map is not None else 'without'} one"
            )
        if pixel_map is None:
            return plan
        return replace(plan, pixel_map=PixelMap.from_array(kind, pixel_map, plan.input_shape))

    def __post_init__(self) -> None:
        """Check the ranges."""
        choices = {
            "channels": (1, 3),
            "fit": ("stretch", "crop", "pad", "object"),
            "polarity": ("as_is", "light_on_dark"),
            "object_centre": ("mass", "box"),
            "channel_order": ("rgb", "bgr") if self.channels == 3 else ("rgb",),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}; got {getattr(self, name)!r}")
        if not (1 <= self.height_px <= 8192 and 1 <= self.width_px <= 8192):
            raise ValueError(
                f"height_px and width_px must be 1 to 8192; got {self.height_px}, {self.width_px}"
            )
        for name in ("scale", "offset"):
            if len(getattr(self, name)) not in (1, self.channels):
                raise ValueError(f"{name} must have 1 or {self.channels} values; got {self!r}")
        if self.pixel_map is not None and self.pixel_map.mean.shape != self.input_shape:
            raise ValueError(
                f"the pixel map must be for {self.input_shape}; got {self.pixel_map.mean.shape}"
            )


def fit_pictures(plan: ImagePreprocessing, pictures: tf.Tensor) -> tf.Tensor:
    """Return what the network sees, before scaling: (N, H, W, C) float32 in [0, 1].

    Args:
        plan: How to fit.
        pictures: (N, h, w, 3 or 1) uint8 of any one size.
    """
    invert = _light_grounds(plan, pictures) if plan.polarity == "light_on_dark" else None
    target = (plan.height_px, plan.width_px)
    shape = tf.shape(pictures)
    fits = tf.logical_and(shape[1] == target[0], shape[2] == target[1])
    # Resizing, colour and polarity are all linear: the smaller picture goes through the latter two.
    x = tf.cond(
        fits,
        lambda: _to_unit(plan, pictures, invert),
        lambda: _FITS[plan.fit](plan, pictures, invert),
    )
    x = tf.ensure_shape(x, (None, *target, plan.channels))
    margin = plan.margin_px
    return tf.pad(x, [[0, 0], [margin, margin], [margin, margin], [0, 0]]) if margin else x


def scale_pixels(plan: ImagePreprocessing, pixels: tf.Tensor) -> tf.Tensor:
    """Map fitted pixels (N, H, W, C) in [0, 1], RGB, to what the network was trained on."""
    if plan.channel_order == "bgr":
        pixels = pixels[..., ::-1]
    if set(plan.scale) != {1.0} or set(plan.offset) != {0.0}:
        pixels = pixels * tf.constant(plan.scale) + tf.constant(plan.offset)
    return pixels if plan.pixel_map is None else plan.pixel_map(pixels)


def _light_grounds(plan: ImagePreprocessing, pictures: tf.Tensor) -> tf.Tensor:
    """Return 1.0 for each picture whose border is lighter than middle grey, else 0.0; (N,)."""
    edges = [pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]]
    border = _to_unit(plan, tf.concat(edges, axis=1)[:, :, None], None)
    return tf.cast(tf.reduce_mean(border, axis=(1, 2, 3)) > 0.5, tf.float32)


def _to_unit(plan: ImagePreprocessing, pixels: tf.Tensor, invert: tf.Tensor | None) -> tf.Tensor:
    """Map pixels (N, h, w, 3 or 1) in [0, 255] to [0, 1] in the plan's channels and polarity."""
    x = tf.cast(pixels, tf.float32)
    if plan.channels == 1 and x.shape[-1] == 3:
        # Three slices: a reduction over an axis of three takes three times as long.
        x = tf.add_n([x[..., c : c + 1] * LUMA[c] for c in range(3)])
    elif plan.channels == 3 and x.shape[-1] == 1:
        x = tf.repeat(x, 3, axis=-1)
    if invert is not None:
        x = tf.abs(x - 255.0 * invert[:, None, None, None])
    return x / 255.0


def _stretch(plan: ImagePreprocessing, pictures: tf.Tensor, invert: tf.Tensor | None) -> tf.Tensor:
    """Scale to the target, whatever becomes of the aspect."""
    return _to_unit(plan, resize(pictures, plan.height_px, plan.width_px), invert)


def _crop(plan: ImagePreprocessing, pictures: tf.Tensor, invert: tf.Tensor | None) -> tf.Tensor:
    """Cut the middle that has the target's aspect, then scale it."""
    size = tf.cast(tf.shape(pictures)[1:3], tf.float32)
    target = tf.constant((plan.height_px, plan.width_px), tf.float32)
    cut = tf.maximum(tf.cast(tf.round(target * tf.reduce_min(size / target)), tf.int32), 1)
    top = (tf.shape(pictures)[1:3] - cut) // 2
    middle = pictures[:, top[0] : top[0] + cut[0], top[1] : top[1] + cut[1]]
    return _stretch(plan, middle, invert)


def _pad(plan: ImagePreprocessing, pictures: tf.Tensor, invert: tf.Tensor | None) -> tf.Tensor:
    """Scale the whole picture to fit, and fill the rest with black."""
    size = tf.cast(tf.shape(pictures)[1:3], tf.float32)
    target = tf.constant((plan.height_px, plan.width_px), tf.float32)
    inner = tf.maximum(tf.cast(tf.round(size * tf.reduce_min(target / size)), tf.int32), 1)
    small = _to_unit(plan, resize(pictures, inner[0], inner[1]), invert)
    top = (tf.constant((plan.height_px, plan.width_px)) - inner) // 2
    return tf.image.pad_to_bounding_box(small, top[0], top[1], plan.height_px, plan.width_px)


def _objects(plan: ImagePreprocessing, pictures: tf.Tensor, invert: tf.Tensor | None) -> tf.Tensor:
    """Find the object of each picture, scale it, and centre it."""
    shape = tf.TensorSpec((plan.height_px, plan.width_px, plan.channels), tf.float32)
    unit = _to_unit(plan, pictures, invert)
    return tf.map_fn(lambda image: place_object(plan, image), unit, fn_output_signature=shape)


_FITS = {"stretch": _stretch, "crop": _crop, "pad": _pad, "object": _objects}

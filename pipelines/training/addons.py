"""tensorflow-addons' image operations as random changes: the optional extra `addons`.

tensorflow-addons 0.23.0 is the last one; its development ended in May 2024, and it has no build for
Python 3.12 and later. `import tensorflow_addons` fails beside Keras 3: its layers and optimizers
are of Keras 2, and need `TF_USE_LEGACY_KERAS=1` in the whole process. Its image operations are
plain TensorFlow. Only they are imported here, without the package's own start, and with the one
module of Keras 2 replaced that they name in a type. Keras 3, the environment and `sys.modules` stay
as they were.

What works on TensorFlow 2.21 (found by calling each): everything written in Python, such as
`rotate`, `translate`, `shear_x`, `shear_y`, `equalize`, `sharpness`, `sparse_image_warp`,
`dense_image_warp` and the filters. What does not: `resampler`, `connected_components` and
`euclidean_dist_transform`, whose kernels were compiled for TensorFlow 2.15, and `random_cutout`,
whose random numbers were Keras 2's.

`shear_x`, `shear_y`, `equalize` and `sharpness` take one picture at a time. They cost a loop over
the batch; the same changes by `Augmentation`'s own fields do not.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from math import radians
from types import ModuleType
from typing import Any

import keras
import tensorflow as tf

from pipelines.training.draws import Draws, Purpose

PACKAGE = "tensorflow_addons"
FIRST_PYTHON_WITHOUT = (3, 12)
_KERAS_2_MODULE = "keras.src.engine.keras_tensor"

ELASTIC_POINTS = 3  # a side: 9 points inside, and 8 on the border that stay
LEVELS = 255.0  # the operations on colours count in 8-bit levels


class AddonsError(ImportError):
    """tensorflow-addons is not to be had here."""


@dataclass(frozen=True, kw_only=True)
class AddonsChanges:
    """How far tensorflow-addons may change each picture; uniform within plus or minus its limit.

    Attributes:
        rotate_deg: `tfa.image.rotate`, about the centre.
        translate_px: `tfa.image.translate`, along each axis.
        shear_x: `tfa.image.shear_x`, as a tangent, from the top left corner.
        shear_y: `tfa.image.shear_y`, the same.
        elastic_px: `tfa.image.sparse_image_warp`: how far each of nine points moves along each
            axis; the border stays.
        equalize: `tfa.image.equalize`: the probability that a picture's histograms are made even.
        sharpness: `tfa.image.sharpness`: how far the factor may be from 1.
    """

    rotate_deg: float = 0.0
    translate_px: float = 0.0
    shear_x: float = 0.0
    shear_y: float = 0.0
    elastic_px: float = 0.0
    equalize: float = 0.0
    sharpness: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not value >= 0:
                raise ValueError(f"{field.name} must be 0 or more; got {value}")
        for name in ("equalize", "sharpness"):
            if getattr(self, name) > 1:
                raise ValueError(f"{name} must be at most 1; got {getattr(self, name)}")

    def __call__(self, pixels: tf.Tensor, draws: Draws) -> tf.Tensor:
        """Return changed pictures.

        Args:
            pixels: (N, H, W, 3 or 1) float in [0, 1]; the outside of a picture counts as 0.
            draws: Of this step.

        Raises:
            AddonsError: tensorflow-addons is not installed, or has no build for this Python.
        """
        image, shape = image_operations(), pixels.shape
        drawn = draws.uniform(Purpose.ADDONS, 7, -1.0, 1.0)
        if self.rotate_deg:
            angles = radians(self.rotate_deg) * drawn[0]
            pixels = image.rotate(pixels, angles, interpolation="bilinear")
        if self.translate_px:
            moves = self.translate_px * tf.transpose(drawn[1:3])
            pixels = image.translate(pixels, moves, interpolation="bilinear")
        if self.shear_x:
            pixels = _sheared(image.shear_x, pixels, self.shear_x * drawn[3])
        if self.shear_y:
            pixels = _sheared(image.shear_y, pixels, self.shear_y * drawn[4])
        if self.elastic_px:
            pixels = _elastic(image, pixels, self.elastic_px, draws)
        if self.equalize:
            even = image.equalize(tf.cast(tf.round(pixels * LEVELS), tf.int32))
            chosen = (drawn[5] + 1) / 2 < self.equalize
            even = tf.ensure_shape(tf.cast(even, tf.float32) / LEVELS, shape)
            pixels = tf.where(chosen[:, None, None, None], even, pixels)
        if self.sharpness:
            factor = 1 + self.sharpness * drawn[6]
            sharp = _one_by_one(
                lambda item: image.sharpness(item[0][None] * LEVELS, item[1])[0], pixels, factor
            )
            pixels = tf.clip_by_value(sharp / LEVELS, 0.0, 1.0)
        return tf.ensure_shape(pixels, shape)


def _sheared(shear: Any, pixels: tf.Tensor, tangents: tf.Tensor) -> tf.Tensor:
    channels = pixels.shape[-1]
    three = tf.repeat(pixels, 3, axis=-1) if channels == 1 else pixels  # it takes nothing else
    black = tf.zeros(3)
    changed = _one_by_one(lambda item: shear(item[0], item[1], black), three, tangents)
    return changed[..., :channels]


def _one_by_one(change: Any, pixels: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    signature = tf.TensorSpec(pixels.shape[1:], tf.float32)
    return tf.map_fn(change, (pixels, values), fn_output_signature=signature)


def _elastic(image: Any, pixels: tf.Tensor, limit_px: float, draws: Draws) -> tf.Tensor:
    height, width = pixels.shape[1], pixels.shape[2]
    inside = (tf.range(ELASTIC_POINTS, dtype=tf.float32) + 1) / (ELASTIC_POINTS + 1)
    down, across = tf.meshgrid(inside * (height - 1), inside * (width - 1), indexing="ij")
    points = tf.stack([tf.reshape(down, (-1,)), tf.reshape(across, (-1,))], axis=-1)
    drawn = draws.uniform(Purpose.ELASTIC, 2 * ELASTIC_POINTS**2, -limit_px, limit_px)
    moves = tf.reshape(tf.transpose(drawn), (-1, ELASTIC_POINTS**2, 2))
    ends = points[None] + moves
    warped, _ = image.sparse_image_warp(
        pixels, tf.zeros_like(moves) + points, ends, num_boundary_points=2
    )
    return warped


@cache
def image_operations() -> Any:
    """Return the module `tensorflow_addons.image`.

    Raises:
        AddonsError: It is not to be had; the message says why, and what to do.
    """
    reason = why_not(sys.version_info[:2], find_spec(PACKAGE))
    if reason:
        raise AddonsError(reason)
    if PACKAGE in sys.modules:  # somebody has imported it whole
        return importlib.import_module(f"{PACKAGE}.image")
    with _bare_package():
        return importlib.import_module(f"{PACKAGE}.image")


def why_not(python: tuple[int, ...], spec: ModuleSpec | None) -> str:
    """Return why tensorflow-addons cannot be used by that Python; empty if it can."""
    version = ".".join(map(str, python))
    if python >= FIRST_PYTHON_WITHOUT:
        return (
            f"tensorflow-addons has no build for Python {version}, only up to 3.11; use Python "
            "3.11, or Augmentation's own rotation_deg, shift_px, shear and rand_augment"
        )
    if spec is None:
        return "tensorflow-addons is not installed; pip install 'sightsound[addons]'"
    return ""


@contextmanager
def _bare_package() -> Iterator[None]:
    """Let `tensorflow_addons.image` be imported without `tensorflow_addons/__init__.py`."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        raise AddonsError(f"{PACKAGE} must be a package; found {spec}")
    package, engine, tensor = map(ModuleType, (PACKAGE, "keras.src.engine", _KERAS_2_MODULE))
    package.__path__ = list(spec.submodule_search_locations)
    tensor.KerasTensor = keras.KerasTensor  # type: ignore[attr-defined]
    engine.keras_tensor = tensor  # type: ignore[attr-defined]
    before = set(sys.modules)
    sys.modules.update({module.__name__: module for module in (package, engine, tensor)})
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            if name.split(".")[0] == PACKAGE or name in (engine.__name__, tensor.__name__):
                del sys.modules[name]

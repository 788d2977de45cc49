"""How well something fills holes, with every other method on the same crops beside it.

The middle 256 x 256 pixels of each picture get a mask of each kind (`mask_sets`): that of picture
number n, from 0, has the seed n. What is measured is the holes alone, PSNR, SSIM and L1; figures
over the whole picture stand beside them and are called flattering, because they are. Means are over
the pictures, by the kind of mask and by its share of the picture.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from models.catalog import model_info
from models.restoration.context_encoder import ContextEncoderSpec
from models.words import suggest
from pipelines.images import ImageSource, describe_source
from pipelines.inpainting import classical
from pipelines.inpainting.classical import Method, is_installed
from pipelines.inpainting.data import (
    CROP_PX,
    HELD_OUT,
    DataError,
    NamedPicture,
    PictureSet,
    as_pictures,
    center_crop,
)
from pipelines.inpainting.first_fill import first_fill
from pipelines.inpainting.mask_sets import KINDS, Kind, draw_mask
from pipelines.inpainting.metrics import compare
from pipelines.inpainting.middles import middle_method
from pipelines.inpainting.report import HoleScore, InpaintingReport
from pipelines.mapping import with_progress

__all__ = ["HoleScore", "InpaintingReport", "evaluate_inpainting", "network_method"]

HOLE = np.uint8(128)  # in the holes of what methods are given
# Biharmonic takes a second for a broad hole, and is far behind there; it is measured where asked.
BESIDE = ("first_fill", "telea", "ns")


def evaluate_inpainting(
    filler: Method | keras.Model | str,
    data: PictureSet | str | os.PathLike[str] | Sequence[ImageSource] = HELD_OUT,
    *,
    method: str | None = None,
    masks: Sequence[str] = KINDS,
    beside: Sequence[str] | None = None,
    folder: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> InpaintingReport:
    """Measure what fills holes, and classical methods beside it on the same crops.

    Args:
        filler: A function of image (H, W, 3) uint8, grey in its holes, and mask (H, W) bool that
            returns the filled image; a network of the catalog that fills holes, of which context
            encoders know masks of the kind "center" alone; or the name of a classical method.
        data: Pictures, or what `load_pictures` takes, or a list of what `read_image` takes.
        method: What reports call the filler; its own name when None.
        masks: Kinds of masks.
        beside: Names of classical methods; when None the first fill and OpenCV's two, as far as
            they are installed.
        folder: Where a named set lies.
        progress: Whether to print progress on standard error.

    Raises:
        DataError: There are no such pictures, or none could be measured.
        ValueError: An unknown kind of masks or method, or the filler gives another size or type.
        ImportError: A method's package is not installed.
    """
    for kind in masks:
        if kind not in KINDS:
            raise ValueError(f"unknown kind of masks {kind!r}; {suggest(kind, KINDS)}")
    kinds = tuple(kind for kind in KINDS if kind in masks)
    name = method or filler
    if not isinstance(name, str):
        name = str(getattr(filler, "name", "filler"))
    if beside is None:
        beside = [other for other in BESIDE if is_installed(other)]
    beside = [other for other in beside if other != name]
    methods = {name: _as_method(filler)} | {other: classical.method(other) for other in beside}
    pictures = as_pictures(data, folder)
    outcomes: Iterator[list[HoleScore] | Exception] = (
        _measured(picture, number, methods, kinds) for number, picture in enumerate(pictures.read())
    )
    if progress:
        outcomes = with_progress(outcomes, len(pictures), "evaluated")
    scores: list[HoleScore] = []
    failed = []
    for source, outcome in zip(pictures.sources, outcomes, strict=True):
        if isinstance(outcome, Exception):
            failed.append((describe_source(source), str(outcome)))
        else:
            scores += outcome
    if not scores:
        raise DataError(f"{pictures.name}: no picture could be measured; the first: {failed[0][1]}")
    return InpaintingReport(
        method=name,
        beside=tuple(beside),
        data=pictures.name,
        masks=kinds,
        scores=tuple(scores),
        failed=tuple(failed),
    )


def network_method(network: keras.Model) -> Method:
    """Return what fills holes by a network of the catalog, given the first fill.

    The images' sides must be multiples of the network's stride.
    """

    @tf.function(
        input_signature=[tf.TensorSpec((None, None, None, n), tf.float32) for n in (3, 1)],
        autograph=False,
    )
    def fill(image: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        return network({"image": first_fill(image, mask), "mask": mask}, training=False)

    def filled(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        pixels = tf.constant(image[None], tf.float32) / 255.0
        made = np.asarray(fill(pixels, tf.constant(mask[None, ..., None], tf.float32))[0])
        return classical.kept(image, mask, np.rint(made.clip(0.0, 1.0) * 255.0))

    return filled


def _as_method(filler: Method | keras.Model | str) -> Method:
    if isinstance(filler, str):
        return classical.method(filler)
    if not isinstance(filler, keras.Model):
        return filler
    is_middle = isinstance(model_info(filler.name).spec, ContextEncoderSpec)
    return middle_method(filler) if is_middle else network_method(filler)


def _measured(
    picture: NamedPicture | Exception,
    number: int,
    methods: Mapping[str, Method],
    masks: Sequence[Kind],
) -> list[HoleScore] | Exception:
    """Return a picture's figures by all methods with all masks, or why there are none."""
    if isinstance(picture, Exception):
        return picture
    try:
        crop = np.ascontiguousarray(center_crop(picture.pixels))
    except DataError as error:
        return DataError(f"{picture.name}: {error}")
    scores = []
    for kind in masks:
        mask = draw_mask(kind, CROP_PX, CROP_PX, number)
        holed = np.where(mask[..., None], HOLE, crop)  # nobody sees what was there
        for name, fill in methods.items():
            filled = np.asarray(fill(holed.copy(), mask.copy()))
            if filled.shape != crop.shape or filled.dtype != np.uint8:
                raise ValueError(
                    f"{name} must return {crop.shape} uint8; got {filled.shape} {filled.dtype}"
                )
            holes, whole = compare(crop, filled, mask)
            scores.append(HoleScore(picture.name, kind, float(mask.mean()), name, holes, whole))
    return scores

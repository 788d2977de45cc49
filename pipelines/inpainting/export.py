"""An inpainter as a TensorFlow SavedModel, pictures and masks in and PNG files out, and back.

    serving_default   image_bytes (N,) and mask_bytes (N,) strings: JPEG, PNG, WebP, GIF or BMP
                      files, each mask of its picture's size, white where to fill
        png_bytes       (N,) strings: PNG files of the same pictures, their holes filled
        ok              (N,) whether the picture was filled; if not, its `png_bytes` are empty
        height, width   (N,) int32; 0 where there is none

    serve_array       pictures (N, H, W, 3) uint8, RGB, of any one size, and masks (N, H, W) uint8
        filled          (N, H, W, 3) uint8

    serve_network     image (1, H, W, 3) and mask (1, H, W, 1) float32, see `graph`: the network,
                      for `ExportedInpainter`
        filled          what it makes of them

The graphs are the pipeline's own, and so are the crops, so on one machine `serve_array` gives its
pixels bit for bit. So does `serving_default`, with alpha, of 8 and of 16 bits, of whatever
TensorFlow decodes as Python does (`pipelines.graph_decoding` tells what it does not); pixels where
the mask is black are those of the file. Grey is told by the pixels and not by the file: a file in
colours that holds nothing else is filled with grey. Where nothing is masked, the picture comes back
as it is. A JPEG's orientation is applied; colour profiles and EXIF are left out, as TensorFlow does
not read them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from pipelines.calling import failure
from pipelines.export import ARRAY_ENDPOINT, BYTES_ENDPOINT, SavedModel, new_saved_model
from pipelines.graph_decoding import guarded, is_deep
from pipelines.images import Limits, describe_source, read_image
from pipelines.inpainting.filler import AUTO, NETWORK, NONE, Filler
from pipelines.inpainting.graph import Graphs, as_network
from pipelines.inpainting.graph_filling import PICTURE, decode_pair, fill_holes
from pipelines.inpainting.masks import FULL, read_mask
from pipelines.inpainting.picture_inpainter import (
    ALL_MASKED,
    NOTHING_MASKED,
    Outcome,
    PictureInpainter,
)
from pipelines.inpainting_results import InpaintedImage
from pipelines.picture import refusal

if TYPE_CHECKING:
    import keras

TASK = "inpainting"
ANY_SIZE = Limits(max_pixels=sys.maxsize, max_bytes=sys.maxsize)  # of what was made here
NETWORK_ENDPOINT = "serve_network"
UNFILLED = (
    "TensorFlow cannot decode it or its mask, or they differ in size; pass whole JPEG, PNG, WebP, "
    "GIF, or plain BMP files, and masks whose white is 255"
)
DEPTHS = (tf.uint8, tf.uint16)
# What a picture may be: its depth, whether it is grey, and whether something is transparent.
KINDS = [(depth, *kind) for depth in DEPTHS for kind in product((False, True), repeat=2)]


def export_inpainter(
    folder: str | os.PathLike[str],
    *,
    network: keras.Model,
    stride: int,
    preset: str,
    metadata: Mapping[str, Any],
    overwrite: bool = False,
) -> Path:
    """Write `folder/1/`, whole or not at all, and return `folder`.

    Args:
        folder: Where.
        network: What fills holes. Its weights are written as they are now.
        stride: What the sides of its images must be multiples of.
        preset: What results call the inpainter.
        metadata: What its preset states of itself.
        overwrite: Whether a SavedModel may be replaced.

    Raises:
        FileExistsError: `folder/1` exists and may not be replaced.
    """
    card = {"task": TASK, "preset": preset, "stride": stride, "metadata": metadata}
    with new_saved_model(folder, card, overwrite=overwrite) as archive:
        served = _Served(network, stride)
        files = [
            tf.TensorSpec((None,), tf.string, name=name) for name in ("image_bytes", "mask_bytes")
        ]
        pictures = tf.TensorSpec((None, None, None, 3), tf.uint8, name="pictures")
        masks = tf.TensorSpec((None, None, None), tf.uint8, name="masks")
        image = tf.TensorSpec((1, None, None, 3), tf.float32, name="image")
        mask = tf.TensorSpec((1, None, None, 1), tf.float32, name="mask")
        archive.add_endpoint(BYTES_ENDPOINT, served.files, files)
        archive.add_endpoint(ARRAY_ENDPOINT, served.arrays, [pictures, masks])
        archive.add_endpoint(NETWORK_ENDPOINT, served.network_alone, [image, mask])
    return Path(folder)


class ExportedInpainter(PictureInpainter):
    """A SavedModel, called as the pipeline that it was written from.

    The SavedModel computes the network; all else is the pipeline's, classical methods too.

    Attributes:
        endpoints: The functions of the SavedModel by name, tensors in and out.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Load a folder that `export_inpainter` wrote.

        Raises:
            ExportError: It is something else.
        """
        self._saved = SavedModel(folder, TASK, needs=("stride",))
        card, self.endpoints = self._saved.card, self._saved.endpoints
        filler = Filler(self._network, int(card["stride"]))
        super().__init__(filler, AUTO, str(card["preset"]), card["metadata"])

    def _network(self, image: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        return self.endpoints[NETWORK_ENDPOINT](image=image, mask=mask)["filled"]

    def serve_bytes(self, images: Sequence[bytes], masks: Sequence[bytes]) -> list[Outcome]:
        """Fill encoded pictures as a server does: TensorFlow decodes, fills and encodes.

        Args:
            images: The bytes of JPEG, PNG, WebP, GIF or BMP files.
            masks: As many, each of its picture's size.

        Returns:
            A result for each; a `FailedResult` for what cannot be decoded.

        Raises:
            ValueError: There are not as many masks as images.
        """
        if len(images) != len(masks):
            raise ValueError(
                f"there must be a mask for each image; got {len(masks)} for {len(images)}"
            )
        if not images:
            return []
        start = time.perf_counter()
        given = (tf.constant(files, tf.string) for files in (images, masks))
        inputs = dict(zip(("image_bytes", "mask_bytes"), given, strict=True))
        answer = self.endpoints[BYTES_ENDPOINT](**inputs)
        share_ms = (time.perf_counter() - start) * 1000 / len(images)
        rows = zip(images, masks, answer["png_bytes"].numpy(), answer["ok"].numpy(), strict=True)
        return [self._served(*row, share_ms) for row in rows]

    def _served(self, image: bytes, mask: bytes, png: bytes, ok: bool, share_ms: float) -> Outcome:
        name = describe_source(image)
        if not ok:
            return failure(name, refusal(name, UNFILLED), self.preset)
        found = read_image(png, limits=ANY_SIZE)
        share = float((read_mask(mask, limits=ANY_SIZE) > 0).mean())
        return InpaintedImage(
            source=name,
            preset=self.preset,
            timing_ms=share_ms,
            pixels=found.pixels[..., :1] if found.grey else found.pixels,
            alpha=found.alpha,
            original=read_image(image, limits=ANY_SIZE),
            method=NETWORK if share else NONE,
            share=share,
            warning={0.0: NOTHING_MASKED, 1.0: ALL_MASKED}.get(share, ""),
        )


class _Served:
    """What the endpoints compute."""

    def __init__(self, network: keras.Model, stride: int) -> None:
        self.network = as_network(network)
        fill = partial(fill_holes, graphs=Graphs(stride), network=self.network)
        # Graphs of their own, so that all endpoints share them.
        self.fill = tf.function(fill, autograph=False, input_signature=PICTURE)
        files = tf.TensorSpec((2,), tf.string)
        self.decode = tf.function(decode_pair, autograph=False, input_signature=[files])

    def files(self, image_bytes: tf.Tensor, mask_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Fill encoded pictures, one after the other: they differ in size."""
        types = {"png_bytes": tf.string, "ok": tf.bool, "height": tf.int32, "width": tf.int32}
        signature = {name: tf.TensorSpec((), dtype) for name, dtype in types.items()}
        answer: dict[str, tf.Tensor] = tf.map_fn(
            lambda pair: self._file(*pair),
            (image_bytes, mask_bytes),
            fn_output_signature=signature,
            parallel_iterations=1,
        )
        return answer

    def arrays(self, pictures: tf.Tensor, masks: tf.Tensor) -> dict[str, tf.Tensor]:
        """Fill pictures of one size."""

        def filled(pair: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            rgb, mask = (tf.cast(values, tf.uint16) for values in pair)
            rgba = tf.concat([rgb, tf.zeros_like(rgb[..., :1]) + np.uint16(255)], -1)
            made = self.fill(
                rgba,
                mask * np.uint16(FULL // 255),
                tf.constant(255.0),
                tf.constant(False),
                tf.constant(False),
            )
            return tf.cast(made[..., :3], tf.uint8)

        made = tf.TensorSpec((None, None, 3), tf.uint8)
        pairs = (pictures, masks)
        return {"filled": tf.map_fn(filled, pairs, fn_output_signature=made, parallel_iterations=1)}

    def network_alone(self, image: tf.Tensor, mask: tf.Tensor) -> dict[str, tf.Tensor]:
        """Compute the network."""
        return {"filled": self.network(image, mask)}

    def _file(self, image: tf.Tensor, mask: tf.Tensor) -> dict[str, tf.Tensor]:
        """Fill an encoded picture, which may be damaged, and so may its mask."""
        nothing = tf.zeros((1, 1, 5), tf.uint16)
        layers, ok = guarded(self.decode, tf.stack([image, mask]), nothing)
        rgba, holes = layers[..., :4], layers[..., 4]
        deep = is_deep(image)
        transparent = tf.reduce_any(tf.cast(rgba[..., 3], tf.int32) < FULL)
        grey = tf.reduce_all(rgba[..., :1] == rgba[..., 1:3])
        rgba = tf.where(deep, rgba, rgba // np.uint16(FULL // 255))
        levels = tf.where(deep, float(FULL), 255.0)
        made = self.fill(rgba, holes, levels, grey, transparent)
        place = tf.where(deep, 4, 0) + tf.where(grey, 2, 0) + tf.where(transparent, 1, 0)
        png = tf.switch_case(place, [partial(_png, made, *kind) for kind in KINDS])
        size = tf.where(ok, tf.shape(rgba)[:2], 0)
        return {"png_bytes": tf.where(ok, png, ""), "ok": ok, "height": size[0], "width": size[1]}


def _png(rgba: tf.Tensor, depth: tf.DType, grey: bool, transparent: bool) -> tf.Tensor:
    """Return the PNG file of (H, W, 4) uint16, with no more layers than it has."""
    rgba = tf.cast(rgba, depth)
    colour = rgba[..., :1] if grey else rgba[..., :3]
    return tf.io.encode_png(tf.concat([colour, rgba[..., 3:]], -1) if transparent else colour)

"""An upscaler as a TensorFlow SavedModel, encoded pictures in and PNG files out, and back.

    serving_default   image_bytes (N,) strings: JPEG, PNG, WebP, GIF or BMP files of any sizes
        png_bytes       (N,) strings: PNG files of the same pictures, `scale` times as large
        ok              (N,) whether the picture was enlarged; if not, its `png_bytes` are empty
        height, width   (N,) int32, of the enlarged picture; 0 where there is none

    serve_array       pictures (N, H, W, 3) uint8, RGB, of any one size
        enlarged        (N, sH, sW, 3) uint8

    serve_network     image (1, H, W, C) float32, see `graph`: the network, for `ExportedUpscaler`
        enlarged        what it makes of it

The graphs are the pipeline's own, on tiles of the same size, so on one machine `serve_array` gives
its pixels bit for bit. So does `serving_default`, with alpha, of 8 and of 16 bits, of whatever
TensorFlow decodes as Python does (`pipelines.graph_decoding` tells what it does not). Two things
may move a few values by the least that there is: a network with transposed convolutions (FSRCNN),
which do not round alike at every call; and grey, which is told by the pixels and not by the file,
where a file in colours holds nothing else. A JPEG's orientation is applied; colour profiles and
EXIF are left out, as TensorFlow does not read them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from pipelines.calling import failure
from pipelines.engines import Engine
from pipelines.export import (
    ARRAY_ENDPOINT,
    BYTES_ENDPOINT,
    UNDECODED,
    SavedModel,
    new_saved_model,
)
from pipelines.graph_decoding import decode_rgba, guarded, is_deep
from pipelines.images import Limits, describe_source, read_image
from pipelines.picture import refusal
from pipelines.results import UpscaledImage
from pipelines.super_resolution.graph import Enlargement, enlarge_pixels
from pipelines.super_resolution.graph_tiling import enlarge_in_tiles
from pipelines.super_resolution.graph_transparency import with_hidden_colours_filled
from pipelines.super_resolution.picture_upscaler import Outcome, PictureUpscaler
from pipelines.super_resolution.tiling import Needs
from pipelines.super_resolution.upscaler import Upscaler

if TYPE_CHECKING:
    import keras

TASK = "super-resolution"
ANY_SIZE = Limits(max_pixels=sys.maxsize, max_bytes=sys.maxsize)  # of what was made here
NETWORK_ENDPOINT = "serve_network"
MOST_VALUES = 2**31 - 1  # of a picture that TensorFlow writes as PNG
DEPTHS = (tf.uint8, tf.uint16)
# What a picture may be: its depth, whether it is grey, and whether something is transparent.
KINDS = [(depth, *kind) for depth in DEPTHS for kind in product((False, True), repeat=2)]


def export_upscaler(
    folder: str | os.PathLike[str],
    *,
    network: keras.Model,
    enlargement: Enlargement,
    needs: Needs,
    preset: str,
    metadata: Mapping[str, Any],
    overwrite: bool = False,
) -> Path:
    """Write `folder/1/`, whole or not at all, and return `folder`.

    Args:
        folder: Where.
        network: What enlarges. Its weights are written as they are now.
        enlargement: How it is used.
        needs: What it needs of tiles.
        preset: What results call the upscaler.
        metadata: What its preset states of itself.
        overwrite: Whether a SavedModel may be replaced.

    Raises:
        FileExistsError: `folder/1` exists and may not be replaced.
    """
    card = {
        "task": TASK,
        "preset": preset,
        "enlargement": asdict(enlargement),
        "needs": asdict(needs),
        "metadata": metadata,
    }
    with new_saved_model(folder, card, overwrite=overwrite) as archive:
        engine = Engine("tensorflow", network)
        engine.watched = False  # in a graph, nobody can look whether weights have changed
        engine(tf.zeros((1, 1, 1, enlargement.channels)))  # compiles it
        graphs = _Graphs(engine, enlargement, needs.overlap_px, needs.usual_side_px)
        files = tf.TensorSpec((None,), tf.string, name="image_bytes")
        pictures = tf.TensorSpec((None, None, None, 3), tf.uint8, name="pictures")
        image = tf.TensorSpec((1, None, None, enlargement.channels), tf.float32, name="image")
        archive.add_endpoint(BYTES_ENDPOINT, graphs.files, [files])
        archive.add_endpoint(ARRAY_ENDPOINT, graphs.arrays, [pictures])
        archive.add_endpoint(NETWORK_ENDPOINT, graphs.network_alone, [image])
    return Path(folder)


class ExportedUpscaler(PictureUpscaler):
    """A SavedModel, called as the pipeline that it was written from.

    The SavedModel computes the network; all else is the pipeline's, tiles and metadata too.

    Attributes:
        endpoints: The functions of the SavedModel by name, tensors in and out.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Load a folder that `export_upscaler` wrote.

        Raises:
            ExportError: It is something else.
        """
        self._model = SavedModel(folder, TASK, needs=("enlargement", "needs"))
        card, self.endpoints = self._model.card, self._model.endpoints
        enlargement, needs = Enlargement(**card["enlargement"]), Needs(**card["needs"])
        upscaler = Upscaler(self._network, enlargement, needs)
        super().__init__(upscaler, str(card["preset"]), card["metadata"])

    def _network(self, image: tf.Tensor) -> tf.Tensor:
        return self.endpoints[NETWORK_ENDPOINT](image=image)["enlarged"]

    def serve_bytes(self, images: Sequence[bytes]) -> list[Outcome]:
        """Enlarge encoded pictures as a server does: TensorFlow decodes, enlarges and encodes.

        Args:
            images: The bytes of JPEG, PNG, WebP, GIF or BMP files.

        Returns:
            A result for each; a `FailedResult` for what cannot be decoded.
        """
        if not images:
            return []
        start = time.perf_counter()
        answer = self.endpoints[BYTES_ENDPOINT](image_bytes=tf.constant(images, tf.string))
        share_ms = (time.perf_counter() - start) * 1000 / len(images)
        rows = zip(images, answer["png_bytes"].numpy(), answer["ok"].numpy(), strict=True)
        return [self._served(image, png, share_ms, ok=bool(ok)) for image, png, ok in rows]

    def _served(self, image: bytes, png: bytes, share_ms: float, *, ok: bool) -> Outcome:
        name = describe_source(image)
        if not ok:
            return failure(name, refusal(name, UNDECODED), self.preset)
        found = read_image(png, limits=ANY_SIZE)
        return UpscaledImage(
            source=name,
            preset=self.preset,
            timing_ms=share_ms,
            scale=self.scale,
            pixels=found.pixels[..., :1] if found.grey else found.pixels,
            alpha=found.alpha,
            original=read_image(image, limits=ANY_SIZE),
        )


def _kept_apart(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a graph that is not merged with those around it.

    TensorFlow would multiply by 255 within a last convolution, for one: quicker by nothing, and
    rounded otherwise than in the pipeline, whose graphs are apart, too.
    """
    attributes = {"_noinline": True}
    graph: Callable[..., Any] = tf.function(
        function, autograph=False, experimental_attributes=attributes
    )
    return graph


class _Graphs:
    """What the endpoints compute."""

    def __init__(
        self,
        network: Callable[[tf.Tensor], tf.Tensor],
        enlargement: Enlargement,
        overlap_px: int | None,
        side_px: int,
    ) -> None:
        self.enlargement = enlargement
        self.tiles = partial(
            enlarge_in_tiles, scale=enlargement.scale, overlap_px=overlap_px, side_px=side_px
        )
        self.prepare = _kept_apart(enlargement.prepare)
        self.network = _kept_apart(network)
        self.finish = {
            depth: _kept_apart(partial(enlargement.finish, dtype=depth)) for depth in DEPTHS
        }
        self.bicubic = _kept_apart(partial(enlarge_pixels, scale=enlargement.scale))

    def files(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Enlarge encoded pictures, one after the other: they differ in size."""
        types = {"png_bytes": tf.string, "ok": tf.bool, "height": tf.int32, "width": tf.int32}
        signature = {name: tf.TensorSpec((), dtype) for name, dtype in types.items()}
        answer: dict[str, tf.Tensor] = tf.map_fn(
            self._file, image_bytes, fn_output_signature=signature, parallel_iterations=1
        )
        return answer

    def arrays(self, pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        """Enlarge pictures of one size."""
        made = tf.TensorSpec((None, None, 3), tf.uint8)
        enlarge = partial(self._enlarged, transparent=False)
        enlarged = tf.map_fn(enlarge, pictures, fn_output_signature=made, parallel_iterations=1)
        return {"enlarged": enlarged}

    def network_alone(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Compute the network."""
        return {"enlarged": self.network(image)}

    def _file(self, data: tf.Tensor) -> dict[str, tf.Tensor]:
        """Enlarge an encoded picture, which may be damaged."""
        rgba, ok = guarded(self._decode, data, tf.zeros((1, 1, 4), tf.uint16))
        transparent = tf.reduce_any(rgba[..., 3] < DEPTHS[-1].max)
        grey = tf.reduce_all(rgba[..., :1] == rgba[..., 1:3])
        place = tf.where(is_deep(data), 4, 0) + tf.where(grey, 2, 0) + tf.where(transparent, 1, 0)
        png = tf.switch_case(place, [partial(self._png, rgba, *kind) for kind in KINDS])
        size = tf.where(ok, self.enlargement.scale * tf.shape(rgba)[:2], 0)
        png = tf.where(ok, png, "")
        return {"png_bytes": png, "ok": ok, "height": size[0], "width": size[1]}

    def _decode(self, data: tf.Tensor) -> tf.Tensor:
        """Return (H, W, 4) uint16; refuse what is too large to be written, enlarged."""
        rgba = decode_rgba(data)
        values = tf.size(rgba, tf.int64) * self.enlargement.scale**2
        with tf.control_dependencies([tf.debugging.Assert(values <= MOST_VALUES, ["too large"])]):
            return tf.identity(rgba)

    def _png(self, rgba: tf.Tensor, depth: tf.DType, grey: bool, transparent: bool) -> tf.Tensor:
        """Return the PNG file of the enlarged picture, with no more layers than it has."""
        if depth == tf.uint8:
            rgba = tf.cast(rgba // 257, depth)
        colour, alpha = (rgba[..., :1] if grey else rgba[..., :3]), rgba[..., 3:]
        if transparent:
            colour = tf.concat([with_hidden_colours_filled(colour, alpha), alpha], -1)
        return tf.io.encode_png(self._enlarged(colour, transparent=transparent))

    def _enlarged(self, layers: tf.Tensor, *, transparent: bool) -> tf.Tensor:
        """Return (H, W, C) enlarged, the last of the channels alpha if `transparent`."""

        def enlarge(tile: tf.Tensor) -> tf.Tensor:
            colour = tile[None, ..., :-1] if transparent else tile[None]
            image, bicubic = self.prepare(colour)
            enlarged = self.finish[layers.dtype](bicubic, self.network(image))
            if transparent:
                enlarged = tf.concat([enlarged, self.bicubic(tile[None, ..., -1:])], -1)
            return enlarged[0]

        channels = layers.shape[-1]
        return self.tiles(layers, enlarge, tf.TensorSpec((None, None, channels), layers.dtype))

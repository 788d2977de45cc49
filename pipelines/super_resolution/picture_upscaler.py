"""What everything that enlarges does with its inputs, whatever computes its network."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import tensorflow as tf

from pipelines.calling import answer, failure, one_by_one
from pipelines.images import ImageError, ImageSource, Limits, Picture, describe_source, read_images
from pipelines.mapping import OnError, count_of, map_batches, with_progress
from pipelines.picture import refusal, shown
from pipelines.results import FailedResult, UpscaledImage
from pipelines.super_resolution.data import PictureSet
from pipelines.super_resolution.evaluation import SuperResolutionReport, evaluate_enlarger
from pipelines.super_resolution.graph import Colour
from pipelines.super_resolution.tiling import checked_tile
from pipelines.super_resolution.transparency import with_hidden_colours_filled
from pipelines.super_resolution.upscaler import Upscaler

DEFAULT_LIMITS = Limits()
# A picture that waits while another is computed: more would only take memory.
READERS, AHEAD = 2, 1

Outcome = UpscaledImage | FailedResult
OnTile = Callable[[int, int], None]


class PictureUpscaler:
    """Pictures in, the same pictures larger out.

    Call it with one picture (path, URL, bytes, PIL image, array) for one result; with a list, a
    folder or an array (N, H, W, C) for a list; with an iterator, such as one of a video's frames,
    or a `tf.data.Dataset` for an iterator.

    A picture of any size is computed in tiles whose size does not show: on a CPU, not one bit of
    the result depends on it. Grey stays grey, 16 bits stay 16, and alpha is enlarged by bicubic
    interpolation; what is transparent takes the colour of what is visible around it, so that no
    hidden colour tints an edge.

    Attributes:
        preset: The preset's name.
        metadata: What the preset states of itself.
    """

    def __init__(self, upscaler: Upscaler, preset: str, metadata: Mapping[str, Any]) -> None:
        """Take what enlarges pixels, and what is known of it."""
        self._upscaler = upscaler
        self.preset = preset
        self.metadata = metadata

    @property
    def scale(self) -> int:
        """How many times larger, along each side."""
        return self._upscaler.enlargement.scale

    @property
    def colour(self) -> Colour:
        """What the network maps: "luma", all else being bicubic, or "rgb"."""
        return self._upscaler.enlargement.colour

    def __call__(
        self,
        inputs: Any,
        *,
        tile: int | None = None,
        on_error: OnError = "raise",
        limits: Limits = DEFAULT_LIMITS,
        on_tile: OnTile | None = None,
        progress: bool = False,
    ) -> Any:
        """Enlarge.

        Args:
            inputs: One picture, a list, a folder, an array (N, H, W, C), or an iterator.
            tile: Pixels along each side that are computed at once, at most; as many as are quick
                and fit into the memory at hand when None. The result is the same.
            on_error: What a picture that cannot be read or enlarged does: `raise` its error, `skip`
                it, or `return` a `FailedResult` in its place.
            limits: What is refused unread.
            on_tile: Called after each tile with the number of tiles done and of all tiles of the
                picture. To cancel, raise from it: that exception ends the call.
            progress: Whether to print progress on standard error once it takes over two seconds.

        Returns:
            An `UpscaledImage` for one picture; a list for many; an iterator for an iterator.

        Raises:
            ImageError: A picture cannot be read, or the memory is too small for it enlarged, and
                `on_error` is "raise".
            ValueError: An argument is out of range.
        """
        stream = partial(
            self.stream,
            tile=tile,
            on_error=on_error,
            limits=limits,
            on_tile=on_tile,
            progress=progress,
        )
        return answer(inputs, stream)

    def stream(
        self,
        inputs: Any,
        *,
        tile: int | None = None,
        on_error: OnError = "raise",
        limits: Limits = DEFAULT_LIMITS,
        on_tile: OnTile | None = None,
        progress: bool = False,
    ) -> Iterator[Outcome]:
        """Enlarge a list, a folder, an iterator or a `tf.data.Dataset`, one result at a time.

        Memory does not grow with the number of inputs. Arguments as for `__call__`.
        """
        sources = one_by_one(inputs)
        pictures = read_images(sources, limits=limits, workers=READERS, ahead=AHEAD)
        enlarge = partial(self._attempt, tile=checked_tile(tile), on_tile=on_tile, show=progress)
        results = map_batches(
            ((name, enlarge(name, picture)) for name, picture in _named(pictures)),
            lambda _, results: results,
            batch_size=1,
            on_error=on_error,
            failed=partial(failure, preset=self.preset),
        )
        return with_progress(results, count_of(sources), "upscaled") if progress else results

    def _attempt(
        self,
        name: str,
        picture: Picture | Exception,
        *,
        tile: int | None,
        on_tile: OnTile | None,
        show: bool,
    ) -> UpscaledImage | Exception:
        """Return the result, or why there is none."""
        if isinstance(picture, Exception):
            return picture
        try:
            return self._upscaled(name, picture, tile, on_tile, show)
        except ImageError as error:
            return error
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            what = str(error) if isinstance(error, MemoryError) else ""
            rule = what or "it does not fit into the memory at hand"
            return refusal(name, f"{rule}; choose a smaller scale or tile")

    def _upscaled(
        self, name: str, picture: Picture, tile: int | None, on_tile: OnTile | None, show: bool
    ) -> UpscaledImage:
        start = time.perf_counter()
        colour = picture.pixels[:, :, :1] if picture.grey else picture.pixels
        alpha = picture.alpha
        if alpha is not None:
            colour = with_hidden_colours_filled(colour, alpha)
        work = self._upscaler.begin(colour, alpha, tile=tile)
        count = len(work.tiles)
        steps = with_progress(work.run(), count, f"{shown(name)}: tiles") if show else work.run()
        for done in steps:
            if on_tile is not None:
                on_tile(done, count)
        return UpscaledImage(
            source=name,
            preset=self.preset,
            timing_ms=(time.perf_counter() - start) * 1000,
            scale=self.scale,
            pixels=work.pixels,
            alpha=work.alpha,
            original=picture,
        )

    def evaluate(
        self,
        data: PictureSet | str | os.PathLike[str] | Sequence[ImageSource],
        *,
        folder: str | os.PathLike[str] | None = None,
        progress: bool = False,
    ) -> SuperResolutionReport:
        """Measure PSNR and SSIM as the papers do, see `pipelines.super_resolution.evaluation`.

        Args:
            data: Pictures of full size, or a name such as "set5", a folder, or a list.
            folder: Where a named set lies.
            progress: Whether to print progress on standard error.

        Raises:
            DataError: There are no such pictures, or none could be measured.
        """
        return evaluate_enlarger(
            self, data, scale=self.scale, method=self.preset, folder=folder, progress=progress
        )


def _named(
    pictures: Iterable[tuple[ImageSource, Picture | Exception]],
) -> Iterator[tuple[str, Picture | Exception]]:
    """Replace each source, which may be large, by what results call it."""
    for source, picture in pictures:
        yield describe_source(source), picture

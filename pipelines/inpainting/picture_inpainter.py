"""What everything that fills holes does with its inputs, whatever computes its network."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from pipelines.calling import answer, failure
from pipelines.images import ImageError, ImageSource, Limits
from pipelines.inpainting.data import HELD_OUT, PictureSet
from pipelines.inpainting.filler import Filler
from pipelines.inpainting.mask_sets import KINDS
from pipelines.inpainting.pairs import Pair, read_pairs
from pipelines.inpainting_results import InpaintedImage
from pipelines.mapping import OnError, count_of, map_batches, with_progress
from pipelines.picture import refusal, shown
from pipelines.results import FailedResult

if TYPE_CHECKING:
    from pipelines.inpainting.evaluation import InpaintingReport

DEFAULT_LIMITS = Limits()
NOTHING_MASKED = "nothing is masked, and the picture unchanged; white tells what to fill"
ALL_MASKED = "everything is masked: there is nothing left to fill it from"

Outcome = InpaintedImage | FailedResult
OnPart = Callable[[int, int], None]


class PictureInpainter:
    """Pictures with holes in, the same pictures with their holes filled out.

    Call it with one picture and its mask (each a path, URL, bytes, PIL image or array) for one
    result; with lists, or two folders whose files are paired by name, for a list; with iterators
    for an iterator. One mask, or one list of boxes, serves for many pictures.

    White is filled, black is kept to the bit, and grey is blended. A picture of any size costs no
    more than its holes: each is filled within a crop. Grey stays grey, 16 bits stay 16 (of which
    the classical methods but the first fill 8), and what is transparent tints nothing.

    Attributes:
        method: What fills where a call does not say: "auto", "network", or a classical method.
        preset: The preset's name; the method's where there is no network.
        metadata: What the preset states of itself.
    """

    def __init__(
        self, filler: Filler, method: str, preset: str | None, metadata: Mapping[str, Any]
    ) -> None:
        """Take what fills pixels, and what is known of it."""
        self._filler = filler
        self.method = filler.checked(method)
        self.preset = preset or self.method
        self.metadata = metadata

    def __call__(
        self,
        image: Any,
        mask_image: Any = None,
        *,
        boxes: Any = None,
        method: str | None = None,
        on_error: OnError = "raise",
        limits: Limits = DEFAULT_LIMITS,
        on_part: OnPart | None = None,
        progress: bool = False,
    ) -> Any:
        """Fill the holes.

        Args:
            image: One picture, a list, a folder, an array (N, H, W, C), or an iterator.
            mask_image: The mask of each, or one for all: a path, URL, bytes, PIL image, or an
                array (H, W) of bool, uint8, uint16 or float in [0, 1]; a folder for a folder.
            boxes: Instead of a mask, (left, top, width, height) of each rectangle in pixels; or a
                list of such lists, one a picture.
            method: "auto", "network", "first_fill", "telea", "ns" (Navier-Stokes) or "biharmonic",
                see `classical`; the pipeline's own when None. The result tells which it was.
            on_error: What a picture that cannot be read or filled does: `raise` its error, `skip`
                it, or `return` a `FailedResult` in its place.
            limits: What is refused unread.
            on_part: Called after each hole, or part of a large one, with the number of those done
                and of all of the picture. To cancel, raise from it: that exception ends the call.
            progress: Whether to print progress on standard error once it takes over two seconds.

        Returns:
            An `InpaintedImage` for one picture; a list for many; an iterator for an iterator.

        Raises:
            ImageError: A picture or mask cannot be read, or they differ in size, and `on_error` is
                "raise".
            ImportError: The method's package is not installed.
            TypeError: There are neither masks nor boxes.
            ValueError: An argument is out of range; there is not a mask for each picture.
        """
        stream = partial(
            self.stream,
            mask_image=mask_image,
            boxes=boxes,
            method=method,
            on_error=on_error,
            limits=limits,
            on_part=on_part,
            progress=progress,
        )
        return answer(image, stream)

    def stream(
        self,
        image: Any,
        mask_image: Any = None,
        *,
        boxes: Any = None,
        method: str | None = None,
        on_error: OnError = "raise",
        limits: Limits = DEFAULT_LIMITS,
        on_part: OnPart | None = None,
        progress: bool = False,
    ) -> Iterator[Outcome]:
        """Fill the holes of a list, a folder or an iterator, one result at a time.

        Memory does not grow with the number of inputs. Arguments as for `__call__`.
        """
        method = self._filler.checked(self.method if method is None else method)
        pairs = read_pairs(image, mask_image, boxes, limits)
        fill = partial(self._attempt, method=method, on_part=on_part, show=progress)
        results = map_batches(
            ((name, fill(name, pair)) for name, pair in pairs),
            lambda _, results: results,
            batch_size=1,
            on_error=on_error,
            failed=partial(failure, preset=self.preset),
        )
        return with_progress(results, count_of(image), "inpainted") if progress else results

    def _attempt(
        self,
        name: str,
        pair: Pair | Exception,
        *,
        method: str,
        on_part: OnPart | None,
        show: bool,
    ) -> InpaintedImage | Exception:
        """Return the result, or why there is none."""
        if isinstance(pair, Exception):
            return pair
        try:
            return self._inpainted(name, pair, method, on_part, show)
        except ImageError as error:
            return error
        except (MemoryError, tf.errors.ResourceExhaustedError):
            return refusal(name, "it does not fit into the memory at hand; cut it into parts")

    def _inpainted(
        self, name: str, pair: Pair, method: str, on_part: OnPart | None, show: bool
    ) -> InpaintedImage:
        start = time.perf_counter()
        picture, mask = pair
        work = self._filler.begin(picture, mask, self._filler.chosen(method, mask))
        count, share = len(work.parts), float((mask > 0).mean())
        steps = with_progress(work.run(), count, f"{shown(name)}: parts") if show else work.run()
        for done in steps:
            if on_part is not None:
                on_part(done, count)
        warning = {0.0: NOTHING_MASKED, 1.0: ALL_MASKED}.get(share, "")
        if warning:
            warnings.warn(f"{shown(name)}: {warning}", stacklevel=2)
        return InpaintedImage(
            source=name,
            preset=self.preset,
            timing_ms=(time.perf_counter() - start) * 1000,
            pixels=work.pixels[..., :1] if picture.grey else work.pixels,
            alpha=work.alpha,
            original=picture,
            method=work.method,
            share=share,
            warning=warning,
        )

    def evaluate(
        self,
        data: PictureSet | str | os.PathLike[str] | Sequence[ImageSource] = HELD_OUT,
        *,
        method: str | None = None,
        masks: Sequence[str] = KINDS,
        beside: Sequence[str] | None = None,
        folder: str | os.PathLike[str] | None = None,
        progress: bool = False,
    ) -> InpaintingReport:
        """Measure the holes, see `pipelines.inpainting.evaluation`.

        Args:
            data: Pictures, or a name such as "bsds400", a folder, or a list.
            method: As for `__call__`.
            masks: Kinds of masks: "strokes", "freeform", "center".
            beside: Classical methods that are measured on the same crops.
            folder: Where a named set lies.
            progress: Whether to print progress on standard error.

        Raises:
            DataError: There are no such pictures, or none could be measured.
            ValueError: An unknown kind of masks or method.
        """
        # Here: an exported inpainter has no Keras.
        from pipelines.inpainting.evaluation import evaluate_inpainting

        chosen = self._filler.checked(self.method if method is None else method)
        return evaluate_inpainting(
            lambda image, mask: self(image, mask, method=chosen).pixels,
            data,
            method=chosen if chosen not in ("auto", "network") else self.preset,
            masks=masks,
            beside=beside,
            folder=folder,
            progress=progress,
        )

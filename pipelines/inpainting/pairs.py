"""Pictures with their masks: which belongs to which where there are many, and both read."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pipelines.calling import is_one, one_by_one
from pipelines.images import (
    ImageError,
    ImageSource,
    Limits,
    Picture,
    describe_source,
    list_images,
    read_images,
)
from pipelines.inpainting.masks import check_fits, mask_of_boxes, read_mask
from pipelines.mapping import count_of
from pipelines.picture import refusal

MARK = "_mask"  # may stand behind the name of a picture's mask
AS_MANY = "there must be as many masks, or lists of boxes, as pictures, or one for all"
# A picture that waits while another is computed: more would only take memory.
READERS, AHEAD = 2, 1

Pair = tuple[Picture, np.ndarray]  # and the mask (H, W) uint16 of the same size
Make = Callable[[tuple[int, int]], np.ndarray]  # maps a picture's size to its mask


class MaskFolder:
    """Masks in a folder, found by their picture's name.

    The mask of `deeper/cat.jpg` is `deeper/cat.png` there, of whatever format, or
    `deeper/cat_mask.png`.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """List a folder.

        Raises:
            ImageError: It is none, or cannot be listed.
        """
        self.folder = Path(folder)
        self._masks: dict[str, list[Path]] = {}
        for path in list_images(self.folder):
            name = str(path.relative_to(self.folder).with_suffix(""))
            self._masks.setdefault(name, []).append(path)

    def mask_of(self, picture: Path, root: Path) -> Path:
        """Return where a picture's mask is; where there is none, where one is looked for.

        Args:
            picture: A file below `root`.
            root: The folder from which on names are compared.

        Raises:
            ImageError: There are several.
        """
        own = picture.relative_to(root)
        name = str(own.with_suffix(""))
        found = [*self._masks.get(name, ()), *self._masks.get(f"{name}{MARK}", ())]
        if len(found) > 1:
            several = ", ".join(path.name for path in found)
            raise refusal(str(picture), f"must have one mask; got {several}; remove the others")
        return found[0] if found else self.folder / own


def read_pairs(
    images: Any, masks: Any, boxes: Any, limits: Limits
) -> Iterator[tuple[str, Pair | Exception]]:
    """Yield each picture's name with the picture and its mask, or with why there is none.

    Args:
        images: What a pipeline takes: one picture, a list, a folder, an array (N, H, W, C), an
            iterator or a `tf.data.Dataset`.
        masks: One mask, which is every picture's; a folder, where `images` is one: then they are
            paired by name; or as many as there are images, in any of these forms.
        boxes: Instead of masks: (left, top, width, height) of each rectangle, the same in every
            picture; or a list of such lists, one a picture.
        limits: As for `read_image`.

    Raises:
        ImageError: A folder cannot be listed, or holds several masks of one picture.
        TypeError: They are neither one nor several, or there are neither masks nor boxes.
        ValueError: There are not as many, or masks and boxes.
    """
    if masks is None and boxes is None:
        raise TypeError("mask_image or boxes must tell what to fill; got neither")
    if masks is not None and boxes is not None:
        raise ValueError("mask_image and boxes exclude each other; got both")
    if boxes is not None:
        return _read(_with_boxes(one_by_one(images), boxes), limits)
    return _read(_with_masks(images, masks, limits), limits)


def _read(
    pairs: Iterable[tuple[ImageSource, Make]], limits: Limits
) -> Iterator[tuple[str, Pair | Exception]]:
    """Read the pictures ahead, and each mask when its picture's turn comes."""
    first, second = itertools.tee(pairs)
    pictures = read_images(
        (source for source, _ in first), limits=limits, workers=READERS, ahead=AHEAD
    )
    for (source, picture), (_, make) in zip(pictures, second, strict=False):
        name = describe_source(source)
        yield name, picture if isinstance(picture, Exception) else _pair(name, picture, make)


def _pair(name: str, picture: Picture, make: Make) -> Pair | Exception:
    try:
        mask = make(picture.size_px)
    except ImageError as error:
        return refusal(name, f"its mask is refused: {error}")
    except ValueError as error:  # a box
        return refusal(name, str(error))
    try:
        check_fits(mask, picture.size_px, name)
    except ImageError as error:
        return error
    return picture, mask


def _with_boxes(sources: Iterable[Any], boxes: Any) -> Iterator[tuple[Any, Make]]:
    """Pair pictures with boxes: the same for all, or a list for each."""
    try:
        boxes = [list(box) for box in boxes]
    except TypeError:
        raise ValueError(
            f"boxes must be a list of (left, top, width, height); got {boxes!r:.80}"
        ) from None
    if boxes and all(box and np.ndim(box[0]) > 0 for box in boxes):
        _check_count(sources, boxes)
        return _one_each(sources, (partial(mask_of_boxes, own) for own in boxes))
    return zip(sources, itertools.repeat(partial(mask_of_boxes, boxes)), strict=False)


def _with_masks(images: Any, masks: Any, limits: Limits) -> Iterator[tuple[Any, Make]]:
    """Pair pictures with masks: by name, the same for all, or one each."""
    sources = one_by_one(images)
    if _is_folder(masks):
        if not _is_folder(images):
            raise ValueError(
                "a folder of masks needs a folder of pictures, to be paired by name; pass the "
                "masks' paths"
            )
        folder = MaskFolder(masks)
        named = [(path, folder.mask_of(path, Path(images))) for path in sources]
        return ((path, _reader(mask, limits)) for path, mask in named)
    if _is_one_mask(masks):
        once = cache(_reader(masks, limits))
        return zip(sources, itertools.repeat(once), strict=False)
    several = masks if isinstance(masks, np.ndarray) else one_by_one(masks)
    _check_count(sources, several)
    return _one_each(sources, (_reader(mask, limits) for mask in several))


def _check_count(sources: Any, makes: Any) -> None:
    """Refuse at once what would come to light after hours only, where it can be told."""
    pictures, masks = count_of(sources), count_of(makes)
    if None not in (pictures, masks) and pictures != masks:
        raise ValueError(f"{AS_MANY}; got {masks} for {pictures} pictures")


def _one_each(sources: Iterable[Any], makes: Iterable[Make]) -> Iterator[tuple[Any, Make]]:
    missing: Any = object()
    for source, make in itertools.zip_longest(sources, makes, fillvalue=missing):
        if source is missing or make is missing:
            raise ValueError(
                f"{AS_MANY}; {'pictures' if source is missing else 'they'} ended first"
            )
        yield source, make


def _reader(mask: ImageSource, limits: Limits) -> Make:
    """Return what reads a mask. What is in memory is read now: its owner may change it."""
    if not isinstance(mask, np.ndarray | Image.Image):
        return lambda _: read_mask(mask, limits=limits)
    try:
        found = read_mask(mask, limits=limits)
    except ImageError as error:
        return partial(_raise, error)
    return lambda _: found


def _raise(error: Exception, _: tuple[int, int]) -> np.ndarray:
    raise error


def _is_folder(inputs: Any) -> bool:
    return isinstance(inputs, str | os.PathLike) and not is_one(inputs)


def _is_one_mask(masks: Any) -> bool:
    """Return whether this is one mask; an array (N, H, W) holds several, (H, W, 3) does not."""
    if isinstance(masks, np.ndarray):
        return masks.ndim < 3 or (masks.ndim == 3 and masks.shape[2] in (1, 3, 4))
    return is_one(masks)

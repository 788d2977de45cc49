"""Pictures to train on and to measure on: the papers' sets by name, or any folder.

set5, set14      what the papers measure on; never trained on here
t91, bsds400     what the networks are trained on: Yang's 91 pictures, and the 200 + 200 of the
                 training and test parts of BSDS500, which share none with BSD100
FOLDER           any other folder of pictures

Pictures are in RGB; those of one channel say so, because the papers take their values for luma as
they are.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from pipelines import picture_sets
from pipelines.images import ImageSource
from pipelines.picture_sets import BSDS400, DataError, Layout, NamedPicture, PictureSet

__all__ = [
    "LAYOUTS",
    "NAMED",
    "DataError",
    "NamedPicture",
    "PictureSet",
    "as_pictures",
    "load_pictures",
]

# As unpacked by hand or by well-known collections. The last are cropped to multiples of 12 and 2:
# figures on them differ a little where that cuts something off.
TEST_LAYOUTS = (("HR",), ("original",), ("",), ("GTmod12",), ("image_SRF_2",))
LAYOUTS = {
    "set5": Layout("Set5", 5, ("Set5",), TEST_LAYOUTS),
    "set14": Layout("Set14", 14, ("Set14",), TEST_LAYOUTS),
    "t91": Layout("T91", 91, ("T91", "91-image", "91-images"), (("",), ("HR",))),
    "bsds400": BSDS400,
}
NAMED = tuple(LAYOUTS)


def as_pictures(
    data: PictureSet | str | os.PathLike[str] | Sequence[ImageSource],
    folder: str | os.PathLike[str] | None = None,
) -> PictureSet:
    """Return a set as it is, what `load_pictures` finds under a name, or the pictures of a list.

    Raises:
        DataError: As `load_pictures`, or the list is empty.
        TypeError: It is none of these.
    """
    return picture_sets.as_pictures(data, folder, LAYOUTS)


def load_pictures(
    source: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None
) -> PictureSet:
    """Return a named set or the pictures of a folder.

    Args:
        source: One of `NAMED`, in any case, or the path of a folder or of one picture.
        folder: Where a named set lies: its own folder or the one above. Without it, the set's name
            is also taken for a folder.

    Raises:
        DataError: There is no such set or folder, or it holds something else.
    """
    return picture_sets.load_pictures(source, folder, LAYOUTS)

"""One visitor's picture to be enlarged: taken in, handed to a thread, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from apps.made_picture import MadePicture
from apps.photograph import LIMITS, Photograph, read_photograph, reason
from apps.picture_visit import PictureVisit
from apps.session import Upload
from apps.thread_work import Told, Work, WorkPool
from pipelines.images import ImageError
from pipelines.results import UpscaledImage

MOST_PIXELS = 100_000_000  # of a result: 300 MB; of a picture of 24 megapixels at a scale of 2
TILE_PX = 512  # along each side: less than a second between two looks at Cancel
KEY = "upscale.visit"

Upscale = Callable[..., UpscaledImage]


@dataclass(frozen=True)
class Wish:
    """What a visitor wants: a picture, so many times larger along each side."""

    source: Photograph
    scale: int

    @property
    def size_px(self) -> tuple[int, int]:
        """The result's height and width."""
        height, width = self.source.size_px
        return height * self.scale, width * self.scale

    @property
    def is_too_large(self) -> bool:
        """Whether the result would have more pixels than are made here."""
        height, width = self.size_px
        return height * width > MOST_PIXELS


Enlarged = MadePicture[Wish, UpscaledImage]


@dataclass
class Visit(PictureVisit[Photograph, Enlarged]):
    """What one visitor has here."""

    @property
    def pool(self) -> WorkPool[Enlarged]:
        """Who does the work."""
        return enlargements()

    def open(self, upload: Upload) -> Photograph:
        """Read a file.

        Raises:
            UploadError: It is no picture, or refused.
        """
        return Photograph.of(upload, read_photograph(upload))

    def begin(self, upscale: Upscale, wish: Wish) -> None:
        """Hand a wish in.

        Raises:
            JobError: Too many wait already.
        """
        self.start(Work(lambda told: _enlarge(upscale, wish, told)))


def _enlarge(upscale: Upscale, wish: Wish, told: Told) -> Enlarged:
    content = wish.source.upload.content
    try:
        result = upscale(content, tile=TILE_PX, on_tile=told, limits=LIMITS)
    except ImageError as error:
        raise ValueError(reason(error, content)) from error
    return MadePicture(wish, result)


@st.cache_resource(show_spinner=False, on_release=WorkPool.close)
def enlargements() -> WorkPool[Enlarged]:
    """Return the pool of all visitors."""
    return WorkPool(lambda enlarged: enlarged.size_bytes, "picture", "pictures")


def this_visit() -> Visit:
    """Return the visitor's own."""
    visit: Visit = st.session_state.setdefault(KEY, Visit())
    return visit

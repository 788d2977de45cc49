"""A picture that was made of a visitor's: kept for them, and given to them as a file."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import streamlit as st

from apps.jobs import JobError
from apps.photograph import Photograph
from apps.thread_work import Work
from pipelines.results import PictureResult

Wish = TypeVar("Wish")
Made = TypeVar("Made", bound=PictureResult)


@dataclass(frozen=True)
class MadePicture(Generic[Wish, Made]):
    """What came of a wish."""

    wish: Wish
    result: Made

    @property
    def size_bytes(self) -> int:
        """The memory that it takes, but for what is small."""
        pictures = (self.result, self.result.original)
        arrays = (array for picture in pictures for array in (picture.pixels, picture.alpha))
        return sum(array.nbytes for array in arrays if array is not None)

    def file(self, name: str) -> bytes:
        """Write it as a file, whose format its name says."""
        with tempfile.TemporaryDirectory() as folder:
            return self.result.save(Path(folder, name)).read_bytes()


def file_of(work: Work[Any], name: str) -> bytes:
    """Write what came of work as a file.

    Args:
        work: Its outcome is a `MadePicture`.
        name: Its ending says the format.

    Raises:
        JobError: It had to make room meanwhile.
    """
    outcome: MadePicture[Any, Any] | None = work.outcome  # once, as others may take its room
    if outcome is None:
        raise JobError("it had to make room for others; make it again")
    return outcome.file(name)


class Format(NamedTuple):
    """A kind of file, and what it cannot hold."""

    ending: str
    mime: str
    alpha: bool = True
    longest_px: int = 2**31 - 1
    bits: int = 8
    is_lossy: bool = False


FORMATS = {
    "PNG": Format(".png", "image/png", bits=16),
    "JPEG": Format(".jpg", "image/jpeg", alpha=False, longest_px=65500, is_lossy=True),
    "WebP": Format(".webp", "image/webp", longest_px=16383, is_lossy=True),
    "TIFF": Format(".tif", "image/tiff", bits=16),
}


def offer_file(
    work: Work[Any], source: Photograph, size_px: tuple[int, int], mark: str, *, page: str
) -> Format:
    """Let a visitor take what was made of a picture, in a format that can hold it.

    Args:
        work: What the file is taken from, so that the download holds nothing that is to make room.
        source: What it was made of; its format is the first choice.
        size_px: Height and width of what was made.
        mark: What is put behind the file's name, as the command line has it.
        page: What keys of widgets begin with.

    Returns:
        The format that is chosen.
    """
    able = [
        name
        for name, form in FORMATS.items()
        if max(size_px) <= form.longest_px and (form.alpha or not source.has_alpha)
    ]
    key = f"{page}.format.{source.upload.digest}"
    default = next((name for name in able if name.upper() == source.format), able[0])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen: str = st.segmented_control("Format", able, default=default, required=True, key=key)
        form = FORMATS[chosen]
        name = f"{source.upload.stem('picture')}{mark}{form.ending}"
        st.download_button(
            f"Download {chosen}",
            partial(file_of, work, name),
            name,
            form.mime,
            type="primary",
            icon=":material/download:",
            on_click="ignore",
        )
    if source.bits > form.bits:
        st.caption(f"{chosen} holds {form.bits} bits a channel, of this picture's {source.bits}.")
    return form

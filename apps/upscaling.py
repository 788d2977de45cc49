"""One visitor's picture to be enlarged: taken in, handed to a thread, and what came of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

import streamlit as st

from apps.enlarged_part import small_png
from apps.jobs import JobError
from apps.session import Upload, UploadError
from apps.thread_work import Told, Work, WorkPool
from pipelines.images import ImageError, Limits, describe_source, read_image
from pipelines.results import UpscaledImage

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

LIMITS = Limits(max_pixels=50_000_000)  # what a phone takes
MOST_PIXELS = 100_000_000  # of a result: 300 MB; of a picture of 24 megapixels at a scale of 2
TILE_PX = 512  # along each side: less than a second between two looks at Cancel
TIMES = "\N{MULTIPLICATION SIGN}"
NAME_CHARACTERS = 60  # of the file's name in that of the enlarged one
KEY = "upscale.visit"

Upscale = Callable[..., UpscaledImage]


@dataclass(frozen=True)
class Source:
    """A picture that was handed over, and what the page says of it; its pixels are read anew.

    Attributes:
        upload: The file.
        size_px: Height and width.
        small: The picture, small, as a PNG file.
        format: "JPEG", "PNG", ...
        bits: A channel, 8 or 16.
        has_alpha: Whether it has transparency.
        carries: What a result has of it besides the pixels, in words.
    """

    upload: Upload
    size_px: tuple[int, int]
    small: bytes
    format: str
    bits: int
    has_alpha: bool
    carries: tuple[str, ...]

    @classmethod
    def of(cls, name: str, content: bytes) -> Source:
        """Take a file.

        Raises:
            UploadError: It is empty or too large, or no picture, or refused.
        """
        upload = Upload.of(name, content)
        try:
            picture = read_image(content, limits=LIMITS)
        except ImageError as error:
            raise UploadError(_without_name(error, content)) from error
        carried = {
            "transparency": picture.alpha is not None,
            "16 bits a channel": picture.bit_depth == 16,
            "shades of grey": picture.grey,
            "colour profile": picture.icc_profile is not None,
            "EXIF data": picture.exif is not None,
        }
        return cls(
            upload,
            picture.size_px,
            small_png(picture),
            picture.format or "",
            picture.bit_depth,
            picture.alpha is not None,
            tuple(word for word, is_there in carried.items() if is_there),
        )

    def file_name(self, scale: int, ending: str) -> str:
        """Name an enlarged file after this one, in letters, digits and a few signs."""
        stem = PureWindowsPath(self.upload.name).stem  # both kinds of slashes end a folder
        kept = "".join(letter if letter.isalnum() or letter in " -_" else " " for letter in stem)
        words = " ".join(kept[:NAME_CHARACTERS].split())
        return f"{words or 'picture'}_x{scale}{ending}"


def size_text(size_px: tuple[int, int]) -> str:
    """Write height and width as people do, the width first."""
    height, width = size_px
    return f"{width:,} {TIMES} {height:,}"


@dataclass(frozen=True)
class Wish:
    """What a visitor wants: a picture, so many times larger along each side."""

    source: Source
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


@dataclass(frozen=True)
class Enlarged:
    """What came of a wish."""

    wish: Wish
    result: UpscaledImage

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


def file_of(work: Work[Enlarged], name: str) -> bytes:
    """Write what came of the work as a file.

    Raises:
        JobError: It had to make room meanwhile.
    """
    outcome = work.outcome  # once, as others may take its room at any time
    if outcome is None:
        raise JobError("it had to make room for others; enlarge it again")
    return outcome.file(name)


@dataclass
class Visit:
    """What one visitor has here: at most one picture, and the work on it.

    Attributes:
        source: The picture.
        refusal: What a file that was not taken is called, and why it was not.
        work: The work on the picture, begun or ended.
        turn: How often the visitor started over; a widget with a new number is empty.
    """

    source: Source | None = None
    refusal: tuple[str, str] | None = None
    work: Work[Enlarged] | None = None
    turn: int = 0

    def take(self, file: UploadedFile | None) -> None:
        """Take a picture in place of the one before, or note why not."""
        self.forget()
        if file is None:
            return
        try:
            self.source = Source.of(file.name, file.getvalue())
        except UploadError as error:
            self.refusal = (file.name, str(error))

    def begin(self, upscale: Upscale, wish: Wish) -> None:
        """Hand a wish in.

        Raises:
            JobError: Too many wait already.
        """
        self.stop()
        work = Work(lambda told: _enlarge(upscale, wish, told))
        enlargements().start(work)
        self.work = work

    def stop(self) -> None:
        """End the work, if there is some."""
        if self.work is not None:
            enlargements().cancel(self.work)

    def forget(self) -> None:
        """Drop everything."""
        self.stop()
        self.source = self.refusal = self.work = None

    def start_over(self) -> None:
        """Drop everything, and empty the widget."""
        self.forget()
        self.turn += 1


def _enlarge(upscale: Upscale, wish: Wish, told: Told) -> Enlarged:
    content = wish.source.upload.content
    try:
        result = upscale(content, tile=TILE_PX, on_tile=told, limits=LIMITS)
    except ImageError as error:
        raise ValueError(_without_name(error, content)) from error
    return Enlarged(wish, result)


def _without_name(error: ImageError, content: bytes) -> str:
    """Return why, without what a pipeline calls bytes."""
    return str(error).removeprefix(f"{describe_source(content)}: ")


@st.cache_resource(show_spinner=False, on_release=WorkPool.close)
def enlargements() -> WorkPool[Enlarged]:
    """Return the pool of all visitors."""
    return WorkPool(lambda enlarged: enlarged.size_bytes)


def this_visit() -> Visit:
    """Return the visitor's own."""
    visit: Visit = st.session_state.setdefault(KEY, Visit())
    return visit

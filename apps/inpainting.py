"""One visitor's picture, of which things are to go: drawn on, filled in a thread, and again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO

import numpy as np
import streamlit as st
from PIL import Image

from apps.enlarged_part import QUICK, part_png
from apps.made_picture import MadePicture
from apps.mask_canvas import Backdrop, forget_drawing
from apps.mask_file import MaskFile
from apps.part_view import fitted_size
from apps.photograph import LIMITS, Photograph, read_photograph, reason
from apps.picture_visit import PictureVisit
from apps.pictures import SAMPLES
from apps.session import Upload, UploadError
from apps.thread_work import Told, Work, WorkPool
from pipelines.images import ImageError
from pipelines.inpainting_results import InpaintedImage
from pipelines.picture import Picture, to_depth

# The towers around a rocket: a photograph by SpaceX, given to the public domain.
SAMPLE = SAMPLES / "rocket.jpg"
BIHARMONIC = "biharmonic"
MOST_BIHARMONIC_PX = 40_000  # 3 s were measured; twice as many take four times as long
KEY = "inpaint.visit"

Inpaint = Callable[..., InpaintedImage]


@dataclass(frozen=True)
class Sheet:
    """A picture to draw on.

    Attributes:
        photo: The picture, as the page speaks of it.
        backdrop: As the canvas shows it.
        number: Of all that a visitor draws on: each has a canvas of its own.
    """

    photo: Photograph
    backdrop: Backdrop
    number: int

    @classmethod
    def of(cls, upload: Upload, number: int) -> Sheet:
        """Read a file.

        Raises:
            UploadError: It is no picture, or refused.
        """
        picture = read_photograph(upload)
        return cls(Photograph.of(upload, picture), Backdrop.of(picture), number)

    @property
    def canvas(self) -> str:
        """The key of its canvas."""
        return f"inpaint.canvas.{self.number}"


@dataclass(frozen=True, eq=False)
class Wish:
    """What a visitor wants: a picture without what a mask covers.

    Attributes:
        sheet: The picture.
        mask: (H, W) uint8 or uint16; white is filled.
        method: How, as the pipeline takes it.
    """

    sheet: Sheet
    mask: np.ndarray
    method: str


@dataclass(frozen=True)
class Inpainted(MadePicture[Wish, InpaintedImage]):
    """What came of a wish."""

    @property
    def size_bytes(self) -> int:
        """The memory that it takes, but for what is small."""
        return super().size_bytes + self.wish.mask.nbytes

    @cached_property
    def middle(self) -> tuple[float, float]:
        """The centre of what was filled, from the left and from the top, each in [0, 1]."""
        (top, bottom), (left, right) = (
            np.flatnonzero(self.wish.mask.any(axis=axis))[[0, -1]] for axis in (1, 0)
        )
        height, width = self.wish.mask.shape
        return (left + right + 1) / 2 / width, (top + bottom + 1) / 2 / height

    @cached_property
    def wholes(self) -> tuple[bytes, bytes]:
        """The picture before and after, small, as PNG files."""
        original, result = self.result.original, self.result
        before = _small(original.pixels, original.alpha, original)
        return before, _small(result.pixels, result.alpha, original)

    def lossless(self) -> bytes:
        """Write it as a PNG file that holds all that there is, quickly where that can be."""
        result, original = self.result, self.result.original
        if result.pixels.itemsize > 1:
            return self.file("x.png")
        profile, space = original.icc_profile, b"GRAY" if original.grey else b"RGB "
        fits = profile is not None and profile[16:20] == space
        file = BytesIO()
        result.image.save(
            file,
            "png",
            compress_level=QUICK,
            icc_profile=profile if fits else None,
            exif=original.exif or b"",
        )
        return file.getvalue()


def _small(pixels: np.ndarray, alpha: np.ndarray | None, original: Picture) -> bytes:
    height, width = fitted_size(original.size_px)

    def shrunk(layer: np.ndarray) -> np.ndarray:
        image = Image.fromarray(to_depth(layer, 8))
        small = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
        return np.asarray(small)

    colour = np.dstack([shrunk(layer) for layer in np.moveaxis(pixels, 2, 0)])
    return part_png(colour, None if alpha is None else shrunk(alpha), original)


@dataclass
class Visit(PictureVisit[Sheet, Inpainted]):
    """What one visitor has here.

    Attributes:
        original: The picture as it was handed over; `source` may be what was made of it.
        mask_file: A mask that was handed over, in place of a drawing.
        mask_refusal: What a mask that was not taken is called, and why it was not.
        sheets: How many pictures were drawn on.
        mask_turn: How often a mask was dropped; a widget with a new number is empty.
    """

    original: Sheet | None = None
    mask_file: MaskFile | None = None
    mask_refusal: tuple[str, str] | None = None
    sheets: int = 0
    mask_turn: int = 0

    @property
    def pool(self) -> WorkPool[Inpainted]:
        """Who does the work."""
        return fillings()

    def open(self, upload: Upload) -> Sheet:
        """Read a file.

        Raises:
            UploadError: It is no picture, or refused.
        """
        self.sheets += 1
        self.original = Sheet.of(upload, self.sheets)
        return self.original

    def take_sample(self) -> None:
        """Take a photograph of ours."""
        self.take(SAMPLE.name, SAMPLE.read_bytes())

    def take_mask(self, name: str, content: bytes) -> None:
        """Take a mask in place of the drawing, or note why not."""
        self.mask_file = self.mask_refusal = None
        if self.source is None:
            return
        try:
            self.mask_file = MaskFile.of(name, content, self.source.backdrop)
        except UploadError as error:
            self.mask_refusal = (name, str(error))

    def drop_mask(self) -> None:
        """Go back to the drawing, and empty the widget."""
        self.mask_file = self.mask_refusal = None
        self.mask_turn += 1

    def begin(self, inpaint: Inpaint, wish: Wish) -> None:
        """Hand a wish in.

        Raises:
            JobError: Too many wait already.
        """
        self.start(Work(lambda told: _fill(inpaint, wish, told)))

    def go_on(self, made: Inpainted) -> None:
        """Take what was made in place of the picture, without a mask."""
        before = made.wish.sheet.photo
        content = made.lossless()
        upload = replace(before.upload, content=content, digest=hashlib.sha256(content).hexdigest())
        sheet = Sheet.of(upload, self.sheets + 1)
        # What is offered to take away is of the format that came.
        self._turn_to(replace(sheet, photo=replace(sheet.photo, format=before.format)))

    def go_back(self) -> None:
        """Take the picture as it was handed over."""
        if self.original is not None:
            self._turn_to(replace(self.original, number=self.sheets + 1))

    def forget(self) -> None:
        """Drop everything."""
        self._drop_drawing()
        super().forget()
        self.original = None

    def _turn_to(self, sheet: Sheet) -> None:
        self.stop()
        self._drop_drawing()
        self.source, self.work, self.sheets = sheet, None, sheet.number

    def _drop_drawing(self) -> None:
        self.drop_mask()
        if self.source is not None:
            forget_drawing(self.source.canvas)


def _fill(inpaint: Inpaint, wish: Wish, told: Told) -> Inpainted:
    area = np.count_nonzero(wish.mask)
    if wish.method == BIHARMONIC and area > MOST_BIHARMONIC_PX:
        raise ValueError(
            f"biharmonic fills at most {MOST_BIHARMONIC_PX:,} pixels here, as it solves an "
            f"equation for each; got {area:,}; choose another method, or cover less"
        )
    content = wish.sheet.photo.upload.content
    try:
        result = inpaint(content, wish.mask, method=wish.method, on_part=told, limits=LIMITS)
    except ImageError as error:
        raise ValueError(reason(error, content)) from error
    return Inpainted(wish, result)


@st.cache_resource(show_spinner=False, on_release=WorkPool.close)
def fillings() -> WorkPool[Inpainted]:
    """Return the pool of all visitors."""
    return WorkPool(lambda inpainted: inpainted.size_bytes, "picture", "pictures")


def this_visit() -> Visit:
    """Return the visitor's own."""
    visit: Visit = st.session_state.setdefault(KEY, Visit())
    return visit

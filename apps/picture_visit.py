"""What one visitor has on a page that makes a picture of theirs into another one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import streamlit as st

from apps.plain_text import plain
from apps.session import Upload, UploadError
from apps.thread_work import Outcome, Work, WorkPool

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

Source = TypeVar("Source")


@dataclass
class PictureVisit(ABC, Generic[Source, Outcome]):
    """At most one picture, and the work on it.

    Attributes:
        source: The picture, as the page knows it.
        refusal: What a file that was not taken is called, and why it was not.
        work: The work on the picture, begun or ended.
        turn: How often the visitor started over; a widget with a new number is empty.
    """

    source: Source | None = None
    refusal: tuple[str, str] | None = None
    work: Work[Outcome] | None = None
    turn: int = 0

    @property
    @abstractmethod
    def pool(self) -> WorkPool[Outcome]:
        """Who does the work."""

    @abstractmethod
    def open(self, upload: Upload) -> Source:
        """Read a file.

        Raises:
            UploadError: It is no picture, or refused.
        """

    def take(self, name: str, content: bytes) -> None:
        """Take a picture in place of the one before, or note why not."""
        self.forget()
        try:
            self.source = self.open(Upload.of(name, content))
        except UploadError as error:
            self.refusal = (name, str(error))

    def start(self, work: Work[Outcome]) -> None:
        """Hand work in, in place of what was before.

        Raises:
            JobError: Too much waits already.
        """
        self.stop()
        self.pool.start(work)
        self.work = work

    def stop(self) -> None:
        """End the work, if there is some."""
        if self.work is not None:
            self.pool.cancel(self.work)

    def forget(self) -> None:
        """Drop everything."""
        self.stop()
        self.source = self.refusal = self.work = None

    def start_over(self) -> None:
        """Drop everything, and empty the widget."""
        self.forget()
        self.turn += 1


def offer_upload(visit: PictureVisit[Source, Outcome], page: str) -> None:
    """Let a visitor hand a picture over, and say why it was not taken.

    Args:
        visit: The visitor's; takes the picture, or drops what there is when it is removed.
        page: What keys of widgets begin with.
    """
    key = f"{page}.upload.{visit.turn}"
    st.file_uploader("Picture", "image", key=key, on_change=_follow_uploader, args=(visit, key))
    if visit.refusal is not None:
        name, why = visit.refusal
        st.error(plain(why, limit=400), title=plain(name))


def _follow_uploader(visit: PictureVisit[Source, Outcome], key: str) -> None:
    file: UploadedFile | None = st.session_state[key]
    if file is None:
        visit.forget()
    else:
        visit.take(file.name, file.getvalue())

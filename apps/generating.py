"""One visitor's wishes for sound: handed to a thread, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps.jobs import State
from apps.recordings import Recording
from apps.session import UploadError
from apps.sound_making import is_compiled, make
from apps.sound_wish import Wish
from apps.takes import Made
from apps.thread_work import Told, Work, WorkPool

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

MOST_KEPT = 12  # takes of a visitor's wishes; the oldest wish makes room
KEY = "audio.visit"


class Generation(Work[Made]):
    """The work on a wish.

    Attributes:
        wish: Which.
        pipeline: Whose network does it.
    """

    def __init__(self, pipeline: Any, wish: Wish, *, dark: bool) -> None:
        """`dark` says for which theme clips are drawn first."""

        def do(told: Told) -> Made:
            return make(pipeline, wish, dark, told)

        super().__init__(do)
        self.wish, self.pipeline = wish, pipeline

    @property
    def is_compiling(self) -> bool:
        """Whether the network's loop is compiled, before anything can come of it."""
        runs = self.state in (State.RUNNING, State.STOPPING) and not self.steps[0]
        return runs and not is_compiled(self.pipeline, self.wish)


@dataclass
class Visit:
    """What one visitor has here: at most one recording, one piece of work, and what was made.

    Attributes:
        recording: The recording.
        refusal: What a file that was not taken is called, and why it was not.
        work: The work under way, or that came to nothing.
        made: What came of wishes, the newest first.
        turn: How often the visitor started over; a widget with a new number is empty.
    """

    recording: Recording | None = None
    refusal: tuple[str, str] | None = None
    work: Generation | None = None
    made: list[Made] = field(default_factory=list)
    turn: int = 0

    def take(self, file: UploadedFile | None) -> None:
        """Take a recording in place of the one before, or note why not."""
        self.recording = self.refusal = None
        if file is None:
            return
        try:
            self.recording = Recording.of(file.name, file.getvalue())
        except UploadError as error:
            self.refusal = (file.name, str(error))

    def begin(self, pipeline: Any, wish: Wish, *, dark: bool) -> None:
        """Hand a wish in.

        Raises:
            JobError: Too many wait already.
        """
        self.stop()
        work = Generation(pipeline, wish, dark=dark)
        generations().start(work)
        self.work = work

    def settle(self) -> None:
        """Keep what has come of the work, within limits."""
        made = None if self.work is None else self.work.outcome
        if made is None:
            return
        self.work = None
        self.made.insert(0, made)
        while len(self.made) > 1 and sum(len(one.all_takes) for one in self.made) > MOST_KEPT:
            self.made.pop()

    def stop(self) -> None:
        """End the work, if there is some."""
        if self.work is not None:
            generations().cancel(self.work)

    def start_over(self) -> None:
        """Drop everything, and empty the widgets."""
        self.stop()
        self.recording = self.refusal = self.work = None
        self.made.clear()
        self.turn += 1


@st.cache_resource(show_spinner=False, on_release=WorkPool.close)
def generations() -> WorkPool[Made]:
    """Return the pool of all visitors."""
    return WorkPool(lambda made: made.size_bytes, "wish", "wishes")


def this_visit() -> Visit:
    """Return the visitor's own."""
    visit: Visit = st.session_state.setdefault(KEY, Visit())
    return visit

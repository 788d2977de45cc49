"""A visitor's training: theirs alone, and gone some time after they are."""

from __future__ import annotations

import secrets
import sys
import threading

import streamlit as st

from apps.jobs import Job, JobPool
from apps.training_wish import UPLOADED, Wish

# A phone that sleeps or a train's tunnel ends the connection; Streamlit keeps the session for so
# long (its session storage's time to live).
AWAY_S = 120.0
KEY = "training.visit"


class Visit:
    """What one visitor has of the pool: at most one job.

    A job is stopped and removed when its visitor has been away for `AWAY_S`. Another page of ours
    is not away; a closed tab is.

    Attributes:
        job: The job; None before the first.
        wish: What it trains.
        token: Tells visits apart.
    """

    def __init__(self, pool: JobPool, away_s: float = AWAY_S) -> None:
        self.pool, self.away_s = pool, away_s
        self.job: Job | None = None
        self.wish: Wish | None = None
        self.token = secrets.token_hex()
        self._leaving: threading.Timer | None = None

    def begin(self, wish: Wish, upload: bytes = b"") -> None:
        """Hand a training in, in place of the one before.

        Raises:
            JobError: Too many wait already.
        """
        job = self.pool.new()
        try:
            wish.write(job.folder)
            if wish.data == UPLOADED:
                (job.folder / UPLOADED).write_bytes(upload)
            self.pool.start(job)
        except BaseException:
            self.pool.drop(job)
            raise
        self.forget()
        self.job, self.wish = job, wish

    def forget(self) -> None:
        """Stop and remove the training."""
        if self.job is not None:
            self.pool.drop(self.job)
        self.job = self.wish = None

    def came(self) -> None:
        """Note that the visitor is here."""
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None

    def went(self) -> None:
        """Note that the connection has ended; the visitor may come back."""
        self.came()
        self._leaving = threading.Timer(self.away_s, self.forget)
        self._leaving.daemon = True
        self._leaving.start()


@st.cache_resource(show_spinner=False, on_release=JobPool.close)
def trainings() -> JobPool:
    """Return the trainings of all visitors."""
    return JobPool([sys.executable, "-m", f"{__package__}.training_run"])


def this_visit() -> Visit:
    """Return the visitor's own."""
    visit: Visit = st.session_state.setdefault(KEY, None) or Visit(trainings())
    st.session_state[KEY] = visit
    return visit


def note_presence() -> None:
    """Note that the visitor is here, on whatever page."""
    visit: Visit | None = st.session_state.get(KEY)
    if visit is not None:
        _presence(visit, visit.token)


# Streamlit releases what it keeps for a session when the connection ends.
@st.cache_resource(show_spinner=False, scope="session", on_release=Visit.went)
def _presence(_visit: Visit, token: str) -> Visit:
    del token
    _visit.came()
    return _visit

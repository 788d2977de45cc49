"""Work in a thread, on its page: handed in, followed, cancelled, and how it ended."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from apps.jobs import JobError, State
from apps.plain_text import plain
from apps.thread_work import Outcome, Work, WorkPool

LOOK_EVERY_S = 0.3

HowFar = tuple[float, str]  # which part is done, and what is being done, in words


def hand_in(start: Callable[[], None], *, refused: str) -> None:
    """Start work, and run the page again as that of one who waits; or say why it was not taken.

    Args:
        start: Hands the work in; raises JobError.
        refused: What the refusal is called.
    """
    try:
        start()
    except JobError as error:
        st.error(plain(str(error), limit=400), title=refused)
    else:
        st.rerun()


def follow(
    pool: WorkPool[Outcome],
    work: Work[Outcome],
    how_far: Callable[[], HowFar],
    show: Callable[[Outcome], None],
    *,
    failed: str,
    lost: str,
) -> None:
    """Show how far work is, what came of it, or why nothing did.

    Args:
        pool: Who does it.
        work: Begun or ended.
        how_far: Tells it, once the work runs.
        show: Shows what came of it; run again alone, as a fragment.
        failed: What a failure is called.
        lost: What there is to say where the outcome had to make room.
    """
    work.look()
    if work.is_active:
        st.fragment(_wait, run_every=LOOK_EVERY_S)(pool, work, how_far)
    elif work.state is State.FAILED:
        st.error(plain(work.failure, limit=400), title=failed)
    elif work.state is State.STOPPED:
        st.info("Cancelled.")
    elif work.outcome is None:
        st.info(lost, title="It had to make room")
    else:
        st.fragment(_show)(work, show)


def _show(work: Work[Outcome], show: Callable[[Outcome], None]) -> None:
    work.look()
    outcome = work.outcome  # once: another visitor's may take its room at any time
    if outcome is None:
        st.rerun()
    show(outcome)


def _wait(pool: WorkPool[Outcome], work: Work[Outcome], how_far: Callable[[], HowFar]) -> None:
    """Show how far it is; run again and again, until it has ended."""
    work.look()
    if not work.is_active:
        st.rerun()
    before = pool.place(work)
    if before:
        others = f"another {pool.one}" if before == 1 else f"{before} other {pool.many}"
        share, words = 0.0, f"Waiting for {others} on this server"
    else:
        share, words = how_far()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(share, words)
        is_stopping = work.state is State.STOPPING
        st.button(
            "Cancelling …" if is_stopping else "Cancel",
            icon=":material/close:",
            disabled=is_stopping,
            on_click=pool.cancel,
            args=(work,),
        )

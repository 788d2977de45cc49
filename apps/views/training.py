"""Train a small network in the background, and watch it learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from apps.curves import show_curves
from apps.jobs import Job, JobError, State
from apps.plain_text import plain
from apps.scores import percent
from apps.session import boot
from apps.tasks import TRAINING
from apps.training_form import Form, show_form
from apps.training_result import FIGURE_PX, offer_download, show_left_out, show_result
from apps.training_visit import Visit, note_presence, this_visit
from apps.training_wish import DATA, Wish

LOOK_EVERY_S = 0.4
REFUSAL = "training.refusal"  # in the session: why a training could not start
UNKNOWN = "…"
IN_PYTHON = """\
import sightsound as ss

classify = ss.pipeline("image-classification", preset="trained")  # the unpacked folder
print(classify("picture.png").label)"""


def page() -> None:
    """Lay the page out."""
    st.title(TRAINING.title, anchor=False)
    st.markdown(TRAINING.wish)
    visit = this_visit()
    note_presence()
    if visit.job is None or visit.wish is None:
        _offer(visit)
    elif visit.job.is_active:
        st.fragment(_follow, run_every=LOOK_EVERY_S)(visit, visit.job, visit.wish)
    else:
        _show_ended(visit, visit.job, visit.wish)


# Before ----------------------------------------------------------------------------------------


def _offer(visit: Visit) -> None:
    boot()
    visit.pool.prepare()
    with st.container(border=True):
        form = show_form()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Start",
            type="primary",
            icon=":material/play_arrow:",
            disabled=form.missing,
            on_click=_begin,
            args=(visit, form),
        )
        if form.missing:
            st.caption("Choose a file first.")
    _show_refusal("This training cannot start now")


def _begin(visit: Visit, form: Form) -> None:
    content = form.upload.getvalue() if form.upload else b""
    _attempt(lambda: visit.begin(form.wish(), content))


def _go_on(visit: Visit, job: Job) -> None:
    _attempt(lambda: visit.pool.start(job))


def _attempt(start: Callable[[], None]) -> None:
    try:
        start()
    except (JobError, ValueError) as error:
        st.session_state[REFUSAL] = str(error)


def _show_refusal(title: str) -> None:
    refusal = st.session_state.pop(REFUSAL, "")
    if refusal:
        st.error(plain(refusal, limit=400), title=title)


# Meanwhile -------------------------------------------------------------------------------------


def _follow(visit: Visit, job: Job, wish: Wish) -> None:
    """Show how far it is; run again and again, until it has ended."""
    note_presence()
    if not job.is_active:
        st.rerun()
    report = job.report
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{_summary(wish)}**", width="stretch")
        st.button(
            "Stopping …" if job.state is State.STOPPING else "Stop",
            icon=":material/stop:",
            disabled=job.state is State.STOPPING,
            on_click=visit.pool.stop,
            args=(job,),
        )
    progress: Mapping[str, Any] = report.get("progress") or {}
    share, words = _how_far(visit, job, progress)
    st.progress(share, words)
    rows = report.get("rows", [])
    _show_figures(rows, progress, wish)
    show_curves(rows, epochs=wish.epochs, now=_now(progress))


def _how_far(visit: Visit, job: Job, progress: Mapping[str, Any]) -> tuple[float, str]:
    """Return which part is done, and what is being done, in words."""
    done = 0.0
    if progress:
        done = (progress["epoch"] - 1 + progress["step"] / progress["steps"]) / progress["epochs"]
    if job.state is State.WAITING:
        before = visit.pool.place(job)
        others = "one other training" if before == 1 else f"{before} other trainings"
        return done, f"Waiting for {others} on this server"
    phase = job.report.get("phase", "Starting TensorFlow")
    if phase != "Training":
        return done, f"{plain(phase)} …"
    return done, f"Training · {_duration(progress['seconds_left'])} left"


def _show_figures(rows: list[Mapping[str, float]], progress: Mapping[str, Any], wish: Wish) -> None:
    last = rows[-1] if rows else {}
    running = progress.get("running", {})
    epoch = progress.get("epoch", 0)
    step = f"step {progress['step']} of {progress['steps']}" if progress else "not begun"
    loss = running.get("loss", last.get("loss"))
    figures = (
        ("Epoch", f"{epoch} of {wish.epochs}", step),
        ("Held-out accuracy", _percent(last.get("val_accuracy")), _best(rows)),
        ("Training accuracy", _percent(running.get("accuracy", last.get("accuracy"))), "so far"),
        ("Training loss", UNKNOWN if loss is None else f"{loss:.3f}", "so far"),
    )
    with st.container(horizontal=True, gap="small"):
        for label, figure, note in figures:
            st.metric(
                label,
                figure,
                note,
                delta_color="off",
                delta_arrow="off",
                border=True,
                width=FIGURE_PX,
            )


def _best(rows: list[Mapping[str, float]]) -> str:
    known = [row["val_accuracy"] for row in rows if "val_accuracy" in row]
    return f"best {_percent(max(known))}" if known else "after an epoch"


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else percent(share)


def _now(progress: Mapping[str, Any]) -> dict[str, float] | None:
    """Return the curves' moving end; None between two epochs."""
    if not progress or not progress["running"]:
        return None
    epoch = progress["epoch"] - 1 + progress["step"] / progress["steps"]
    return {**progress["running"], "epoch": epoch}


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


# Afterwards ------------------------------------------------------------------------------------


def _show_ended(visit: Visit, job: Job, wish: Wish) -> None:
    """Show what came of it, and the ways on."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{_summary(wish)}**", width="stretch")
        if job.state is State.STOPPED:
            st.button(
                "Resume",
                type="primary",
                icon=":material/play_arrow:",
                on_click=_go_on,
                args=(visit, job),
            )
        if job.state is State.DONE:
            offer_download(job)
        st.button("New training", icon=":material/restart_alt:", on_click=visit.forget)
    _show_refusal("This training cannot go on now")
    rows = job.report.get("rows", [])
    if job.state is State.FAILED:
        st.error(plain(job.failure, limit=600), title="The training has failed")
    elif job.state is State.STOPPED:
        progress = job.report.get("progress") or {}
        where = f" in epoch {progress['epoch']} of {wish.epochs}" if progress else ""
        st.info(
            "Resume goes on where it stopped, and ends with the network that it would have ended "
            "with, to the last bit.",
            title=f"Stopped{where}",
        )
    elif "result" in job.report:
        show_result(job)
    if rows:
        show_curves(rows, epochs=wish.epochs)
    show_left_out(job)
    if job.state is State.DONE:
        st.subheader("Use it elsewhere", anchor=False)
        st.code(IN_PYTHON, language="python", wrap_lines=True)
        command = job.report.get("command")
        if command:
            st.caption("The same training on the command line:")
            st.code(command, language="bash", wrap_lines=True)


def _summary(wish: Wish) -> str:
    title = DATA[wish.data].title.partition(",")[0].partition(" (")[0]
    return f"{plain(wish.network)} · {plain(title)} · seed {wish.seed}"


page()

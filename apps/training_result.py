"""What came of a training: figures, mistakes as pictures, the preset to take away."""

from __future__ import annotations

import streamlit as st

from apps.jobs import Job
from apps.plain_text import plain
from apps.scores import percent
from apps.training_run import ARCHIVE, MISTAKES

FIGURE_PX = 164  # four side by side on a desktop, two on a phone
MISTAKE_PX = 88


def show_result(job: Job) -> None:
    """Show the figures on the held-out pictures, and the surest mistakes."""
    result = job.report["result"]
    figures = (
        ("Held-out accuracy", percent(result["accuracy"])),
        ("Held-out pictures", f"{result['count']:,}"),
        ("Wrong", f"{result['wrong']:,}"),
        ("Parameters", f"{result['parameters']:,}"),
    )
    with st.container(horizontal=True, gap="small"):
        for label, figure in figures:
            st.metric(label, figure, border=True, width=FIGURE_PX)
    mistakes = job.report.get("mistakes", [])
    if not mistakes:
        st.success("Every held-out picture was named rightly.")
        return
    st.markdown("**Its surest mistakes**: what was said, and what is true")
    with st.container(horizontal=True, gap="small"):
        for mistake in mistakes:
            file = job.folder / MISTAKES / mistake["picture"]
            said, true = plain(mistake["said"], limit=20), plain(mistake["true"], limit=20)
            with st.container(width=MISTAKE_PX, gap="xxsmall"):
                if file.is_file():
                    alt = f"{mistake['true']}, taken for {mistake['said']}"
                    st.image(file.read_bytes(), width=MISTAKE_PX, alt=alt)
                st.caption(f":red[{said}], not {true}")


def show_left_out(job: Job) -> None:
    """Name the uploaded pictures that could not be read."""
    names = job.report.get("left_out", [])
    if not names:
        return
    with st.expander(f"Pictures that were left out: {job.report['left_out_count']:,}"):
        for name in names:
            st.markdown(f"- {plain(name, limit=300)}")


def offer_download(job: Job) -> None:
    """Offer the preset as a zip file."""
    file = job.folder / ARCHIVE
    if not file.is_file():
        return
    st.download_button(
        "Preset",
        file.read_bytes,
        ARCHIVE,
        "application/zip",
        type="primary",
        help="Download the network with all that it needs",
        icon=":material/download:",
        on_click="ignore",
    )

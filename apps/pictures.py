"""Where a visitor hands over pictures: uploads, samples, the camera.

Streamlit forgets a widget when its page is left. What came in is therefore kept in the session,
and the widgets only add to it; a file that is removed from the uploader goes again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from apps.plain_text import plain
from apps.session import Upload, UploadError

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

SAMPLES = Path(__file__).with_name("samples")
PICTURE_LIMIT = 12  # times the upload limit is what one visitor can hold in memory
SAMPLE_PX = 88
CAMERA_PX = 480


@dataclass
class Visit:
    """What one visitor handed over.

    Attributes:
        kept: The pictures, oldest first, by where they came from.
        refused: Why a file was not taken, by its name.
        uploaded: Which of the kept ones the uploader holds.
        turn: How often the visitor started over; a widget with a new number is empty.
    """

    kept: dict[str, Upload] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    uploaded: set[str] = field(default_factory=set)
    turn: int = 0

    def keep(self, origin: str, name: str, content: bytes) -> None:
        """Keep a picture, or note why not."""
        try:
            if origin not in self.kept and len(self.kept) >= PICTURE_LIMIT:
                raise UploadError(
                    f"at most {PICTURE_LIMIT} pictures are kept at a time; remove one of them"
                )
            self.kept[origin] = Upload.of(name, content)
        except UploadError as error:
            self.refused[name] = str(error)


def choose_pictures() -> list[Upload]:
    """Offer the ways to hand over a picture; give those of this visit, newest first."""
    visit = _visit()
    samples = sorted(SAMPLES.glob("*.png"))
    names = ["Upload", *(["Samples"] if samples else []), "Camera"]
    tabs = dict(zip(names, st.tabs(names, on_change="rerun", key="pictures.way"), strict=True))
    with tabs["Upload"]:
        _offer_uploads(visit)
    if samples:
        with tabs["Samples"]:
            _offer_samples(visit, samples)
    # What is on a closed tab runs too, and a camera that runs asks for permission.
    if tabs["Camera"].open:
        with tabs["Camera"]:
            _offer_camera(visit)
    for name, reason in visit.refused.items():
        st.error(plain(reason, limit=400), title=plain(name))
    return list(reversed(visit.kept.values()))


def forget_pictures() -> None:
    """Drop everything that was handed over, and empty the widgets."""
    st.session_state["pictures.visit"] = Visit(turn=_visit().turn + 1)


def _visit() -> Visit:
    visit: Visit = st.session_state.setdefault("pictures.visit", Visit())
    return visit


def _offer_uploads(visit: Visit) -> None:
    key = f"pictures.upload.{visit.turn}"
    files = st.file_uploader(
        "Pictures",
        "image",
        accept_multiple_files=True,
        key=key,
        on_change=_follow_uploader,
        args=(key,),
        label_visibility="collapsed",
    )
    if not files:  # after a visit to another page, it is empty and holds none of the kept ones
        visit.uploaded = set()


def _follow_uploader(key: str) -> None:
    visit = _visit()
    visit.refused.clear()
    files: list[UploadedFile] = st.session_state[key]
    held = {file.file_id for file in files}
    for removed in visit.uploaded - held:
        visit.kept.pop(removed, None)
    for file in files:
        if file.file_id not in visit.uploaded:
            visit.keep(file.file_id, file.name, file.getvalue())
    visit.uploaded = held


def _offer_samples(visit: Visit, samples: list[Path]) -> None:
    with st.container(horizontal=True):
        for sample in samples:
            with st.container(width=SAMPLE_PX, gap="xsmall"):
                st.image(sample, width=SAMPLE_PX, alt="")  # the button says what it shows
                st.button(
                    plain(sample.stem.replace("_", " ")),
                    key=f"pictures.sample.{sample.stem}",
                    on_click=visit.keep,
                    args=(sample.name, sample.name, sample.read_bytes()),
                    width="stretch",
                )


def _offer_camera(visit: Visit) -> None:
    key = f"pictures.camera.{visit.turn}"
    st.camera_input("Take a picture", key=key, on_change=_keep_photo, args=(key,), width=CAMERA_PX)


def _keep_photo(key: str) -> None:
    photo: UploadedFile | None = st.session_state[key]
    if photo is not None:
        _visit().keep(photo.file_id, "camera.jpg", photo.getvalue())

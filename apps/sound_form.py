"""What a visitor of the page Audio chooses: what to do, from which recording, and how."""

from __future__ import annotations

from typing import Any

import streamlit as st

from apps.generating import Visit
from apps.plain_text import plain
from apps.recordings import LONGEST_S, Recording
from apps.session import UploadError
from apps.sound_wish import MOST_TAKES, Aim, Wish
from pipelines.audio import encode_audio

LONGEST_NEW_S = 20.0
MOST_SEED = 2**53 - 1  # what a browser's numbers hold
MOST_OFFERED = 3.0  # guidance; beyond, the voices get lost
ANY = "any"
QUESTIONS = {"label": "What it says", "speaker": "Who says it"}  # of the presets that are shipped
LEARNED = {"temperature": 1.0, "top_k": None, "top_p": 1.0}  # how a network learned to draw


def choose_aim(pipeline: Any) -> Aim:
    """Let the visitor choose among what a network can do."""
    able = (Aim.SPEAK, Aim.CONTINUE) if pipeline.mel is None else (Aim.VOCODE,)
    kind = "generator" if pipeline.mel is None else "vocoder"
    aim: Aim = st.segmented_control(
        "What to do",
        [*able, Aim.SCORE],
        format_func=lambda aim: aim.value,
        default=able[0],
        required=True,
        key=f"audio.aim.{kind}",
        persist_state="session",
        label_visibility="collapsed",
    )
    return aim


def offer_recording(visit: Visit, rate_hz: int) -> None:
    """Let the visitor hand a recording over, and say what a network of a rate hears of it."""
    names = ["Microphone", "Upload"]
    tabs = dict(zip(names, st.tabs(names, on_change="rerun", key="audio.way"), strict=True))
    microphone, upload = (f"audio.{way}.{visit.turn}" for way in ("microphone", "upload"))
    # What is on a closed tab runs too, and a microphone that runs may ask for permission.
    if tabs["Microphone"].open:
        tabs["Microphone"].audio_input(
            "Microphone",
            key=microphone,
            on_change=lambda: visit.take(st.session_state[microphone]),
            label_visibility="collapsed",
        )
    tabs["Upload"].file_uploader(
        f"WAV, FLAC, OGG or MP3, up to {LONGEST_S:.0f} seconds",
        "audio",
        key=upload,
        on_change=lambda: visit.take(st.session_state[upload]),
    )
    if visit.refusal is not None:
        name, reason = visit.refusal
        st.error(plain(reason, limit=400), title=plain(name))
    if visit.recording is not None:
        _show_recording(visit.recording, rate_hz)


def _show_recording(recording: Recording, rate_hz: int) -> None:
    name, changes = recording.upload.name, recording.changes(rate_hz)
    try:
        audio = recording.heard(rate_hz)
    except UploadError as error:
        st.error(plain(str(error), limit=400), title=plain(name))
        return
    with st.container(border=True):
        with st.container(gap="xxsmall"):
            st.markdown(f"**{plain(name)}**")
            how = (
                f"The network hears it {changes}." if changes else "The network hears it as it is."
            )
            st.caption(plain(f"{recording.facts}. {how}", limit=300))
        st.audio(encode_audio(audio, "wav"), alt=f"{name}, as the network hears it")


def choose_wish(visit: Visit, pipeline: Any, aim: Aim) -> Wish:
    """Let the visitor choose all the rest."""
    labels = _choose_labels(pipeline, aim)
    if aim is Aim.SCORE:
        return Wish(aim=aim, labels=labels, recording=visit.recording)
    seconds, takes, seed = _choose_clips(aim)
    return Wish(
        aim=aim,
        seconds=seconds,
        takes=takes,
        seed=seed,
        labels=labels,
        drawing=_choose_drawing(pipeline),
        recording=None if aim is Aim.SPEAK else visit.recording,
    )


def _choose_labels(pipeline: Any, aim: Aim) -> dict[str, str | None]:
    """Let the visitor choose a class of each label; to score, one must be chosen."""
    if not pipeline.labels:
        return {}
    chosen: dict[str, str | None] = {}
    for column, (name, words) in zip(
        st.columns(len(pipeline.labels)), pipeline.labels.items(), strict=True
    ):
        options = [*([] if aim is Aim.SCORE else [ANY]), *words]
        kind = "score" if aim is Aim.SCORE else "label"
        word = column.selectbox(
            QUESTIONS.get(name, name.capitalize()),
            options,
            format_func=plain,
            key=f"audio.{kind}.{pipeline.preset}.{name}",
            persist_state="session",
        )
        chosen[name] = None if word == ANY else word
    return chosen


def _choose_clips(aim: Aim) -> tuple[float, int, int | None]:
    """Let the visitor choose how long, how many, and from which seed."""
    columns = iter(st.columns(2 if aim is Aim.VOCODE else 3))
    seconds = 1.0
    if aim is not Aim.VOCODE:
        seconds = next(columns).slider(
            "Seconds",
            0.5,
            LONGEST_NEW_S,
            1.0,
            0.5,
            key="audio.seconds",
            persist_state="session",
        )
    takes = next(columns).segmented_control(
        "Takes",
        range(1, MOST_TAKES + 1),
        default=1,
        required=True,
        key="audio.takes",
        persist_state="session",
    )
    seed = next(columns).number_input(
        "Seed",
        0,
        MOST_SEED - MOST_TAKES,
        None,
        1,
        placeholder="a new one each time",
        key="audio.seed",
        persist_state="session",
    )
    return seconds, takes, seed


def _choose_drawing(pipeline: Any) -> dict[str, float]:
    """Let the visitor choose how samples are drawn; give what is not the preset's own."""
    usual = {**LEARNED, "guidance": pipeline.guidance}
    with st.expander("How samples are drawn"):
        columns = st.columns(4 if pipeline.labels else 3)
        chosen: dict[str, float | None] = {
            "temperature": columns[0].slider(
                "Temperature",
                0.1,
                1.5,
                1.0,
                0.05,
                key="audio.temperature",
                help="Below 1, likelier samples become more likely: less noise, and less variety.",
                persist_state="session",
            ),
            "top_k": columns[1].number_input(
                "Top k",
                1,
                256,
                None,
                1,
                placeholder="all levels",
                key="audio.top_k",
                help="Draw among so many likeliest levels only.",
                persist_state="session",
            ),
            "top_p": columns[2].slider(
                "Top p",
                0.05,
                1.0,
                1.0,
                0.05,
                key="audio.top_p",
                help="Draw among the likeliest levels only, whose probabilities sum to it.",
                persist_state="session",
            ),
        }
        if pipeline.labels:
            chosen["guidance"] = columns[3].slider(
                "Guidance",
                0.0,
                MOST_OFFERED,
                pipeline.guidance,
                0.1,
                key=f"audio.guidance.{pipeline.preset}",
                help="How strongly what it says is meant: 1 as the network learned, above 1 more "
                "clearly. Too much of it changes the voice.",
                persist_state="session",
            )
    return {
        name: value for name, value in chosen.items() if value is not None and value != usual[name]
    }

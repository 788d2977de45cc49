"""What a visitor fills in before a training: the data, the network, how long and how fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps.settings import UPLOAD_LIMIT_MB
from apps.training_wish import (
    BATCH_SIZES,
    DATA,
    DOWNLOADED,
    LARGEST_SEED,
    MOST_EPOCHS,
    NETWORKS,
    PEAK_RATES,
    SCHEDULES,
    UPLOADED,
    Wish,
)

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

SETTING_PX = 126  # five side by side on a desktop, two on a phone
AUTO = "auto"
HOW_TO_PACK = (
    "A **zip** archive with a folder of pictures for each class, or an **npz** file with the "
    "arrays `images` (N, H, W) or (N, H, W, C) uint8 and `labels`. A fifth of the pictures is held "
    "out to measure on; folders `train` and `validation` above those of the classes say which. "
    "What you hand over stays on the machine that serves this page, and goes when you do."
)


@dataclass(frozen=True)
class Form:
    """What was filled in; not checked yet.

    Attributes:
        values: What makes a `Wish`.
        upload: The visitor's own pictures, where these are to be learned from.
    """

    values: Mapping[str, Any]
    upload: UploadedFile | None

    @property
    def missing(self) -> bool:
        """Whether a file has still to be chosen."""
        return self.values["data"] == UPLOADED and self.upload is None

    def wish(self) -> Wish:
        """Return the wish.

        Raises:
            ValueError: A value is none that the page offers.
        """
        return Wish(**self.values)


def show_form() -> Form:
    """Offer all that can be chosen."""
    from models.catalog import model_info

    kept: Mapping[str, Any] = {"persist_state": "session"}
    data = st.selectbox(
        "Pictures to learn from",
        list(DATA),
        format_func=lambda name: DATA[name].title,
        key="training.data",
        **kept,
    )
    upload, mirror = _take_upload() if data == UPLOADED else (None, True)
    network = st.selectbox(
        "Network",
        NETWORKS,
        format_func=lambda name: f"{name} · {model_info(name).spec.title}",
        key="training.network",
        **kept,
    )
    settings = _choose_settings(data, network)
    st.caption(_origin(data, network))
    return Form({"data": data, "network": network, "mirror": mirror, **settings}, upload)


def _take_upload() -> tuple[UploadedFile | None, bool]:
    upload: UploadedFile | None = st.file_uploader(
        f"One file of at most {UPLOAD_LIMIT_MB} MB", ["zip", "npz"], key="training.upload"
    )
    st.caption(HOW_TO_PACK)
    mirror = st.checkbox(
        "Mirror images show the same",
        value=True,
        key="training.mirror",
        help="So they may be learned from, too; those of letters and digits may not",
    )
    return upload, mirror


def _choose_settings(data: str, network: str) -> dict[str, Any]:
    """Offer the settings; they begin as the recipe has them."""
    from apps.training_recipe import named_recipe

    plan = None if data == UPLOADED else named_recipe(data, network).plan
    auto = (None,) if plan is None else ()
    of = f"{data}.{network}"  # each pair begins with its own recipe's
    with st.container(horizontal=True, gap="xsmall"):
        return {
            "epochs": _number("Epochs", 1, MOST_EPOCHS, DATA[data].epochs, f"epochs.{data}"),
            "batch_size": _choose(
                "Batch size", (*auto, *BATCH_SIZES), plan and plan.batch_size, f"batch.{of}"
            ),
            "peak_rate": _choose(
                "Peak rate", (*auto, *PEAK_RATES), plan and plan.peak_rate, f"rate.{of}"
            ),
            "schedule": _choose(
                "Schedule", tuple(SCHEDULES), plan and plan.schedule.kind, f"schedule.{of}"
            ),
            "seed": _number("Seed", 0, LARGEST_SEED, 0, "seed"),
        }


HELP = {
    "Batch size": "Pictures a step",
    "Peak rate": "The highest learning rate",
    "Schedule": "How the learning rate rises and falls",
    "Seed": "The same seed gives the same network, to the last bit",
}


def _number(label: str, least: int, most: int, first: int, key: str) -> int:
    return st.number_input(
        label,
        least,
        most,
        first,
        key=f"training.{key}",
        help=HELP.get(label),
        width=SETTING_PX,
        persist_state="session",
    )


def _choose(label: str, options: Sequence[Any], first: Any, key: str) -> Any:
    return st.selectbox(
        label,
        options,
        options.index(first) if first in options else 0,
        format_func=_words,
        key=f"training.{key}",
        help=HELP[label],
        width=SETTING_PX,
        persist_state="session",
    )


def _words(option: Any) -> str:
    if option is None:
        return AUTO
    return SCHEDULES[option] if isinstance(option, str) else f"{option:g}"


def _origin(data: str, network: str) -> str:
    """Say where the settings come from, and what they take."""
    from apps.training_recipe import has_own_recipe, recipe_name
    from pipelines.classification.recipes import RECIPES

    if data == UPLOADED:
        return f"“{AUTO}” follows from how many pictures there are. It takes {DATA[data].cost}."
    name = recipe_name(data, network)
    words = f"The settings of the recipe `{name}`; so few epochs take {DATA[data].cost}."
    if has_own_recipe(data, network):
        found = RECIPES[name]
        words += f" In full, {found.plan.epochs} epochs: {found.expected}."
    if data in DOWNLOADED:
        words += " The pictures are downloaded to the server, unless it has them already."
    return words

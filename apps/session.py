"""What the pages share: Keras started once, each pipeline loaded once, checked uploads."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any

import streamlit as st

from apps.settings import UPLOAD_LIMIT_MB

MEGABYTE = 2**20
LOADED_PIPELINES = 4  # the least recently used one makes room
STEM_CHARACTERS = 60  # of a file's name in that of what is made of it


class UploadError(ValueError):
    """A file that is not taken; the message states rule, value and remedy."""


@dataclass(frozen=True)
class Upload:
    """A file that a visitor handed over.

    Attributes:
        name: What the visitor calls it; never a path of ours, and never shown without `plain`.
        content: The whole file.
        digest: SHA-256 of the content, in hexadecimal.
    """

    name: str
    content: bytes
    digest: str

    @classmethod
    def of(cls, name: str, content: bytes) -> Upload:
        """Take a file.

        Raises:
            UploadError: It is empty or larger than `UPLOAD_LIMIT_MB`.
        """
        if not content:
            raise UploadError("a file must not be empty; got 0 bytes; choose another one")
        if len(content) > UPLOAD_LIMIT_MB * MEGABYTE:
            raise UploadError(
                f"a file may have at most {UPLOAD_LIMIT_MB} MB; got "
                f"{len(content) / MEGABYTE:.1f} MB; save it smaller"
            )
        return cls(name, content, hashlib.sha256(content).hexdigest())

    def stem(self, otherwise: str) -> str:
        """Return the name without its ending, in letters, digits and a few signs.

        Args:
            otherwise: What is returned in place of nothing.
        """
        stem = PureWindowsPath(self.name).stem  # both kinds of slashes end a folder
        kept = "".join(letter if letter.isalnum() or letter in " -_" else " " for letter in stem)
        return " ".join(kept[:STEM_CHARACTERS].split()) or otherwise


@st.cache_resource(show_spinner="Starting Keras …")
def boot() -> None:
    """Import Keras, and keep Streamlit from resetting it.

    After every run of a page Streamlit calls `keras.backend.clear_session()`, which empties the
    cache of kernels for all visitors and collects garbage: a page then takes 17 times as long
    (with LeNet 870 ms instead of 50). `keras.utils.clear_session` stays what it is.
    """
    import keras

    keras.backend.clear_session = _keep_session
    # What is imported stays: later collections need not look at it. Only once, because freezing
    # after each loaded network would keep those that make room, too.
    gc.collect()
    gc.freeze()


def _keep_session() -> None:
    """Stand in for `keras.backend.clear_session`."""


@st.cache_resource(show_spinner="Loading the network …", max_entries=LOADED_PIPELINES)
def load_pipeline(
    task: str, preset: str | None, _warm_up: Callable[[Any], object], **options: Any
) -> Any:
    """Load a pipeline, one for all visitors.

    Args:
        task: As `pipelines.pipeline` takes it.
        preset: Its preset; None for none, where an option makes that enough.
        _warm_up: Runs the pipeline once, so that no visitor waits for the tracing of its graphs.
            Streamlit leaves an argument with this underscore out of the cache's key.
        **options: As `pipelines.pipeline` takes them.

    Raises:
        PresetError: The preset is unknown or damaged.
    """
    boot()
    from pipelines import pipeline

    loaded = pipeline(task, preset, **options)
    _warm_up(loaded)
    return loaded


@st.cache_resource(show_spinner=False)
def preset_metadata(preset: str) -> Mapping[str, Any]:
    """Check a preset's files and give its metadata, without Keras.

    Raises:
        PresetError: The preset is unknown or damaged.
    """
    from pipelines.presets import load_preset

    return load_preset(preset).metadata

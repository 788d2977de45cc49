"""Files that are whole or not there: a run's state, weights and tables.

Each is written beside its place and then renamed, so that a process that is killed, or a disk that
is full, leaves the file as it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

STATE = "state"  # the entry of a checkpoint that is not an array


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file through `write`; it replaces `path` when all of it is on the disk.

    Raises:
        OSError: The disk is full, say; `path` is then as it was.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def save_checkpoint(path: Path, arrays: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> None:
    """Write named arrays, and what JSON can hold beside them.

    Raises:
        OSError: It could not be written; the one before is as it was.
    """
    entries: dict[str, Any] = {**arrays, STATE: np.array(json.dumps(state))}
    write_whole(path, lambda file: np.savez(file, **entries))


def load_checkpoint(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the state of a checkpoint.

    Raises:
        ValueError: It is not one of ours, or damaged.
    """
    try:
        # Opened here: NumPy leaves a damaged file open.
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        state: dict[str, Any] = json.loads(str(arrays.pop(STATE)))
    except Exception as error:  # zipfile, zlib, numpy and json each have their own
        raise ValueError(
            f"{path} must be a checkpoint of a training: {error}; "
            "remove it to begin the training again"
        ) from error
    return arrays, state

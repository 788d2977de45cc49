"""SavedModels: what every task's export and its way back have in common.

    folder/1/saved_model.pb, variables/      what TensorFlow Serving and every TensorFlow loads
    folder/1/assets.extra/sightsound.json    the card: task, preset, metadata and what else the
                                             task wants back; servers pass over it

Each task states its endpoints in a module of its own, such as `pipelines.classification.export`.
`pipelines.load_exported` finds the task again.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

VERSION = "1"  # TensorFlow Serving serves the folder of the highest number
SAVED_MODEL = "saved_model.pb"
CARD = Path("assets.extra", "sightsound.json")
BYTES_ENDPOINT, ARRAY_ENDPOINT = "serving_default", "serve_array"
UNDECODED = "TensorFlow cannot decode it; pass a whole JPEG, PNG, WebP, GIF, or plain BMP file"


class ExportError(ValueError):
    """A folder that is no SavedModel of ours, or one of another task."""


@contextmanager
def new_saved_model(
    folder: str | os.PathLike[str], card: Mapping[str, Any], *, overwrite: bool = False
) -> Iterator[keras.export.ExportArchive]:
    """Give an archive for the endpoints, then write `folder/1/`, whole or not at all.

    The endpoints hold the network's variables. To track the network as well would write them twice
    (keras issue 23553).

    Args:
        folder: Where; made if it is not there.
        card: What the graph does not tell, the licence among it: it belongs to the weights. Plain
            values, `task` one of them.
        overwrite: Whether a SavedModel in `folder/1` may be replaced.

    Raises:
        FileExistsError: `folder/1` exists and may not be replaced; raised before anything is done.
    """
    import keras

    folder = Path(folder)
    place = folder / VERSION
    _check_free(place, overwrite)
    archive = keras.export.ExportArchive()
    yield archive
    folder.mkdir(parents=True, exist_ok=True)
    # Hidden, and no number: a server that watches the folder passes over it.
    part = Path(tempfile.mkdtemp(prefix=f".{VERSION}.", dir=folder))
    try:
        part.chmod(0o755)  # mkdtemp's 0o700 would hide the model from a server's user
        archive.write_out(str(part), verbose=False)
        (part / CARD).parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
        (part / CARD).write_text(text, "utf-8")
        _put(part, place)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


class SavedModel:
    """A SavedModel of ours.

    Attributes:
        card: What was written beside the graph.
        endpoints: Its functions by name, tensors in and out.
    """

    def __init__(
        self, folder: str | os.PathLike[str], task: str, needs: Collection[str] = ()
    ) -> None:
        """Load a folder, or its `1`, that was exported for a task.

        Neither Keras nor the network's code is needed. A SavedModel is a program: load only what
        you trust.

        Raises:
            ExportError: It is something else, or its card lacks one of `needs`.
        """
        import tensorflow as tf

        place = find_saved_model(folder)
        self.card = read_card(folder)
        if self.card["task"] != task:
            raise ExportError(
                f"{str(place / CARD)!r} must state the task {task!r}; got {self.card['task']!r}"
            )
        missing = [key for key in ("preset", "metadata", *needs) if key not in self.card]
        if missing:
            raise ExportError(f"{str(place / CARD)!r} lacks {', '.join(missing)}")
        # The signatures do not keep the variables alive that they use; the root does.
        self._root = tf.saved_model.load(os.fspath(place))
        self.endpoints: Mapping[str, Callable[..., Mapping[str, tf.Tensor]]]
        self.endpoints = self._root.signatures


def find_saved_model(folder: str | os.PathLike[str]) -> Path:
    """Return where a folder holds its SavedModel: in itself or in `1`.

    Raises:
        ExportError: In neither.
    """
    folder = Path(folder)
    for place in (folder, folder / VERSION):
        if (place / SAVED_MODEL).is_file():
            return place
    raise ExportError(f"{str(folder)!r} must hold {SAVED_MODEL} or {VERSION}/{SAVED_MODEL}")


def read_card(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what an export wrote beside its graph; `task` is among it.

    Raises:
        ExportError: It is no SavedModel, or nobody here wrote it.
    """
    path = find_saved_model(folder) / CARD
    try:
        card = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(f"{str(path)!r} must be what an export writes: {error}") from error
    if not isinstance(card, dict) or not isinstance(card.get("task"), str):
        raise ExportError(f"{str(path)!r} must state a task; got {card!r:.80}")
    return card


def _check_free(place: Path, overwrite: bool) -> None:
    if not place.exists():
        return
    replaceable = (place / SAVED_MODEL).is_file()
    if not (overwrite and replaceable):
        hint = "pass overwrite=True" if replaceable else "it is no SavedModel; choose another"
        raise FileExistsError(f"{str(place)!r} exists already; {hint}")


def _put(part: Path, place: Path) -> None:
    """Move the finished model to its place, the one that was there before out of it."""
    before = part.with_name(f"{part.name}.before")
    if place.exists():
        place.replace(before)
    part.replace(place)
    shutil.rmtree(before, ignore_errors=True)

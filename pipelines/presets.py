"""Presets: trained weights with everything that belongs to them, in a folder.

    config.json          task, model, options of `create_model`
    model.weights.h5     the weights (models.weights), float16
    preprocessor.json    how the task prepares an input
    pixel_map.npy        few have one: an array that preprocessor.json alone could not hold, such
                         as a mean picture or a whitening matrix (pipelines.standardisation)
    metadata.json        title, description, licence, data, parameters, metrics, sha256, and what
                         the task adds, such as labels
    README.md            the card, for people

Every file's SHA-256 is in metadata.json and is checked before the file is used. Only JSON and
plain arrays are read: nothing in a preset can run code.

Here is what all tasks' presets share. Some tasks have presets without a folder, whose weights
somebody publishes: `pipelines.list_presets` and `pipelines.load_preset` know these too.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from models.words import suggest

if TYPE_CHECKING:
    import keras
    import numpy as np

CONFIG, WEIGHTS, PREPROCESSOR = "config.json", "model.weights.h5", "preprocessor.json"
METADATA, CARD = "metadata.json", "README.md"
FILES = (CONFIG, WEIGHTS, PREPROCESSOR, METADATA, CARD)
PIXEL_MAP = "pixel_map.npy"  # few presets have one
HUB_SCHEME = "hf://"

SHIPPED = Path(__file__).resolve().parent.parent / "presets"


class PresetError(ValueError):
    """A preset that is unknown, damaged or not fit for the task."""


@dataclass(frozen=True)
class Preset:
    """A preset folder whose files have been checked.

    Attributes:
        name: Its name, or its folder's name.
        path: The folder.
        config: What builds the network: `task`, `model`, `options`.
        metadata: What is known of it: `title`, `labels`, `licence`, `data`, `metrics` and more.
    """

    name: str
    path: Path
    config: Mapping[str, Any]
    metadata: Mapping[str, Any]

    @property
    def task(self) -> str:
        """What it is for, such as `image-classification`."""
        return str(self.config["task"])

    @property
    def model(self) -> str:
        """The network's name in the catalog."""
        return str(self.config["model"])

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes' names in the network's order; empty where there are none."""
        return tuple(self.metadata.get("labels", ()))

    @property
    def preprocessor(self) -> Mapping[str, Any]:
        """How an input is prepared, in the task's own words; `pixel_map` may belong to it.

        Raises:
            PresetError: The file is no JSON object.
        """
        return _read_json(self.path / PREPROCESSOR, self.name)

    @property
    def pixel_map(self) -> np.ndarray | None:
        """The array that belongs to `preprocessor`, of any shape and type, if there is one.

        Raises:
            PresetError: The file is no plain array.
        """
        import numpy as np

        file = self.path / PIXEL_MAP
        if not file.is_file():
            return None
        try:
            # Mapped, so that a header cannot ask for memory; objects cannot be mapped.
            return np.lib.format.open_memmap(file, mode="r")
        except (ValueError, TypeError, EOFError) as error:
            raise PresetError(f"preset {self.name!r}: {PIXEL_MAP}: {error}") from error

    def build(self) -> keras.Model:
        """Return the network with its weights.

        Raises:
            PresetError: The network is unknown, or the weights do not fit it.
        """
        from models.catalog import create_model

        options = dict(self.config.get("options", {}))
        try:
            return create_model(self.model, weights=self.path / WEIGHTS, **options)
        except (ValueError, TypeError) as error:
            raise PresetError(f"preset {self.name!r}: {error}") from error


class Download(Protocol):
    """How a preset without a folder is had."""

    def __call__(self, name: str, *, offline: bool) -> Preset:
        """Return the preset of that name; with `offline`, from a cache or not at all."""


def list_presets(task: str | None = None) -> list[str]:
    """Return the names of the presets that ship with the package, sorted."""
    folders = sorted(p.parent for p in SHIPPED.glob(f"*/{CONFIG}"))
    tasks = {
        folder.name: _read_json(folder / CONFIG, folder.name).get("task") for folder in folders
    }
    return [name for name, its_task in tasks.items() if task in (None, its_task)]


def load_preset(
    name: str | os.PathLike[str],
    *,
    offline: bool = False,
    downloads: Mapping[str, Download] = MappingProxyType({}),
) -> Preset:
    """Find a preset, check every file of it, and return it.

    Args:
        name: A shipped preset's name, a folder, `hf://owner/name` on the Hugging Face hub, or one
            of `downloads`.
        offline: Use caches only; never the network.
        downloads: Presets without a folder, by name.

    Raises:
        PresetError: No such preset (the nearest is named), or a file is missing or damaged.
    """
    name = os.fspath(name)
    if name in downloads:
        return downloads[name](name, offline=offline)
    folder = _find(name, offline=offline, downloads=downloads)
    shown = folder.name if not name.startswith(HUB_SCHEME) else name
    missing = [file for file in FILES if not (folder / file).is_file()]
    if missing:
        raise PresetError(
            f"a preset needs {', '.join(FILES)}; {str(folder)!r} lacks {', '.join(missing)}"
        )
    metadata = _read_json(folder / METADATA, shown)
    recorded = metadata.get("sha256")
    for file in _hashed(folder):
        expected = recorded.get(file) if isinstance(recorded, dict) else None
        actual = sha256(folder / file)
        if actual != expected:
            raise PresetError(
                f"preset {shown!r} is damaged: {file} must have SHA-256 {expected}, has {actual}; "
                "install or download it again"
            )
    config = _read_json(folder / CONFIG, shown)
    for key in ("task", "model"):
        if not isinstance(config.get(key), str):
            raise PresetError(f"preset {shown!r}: {CONFIG} must name its {key}; got {config!r}")
    return Preset(shown, folder, config, metadata)


def save_preset(
    folder: str | os.PathLike[str],
    *,
    model: keras.Model,
    config: Mapping[str, Any],
    preprocessor: Mapping[str, Any],
    metadata: Mapping[str, Any],
    card: str,
    overwrite: bool = False,
    pixel_map: np.ndarray | None = None,
) -> Path:
    """Write a preset folder, whole or not at all, and return its path.

    Args:
        folder: Where; its name becomes the preset's.
        model: A network of the catalog, whose weights are kept.
        config: `task`, `model`, and the `options` with which `create_model` makes the network.
        preprocessor: How the task prepares an input: plain values.
        metadata: What is known of the preset; Keras's version and the hashes are added.
        card: The README.
        overwrite: Whether an existing preset may be replaced.
        pixel_map: An array that belongs to `preprocessor`.

    Raises:
        FileExistsError: The folder exists and `overwrite` is False, or it is not a preset.
    """
    import keras
    import numpy as np

    from models.weights import save_weights

    folder = Path(folder)
    if folder.exists():
        replaceable = not any(folder.iterdir()) or (folder / CONFIG).is_file()
        if not (overwrite and replaceable):
            hint = "pass overwrite=True" if replaceable else "choose another folder"
            raise FileExistsError(f"{str(folder)!r} exists already; {hint}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        part.chmod(0o755)  # mkdtemp's 0o700 would hide the preset from other users
        save_weights(model, part / WEIGHTS)
        (part / CONFIG).write_text(_json(config), "utf-8")
        (part / PREPROCESSOR).write_text(_json(preprocessor), "utf-8")
        if pixel_map is not None:
            np.save(part / PIXEL_MAP, pixel_map, allow_pickle=False)
        (part / CARD).write_text(card, "utf-8")
        hashes = {file: sha256(part / file) for file in _hashed(part)}
        stated = {**metadata, "keras_version": keras.__version__, "sha256": hashes}
        (part / METADATA).write_text(_json(stated), "utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        part.replace(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return folder


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hashed(folder: Path) -> list[str]:
    """Return the files of a preset that are used, and therefore checked."""
    pixel_map = [PIXEL_MAP] if (folder / PIXEL_MAP).is_file() else []
    return [CONFIG, WEIGHTS, PREPROCESSOR, *pixel_map]


def _find(name: str, *, offline: bool, downloads: Iterable[str]) -> Path:
    if name.startswith(HUB_SCHEME):
        return _from_hub(name.removeprefix(HUB_SCHEME), offline=offline)
    shipped = list_presets()
    if name in shipped:
        return SHIPPED / name
    folder = Path(name)
    if folder.is_dir():
        return folder.resolve()
    raise PresetError(f"unknown preset {name!r}; {suggest(name, [*shipped, *downloads])}")


def _from_hub(repository: str, *, offline: bool) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import (
            HfHubHTTPError,
            HFValidationError,
            LocalEntryNotFoundError,
        )
    except ImportError as error:
        raise PresetError(
            f"{HUB_SCHEME}{repository} needs huggingface-hub; pip install 'sightsound[hub]'"
        ) from error
    try:
        # Only the files of a preset: whatever else a repository holds stays there.
        wanted = [*FILES, PIXEL_MAP]
        return Path(snapshot_download(repository, allow_patterns=wanted, local_files_only=offline))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        where = "in the cache (offline=True)" if offline else "on the hub"
        raise PresetError(f"cannot get {HUB_SCHEME}{repository} {where}: {error}") from error


def _read_json(path: Path, name: str) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PresetError(f"preset {name!r}: {path.name} is not readable JSON: {error}") from error
    if not isinstance(values, dict):
        raise PresetError(f"preset {name!r}: {path.name} must hold an object; got {values!r:.80}")
    return values


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"

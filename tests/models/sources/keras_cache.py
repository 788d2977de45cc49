"""A stand-in for a file that Keras publishes: in Keras's cache, with a hash of its own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from models.sources import published
from models.sources.published import PublishedFile

NOWHERE = "http://127.0.0.1:9/"  # the discard port: nobody answers, and nothing leaves the machine


def use_cache(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Make `folder` Keras's own; published files that are not in it cannot be had."""
    (folder / "models").mkdir()
    monkeypatch.setenv("KERAS_HOME", str(folder))
    rows = {
        name: tuple(PublishedFile(f"{NOWHERE}{file.name}", file.name, file.md5) for file in files)
        for name, files in published.PUBLISHED.items()
    }
    monkeypatch.setattr(published, "PUBLISHED", rows)
    return folder / "models"


def expect(monkeypatch: pytest.MonkeyPatch, name: str, path: Path) -> None:
    """Take the file at `path` for the one that was published for `name`."""
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    files = [
        PublishedFile(file.url, file.name, md5 if file.name == path.name else file.md5)
        for file in published.PUBLISHED[name]
    ]
    rows = {**published.PUBLISHED, name: tuple(files)}
    monkeypatch.setattr(published, "PUBLISHED", rows)

"""What a command line's inputs name: files, folders, quoted patterns, URLs, and `-`."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path


def expand(words: Iterable[str]) -> Iterator[str | Path | bytes]:
    """Yield a folder's pictures, a pattern's matches, the bytes of standard input for `-`.

    Everything else is yielded as it is, also a folder without pictures: whoever reads a source says
    what is wrong with it.
    """
    from pipelines.images import Limits, list_images

    for word in words:
        if word == "-":
            # One byte more than is taken: enough for the reader to refuse an endless stream.
            yield sys.stdin.buffer.read(Limits().max_bytes + 1)
        elif "://" in word:  # with a wrong scheme too: the reader refuses it by name
            yield word
        else:
            for path in _matches(word):
                yield from (os.path.isdir(path) and list_images(path)) or [path]  # noqa: PTH112


def _matches(word: str) -> list[Path]:
    """Return the path that `word` names, or else the paths that match it as a pattern."""
    # Of os.path, because a Path raises where a name is too long; the reader says so better.
    if os.path.exists(word):  # noqa: PTH110
        return [Path(word)]
    # Path.glob takes no absolute pattern and would match hidden files.
    found = sorted(glob.glob(word, recursive=True))  # noqa: PTH207
    return [Path(name) for name in found] or [Path(word)]

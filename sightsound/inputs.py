"""What a command line's inputs name: files, folders, quoted patterns, URLs, and `-`."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

Source = str | Path | bytes


def expand(words: Iterable[str]) -> Iterator[Source]:
    """Yield a folder's pictures, a pattern's matches, the bytes of standard input for `-`.

    Everything else is yielded as it is, also a folder without pictures: whoever reads a source says
    what is wrong with it.
    """
    from pipelines.images import Limits, list_images

    yield from _expand(words, list_images, Limits().max_bytes)


def expand_audio(words: Iterable[str]) -> Iterator[Source]:
    """Yield a folder's recordings, and the rest as `expand` does."""
    from pipelines.audio import AudioLimits, list_audio

    yield from _expand(words, list_audio, AudioLimits().max_bytes)


def _expand(
    words: Iterable[str], list_folder: Callable[[Path], list[Path]], max_bytes: int
) -> Iterator[Source]:
    for word in words:
        if word == "-":
            # One byte more than is taken: enough for the reader to refuse an endless stream.
            yield sys.stdin.buffer.read(max_bytes + 1)
        elif "://" in word:  # with a wrong scheme too: the reader refuses it by name
            yield word
        else:
            for path in _matches(word):
                yield from (os.path.isdir(path) and list_folder(path)) or [path]  # noqa: PTH112


def _matches(word: str) -> list[Path]:
    """Return the path that `word` names, or else the paths that match it as a pattern."""
    # Of os.path, because a Path raises where a name is too long; the reader says so better.
    if os.path.exists(word):  # noqa: PTH110
        return [Path(word)]
    # Path.glob takes no absolute pattern and would match hidden files.
    found = sorted(glob.glob(word, recursive=True))  # noqa: PTH207
    return [Path(name) for name in found] or [Path(word)]

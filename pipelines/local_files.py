"""Files that people name: read whole, without ever waiting, and refused for what they are."""

from __future__ import annotations

import difflib
import itertools
import os
import stat
from collections.abc import Callable, Collection
from pathlib import Path

from pipelines.picture import shown

NAMES_COMPARED = 2000  # of a folder, in search of a similar one: some 20 ms
# Never wait for a writer (FIFO), never hand the file to a child, never translate line ends.
OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}


class LocalFileError(Exception):
    """A file is refused; the message is what is to be said of its path."""


class MissingFileError(LocalFileError):
    """There is no such file."""


class IrregularFileError(LocalFileError):
    """It is no regular file; `kind` is what it is instead."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"must be a regular file; got {kind}")
        self.kind = kind


class LargeFileError(LocalFileError):
    """It has more bytes than it may; `size` is how many."""

    def __init__(self, size: int) -> None:
        super().__init__(f"is too large: {size:,} bytes")
        self.size = size


def read_file(path: str, max_bytes: int) -> bytes:
    """Read a regular file of at most `max_bytes`, without ever waiting on a device.

    Raises:
        MissingFileError, IrregularFileError, LargeFileError: What their names say.
        LocalFileError: It cannot be read, or changed meanwhile.
    """
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise IrregularFileError(KINDS.get(stat.S_IFMT(status.st_mode), "a device"))
        if status.st_size > max_bytes:
            raise LargeFileError(status.st_size)
        with os.fdopen(os.open(path, OPEN_FLAGS), "rb", buffering=0) as file:
            data = file.read(status.st_size + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(why_missing(path)) from error
    except OSError as error:
        raise LocalFileError(f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a NUL character
        raise LocalFileError(f"is no valid path: {error}") from error
    if len(data) != status.st_size:
        raise LocalFileError("must not change while it is read; try again when it is complete")
    return data


def files_below(
    root: Path,
    suffixes: Collection[str],
    *,
    recursive: bool = True,
    unlistable: Callable[[OSError], None],
) -> list[Path]:
    """Return the files of a folder with one of these endings, sorted, none hidden.

    Linked folders are not entered, so a loop of links ends.

    Args:
        root: The folder.
        suffixes: In lower case, such as ".wav".
        recursive: Whether folders in it are entered.
        unlistable: Called with the error of a folder that cannot be listed.
    """
    found: list[Path] = []
    for parent, folders, files in os.walk(root, onerror=unlistable):
        visible = [name for name in files if not name.startswith(".")]
        found += [Path(parent, n) for n in visible if Path(n).suffix.lower() in suffixes]
        folders[:] = [n for n in folders if recursive and not n.startswith(".")]
    return sorted(found)


def why_missing(path: str) -> str:
    """Return what is to be said of a missing file: a similar name of its folder, if there is."""
    folder, name = os.path.split(path)
    if path.startswith("~"):
        return "no such file; pass os.path.expanduser(path)"
    try:
        with os.scandir(folder or ".") as entries:
            names = {e.name.lower(): e.name for e in itertools.islice(entries, NAMES_COMPARED)}
    except (OSError, ValueError):  # ValueError: a NUL character
        return f"no such file; there is no folder {shown(folder)}"
    similar = difflib.get_close_matches(name.lower(), names, n=1)
    hint = f"; did you mean {shown(names[similar[0]])}?" if similar else ""
    return f"no such file{hint}"

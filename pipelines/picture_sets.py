"""Sets of pictures by name, or any folder of pictures: what tasks train on and measure on.

Which names a task knows is its own; see its `data`. A set is looked for in a folder of its name, in
any of the layouts that its usual downloads have. Pictures are in RGB; those of one channel say so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.words import suggest
from pipelines.images import ImageSource, list_images, read_images
from pipelines.picture import shown


@dataclass(frozen=True)
class Layout:
    """Where a set's pictures may lie, and how many there are.

    Attributes:
        title: What reports call it.
        count: Its number of pictures; a folder with another number is another set.
        folders: Names of the set's folder, in any case.
        inside: Folders within that, each tried as a whole; "" for the set's folder itself.
    """

    title: str
    count: int
    folders: tuple[str, ...]
    inside: tuple[tuple[str, ...], ...]


# The 200 + 200 pictures of BSDS500's training and test parts, as unpacked by hand or by well-known
# collections.
BSDS400 = Layout(
    "BSDS400",
    400,
    ("BSDS400", "BSD400", "BSDS500", "BSR"),
    (
        ("",),
        ("train", "test"),
        ("images/train", "images/test"),
        ("data/images/train", "data/images/test"),
        ("BSDS500/data/images/train", "BSDS500/data/images/test"),
    ),
)


class DataError(ValueError):
    """Pictures that are missing, or are not those that were named."""


@dataclass(frozen=True, eq=False)
class NamedPicture:
    """A picture with its name.

    Attributes:
        name: Its file's name without the ending, or its number.
        pixels: (H, W, 3) uint8, RGB.
        grey: Whether the file had one channel, so that R = G = B.
    """

    name: str
    pixels: np.ndarray
    grey: bool = False


@dataclass(frozen=True, eq=False)
class PictureSet:
    """Pictures that are read each time they are iterated over.

    Attributes:
        name: What reports call it.
        sources: Paths in the order of their names, or whatever else `read_image` takes.
    """

    name: str
    sources: tuple[ImageSource, ...]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.sources)

    def __iter__(self) -> Iterator[NamedPicture]:
        """Yield the pictures, a few read ahead.

        Raises:
            ImageError: One cannot be read.
        """
        for outcome in self.read():
            if isinstance(outcome, Exception):
                raise outcome
            yield outcome

    def read(self) -> Iterator[NamedPicture | Exception]:
        """Yield each picture, or the exception that reading it gave."""
        for number, (source, picture) in enumerate(read_images(self.sources), start=1):
            if isinstance(picture, Exception):
                yield picture
            else:
                yield NamedPicture(_name(source, number), picture.rgb8, picture.grey)


def as_pictures(
    data: PictureSet | str | os.PathLike[str] | Sequence[ImageSource],
    folder: str | os.PathLike[str] | None,
    layouts: Mapping[str, Layout],
) -> PictureSet:
    """Return a set as it is, what `load_pictures` finds under a name, or the pictures of a list.

    Raises:
        DataError: As `load_pictures`, or the list is empty.
        TypeError: It is none of these.
    """
    if isinstance(data, PictureSet):
        return data
    if isinstance(data, str | os.PathLike):
        return load_pictures(data, folder, layouts)
    if not isinstance(data, list | tuple):
        raise TypeError(f"data must be a name, a folder or a list; got {type(data).__name__}")
    if not data:
        raise DataError("data must hold a picture; got an empty list")
    return PictureSet(f"{len(data)} pictures", tuple(data))


def load_pictures(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None,
    layouts: Mapping[str, Layout],
) -> PictureSet:
    """Return a named set or the pictures of a folder.

    Args:
        source: One of the names in `layouts`, in any case, or the path of a folder or of one
            picture.
        folder: Where a named set lies: its own folder or the one above. When None, the set's name
            is also taken for a folder.
        layouts: The sets that the task knows.

    Raises:
        DataError: There is no such set or folder, or it holds something else.
    """
    name = os.fspath(source)
    layout = layouts.get(name.lower())
    if layout and folder is not None:
        return PictureSet(layout.title, _find(layout, Path(folder)))
    path = Path(name)
    own = layouts.get(path.name.lower())
    if own and path.is_dir():
        return PictureSet(own.title, _find(own, path))
    if layout:
        raise DataError(
            f"{name} is not part of the package; give the folder that holds it (folder=, --folder)"
        )
    if folder is not None:
        raise DataError(f"unknown set {name!r}; {suggest(name.lower(), layouts)}")
    if path.is_file():
        return PictureSet(path.name, (path,))
    if not path.is_dir():
        raise DataError(f"data must be a folder, or a known set; {suggest(name.lower(), layouts)}")
    found = list_images(path, recursive=False)
    if not found:
        raise DataError(f"{name!r} holds no pictures{_deeper(path)}")
    return PictureSet(path.resolve().name, tuple(found))


def _find(layout: Layout, folder: Path) -> tuple[Path, ...]:
    """Return the files of a set in `folder`, which is its own or the one above.

    Raises:
        DataError: No layout fits; the message says what was expected and what was found.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {shown(str(folder))}")
    wanted = {name.lower() for name in layout.folders}
    roots = [path for path in sorted(folder.iterdir()) if path.name.lower() in wanted]
    found: list[str] = []
    for root in (*filter(Path.is_dir, roots), folder):
        for parts in layout.inside:
            places = [root / part for part in parts]
            files = [file for place in places if place.is_dir() for file in _originals(place)]
            if len(files) == layout.count:
                return tuple(files)
            if files:
                found.append(f"{len(files)} pictures in {shown(str(places[0]))}")
    expected = (" + ".join(filter(None, parts)) or "the folder itself" for parts in layout.inside)
    raise DataError(
        f"{layout.title} is {layout.count} pictures in a folder {' or '.join(layout.folders)}, in "
        f"one of: {', '.join(expected)}; got {'; '.join(found) or 'none'} (folder "
        f"{shown(str(folder))})"
    )


def _originals(folder: Path) -> list[Path]:
    """Return a folder's pictures; where both are in one, those of high resolution."""
    files = list_images(folder, recursive=False)
    return [file for file in files if file.stem.endswith("_HR")] or files


def _deeper(folder: Path) -> str:
    """Return, for a message, where pictures lie below `folder`."""
    inside = sorted(path.name for path in folder.iterdir() if path.is_dir() and list_images(path))
    return f"; did you mean one of its folders {', '.join(map(shown, inside[:8]))}?" * bool(inside)


def _name(source: ImageSource, number: int) -> str:
    return Path(source).stem if isinstance(source, str | os.PathLike) else str(number)

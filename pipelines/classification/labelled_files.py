"""A person's own picture files with their labels: a folder a class, or a CSV file.

Nothing is decoded here: a picture that cannot be read is found by who reads it.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from pipelines.classification.labelled_images import (
    SPLITS,
    DataError,
    Failure,
    LabelledImages,
    OnBad,
    Split,
)
from pipelines.classification.parts import Parts, places_of
from pipelines.images import list_images
from pipelines.picture import shown

REQUIRED, OPTIONAL = ("path", "label"), "split"


class LabelledFile(NamedTuple):
    """A picture's file, its label, its name within the data, and its part where that is stated."""

    path: Path
    label: str
    key: bytes
    part: Split | None


@dataclass(frozen=True)
class Listing:
    """All files of a data set, and what had to be left out of it."""

    name: str
    files: Sequence[LabelledFile]
    failures: Sequence[Failure]

    def part(self, split: Split | None, held_out: bool | None, parts: Parts) -> LabelledImages:
        """Return one part's files; its classes are those of all parts.

        Raises:
            DataError: There is nothing in it.
        """
        classes = sorted({file.label for file in self.files})
        stated = [file.part for file in self.files if file.part is not None]
        own = stated if len(stated) == len(self.files) else None
        keys = [file.key for file in self.files]
        places = places_of(split, keys, own, held_out=held_out, parts=parts)
        name = self.name if own is None and split is None else f"{self.name} {split or 'test'}"
        if not len(places):
            raise DataError(f"{name}: there is nothing in it; {self._remedy(own)}")
        number = {label: i for i, label in enumerate(classes)}
        return LabelledImages(
            tuple(self.files[place].path for place in places),
            np.array([number[self.files[place].label] for place in places], "int64"),
            tuple(classes),
            name,
            tuple(self.failures),
        )

    def _remedy(self, own: Sequence[Split] | None) -> str:
        if own is None:
            return f"{len(self.files)} pictures are too few to be parted; add some, 20 a class"
        return f"the data has {', '.join(s for s in SPLITS if s in own) or 'no part'}"


def list_folder(folder: Path, on_error: OnBad) -> Listing:
    """List a folder that has a folder of pictures for each class, or one of these for each split.

    Files are found as `list_images` finds them. Pictures beside the class folders have no label
    and are left alone.

    Raises:
        DataError: There are none; or, with `on_error="raise"`, a class has no picture.
    """
    roots = {folder / split: split for split in SPLITS if (folder / split).is_dir()}
    below = _folders(folder)
    has_splits = {"train", "test"} <= set(roots.values()) or (roots and set(below) == set(roots))
    listed: list[LabelledFile] = []
    empty: dict[str, Path] = {}
    for root, split in roots.items() if has_splits else [(folder, None)]:
        for place in _folders(root):
            pictures = list_images(place)
            label = _label(place)
            listed += [LabelledFile(p, label, _key(p, folder), split) for p in pictures]
            if not pictures:
                empty[label] = place
    if not listed:
        raise DataError(
            f"{str(folder)!r} must hold a folder of pictures for each class, or idx files"
        )
    filled = {file.label for file in listed}
    failures = [
        Failure(str(place), "must hold pictures of its class; has none")
        for label, place in empty.items()
        if label not in filled
    ]
    if failures and on_error == "raise":
        raise DataError(
            f"{shown(failures[0].source)}: {failures[0].reason}; add some or remove the folder"
        )
    return Listing(folder.resolve().name, listed, failures)


def list_csv(path: Path, on_error: OnBad) -> Listing:
    """List the files that a CSV file names: columns `path`, `label` and, if wanted, `split`.

    Paths are relative to the CSV file. Other columns are left alone.

    Raises:
        DataError: It is no such file; or, with `on_error="raise"`, a line is wrong.
    """
    try:
        # A byte order mark is what spreadsheets begin with.
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name} must be UTF-8; byte {error.start} is not: save it as CSV UTF-8"
        ) from error
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}") from error
    files: list[LabelledFile] = []
    failures: list[Failure] = []
    lines_of: dict[bytes, int] = {}
    for line, row in _rows(path.name, text):
        checked = _check_row(row, path.parent, lines_of)
        if isinstance(checked, LabelledFile):
            files.append(checked)
            lines_of[checked.key] = line
            continue
        failures.append(Failure(f"{path.name} line {line}", checked))
        if on_error == "raise":
            raise DataError(f"{path.name} line {line}: {shown(checked)}")
    if not files:
        first = f"; line 2 on: {shown(failures[0].reason)}" if failures else ""
        raise DataError(f"{path.name} must name pictures and their labels; it names none{first}")
    return Listing(path.name, files, failures)


def _rows(name: str, text: str) -> Iterator[tuple[int, dict[str, str] | str]]:
    """Yield each line's number and its values by column, or what is wrong with it."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        if not set(REQUIRED) <= set(header) or len(set(header)) != len(header):
            raise DataError(
                f"{name} must begin with a line that names the columns path and label, and split "
                f"if wanted, with commas between; got {shown(','.join(header))!r}"
            )
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) == len(header) and any(cell.strip() for cell in cells):
                yield line, dict(zip(header, cells, strict=True))
            elif any(cell.strip() for cell in cells):
                yield line, f"must have {len(header)} values; has {len(cells)}"
            line = reader.line_num + 1  # a quoted value may go over several lines
    except csv.Error as error:
        raise DataError(f"{name} line {reader.line_num}: is no CSV: {error}") from error


def _check_row(
    row: dict[str, str] | str, folder: Path, lines_of: dict[bytes, int]
) -> LabelledFile | str:
    """Return the file that a line names, or what is wrong with the line."""
    if isinstance(row, str):
        return row
    stated, label = row["path"].strip(), row["label"].strip()
    if not stated or not label:
        return "must have a path and a label; one is empty"
    inside = os.path.normpath(stated)
    if Path(stated).is_absolute() or PurePosixPath(inside).parts[:1] == ("..",):
        return f"{stated}: a path must be relative and stay in the folder of the CSV file"
    path = folder / inside
    key = os.fsencode(Path(inside).as_posix())
    if key in lines_of:
        return f"{stated}: is named in line {lines_of[key]} already"
    part = row.get(OPTIONAL)
    if part is not None and part.strip() not in SPLITS:
        return f"split must be one of {', '.join(SPLITS)}; got {part.strip()!r}"
    if not path.is_file():
        hint = "; write / between folders" if "\\" in stated else ""
        return f"{stated}: " + ("is a folder" if path.is_dir() else f"no such file{hint}")
    known = next((split for split in SPLITS if part and split == part.strip()), None)
    return LabelledFile(path, label, key, known)


def _folders(folder: Path) -> list[Path]:
    try:
        below: Iterable[Path] = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{str(folder)!r} cannot be listed: {error.strerror}") from error
    return [path for path in below if path.is_dir() and not path.name.startswith(".")]


def _label(folder: Path) -> str:
    """Return a folder's name, which will be written into JSON."""
    try:
        folder.name.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{shown(str(folder))}: a class's name must be UTF-8; rename the folder"
        ) from error
    return folder.name


def _key(path: Path, folder: Path) -> bytes:
    return os.fsencode(path.relative_to(folder).as_posix())

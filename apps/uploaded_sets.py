"""A visitor's own labelled pictures, in one file: a zip archive, or arrays in an npz file.

Such a file may mean harm, and is therefore read in the training's own process. Its names become
words in a table, never names of our files; what it says of its sizes is not believed.
"""

from __future__ import annotations

import csv
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pipelines.classification.data import DataError, LabelledImages, Parts, load_data
from pipelines.images import IMAGE_SUFFIXES, ImageError, Limits, read_image

MEGABYTE = 2**20
MOST_PICTURES = 3_000
MOST_CLASSES = 100
UNPACKED_MB = 200  # all of them together: ten times the archive
LIMITS = Limits(max_pixels=50_000_000, max_bytes=20 * MEGABYTE)
HELD_OUT = Parts(validation=0.2, test=0.0)  # of what does not say what is held out
# Folders above the classes' own. The page shows one figure, of all that is not trained on.
SPLIT_OF = {"train": "train", **dict.fromkeys(("validation", "val", "test"), "validation")}
LABEL_CHARACTERS = 80
PICTURES = "pictures"
BLOCK = 2**16  # bytes unpacked at a time: no more than that beyond a limit
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others unpack without measure
TOLD_EVERY = 50  # pictures

Tell = Callable[[str], None]


class _Entry(NamedTuple):
    """A picture in an archive."""

    info: zipfile.ZipInfo
    label: str
    split: str


def load_upload(
    file: Path, folder: Path, tell: Tell
) -> tuple[LabelledImages, LabelledImages, list[str]]:
    """Return the pictures to train on, those held out, and what was left out.

    Args:
        file: What was uploaded.
        folder: Where its pictures go.
        tell: Is told now and then what is being done.

    Raises:
        DataError: It holds no labelled pictures, too many, or is damaged.
    """
    left_out: list[str] = []
    try:
        with zipfile.ZipFile(file) as archive:
            is_npz = any(info.filename.endswith(".npy") for info in archive.infolist())
            if is_npz:
                _check(archive)
                source = Path(shutil.copy(file, file.with_suffix(".npz")))  # known by its name
            else:
                source, left_out = _unpack(archive, folder, tell)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(
            f"the file must be a whole zip archive or npz file without a password: {error}"
        ) from error
    training = load_data(source, "train", held_out=True, parts=HELD_OUT)
    held_out = load_data(source, "validation", parts=HELD_OUT)
    if max(len(training), len(held_out)) > 20 * MOST_PICTURES:
        raise DataError(f"at most {20 * MOST_PICTURES:,} pictures; got {len(training):,}")
    return training, held_out, left_out


def _check(archive: zipfile.ZipFile) -> None:
    if any(info.compress_type not in PACKINGS for info in archive.infolist()):
        raise DataError("the archive must be packed by Deflate or not at all; pack it anew as .zip")
    # Reading stops at the size that is stated, so a lie makes a damaged file, no larger one.
    stated = sum(info.file_size for info in archive.infolist())
    if stated > UNPACKED_MB * MEGABYTE:
        raise DataError(
            f"what is in the file may have at most {UNPACKED_MB} MB; "
            f"it states {stated / MEGABYTE:,.0f} MB"
        )


def _unpack(archive: zipfile.ZipFile, folder: Path, tell: Tell) -> tuple[Path, list[str]]:
    """Write the pictures and the table of their labels; return it, and what was left out."""
    entries = list(_pictures(archive))
    labels = {entry.label for entry in entries}
    if len(entries) > MOST_PICTURES or len(labels) > MOST_CLASSES:
        raise DataError(
            f"an archive may have at most {MOST_PICTURES:,} pictures of {MOST_CLASSES} classes; "
            f"got {len(entries):,} of {len(labels):,}"
        )
    if len(labels) < 2:
        raise DataError(
            "the archive must hold a folder of pictures for each of two or more classes; "
            f"it has {len(labels)}"
        )
    is_split = {entry.split for entry in entries} == {"train", "validation"}
    _check(archive)
    place = folder / PICTURES
    place.mkdir(exist_ok=True)
    rows, left_out = [], []
    for number, entry in enumerate(entries):
        if number % TOLD_EVERY == 0:
            tell(f"Reading picture {number + 1:,} of {len(entries):,}")
        try:
            content = _content(archive, entry.info)
            read_image(content, limits=LIMITS)
        except (ImageError, zipfile.BadZipFile, zlib.error, EOFError) as error:
            left_out.append(f"{entry.info.filename}: {str(error).removeprefix('<bytes>: ')}")
            continue
        name = f"{number:06}{PurePosixPath(entry.info.filename).suffix.lower()}"
        (place / name).write_bytes(content)
        rows.append((f"{PICTURES}/{name}", entry.label, entry.split))
    if not rows:
        raise DataError(f"none of the pictures can be read; the first: {left_out[0]}")
    table = folder / "pictures.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        columns = ("path", "label", "split")[: 3 if is_split else 2]
        writer.writerows([columns, *(row[: len(columns)] for row in rows)])
    return table, left_out


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    content = b""
    with archive.open(info) as file:
        while block := file.read(BLOCK):
            content += block
            if len(content) > LIMITS.max_bytes:
                raise ImageError(f"a picture may have at most {LIMITS.max_bytes / MEGABYTE:.0f} MB")
    return content


def _pictures(archive: zipfile.ZipFile) -> Iterator[_Entry]:
    """Yield what is named like a picture and lies in a folder, which is its class."""
    for info in archive.infolist():
        path = PurePosixPath(info.filename.replace("\\", "/"))
        named = (part for part in path.parts if part != "..")
        hidden = any(part.startswith((".", "__MACOSX")) for part in named)
        if info.is_dir() or hidden or path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        above, folder = ("", "", *path.parent.parts)[-2:]
        label = " ".join(folder.split())[:LABEL_CHARACTERS]
        if label.strip("/ "):
            yield _Entry(info, label, SPLIT_OF.get(above.lower(), ""))

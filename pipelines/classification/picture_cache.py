"""Pictures decoded once for a training, and kept as the network sees them.

What is kept is a file NAME.npy in the run's folder: an array (N, H, W, C) uint8 as NumPy writes it,
and after it, where NumPy does not look, a line of JSON that says of what it was made. The file is
renamed into its place when it is complete. It serves again while the pictures' paths, sizes and
times and their preparation are the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import tensorflow as tf

from pipelines.classification.classifier import opaque_rgb
from pipelines.classification.labelled_images import (
    DataError,
    Failure,
    LabelledImages,
    OnBad,
    check_on_error,
    write_failures,
)
from pipelines.images import ImageError, Picture, describe_source, read_images
from pipelines.mapping import with_progress
from pipelines.picture import shown
from pipelines.preprocessing import ImagePreprocessing, fit_pictures
from pipelines.training.checkpoints import write_whole

AT_ONCE = 256  # pictures of an array in one step
IN_MEMORY_BYTES = 256 * 2**20  # above this, the array stays on the disk
FORMAT = 1  # of the file
ABANDONED_S = 3600.0  # a part that nobody has written to for so long is a killed process's
RECORD_BYTES_MOST = 2**28  # a million failures of 256 bytes


@dataclass(frozen=True, eq=False)
class CachedPictures:
    """Pictures as the network sees them, without its margin, and what could not be read.

    Attributes:
        images: (N, H, W, C) uint8; a memory map when it is large.
        labels: (N,) int, of these pictures.
        places: (N,) int, rising: which of the data's pictures these are.
        failures: The files that were skipped, and what the data had left out before.
    """

    images: np.ndarray
    labels: np.ndarray
    places: np.ndarray
    failures: tuple[Failure, ...]


def cached_pictures(
    data: LabelledImages,
    preprocessing: ImagePreprocessing,
    *,
    folder: str | os.PathLike[str] | None = None,
    name: str = "pictures",
    on_error: OnBad = "raise",
    progress: bool = False,
) -> CachedPictures:
    """Read, fit and keep a data set's pictures.

    Args:
        data: Pictures in files, or in an array, which is fitted in memory.
        preprocessing: How the network sees them; what it does after fitting is left to it.
        folder: Where those of files are kept from one run to the next; None keeps them in memory.
        name: What the file is called: one a part of the data.
        on_error: What a file that cannot be read does: `raise` its error, or `skip` it, which
            names it in the result's `failures` and in the folder's NAME-skipped.csv.
        progress: Whether to say on standard error how far it is, from two seconds on.

    Raises:
        ImageError: A file cannot be read and `on_error` is "raise".
        DataError: No file can be read, or the disk has no room.
    """
    check_on_error(on_error)
    fitter = _Fitter(preprocessing)
    plain = fitter.array(data.images) if isinstance(data.images, np.ndarray) else None
    if plain is not None:
        return CachedPictures(plain, data.labels, np.arange(len(data)), data.failures)
    pictures = _Pictures(data.images, fitter, on_error, progress)
    kept_in = Path(folder) / f"{name}.npy" if folder and isinstance(data.images, tuple) else None
    images = _through_file(pictures, kept_in) if kept_in else _in_memory(pictures)
    failed = sorted(pictures.failed.items())
    if failed and on_error == "raise":  # a file that was made with "skip"
        raise DataError(f"{shown(pictures.name(failed[0][0]))}: {failed[0][1]}")
    failures = (*data.failures, *(Failure(pictures.name(i), why) for i, why in failed))
    if kept_in:
        _report(failures, kept_in.with_name(f"{name}-skipped.csv"))
    places = np.delete(np.arange(len(data)), [place for place, _ in failed])
    return CachedPictures(images, data.labels[places], places, failures)


class _Fitter:
    """Fits pictures as `ImageClassification` does, and rounds them to whole values."""

    def __init__(self, preprocessing: ImagePreprocessing) -> None:
        # What comes after fitting is left out: it may be measured on these very pictures.
        self.plan = replace(
            preprocessing,
            margin_px=0,
            scale=(1.0,),
            offset=(0.0,),
            channel_order="rgb",
            pixel_map=None,
        )
        self._fit = {
            channels: tf.function(
                partial(_fitted, self.plan),
                autograph=False,
                input_signature=[tf.TensorSpec((None, None, None, channels), tf.uint8)],
            )
            for channels in (1, 3)
        }

    def one(self, picture: Picture) -> np.ndarray:
        """Return a picture as (H, W, C) uint8."""
        return cast("np.ndarray", self._fit[3](opaque_rgb(picture)[None]).numpy()[0])

    def array(self, images: np.ndarray) -> np.ndarray | None:
        """Return (N, H, W) or (N, H, W, 1 or 3) uint8 fitted; the same where nothing is to fit.

        None for any other array.
        """
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[3:] == (4,):
            return None
        images = images if images.ndim == 4 else images[..., None]
        if images.shape[1:] == self.plan.input_shape and self.plan.polarity == "as_is":
            return images
        fit = self._fit[images.shape[-1]]
        parts = range(0, len(images), AT_ONCE)
        return np.concatenate([fit(images[i : i + AT_ONCE]).numpy() for i in parts])


def _fitted(plan: ImagePreprocessing, pictures: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.round(fit_pictures(plan, pictures) * 255.0), tf.uint8)


class _Pictures:
    """A data set's pictures on their way from their sources, each read once.

    Attributes:
        failed: Why a picture could not be read, by its place.
    """

    def __init__(self, sources: Any, fitter: _Fitter, on_error: OnBad, progress: bool) -> None:
        self.sources, self.fitter = sources, fitter
        self.on_error, self.progress = on_error, progress
        self.failed: dict[int, str] = {}

    @property
    def most(self) -> tuple[int, int, int, int]:
        """The shape of the array, if all can be read."""
        return (len(self.sources), *self.fitter.plan.input_shape)

    def name(self, place: int) -> str:
        """Return what messages call a picture."""
        return describe_source(self.sources[place])

    def read(self) -> Iterator[np.ndarray]:
        """Yield those that can be read, (H, W, C) uint8, in order; a few are in memory.

        Raises:
            DataError: There are none.
        """
        pairs: Iterable[tuple[Any, Any]] = read_images(list(self.sources), then=self.fitter.one)
        if self.progress:
            pairs = with_progress(pairs, len(self.sources), "prepared")
        for place, (_, item) in enumerate(pairs):
            if isinstance(item, np.ndarray):
                yield item
            elif self.on_error == "raise" or not isinstance(item, ImageError):
                raise item
            else:
                self.failed[place] = str(item).removeprefix(f"{shown(self.name(place))}: ")
        if len(self.failed) == len(self.sources):
            raise DataError(f"no picture could be read; {shown(self.name(0))}: {self.failed[0]}")

    def key(self) -> str:
        """Return what changes with the files and with what is made of them."""
        parts = (str(FORMAT), version("pillow"), version("tensorflow"), self.fitter.plan.to_json())
        digest = hashlib.sha256("\0".join(parts).encode())
        for source in self.sources:
            try:
                status = os.stat(source)  # noqa: PTH116 - a hostile name is no Path
                facts = f"{status.st_size} {status.st_mtime_ns}"
            except (OSError, ValueError):
                facts = "cannot be read"
            name = os.fsencode(Path.cwd() / source)
            digest.update(b"\0" + name + b"\0" + facts.encode())
        return digest.hexdigest()


def _in_memory(pictures: _Pictures) -> np.ndarray:
    images, count = np.empty(pictures.most, np.uint8), 0
    for image in pictures.read():
        images[count] = image
        count += 1
    return images[:count]


def _through_file(pictures: _Pictures, path: Path) -> np.ndarray:
    """Return the pictures of the file, after making it if it is not there or is another's."""
    key = pictures.key()
    found = _open(path, key)
    if found is None:
        _make(path, pictures, key)
        found = _open(path, key)
    if found is None:
        raise DataError(f"{path} was replaced by another run; give each run a folder of its own")
    images, pictures.failed = found
    return images


def _make(path: Path, pictures: _Pictures, key: str) -> None:
    size = int(np.prod(pictures.most))
    room = f"{size / 1e6:,.0f} MB are needed for {len(pictures.sources):,} pictures; free them"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        free = shutil.disk_usage(path.parent).free
        if size > free:
            raise DataError(
                f"{path.parent}: {room}, or choose another folder; got {free / 1e6:,.0f}"
            )
        write_whole(path, partial(_write, pictures, key))
    except ImageError:  # a missing picture is an OSError, too
        raise
    except OSError as error:
        raise DataError(
            f"{path} cannot be written: {error.strerror}; {room}, or choose another folder"
        ) from error


def _write(pictures: _Pictures, key: str, file: IO[bytes]) -> None:
    count, shape = 0, pictures.most
    _write_header(file, shape)
    start = file.tell()
    for image in pictures.read():
        file.write(image.data)
        count += 1
    file.write(json.dumps({"key": key, "failed": pictures.failed}).encode())
    file.seek(0)
    _write_header(file, (count, *shape[1:]))
    assert file.tell() == start  # NumPy leaves room for a number of any length


def _write_header(file: IO[bytes], shape: tuple[int, ...]) -> None:
    facts = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, facts)


def _open(path: Path, key: str) -> tuple[np.ndarray, dict[int, str]] | None:
    """Return the file's pictures and failures; None where it is not the file of this key."""
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
        with path.open("rb") as file:
            file.seek(images.offset + images.nbytes)
            record = json.loads(file.read(RECORD_BYTES_MOST))
        if record["key"] != key:
            return None
        failed = {int(place): str(why) for place, why in record["failed"].items()}
    except (OSError, ValueError, EOFError, KeyError, TypeError, AttributeError):
        return None  # not there, cut short, or something else altogether
    return np.array(images) if images.nbytes < IN_MEMORY_BYTES else images, failed


def _remove_abandoned(path: Path) -> None:
    """Remove what a killed process left of this file."""
    for part in path.parent.glob(f"{path.name}.*.part"):
        if time.time() - part.stat().st_mtime > ABANDONED_S:
            part.unlink(missing_ok=True)


def _report(failures: tuple[Failure, ...], path: Path) -> None:
    if failures:
        write_failures(failures, path)
    else:
        path.unlink(missing_ok=True)

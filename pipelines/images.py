"""Pictures in and out: paths, URLs, bytes, PIL images and arrays become `Picture`s, and back.

This is the door that all tasks and the command line go through; what is behind it:

    picture.py            what a picture is, the limits, the errors
    image_arrays.py       arrays
    image_signatures.py   which format, told by the first bytes
    image_decoding.py     encoded bytes and PIL images
    image_metadata.py     orientation, colour profile, EXIF
    image_encoding.py     writing
    local_files.py        files, whatever they are
    urls.py               fetching
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pipelines.image_arrays import picture_from_array
from pipelines.image_decoding import decode, picture_from_pil, too_many_bytes
from pipelines.image_encoding import write_image
from pipelines.local_files import (
    IrregularFileError,
    LargeFileError,
    LocalFileError,
    MissingFileError,
    files_below,
    read_file,
    why_missing,
)
from pipelines.picture import (
    DEFAULT_LIMITS,
    ImageError,
    Limits,
    MissingImageError,
    Picture,
    refusal,
    shown,
)
from pipelines.urls import UrlError, anywhere, fetch, public_only

__all__ = [
    "IMAGE_SUFFIXES",
    "ImageError",
    "ImageSource",
    "Limits",
    "MissingImageError",
    "Picture",
    "describe_source",
    "list_images",
    "read_image",
    "read_images",
    "write_image",
]

ImageSource = str | os.PathLike[str] | bytes | Image.Image | np.ndarray

# fmt: off
IMAGE_SUFFIXES = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".webp", ".bmp", ".dib",
    ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm",
))
# fmt: on


def describe_source(source: object) -> str:
    """Return what results call an input: its path or URL, else its kind, such as "<bytes>"."""
    if isinstance(source, str):
        return source
    if isinstance(source, os.PathLike):
        return os.fsdecode(source)
    if isinstance(source, bytes):
        return "<bytes>"
    if isinstance(source, Image.Image):
        return "<PIL image>"
    if isinstance(source, np.ndarray):
        return "<array>"
    return f"<{type(source).__name__}>"


def read_image(source: ImageSource, *, limits: Limits = DEFAULT_LIMITS) -> Picture:
    """Read one picture.

    Args:
        source: A path, an http or https URL, the bytes of a file, a PIL image, or an array as
            `picture_from_array` takes it. Never modified, and never shared with the result.
        limits: What is refused before it costs anything.

    Returns:
        The picture, upright and in RGB, whatever the file is.

    Raises:
        ImageError: It is refused; the message gives the rule, the value and the remedy.
        MissingImageError: There is no such file.
    """
    if isinstance(source, np.ndarray):
        return picture_from_array(source, limits=limits)
    if isinstance(source, bytes):
        return decode(source, limits=limits)
    if isinstance(source, Image.Image):
        return picture_from_pil(source, limits=limits)
    name = describe_source(source)
    if isinstance(source, str) and "://" in source[:16]:
        return decode(_fetch(source, limits), source=name, limits=limits)
    if isinstance(source, str | os.PathLike):
        return decode(_read_file(name, limits), source=name, limits=limits)
    raise _type_refusal(name, source)


def read_images(
    sources: Iterable[ImageSource],
    *,
    limits: Limits = DEFAULT_LIMITS,
    workers: int | None = None,
    ahead: int | None = None,
    then: Callable[[Picture], Any] | None = None,
) -> Iterator[tuple[ImageSource, Any]]:
    """Read many pictures in parallel, in order, in bounded memory.

    Args:
        sources: Any number of inputs as `read_image` takes them, endless if need be.
        limits: As for `read_image`.
        workers: Threads that read and decode; by default one a core, at most eight, and two
            more for those that wait for a disk or a server.
        ahead: How many pictures are read before they are asked for; by default twice `workers`.
        then: What the same threads make of each picture, such as a small copy of a large one,
            which is all that stays in memory then.

    Yields:
        Each input with its `Picture`, or with what `then` made of it, or with the exception that
        it raised: one bad input stops nothing. An exception of `sources` itself is raised where
        it stands in the order.

    Raises:
        ImageError: `sources` is a single picture.
        ValueError: `workers` is less than 1, or `ahead` less than 0.
    """
    if _is_single(sources):
        raise refusal(describe_source(sources), "is one picture; use read_image or pass a list")
    # Each picture read ahead may be large: a machine of 64 cores must not hold 128 of them.
    workers = workers if workers is not None else min(os.cpu_count() or 1, 8) + 2
    ahead = ahead if ahead is not None else 2 * workers
    if workers < 1 or ahead < 0:
        raise ValueError(f"workers must be at least 1, ahead at least 0; got {workers}, {ahead}")

    def attempt(source: ImageSource) -> Any:
        try:
            picture = read_image(source, limits=limits)
            return then(picture) if then else picture
        except Exception as error:
            return error

    return _read_in_order(iter(sources), attempt, workers, ahead)


def list_images(folder: str | os.PathLike[str], *, recursive: bool = True) -> list[Path]:
    """Return the files below `folder` that are named like pictures, sorted, none hidden.

    Linked folders are not entered, so a loop of links ends.

    Raises:
        ImageError: `folder` is a file, or a folder in it cannot be listed.
        MissingImageError: There is no such folder.
    """
    root = Path(folder)
    if not root.exists():
        raise _missing(str(root))
    if not root.is_dir():
        raise refusal(str(root), "is a file; pass a folder")
    return files_below(root, IMAGE_SUFFIXES, recursive=recursive, unlistable=_raise_unlistable)


def _read_in_order(
    sources: Iterator[ImageSource], attempt: Callable[[ImageSource], Any], workers: int, ahead: int
) -> Iterator[tuple[ImageSource, Any]]:
    """Keep up to `ahead` pictures under way while the consumer works on the one before them."""
    under_way: deque[tuple[ImageSource, Any]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="read-images")
    failure: Exception | None = None
    try:
        while True:
            try:
                source = next(sources)
            except StopIteration:
                break
            except Exception as error:
                failure = error  # raised after the pictures that came before it
                break
            if isinstance(source, np.ndarray | Image.Image):
                # At once: it is quick, and the caller may change or share what is in memory.
                under_way.append((source, attempt(source)))
            else:
                under_way.append((source, pool.submit(attempt, source)))
            if len(under_way) > ahead:
                yield _settle(*under_way.popleft())
        while under_way:
            yield _settle(*under_way.popleft())
        if failure is not None:
            raise failure
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _is_single(sources: object) -> bool:
    """Whether this is one picture, whose bytes, characters or rows would pass for a list."""
    if isinstance(sources, np.ndarray):
        return sources.ndim < 3 or (sources.ndim == 3 and sources.shape[2] in (1, 3, 4))
    return isinstance(sources, str | bytes | os.PathLike | Image.Image)


def _settle(source: ImageSource, outcome: Any) -> tuple[ImageSource, Any]:
    return source, outcome.result() if isinstance(outcome, Future) else outcome


def _fetch(url: str, limits: Limits) -> bytes:
    """Fetch a URL within the limits."""
    public_url = re.sub("//[^/@]*@", "//...@", url)  # no password in a message
    scheme = url.partition("://")[0].lower()
    if scheme not in ("http", "https"):
        remedy = "pass the path" if scheme == "file" else "download it and pass the path"
        raise refusal(public_url, f"a URL must be http or https; got {scheme!r}; {remedy}")
    try:
        return fetch(
            url,
            timeout_s=limits.url_timeout_s,
            max_bytes=limits.max_bytes,
            max_redirects=limits.url_max_redirects,
            address_rule=anywhere if limits.allow_private_urls else public_only,
        )
    except UrlError as error:
        raise refusal(public_url, str(error)) from error


def _read_file(path: str, limits: Limits) -> bytes:
    """Read a regular file of at most `limits.max_bytes`."""
    try:
        return read_file(path, limits.max_bytes)
    except MissingFileError as error:
        raise _missing(path) from error
    except LargeFileError as error:
        raise too_many_bytes(path, error.size, limits) from error
    except IrregularFileError as error:
        if error.kind == "a folder":
            raise refusal(path, "is a folder; pass a file, or list_images(folder)") from error
        raise refusal(path, f"{error}; pass its content as bytes") from error
    except LocalFileError as error:
        raise refusal(path, str(error)) from error


def _missing(path: str) -> MissingImageError:
    """Return the error for a missing file, and for what is no path at all."""
    why = why_missing(path)
    if path.startswith("data:"):
        why = "pass the decoded bytes of a data: URI"
    elif path.startswith(("http:/", "https:/")):  # as Path("https://...") writes it
        why = "no such file; pass a URL as str, not as Path"
    return MissingImageError(f"{shown(path)}: {why}")


def _raise_unlistable(error: OSError) -> None:
    raise refusal(str(error.filename), f"cannot be listed: {error.strerror}") from error


def _type_refusal(name: str, source: object) -> ImageError:
    """Return the error for an input of a foreign type."""
    remedies = {
        "numpy": "pass tensor.numpy()",
        "__array__": "pass np.asarray(...)",
        "read": "pass file.read()",
        "tobytes": "pass bytes(...)",
        "decode": "pass bytes(...)",
        "__iter__": "use read_images for several, np.asarray(...) for nested lists",
    }
    remedy = next((text for attribute, text in remedies.items() if hasattr(source, attribute)), "")
    rule = "an image must be a path, URL, bytes, PIL image or array"
    return refusal(name, f"{rule}; got {type(source).__name__}" + (remedy and f"; {remedy}"))

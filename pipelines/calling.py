"""How every pipeline of pictures is called: one gives one, a list a list, a stream a stream."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar, cast

import numpy as np
import tensorflow as tf
from PIL import Image

from pipelines.images import list_images
from pipelines.results import FailedResult

Outcome = TypeVar("Outcome")


def answer(inputs: Any, stream: Callable[[Any], Iterator[Outcome]]) -> Any:
    """Return what a pipeline's call returns, from what its stream yields.

    Args:
        inputs: One picture (path, URL, bytes, PIL image, array); a list, a folder or an array
            (N, H, W, C); or an iterator or a `tf.data.Dataset`.
        stream: Maps any of them to results, one by one.

    Returns:
        A result for one picture, or None where it was skipped; a list for many; an iterator for an
        iterator.
    """
    if is_one(inputs):
        results = list(stream([inputs]))
        return results[0] if results else None
    if isinstance(inputs, Iterator | tf.data.Dataset):
        return stream(inputs)
    return list(stream(inputs))


def is_one(inputs: Any) -> bool:
    """Whether this is one picture."""
    if isinstance(inputs, str | os.PathLike):
        return not os.path.isdir(inputs)  # noqa: PTH112 - a URL or a hostile name is no Path
    if isinstance(inputs, np.ndarray):
        return inputs.ndim != 4
    return isinstance(inputs, bytes | Image.Image)


def one_by_one(inputs: Any) -> Iterable[Any]:
    """Return the inputs of a stream one by one; a folder becomes its pictures' paths.

    Raises:
        TypeError: It is neither a picture nor several.
        ImageError: The folder cannot be listed.
    """
    if isinstance(inputs, str | os.PathLike):
        return cast("list[Any]", [inputs] if is_one(inputs) else list_images(inputs))
    if isinstance(inputs, tf.data.Dataset):
        return cast("Iterable[Any]", inputs.as_numpy_iterator())
    if not isinstance(inputs, Iterable):
        raise TypeError(
            "inputs must be a picture (path, URL, bytes, PIL image, array), a list of them, a "
            f"folder or an iterator; got {type(inputs).__name__}"
        )
    return inputs


def failure(source: str, error: Exception, preset: str) -> FailedResult:
    """Return the result of an input that gave an exception."""
    return FailedResult(
        source=source,
        preset=preset,
        timing_ms=0.0,
        error=str(error),
        error_type=type(error).__name__,
    )

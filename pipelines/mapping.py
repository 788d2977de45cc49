"""What every task does with its inputs: one, a list or a stream, in batches, errors apart.

A task gives two functions: `read`, which turns sources into items or exceptions in order, and
`predict`, which turns a batch of items into results. Everything about shape, order, errors and
progress is here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pipelines.results import FailedResult, Result

OnError = Literal["raise", "skip", "return"]
ON_ERROR = ("raise", "skip", "return")
QUIET_S = 2.0  # progress appears on anything that takes longer
REFRESH_S = 0.2

Item = TypeVar("Item")
R = TypeVar("R", bound=Result)


def map_batches(
    pairs: Iterable[tuple[Any, Item | Exception]],
    predict: Callable[[Sequence[Any], Sequence[Item]], Sequence[R]],
    *,
    batch_size: int,
    on_error: OnError,
    failed: Callable[[Any, Exception], FailedResult],
) -> Iterator[R | FailedResult]:
    """Yield one result an input, in the inputs' order.

    Args:
        pairs: Each source with what was read from it, or with the exception that it gave.
        predict: Maps sources and items of one batch to as many results.
        batch_size: Most items in one call of `predict`.
        on_error: Raise the exception, leave the item out, or yield `failed(source, exception)`.
        failed: Makes the result of a failure.
    """
    if on_error not in ON_ERROR:
        raise ValueError(f"on_error must be one of {ON_ERROR}; got {on_error!r}")
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size must be a whole number of at least 1; got {batch_size!r}")
    return _batches(pairs, predict, batch_size, on_error, failed)


def _batches(
    pairs: Iterable[tuple[Any, Item | Exception]],
    predict: Callable[[Sequence[Any], Sequence[Item]], Sequence[R]],
    batch_size: int,
    on_error: OnError,
    failed: Callable[[Any, Exception], FailedResult],
) -> Iterator[R | FailedResult]:
    waiting: list[tuple[Any, Item | Exception]] = []
    good = 0
    for source, item in pairs:
        if isinstance(item, Exception):
            if on_error == "raise":
                raise item
            if on_error == "skip":
                continue
        else:
            good += 1
        waiting.append((source, item))
        # Failures are small, but an endless run of them must not be held back for a full batch.
        if good == batch_size or len(waiting) >= 4 * batch_size:
            yield from _flush(waiting, predict, failed)
            waiting, good = [], 0
    yield from _flush(waiting, predict, failed)


def _flush(
    waiting: Sequence[tuple[Any, Item | Exception]],
    predict: Callable[[Sequence[Any], Sequence[Item]], Sequence[R]],
    failed: Callable[[Any, Exception], FailedResult],
) -> Iterator[R | FailedResult]:
    sources = [source for source, item in waiting if not isinstance(item, Exception)]
    items = [item for _, item in waiting if not isinstance(item, Exception)]
    results = iter(predict(sources, items) if items else ())
    for source, item in waiting:
        yield failed(source, item) if isinstance(item, Exception) else next(results)


def with_progress(results: Iterable[Item], total: int | None, what: str) -> Iterator[Item]:
    """Pass results through, with a line on standard error once they take over two seconds."""
    start = shown = time.perf_counter()
    count = 0
    drawn = False
    try:
        for result in results:
            yield result
            count += 1
            now = time.perf_counter()
            if now - start > QUIET_S and now - shown > REFRESH_S:
                _draw(count, total, now - start, what)
                shown, drawn = now, True
    finally:
        if drawn:
            _draw(count, total, time.perf_counter() - start, what)
            sys.stderr.write("\n")


def _draw(count: int, total: int | None, elapsed_s: float, what: str) -> None:
    rate = count / elapsed_s
    left = f" of {total}, {(total - count) / rate:.0f} s left" if total and rate else ""
    sys.stderr.write(f"\r{what}: {count}{left} ({rate:.0f}/s)   ")
    sys.stderr.flush()


def count_of(inputs: Any) -> int | None:
    """Return how many inputs there are, or None where only reading them would tell."""
    return (
        len(inputs) if hasattr(inputs, "__len__") and not isinstance(inputs, str | Path) else None
    )

"""Order, batches and errors, on plain numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from pipelines.mapping import map_batches, with_progress
from pipelines.results import FailedResult, Result


def read(numbers) -> Iterator[tuple[int, float | Exception]]:
    """Halve even numbers; odd ones cannot be read."""
    for n in numbers:
        yield n, n / 2 if n % 2 == 0 else ValueError(f"{n} is odd")


def failed(source: int, error: Exception) -> FailedResult:
    return FailedResult(
        source=str(source), preset="p", timing_ms=0, error=str(error), error_type="ValueError"
    )


def run(numbers, sizes=None, **options):
    def predict(sources, items):
        if sizes is not None:
            sizes.append(len(items))
        return [
            Result(source=str(s), preset=str(i), timing_ms=0)
            for s, i in zip(sources, items, strict=True)
        ]

    return map_batches(read(numbers), predict, failed=failed, **options)


def test_results_are_in_order_and_batches_are_full() -> None:
    sizes: list[int] = []
    results = list(run(range(0, 14, 2), sizes, batch_size=3, on_error="raise"))
    assert [r.source for r in results] == ["0", "2", "4", "6", "8", "10", "12"]
    assert [r.preset for r in results] == ["0.0", "1.0", "2.0", "3.0", "4.0", "5.0", "6.0"]
    assert sizes == [3, 3, 1]


def test_failures_are_returned_in_their_place() -> None:
    results = list(run([0, 1, 2, 3, 4], batch_size=2, on_error="return"))
    assert [(r.source, r.ok) for r in results] == [
        ("0", True), ("1", False), ("2", True), ("3", False), ("4", True),
    ]  # fmt: skip


def test_failures_are_skipped() -> None:
    assert [r.source for r in run([1, 0, 3, 2], batch_size=2, on_error="skip")] == ["0", "2"]


def test_the_first_failure_is_raised() -> None:
    with pytest.raises(ValueError, match="3 is odd"):
        list(run([0, 3, 5], batch_size=8, on_error="raise"))


def test_an_endless_run_of_failures_still_yields() -> None:
    odd = itertools.count(1, 2)
    results = run(odd, batch_size=4, on_error="return")
    assert [next(results).source for _ in range(20)] == [str(n) for n in range(1, 40, 2)]


def test_an_endless_stream_is_read_no_further_than_a_batch() -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for n in itertools.count(0, 2):
            taken.append(n)
            yield n

    next(run(source(), batch_size=4, on_error="raise"))
    assert len(taken) == 4


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"batch_size": 0, "on_error": "raise"}, "batch_size must be"),
        ({"batch_size": "8", "on_error": "raise"}, "batch_size must be"),
        ({"batch_size": 8, "on_error": "ignore"}, "on_error must be one of"),
    ],
)
def test_wrong_options_are_refused_at_once(options, says) -> None:
    with pytest.raises(ValueError, match=says):
        run([0], **options)


def test_progress_is_silent_when_quick(capsys) -> None:
    assert list(with_progress(range(5), 5, "counted")) == [0, 1, 2, 3, 4]
    assert capsys.readouterr().err == ""


def test_progress_speaks_up_when_slow(capsys, monkeypatch) -> None:
    monkeypatch.setattr("pipelines.mapping.QUIET_S", 0.0)
    monkeypatch.setattr("pipelines.mapping.REFRESH_S", 0.0)
    assert list(with_progress(range(5), 5, "counted")) == [0, 1, 2, 3, 4]
    err = capsys.readouterr().err
    assert "counted: 5 of 5, 0 s left" in err
    assert err.endswith("\n")

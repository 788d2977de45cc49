"""Trainings that are compared take turns; what is measured of them is for a quiet machine."""

from __future__ import annotations

from functools import partial
from threading import Thread

from benchmarks.training import Baton, EpochSeconds, EpochsInTurn


def test_trainings_take_turns_after_every_epoch_and_the_longer_goes_on_alone() -> None:
    order: list[str] = []

    def train(name: str, epochs: int, seconds: EpochSeconds) -> None:
        for _ in range(epochs):
            order.append(name)
            seconds.note()

    baton = Baton()
    runs = [EpochsInTurn(baton, runner) for runner in (0, 1)]
    ways = [partial(train, "a", 2), partial(train, "b", 5)]
    threads = [Thread(target=r.run, args=(way,)) for r, way in zip(runs, ways, strict=True)]
    for thread in reversed(threads):  # the first has the first turn, whoever was there first
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert "".join(order) == "ababbbb"
    assert [len(run.seconds()) for run in runs] == [2 - 1, 5 - 1]

"""Being told to stop: by a signal, or by whoever watches the run."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TrainingError(RuntimeError):
    """A run that cannot go on, such as one whose loss is no longer a number."""


class TrainingStopped(TrainingError):  # noqa: N818 - to be stopped is no error
    """A run that was told to stop; what it had done is kept, where it has a folder."""


class StopSignals:
    """Notes that the process was told to stop, instead of stopping at once.

    Attributes:
        received: The signal's number; None while there was none.
    """

    def __init__(self) -> None:
        self.received: int | None = None

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note SIGTERM and Ctrl-C while inside; a second one acts as it always does.

        Python lets the main thread alone handle signals: in another, nothing changes.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def note(number: int, _: FrameType | None) -> None:
            self.received = number
            signal.signal(number, before[signal.Signals(number)])

        for number in before:
            signal.signal(number, note)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

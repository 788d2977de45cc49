"""Starting TensorFlow without its chatter."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
USER_CHOSE = LOG_LEVEL in os.environ


@contextmanager
def quiet_start() -> Iterator[None]:
    """Keep TensorFlow's C++ log off standard error, unless the user has set a level.

    For the code that imports TensorFlow. Level 3 alone does not do it: what TensorFlow 2.21 logs
    while it is imported it writes whatever the level (tensorflow issue 100442), so the process's
    standard error leads nowhere meanwhile. And level 2 would leave "failed call to cuInit" on every
    machine without a GPU. Real errors reach Python as exceptions at any level.

    Ctrl-C ends the process at once meanwhile, when there is nothing to lose yet: a
    KeyboardInterrupt among the imports may be taken for a failed import by the library, and lost.
    """
    with _interrupts_end_it(), _chatter_lost():
        yield


@contextmanager
def _interrupts_end_it() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # no others may set a handler
        yield
        return
    before = signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)  # what a shell reports for a process that the signal ended


@contextmanager
def _chatter_lost() -> Iterator[None]:
    if USER_CHOSE or sys.stderr is None:
        yield
        return
    os.environ[LOG_LEVEL] = "3"
    sys.stderr.flush()
    before = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)

"""What holds for the tests of networks: one after another is built and thrown away."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def _less_to_search() -> Iterator[None]:
    """Keep what lives before a file's tests out of its searches for garbage.

    These are millions of objects: each `keras.utils.clear_session` would take a second.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()

"""What several test files of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.audio_generation.spoken_digits import write_spoken_digits


@pytest.fixture(scope="package")
def spoken(tmp_path_factory) -> Path:
    """A folder like the spoken digits', of tones."""
    return write_spoken_digits(tmp_path_factory.mktemp("spoken"))

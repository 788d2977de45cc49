"""The papers' test and training sets, from the data pack."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import DATA_PACK


@pytest.fixture(scope="session")
def papers_sets(tmp_path_factory) -> Path:
    """A folder that holds Set5, Set14, T91 and BSDS400; without the data pack there is none."""
    folder: Path = tmp_path_factory.mktemp("sets")
    command = [sys.executable, str(DATA_PACK / "unpack.py"), str(folder), "sr"]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "sr"

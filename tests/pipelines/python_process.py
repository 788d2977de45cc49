"""Python in another process, for what must hold without the modules that a test has imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = str(Path(__file__).parents[2])


def run_python(script: str, *arguments: str, without: tuple[str, ...] = ()) -> str:
    """Run `script` and return what it prints.

    To import a module of `without` is an error there.
    """
    missing = f"import sys; sys.modules.update(dict.fromkeys({without!r}))\n" if without else ""
    finished = subprocess.run(
        [sys.executable, "-c", missing + script, *arguments],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout

"""Calling the installed command, as a shell would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from sightsound.cli import main

COMMAND = Path(sys.executable).with_name("sightsound")  # `pip install -e .` puts it there
# What a person's shell would not have: the tests' own settings.
OURS = ("SIGHTSOUND_TRACEBACK", "TF_CPP_MIN_LOG_LEVEL", "PYTHONPATH")


def environment(**more: str) -> dict[str, str]:
    """Return a plain environment, and more."""
    return {k: v for k, v in os.environ.items() if k not in OURS} | more


def call(
    *words: str | bytes | Path,
    stdin: bytes = b"",
    cwd: Path | None = None,
    variables: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run `sightsound WORDS` and return its exit status and what it wrote."""
    return subprocess.run(
        [COMMAND, *words],
        input=stdin,
        cwd=cwd,
        env=environment(**(variables or {})),
        capture_output=True,
        timeout=240,
        check=False,
    )


def call_here(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Run a command in this process, which has TensorFlow already: saves its seconds."""
    status = main([str(word) for word in words])
    return (status, *capsys.readouterr())


def draw_one(path: Path) -> Path:
    """Write a handwritten-looking 1, light on dark."""
    image = Image.new("L", (28, 28), 0)
    ImageDraw.Draw(image).line([(15, 4), (12, 23)], fill=255, width=3)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def draw_zero(path: Path) -> Path:
    """Write a handwritten-looking 0, dark on light."""
    image = Image.new("L", (56, 56), 255)
    ImageDraw.Draw(image).ellipse([16, 10, 40, 46], outline=0, width=5)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path

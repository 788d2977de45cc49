"""What XLA compiled is kept in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.audio_generation.compiled_cache import VARIABLE, keep_compiled
from tests.pipelines.python_process import run_python

SCRIPT = """
import sys
from pipelines.audio_generation.compiled_cache import keep_compiled

assert "tensorflow" not in sys.modules
keep_compiled(sys.argv[1])
import tensorflow as tf

print(float(tf.function(lambda x: tf.tanh(x) + 1, jit_compile=True)(tf.constant(0.0))))
"""


@pytest.fixture(autouse=True)
def no_flags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def flags() -> list[str]:
    return os.environ[VARIABLE].split()


def test_xla_keeps_what_it_compiles(tmp_path: Path) -> None:
    folder = tmp_path / "kept" / "here"
    assert run_python(SCRIPT, str(folder)).strip() == "1.0"
    assert list(folder.iterdir())


def test_the_users_cache_is_the_default(tmp_path: Path) -> None:
    folder = keep_compiled()
    assert folder == tmp_path / "cache" / "sightsound" / "xla"
    assert folder.is_dir()
    assert flags() == [f"--tf_xla_persistent_cache_directory={folder}"]
    assert keep_compiled() == folder
    assert len(flags()) == 1


def test_flags_that_are_set_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, "--tf_xla_auto_jit=2")
    folder = keep_compiled(tmp_path / "mine")
    assert flags() == ["--tf_xla_auto_jit=2", f"--tf_xla_persistent_cache_directory={folder}"]
    assert keep_compiled(tmp_path / "other") == folder
    assert not (tmp_path / "other").exists()


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert keep_compiled(tmp_path / "file" / "below") is None
    assert keep_compiled(tmp_path / "of two words") is None  # flags are separated by blanks
    assert flags() == []

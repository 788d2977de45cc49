"""`import sightsound` is cheap, and every public name leads home."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sightsound

ROOT = Path(__file__).resolve().parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
# Measured at 2 ms; the bound leaves room for a machine that is busy with other things.
IMPORT_BOUND_S = 0.2


def python(code: str, *options: str) -> str:
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_importing_is_quick() -> None:
    code = "import time; t = time.perf_counter(); import sightsound; print(time.perf_counter() - t)"
    assert min(float(python(code)) for _ in range(3)) < IMPORT_BOUND_S


def test_importing_starts_nothing_heavy() -> None:
    loaded = python("import sys, sightsound; print(*sys.modules)").split()
    assert not {"numpy", "PIL", "h5py", "keras", "tensorflow", "streamlit"} & set(loaded)


def test_every_public_name_is_there() -> None:
    for name in sightsound.__all__:
        assert getattr(sightsound, name) is not None, name
    assert set(sightsound.__all__) <= set(dir(sightsound))


def test_type_checkers_see_what_there_is() -> None:
    tree = ast.parse((ROOT / "sightsound" / "__init__.py").read_text("utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in block.body for alias in getattr(node, "names", [])}
    assert seen | {"__version__"} == set(sightsound.__all__)


def test_an_unknown_name_is_refused() -> None:
    assert not hasattr(sightsound, "pipelin")
    with pytest.raises(AttributeError, match="module 'sightsound' has no attribute 'pipelin'"):
        sightsound.pipelin  # noqa: B018 - that is the test


def test_the_version_is_the_one_installed() -> None:
    assert sightsound.__version__ == VERSION


def test_a_bare_checkout_knows_its_version() -> None:
    # -S leaves site-packages out, and with it the installed metadata.
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import sightsound as s; print(s.{{}})"
    assert python(code.format("__version__"), "-I", "-S").strip() == VERSION

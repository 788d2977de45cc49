"""Build hook: in the wheel the floors lie under `sightsound`, so their imports must say so.

A checkout says `from models.catalog import create_model`; the wheel must say
`from sightsound.models.catalog import create_model`. Only import statements change, found by their
place in the syntax tree; strings, comments and docstrings stay as they are.
"""

from __future__ import annotations

import ast
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "sightsound"
FLOORS = ("models", "pipelines", "apps", "presets")


class NestFloors(BuildHookInterface[Any]):
    """Put rewritten copies of all modules into the wheel, in place of the checkout's own."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Rewrite every module; an editable install ("editable") uses the checkout as it is."""
        if version == "editable":
            return
        root = Path(self.root)
        self._copies = Path(tempfile.mkdtemp())
        for folder in (PACKAGE, *FLOORS):
            for module in sorted((root / folder).rglob("*.py")):
                place = module.relative_to(root)
                place = place if folder == PACKAGE else PACKAGE / place
                copy = self._copies / place
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(nest_imports(module.read_bytes(), str(module)))
                build_data["force_include"][str(copy)] = place.as_posix()

    def finalize(self, version: str, _build_data: dict[str, Any], _artifact_path: str) -> None:
        """Remove the copies."""
        if version != "editable":
            shutil.rmtree(self._copies)


def nest_imports(source: bytes, filename: str = "<source>") -> bytes:
    """Return the UTF-8 module `source` with its imports of `FLOORS` placed under `PACKAGE`.

    Raises:
        ValueError: A floor is imported in a way that cannot be rewritten safely.
    """
    lines = source.splitlines(keepends=True)
    edits: list[tuple[int, int, str, str]] = []  # line, byte column, old text, new text
    for node in ast.walk(ast.parse(source, filename)):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _in_floor(node.module):
            old = f"from {node.module} "
            edits.append((node.lineno, node.col_offset, old, f"from {PACKAGE}.{node.module} "))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _in_floor(alias.name):
                    new = _nested_alias(alias)
                    edits.append((alias.lineno, alias.col_offset, alias.name, new))
        elif isinstance(node, ast.Call) and _imports_floor_by_string(node):
            raise ValueError(f"{filename}:{node.lineno}: import floors by statement, not by string")
    for line, column, old, new in sorted(edits, reverse=True):
        head, tail = lines[line - 1][:column], lines[line - 1][column:]
        if not tail.startswith(old.encode()):
            raise ValueError(f"{filename}:{line}: write this import on one line, as {old!r}")
        lines[line - 1] = head + new.encode() + tail[len(old.encode()) :]
    return b"".join(lines)


def _in_floor(module: str | None) -> bool:
    return module is not None and module.split(".")[0] in FLOORS


def _nested_alias(alias: ast.alias) -> str:
    """Return what `import <alias>` becomes; a bare `import models.catalog` binds `models`."""
    floor = alias.name.split(".")[0]
    bound = f"{PACKAGE}.{floor} as {floor}"
    if alias.asname is not None:
        return f"{PACKAGE}.{alias.name}"
    return bound if alias.name == floor else f"{PACKAGE}.{alias.name}, {bound}"


def _imports_floor_by_string(call: ast.Call) -> bool:
    function = call.func.attr if isinstance(call.func, ast.Attribute) else None
    function = call.func.id if isinstance(call.func, ast.Name) else function
    if function not in ("import_module", "__import__", "find_spec") or not call.args:
        return False
    name = call.args[0]
    return isinstance(name, ast.Constant) and isinstance(name.value, str) and _in_floor(name.value)

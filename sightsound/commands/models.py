"""List the networks that can be built by name.

Examples:
  sightsound models 'lenet*'
  sightsound models --markdown
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sightsound.arguments import as_usage_error
from sightsound.console import markdown_table, table
from sightsound.quiet import quiet_start

if TYPE_CHECKING:
    from models.catalog import ModelInfo

HEADER = ("model", "parameters", "input", "classes", "what it is", "paper")
FACTS = ("title", "paper", "params", "input_shape", "classes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    parser.add_argument("pattern", nargs="?", default="*", help="a name, or a pattern in quotes")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document")
    form.add_argument("--markdown", action="store_true", help="the table of the README")


def run(options: argparse.Namespace) -> int:
    """Print a row a network."""
    with quiet_start():
        from models.catalog import list_models, model_info

    names = list_models(options.pattern)
    if not names:
        with as_usage_error():
            model_info(options.pattern)  # an unknown name: the catalog tells the nearest
    infos = [model_info(name) for name in names]
    if options.json:
        print(json.dumps([_facts(info) for info in infos], indent=2))
        return 0
    print(markdown(infos) if options.markdown else table(HEADER, map(_cells, infos)))
    return 0


def markdown(infos: Iterable[ModelInfo]) -> str:
    """Return the table as the README holds it."""
    rows = ((f"`{name}`", *others) for name, *others in map(_cells, infos))
    return markdown_table(HEADER, rows)


def _cells(info: ModelInfo) -> tuple[str, ...]:
    spec = info.spec
    shape = "x".join(map(str, spec.input_shape))
    return info.name, f"{spec.params:,}", shape, str(spec.classes), spec.title, spec.paper


def _facts(info: ModelInfo) -> dict[str, Any]:
    facts = {fact: getattr(info.spec, fact) for fact in FACTS}
    return {"name": info.name, "family": info.family, **facts}

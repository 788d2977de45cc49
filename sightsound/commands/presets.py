"""List the presets, the trained networks that ship with the package.

With --all, also those whose weights Keras publishes; they are fetched when first used.

Examples:
  sightsound presets image-classification
  sightsound presets --all
  sightsound presets --markdown
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from models.words import suggest
from sightsound.arguments import UsageError
from sightsound.console import markdown_table, table
from sightsound.quiet import quiet_start

if TYPE_CHECKING:
    from pipelines.presets import Preset

FACTS = ("title", "description", "licence", "data", "parameters", "metrics")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    parser.add_argument("task", nargs="?", help="only the presets of this task")
    parser.add_argument("--all", action="store_true", help="also what is downloaded when used")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document")
    form.add_argument("--markdown", action="store_true", help="the table of the README")


def run(options: argparse.Namespace) -> int:
    """Print a row a preset."""
    from pipelines import TASKS, list_presets, load_preset

    if options.task not in (None, *TASKS):
        raise UsageError(f"unknown task {options.task!r}; {suggest(options.task, TASKS)}")
    names = list_presets(options.task)
    if options.all:
        with quiet_start():  # the catalog tells what they are, and starts Keras
            names += list_presets(options.task, downloadable=True)
            presets = [load_preset(name) for name in names]
    else:
        presets = [load_preset(name) for name in names]
    if options.json:
        print(json.dumps([_facts(preset) for preset in presets], indent=2))
        return 0
    if options.markdown:
        print(markdown(presets))
        return 0
    rows = [
        (
            preset.name,
            preset.task,
            f"{preset.metadata['parameters']:,}",
            _first_metric(preset),
            _weights(preset),
            preset.metadata["licence"],
            preset.metadata["title"],
        )
        for preset in presets
    ]
    header = ("preset", "task", "parameters", "measured", "weights", "licence", "what it is")
    print(table(header, rows))
    return 0


def markdown(presets: Iterable[Preset]) -> str:
    """Return the README's table: what each preset measured, with links to the cards."""
    rows = [
        (
            f"[{preset.name}](presets/{preset.name}/README.md)"
            if _weights(preset) == "shipped"
            else preset.name,
            preset.metadata["title"],
            "<br>".join(map(_measured, preset.metadata["metrics"])),
        )
        for preset in presets
    ]
    return markdown_table(("preset", "what it is", "measured"), rows)


def _measured(metric: Mapping[str, Any]) -> str:
    value = metric["value"]
    figure = f"{value:.2%}" if metric["name"].startswith("accuracy") else f"{value:.4f}"
    if metric.get("unit"):
        figure = f"{value:.4g} {metric['unit']}"
    return f"{metric['name']}: {figure} ({metric['data']})"


def _facts(preset: Preset) -> dict[str, Any]:
    facts = {fact: preset.metadata.get(fact) for fact in FACTS}
    return {"name": preset.name, "task": preset.task, "weights": _weights(preset), **facts}


def _weights(preset: Preset) -> str:
    from pipelines.presets import SHIPPED

    return "shipped" if preset.path.is_relative_to(SHIPPED) else "downloaded when used"


def _first_metric(preset: Preset) -> str:
    """Return what the preset's first metric says, on which data."""
    for metric in preset.metadata["metrics"]:
        unit = f" {metric['unit']}" if metric.get("unit") else ""
        return f"{metric['name']} {metric['value']:.4g}{unit} on {metric['data']}"
    return "nothing"

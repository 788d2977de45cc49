"""Train a preset by a recipe.

A run that was interrupted goes on where it stopped, when it is started again with the same --out.

Examples:
  sightsound train --list
  sightsound train lenet_modern_mnist --epochs 2 --out runs/lenet
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

from sightsound.arguments import UsageError, as_usage_error, count
from sightsound.console import table
from sightsound.quiet import quiet_start


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    parser.add_argument("recipe", nargs="?", help="a name from --list")
    parser.add_argument("--list", action="store_true", help="list the recipes")
    parser.add_argument("--data", help="where the recipe's data set lies (else it is downloaded)")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0], metavar="SEED", help="one training each (0)"
    )
    parser.add_argument("--epochs", type=count, help="instead of the recipe's own number")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the run's folder (runs/RECIPE)")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: argparse.Namespace) -> int:
    """Train, and print what came of it."""
    if options.recipe is None and not options.list:
        raise UsageError("name a recipe; `sightsound train --list` lists them")
    with quiet_start():
        from pipelines.classification import recipes

    if options.list:
        listing = [(name, r.model, r.data, r.expected) for name, r in recipes.RECIPES.items()]
        print(table(("recipe", "model", "data", "what to expect"), listing))
        return 0
    with as_usage_error():
        recipes.recipe(options.recipe)
    # Keras reports a download on standard output, where only results belong.
    with redirect_stdout(sys.stderr):
        report = recipes.run(
            options.recipe,
            out=options.out or Path("runs", options.recipe),
            data=options.data,
            seeds=options.seeds,
            epochs=options.epochs,
            progress=True,
        )
    if options.json:
        print(json.dumps(report, indent=2))
        return 0
    figures = [*zip(report["seeds"], report["accuracy"], strict=True), ("mean", report["mean"])]
    rows = [(seed, f"{accuracy:.2%}") for seed, accuracy in figures]
    print(table(("seed", f"accuracy on {report['data']}"), rows))
    print(f"preset: {report['preset']}")
    return 0

"""Train a preset by a recipe, or a classifier of your own pictures.

Without a recipe, --data is a folder that has a folder of pictures for each class, or a CSV file of
paths and labels; DIR/preset is the classifier. A run that was interrupted goes on where it stopped,
when it is started again with the same --out.

Examples:
  sightsound train --data photos/ --out runs/mine
  sightsound train --list
  sightsound train lenet_modern_mnist --epochs 2 --out runs/lenet
  sightsound train resnet20_cifar10 --local-workers 2
  sightsound train lenet5_mnist --schedule step --show-schedule schedule.png
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from sightsound.arguments import UsageError, as_usage_error, count
from sightsound.console import complain, table
from sightsound.quiet import quiet_start
from sightsound.training_options import (
    add_hardware_options,
    add_plan_options,
    open_hardware,
    plan_changes,
    run_local_workers,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    parser.add_argument("recipe", nargs="?", help="a name from --list")
    parser.add_argument("--list", action="store_true", help="list the recipes")
    parser.add_argument("--data", help="your own pictures; or where the recipe's data lies")
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=[0],
        metavar="SEED",
        help="one training each (0), and their ensemble",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the run's folder (runs/RECIPE)")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    _add_looks(parser)
    _add_own(parser)
    add_plan_options(parser)
    add_hardware_options(parser)


def _add_looks(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("look instead of training, at a recipe")
    group.add_argument(
        "--show-schedule", type=Path, metavar="PNG", help="draw its learning rate beside all others"
    )
    group.add_argument(
        "--show-augmentation", type=Path, metavar="PNG", help="draw pictures as it changes them"
    )
    group.add_argument(
        "--find-rate", type=Path, metavar="PNG", help="try rising rates, and suggest a peak"
    )


def _add_own(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("your own pictures")
    group.add_argument("--network", default="resnet20", help="a name from `models` (%(default)s)")
    group.add_argument("--size", type=count, default=64, help="pixels a side (%(default)s)")
    group.add_argument("--start", metavar="PRESET", help="begin with its weights, not random ones")
    group.add_argument("--head-only", action="store_true", help="train its last layer alone")
    group.add_argument("--no-mirror", action="store_true", help="mirror images are another class")
    group.add_argument(
        "--on-error", choices=("raise", "skip"), default="raise", help="pictures that are damaged"
    )


def run(options: argparse.Namespace) -> int:
    """Train, and print what came of it."""
    if options.list:
        return _list_recipes()
    if options.recipe is None and options.data is None:
        raise UsageError("name a recipe; `sightsound train --list` lists them; or give --data")
    if options.recipe is not None:
        with quiet_start(), as_usage_error():
            from pipelines.recipes import recipe

            recipe(options.recipe)  # a wrong name is said at once
    if options.show_schedule or options.show_augmentation or options.find_rate:
        return _look(options)
    if options.local_workers:
        return run_local_workers("train", options.as_typed, options)
    return _train_own(options) if options.recipe is None else _train_recipe(options)


def _list_recipes() -> int:
    with quiet_start():
        from pipelines.recipes import recipes
    listing = [(name, r.model, _data(r), r.expected) for name, r in recipes().items()]
    print(table(("recipe", "model", "data", "what to expect"), listing))
    return 0


def _data(recipe: Any) -> str:
    return recipe.data if isinstance(recipe.data, str) else " + ".join(recipe.data)


def _look(options: argparse.Namespace) -> int:
    """Draw what is asked for; nothing is trained."""
    if options.recipe is None:
        raise UsageError("name the recipe to look at; `sightsound train --list` lists them")
    with quiet_start(), as_usage_error():
        from pipelines.classification.recipe_looks import RecipeLooks
        from pipelines.classification.recipes import RECIPES

        if options.recipe not in RECIPES:
            raise UsageError(f"only recipes of classifiers can be looked at; got {options.recipe}")
        look = RecipeLooks(options.recipe, plan_changes(options), options.data, options.seeds[0])
    # Keras reports a download on standard output, where only results belong.
    with redirect_stdout(sys.stderr), as_usage_error():
        found = None
        if options.show_schedule:
            look.draw_schedule(options.show_schedule)
        if options.show_augmentation:
            look.draw_augmentation(options.show_augmentation)
        if options.find_rate:
            found = look.find_rate(options.find_rate, progress=True)
    if found is not None:
        print(f"suggested: --rate {found.suggested:.2g} (the recipe's: {look.plan.peak_rate:g})")
    for path in (options.show_schedule, options.show_augmentation, options.find_rate):
        if path:
            print(f"drawn: {path}")
    return 0


def _train_recipe(options: argparse.Namespace) -> int:
    changes = plan_changes(options)
    with quiet_start(), as_usage_error():
        from pipelines.recipes import recipe, train_recipe

        recipe(options.recipe).plan.changed(**changes)  # what cannot be is said at once
    strategy = open_hardware(options)
    with redirect_stdout(sys.stderr):
        report = train_recipe(
            options.recipe,
            out=options.out or Path("runs", options.recipe),
            data=options.data,
            seeds=options.seeds,
            changes=changes,
            strategy=strategy,
            progress=True,
        )
    if not report:  # a worker that is not the chief
        return 0
    if options.json:
        print(json.dumps(report, indent=2))
        return 0
    print(table(*_figures(report)))
    print(f"preset: {report['preset']}")
    return 0


def _figures(report: Mapping[str, Any]) -> tuple[tuple[str, str], list[tuple[Any, str]]]:
    """Return a header and a row a seed, the mean last."""
    if "bits_per_sample" in report:
        values, what, form = report["bits_per_sample"], "bits per sample on takes 2 to 4", "{:.3f}"
    elif "held_out_psnr" in report:
        values, what, form = report["held_out_psnr"], "PSNR on held-out pictures, dB", "{:.2f}"
    else:
        values, what, form = report["accuracy"], f"accuracy on {report['data']}", "{:.2%}"
    figures = [*zip(report["seeds"], values, strict=True), ("mean", report["mean"])]
    if "ensemble" in report:
        figures.append(("ensemble", report["ensemble"]))
    return ("seed", what), [(seed, form.format(value)) for seed, value in figures]


def _train_own(options: argparse.Namespace) -> int:
    """Train on a person's own pictures, and print what came of it."""
    with as_usage_error(), quiet_start():
        from models.catalog import model_info
        from pipelines.classification.own_pictures import report_text, train_own

        model_info(options.network)
    changes = plan_changes(options)
    epochs = changes.pop("epochs", None)
    strategy = open_hardware(options)
    with redirect_stdout(sys.stderr):
        report = train_own(
            options.data,
            out=options.out or Path("runs", Path(options.data).stem),
            network=options.network,
            size_px=options.size,
            epochs=epochs,
            mirror=not options.no_mirror,
            start=options.start,
            head_only=options.head_only,
            changes=changes,
            seed=options.seeds[0],
            on_error=options.on_error,
            strategy=strategy,
            progress=True,
            tell=complain,
        )
    print(json.dumps(report, indent=2) if options.json else report_text(report))
    for skipped in report["skipped"]:
        complain(f"{skipped['source']}: {skipped['reason']}")
    return 1 if report["skipped"] else 0

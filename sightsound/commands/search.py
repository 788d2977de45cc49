"""Search a recipe's best parameters: many short runs, then a grid of long ones around the best.

The search is kept in the file --study and goes on when the command is started again; the command
may also be started several times at once. The test pictures are never looked at.

Examples:
  sightsound search lenet5_mnist --study lenet5.study --trials 20 --workers 2
  sightsound search lenet5_mnist --study lenet5.study --over peak_rate weight_decay --plot found.png
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

from sightsound.arguments import as_usage_error, count
from sightsound.quiet import quiet_start

SHORT = 5  # short runs take this part of the recipe's epochs, unless told otherwise


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    parser.add_argument("recipe", help="a name from `sightsound train --list`")
    parser.add_argument(
        "--study", type=Path, required=True, metavar="FILE", help="where the search is kept"
    )
    parser.add_argument("--data", help="where the recipe's data set lies (else it is downloaded)")
    parser.add_argument("--trials", type=count, default=20, help="short runs (%(default)s)")
    parser.add_argument("--epochs", type=count, help="of a long run (the recipe's)")
    parser.add_argument("--short-epochs", type=count, help="of a short one (a fifth of that)")
    parser.add_argument(
        "--points", type=count, default=3, help="values a parameter in the grid (%(default)s)"
    )
    parser.add_argument(
        "--over", nargs="+", metavar="NAME", help="parameters to search (all that are known)"
    )
    parser.add_argument(
        "--refine",
        nargs="+",
        metavar="NAME",
        help="parameters that the grid varies (peak_rate and weight_decay)",
    )
    parser.add_argument("--workers", type=count, default=1, help="processes that train at once (1)")
    parser.add_argument("--seed", type=int, default=0, help="determines all that is random (0)")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw what was found")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: argparse.Namespace) -> int:
    """Search, and print the table."""
    with quiet_start():
        from pipelines.classification.recipe_search import RecipeTraining
        from pipelines.training.search import Search, search
        from pipelines.training.search_space import SPACE, chosen

    # Keras reports a download on standard output, where only results belong.
    with as_usage_error(), redirect_stdout(sys.stderr):
        training = RecipeTraining(options.recipe, options.data, options.seed)
        epochs = options.epochs or training.recipe.plan.epochs
        space = chosen(SPACE, options.over)
        refine = [name for name in Search.refine if name in space]
        how = Search(
            trials=options.trials,
            coarse_epochs=options.short_epochs or max(1, epochs // SHORT),
            fine_epochs=epochs,
            points=options.points,
            refine=tuple(options.refine or refine),
            seed=options.seed,
        )
        report = search(
            training,
            plan=training.recipe.plan,
            how=how,
            path=options.study,
            space=space,
            workers=options.workers,
            facts=training.facts(),
        )
    print(json.dumps(report.to_dict(), indent=2) if options.json else report.to_markdown())
    if options.plot:
        report.save_plot(options.plot)
    return 0

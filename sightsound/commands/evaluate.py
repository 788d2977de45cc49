"""Measure a preset on labelled pictures.

DATA is a name (mnist, fashion_mnist, cifar10, digits), a .npz or IDX file, or a folder that has a
folder of pictures a label. Several presets are measured each and as an ensemble, which averages
their probabilities.

Examples:
  sightsound evaluate --data my_digits/ --mistakes mistakes.png
  sightsound evaluate --data digits --preset lenet_modern_mnist lenet5_mnist lenet5_1998_mnist
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

from sightsound.arguments import as_usage_error, count
from sightsound.console import complain, on_terminal
from sightsound.preset_options import add_engine_option, add_preset_options, open_pipeline
from sightsound.quiet import quiet_start


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    add_preset_options(parser, several=True)
    add_engine_option(parser)
    parser.add_argument("--data", required=True, help="labelled pictures: a name, file or folder")
    parser.add_argument("--folder", help="where a named set lies (else it is downloaded)")
    parser.add_argument(
        "--split",
        choices=("train", "validation", "test"),
        help="which part (test; all of a folder that has no parts of its own)",
    )
    parser.add_argument(
        "--mirror", action="store_true", help="average with each picture's mirror image"
    )
    parser.add_argument("--batch-size", type=count, default=256, help="pictures at once")
    parser.add_argument("--mistakes", type=Path, metavar="PNG", help="draw the worst mistakes")
    parser.add_argument("--confusion", type=Path, metavar="PNG", help="draw what is taken for what")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: argparse.Namespace) -> int:
    """Print the figures."""
    from pipelines.classification.data import load_data

    # Keras reports a download on standard output, where only results belong.
    with as_usage_error(), quiet_start(), redirect_stdout(sys.stderr):
        data = load_data(options.data, options.split, folder=options.folder)
    classify = open_pipeline(options, engine=options.engine)
    evaluation = classify.evaluate(
        data, batch_size=options.batch_size, mirror=options.mirror, progress=on_terminal()
    )
    print(json.dumps(evaluation.to_dict(), indent=2) if options.json else evaluation.to_markdown())
    if options.mistakes:
        evaluation.save_mistakes(options.mistakes)
    if options.confusion:
        evaluation.save_confusion(options.confusion)
    for _, error in evaluation.failed:
        complain(error)
    return 1 if evaluation.failed else 0

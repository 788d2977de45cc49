"""Write a preset for serving, with the preprocessing inside.

Examples:
  sightsound export --preset lenet_modern_mnist --out served/digits
  sightsound export --preset sesr_c32_x2 --out served/twice
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sightsound.preset_options import add_preset_options, open_pipeline


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    add_preset_options(parser, task=None)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="DIR/1 is written")
    parser.add_argument("--overwrite", action="store_true", help="replace a SavedModel in DIR/1")


def run(options: argparse.Namespace) -> int:
    """Export, and print the folder."""
    pipeline = open_pipeline(options)
    print(pipeline.export(options.out, overwrite=options.overwrite))
    return 0

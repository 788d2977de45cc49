"""`--task`, `--preset` and `--engine`, and the pipeline that they name."""

from __future__ import annotations

import argparse
from typing import Any

from sightsound.arguments import as_usage_error
from sightsound.quiet import quiet_start


def add_preset_options(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Add `--task` and `--preset`, which takes one or, as an ensemble, `several`."""
    parser.add_argument("--task", default="image-classification", help="what to do (%(default)s)")
    what = "a name from `sightsound presets`, a folder, or hf://owner/name (the task's own)"
    if several:
        parser.add_argument("--preset", nargs="+", help=f"{what}; several are averaged")
    else:
        parser.add_argument("--preset", help=what)


def add_engine_option(parser: argparse.ArgumentParser) -> None:
    """Add `--engine`."""
    parser.add_argument(
        "--engine", default="tensorflow", help="what computes: %(default)s, or openvino"
    )


def open_pipeline(options: argparse.Namespace, *, engine: str = "tensorflow") -> Any:
    """Return the pipeline that the options name, computed by `engine`.

    Raises:
        UsageError: There is no such task, preset or engine, or the preset is damaged.
    """
    from pipelines import pipeline
    from pipelines.engines import check_engine
    from pipelines.presets import load_preset

    with as_usage_error(), quiet_start():
        check_engine(engine)
        named = options.preset if isinstance(options.preset, list) else [options.preset]
        for preset in filter(None, named):
            load_preset(preset)  # refuses a wrong name before TensorFlow's seconds
        return pipeline(options.task, named[0] if len(named) == 1 else named, engine=engine)

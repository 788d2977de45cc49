"""`--task`, `--preset` and `--engine`, and the pipeline that they name."""

from __future__ import annotations

import argparse
from typing import Any

from sightsound.arguments import as_usage_error
from sightsound.quiet import quiet_start

DEFAULT_TASK = "image-classification"


def add_preset_options(
    parser: argparse.ArgumentParser, *, several: bool = False, task: str | None = DEFAULT_TASK
) -> None:
    """Add `--task` and `--preset`, which takes one or, as an ensemble, `several`.

    `task` is what `--task` is where nobody says; None leaves it to the preset.
    """
    parser.add_argument(
        "--task", default=task, help=f"what to do ({task or 'what the preset is for'})"
    )
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


def open_pipeline(options: argparse.Namespace, *, engine: str | None = None) -> Any:
    """Return the pipeline that the options name, computed by `engine` where the task has several.

    Raises:
        UsageError: There is no such task, preset or engine, or the preset is damaged.
    """
    from pipelines import load_preset, pipeline
    from pipelines.engines import check_engine

    with as_usage_error(), quiet_start():
        if engine is not None:
            check_engine(engine)
        named = options.preset if isinstance(options.preset, list) else [options.preset]
        # Loading them refuses a wrong name before TensorFlow's seconds.
        tasks = [load_preset(preset).task for preset in filter(None, named)]
        task = options.task or (tasks[0] if tasks else DEFAULT_TASK)
        preset = named[0] if len(named) == 1 else named
        return pipeline(task, preset, **({} if engine is None else {"engine": engine}))

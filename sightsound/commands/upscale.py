"""Enlarge pictures two, three or four times.

INPUT is a file, a folder, a pattern in quotes, a URL, or - for a picture on standard input. Each
gives a file of its name in DIR, such as photo_x2.jpg, in its own format where that can be written,
else as PNG. No input is ever overwritten, nor is the file that another input gave.

Examples:
  sightsound upscale photo.jpg --out large
  sightsound upscale --scale 4 --format png 'scans/**/*.tif' --out large
  sightsound upscale --jsonl photos/ --out large | jq -r .saved
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from models.spec import SCALES
from sightsound.arguments import as_usage_error, count
from sightsound.console import on_terminal
from sightsound.inputs import expand
from sightsound.outputs import (
    Naming,
    add_writing_options,
    names_of,
    refuse_file,
    targets_of,
    write_results,
)
from sightsound.quiet import quiet_start

TASK = "super-resolution"
FORMATS = ("jpg", "jpeg", "png", "webp", "tif", "tiff")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    parser.add_argument("inputs", nargs="+", metavar="INPUT")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument(
        "--scale", type=int, choices=SCALES, help="how many times larger (the preset's, or 2)"
    )
    parser.add_argument(
        "--preset",
        help="a name from `sightsound presets`, a folder, or hf://owner/name (the scale's own)",
    )
    parser.add_argument(
        "--tile",
        type=count,
        metavar="PX",
        help="most pixels a side at once; fewer take less memory, for the same result",
    )
    parser.add_argument("--format", choices=FORMATS, help="of the files (each input's own)")
    parser.add_argument(
        "--quality",
        type=count,
        choices=range(1, 101),
        default=95,
        metavar="1...100",
        help="of JPEG and WebP (%(default)s)",
    )
    add_writing_options(parser, item="picture")


def run(options: argparse.Namespace) -> int:
    """Write the files and print a row a picture; return 1 when one failed."""
    refuse_file(options.out)
    upscale = _open(options)
    sources = list(expand(options.inputs))
    naming = Naming(f"_x{upscale.scale}", "picture", FORMATS, "png", options.format)
    targets = targets_of(sources, options.out, naming, overwrite=options.overwrite)
    options.out.mkdir(parents=True, exist_ok=True)
    on_error = "raise" if options.on_error == "raise" else "return"
    return write_results(
        upscale.stream(sources, tile=options.tile, on_error=on_error, progress=on_terminal()),
        targets,
        save=lambda result, target: result.save(target, quality=options.quality),
        header=("picture", "written", "pixels", "seconds"),
        names=names_of(sources),
        facts=_facts,
        widest_fact="12000 x 12000",
        options=options,
    )


def _open(options: argparse.Namespace) -> Any:
    """Return the pipeline that the options name.

    Raises:
        UsageError: There is no such preset, or it is for something else.
    """
    from pipelines import load_preset, pipeline

    with as_usage_error(), quiet_start():
        if options.preset:
            load_preset(options.preset)  # refuses a wrong name before TensorFlow's seconds
        return pipeline(TASK, options.preset, scale=options.scale)


def _facts(result: Any) -> tuple[str, str]:
    height, width = result.size_px
    return f"{width} x {height}", f"{result.timing_ms / 1000:.2f}"

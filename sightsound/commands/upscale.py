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
import dataclasses
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from models.spec import SCALES
from sightsound.arguments import UsageError, as_usage_error, count
from sightsound.console import complain, line, on_terminal, visible
from sightsound.inputs import expand
from sightsound.quiet import quiet_start

TASK = "super-resolution"
STDIN = "<stdin>"  # what the results call it
FORMATS = ("jpg", "jpeg", "png", "webp", "tif", "tiff")
WIDEST_NAME = 60  # of a picture in the table; longer names push their row to the right
NAME_BYTES = 200  # of a file's name, of the 255 that most file systems allow


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
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files in DIR, but never an input"
    )
    parser.add_argument(
        "--on-error",
        choices=("return", "skip", "raise"),
        default="return",
        help="a picture that fails: list it among the results, leave it out, or stop",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document, at the end")
    form.add_argument("--jsonl", action="store_true", help="a line of JSON a result, as it comes")


def run(options: argparse.Namespace) -> int:
    """Write the files and print a row a picture; return 1 when one failed."""
    if options.out.exists() and not options.out.is_dir():
        raise UsageError(f"--out must be a folder; {options.out} is a file")
    upscale = _open(options)
    sources = list(expand(options.inputs))
    targets = _targets(sources, upscale.scale, options)
    options.out.mkdir(parents=True, exist_ok=True)
    on_error = "raise" if options.on_error == "raise" else "return"
    results = upscale.stream(sources, tile=options.tile, on_error=on_error, progress=on_terminal())
    widths = _widths(sources, targets)
    if not (options.json or options.jsonl):
        print(line(("picture", "written", "pixels", "seconds"), widths))
    document: list[dict[str, Any]] = []
    failures = 0
    for source, target, found in zip(sources, targets, results, strict=True):
        if isinstance(source, bytes):
            found = dataclasses.replace(found, source=STDIN)
        result = _written(found, target, options)
        failures += not result.ok
        if not result.ok:
            complain(result.error)
            if options.on_error == "skip":
                continue
        row = {**result.to_dict(), **({"saved": str(target)} if result.ok else {})}
        if options.json:
            document.append(row)
        elif options.jsonl:
            print(json.dumps(row), flush=True)
        elif result.ok:
            print(line(_cells(result, target), widths), flush=True)
    if options.json:
        print(json.dumps(document, indent=2))
    return 1 if failures else 0


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


def _written(result: Any, target: Path, options: argparse.Namespace) -> Any:
    """Write a result, and return it, or what came in its way."""
    from pipelines.calling import failure

    if not result.ok:
        return result
    try:
        result.save(target, quality=options.quality)
    except (ValueError, OSError) as error:  # a format that cannot hold it; a full disk
        if options.on_error == "raise":
            raise
        return failure(result.source, error, result.preset)
    return result


def _targets(
    sources: Sequence[str | Path | bytes], scale: int, options: argparse.Namespace
) -> list[Path]:
    """Return the file of each source: none of them twice, none of them an input.

    Raises:
        UsageError: Files would have to be overwritten.
    """
    inputs = set(_identities(source for source in sources if not isinstance(source, bytes)))
    taken: set[str] = set()
    targets = []
    for source in sources:
        stem, ending = _name(source, options.format)
        for number in itertools.count(1):
            more = f"-{number}" if number > 1 else ""
            path = options.out / f"{stem}_x{scale}{more}{ending}"
            # "A.png" and "a.png" are one file on some systems.
            name = path.name.casefold()
            if name not in taken and not inputs.intersection(_identities([path])):
                break
        taken.add(name)
        targets.append(path)
    existing = [path for path in targets if os.path.lexists(path)]
    if existing and not options.overwrite:
        raise UsageError(
            f"{len(existing)} of {len(targets)} files exist already, such as {existing[0]}; "
            "pass --overwrite, or another --out"
        )
    return targets


def _identities(paths: Iterable[str | Path]) -> Iterator[tuple[int, int]]:
    """Yield what tells files apart, whatever links lead to them; nothing for what is no file."""
    for path in paths:
        with suppress(OSError, ValueError):  # ValueError: a NUL character
            status = os.stat(path)  # noqa: PTH116 - a hostile name is no Path
            yield status.st_dev, status.st_ino


def _name(source: str | Path | bytes, wanted: str | None) -> tuple[str, str]:
    """Return what a source's file is called, without ending, and the ending."""
    text = "stdin" if isinstance(source, bytes) else os.fspath(source)
    path = Path(urlsplit(text).path if "://" in text else text)
    stem, ending = path.stem or "picture", path.suffix
    if wanted:
        ending = f".{wanted}"
    elif ending.lower().lstrip(".") not in FORMATS:
        ending = ".png"
    while len(os.fsencode(stem)) > NAME_BYTES:
        stem = stem[:-1]
    return stem, ending


def _widths(
    sources: Sequence[str | Path | bytes], targets: Sequence[Path]
) -> tuple[int, int, int, int]:
    """Return column widths that fit most rows, which are printed before all are known."""
    names = [STDIN if isinstance(source, bytes) else visible(str(source)) for source in sources]
    written = [visible(str(target)) for target in targets]
    widest = (
        max(map(len, (*column, header)))
        for column, header in ((names, "picture"), (written, "written"))
    )
    first, second = (min(width, WIDEST_NAME) for width in widest)
    return first, second, len("12000 x 12000"), 0


def _cells(result: Any, target: Path) -> tuple[str, str, str, str]:
    height, width = result.size_px
    return result.source, str(target), f"{width} x {height}", f"{result.timing_ms / 1000:.2f}"

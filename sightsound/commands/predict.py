"""Name what pictures show.

INPUT is a file, a folder, a pattern in quotes, a URL, or - for a picture on standard input.

Examples:
  sightsound predict seven.png
  sightsound predict --jsonl 'scans/**/*.png' | jq -r .label
  sightsound predict --preset lenet_modern_fashion_mnist --top-k 1 photos/
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sightsound.arguments import count
from sightsound.console import complain, line, on_terminal, visible
from sightsound.inputs import expand
from sightsound.preset_options import add_engine_option, add_preset_options, open_pipeline

if TYPE_CHECKING:
    from pipelines.results import ClassificationResult

STDIN = "<stdin>"  # what the results call it
WIDEST_NAME = 60  # of a picture in the table; longer names push their row to the right


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    parser.add_argument("inputs", nargs="+", metavar="INPUT")
    add_preset_options(parser)
    add_engine_option(parser)
    parser.add_argument("--top-k", type=count, default=5, help="labels a picture (%(default)s)")
    parser.add_argument("--batch-size", type=count, default=32, help="pictures at once")
    parser.add_argument(
        "--on-error",
        choices=("return", "skip", "raise"),
        default="return",
        help="a picture that fails: list it among the results, leave it out, or stop",
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="also write a file a result")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document, at the end")
    form.add_argument("--jsonl", action="store_true", help="a line of JSON a result, as it comes")


def run(options: argparse.Namespace) -> int:
    """Print a row a picture; return 1 when one failed."""
    classify = open_pipeline(options, engine=options.engine)
    sources = list(expand(options.inputs))
    results = classify.stream(
        sources,
        top_k=options.top_k,
        batch_size=options.batch_size,
        on_error="raise" if options.on_error == "raise" else "return",
        progress=on_terminal(),
    )
    widths = _widths(sources, classify.labels)
    if not (options.json or options.jsonl):
        print(line(("picture", "label", "score", "next best"), widths))
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
    document: list[dict[str, Any]] = []
    written: set[Path] = set()
    failures = 0
    for source, result in zip(sources, results, strict=True):
        if isinstance(source, bytes):
            result = dataclasses.replace(result, source=STDIN)
        if not result.ok:
            failures += 1
            complain(result.error)
            if options.on_error == "skip":
                continue
        elif options.output:
            result.save(_unused(options.output, result.source, written))
        if options.json:
            document.append(result.to_dict())
        elif options.jsonl:
            print(json.dumps(result.to_dict()), flush=True)
        elif result.ok:
            print(line(_cells(result), widths))
    if options.json:
        print(json.dumps(document, indent=2))
    return 1 if failures else 0


def _widths(sources: Sequence[object], labels: Sequence[str]) -> tuple[int, int, int, int]:
    """Return column widths that fit most rows, which are printed before all are known."""
    names = [STDIN if isinstance(source, bytes) else visible(str(source)) for source in sources]
    widest_name = max(map(len, (*names, "picture")))
    widest_label = max(map(len, (*labels, "label")))
    return min(widest_name, WIDEST_NAME), widest_label, len("100.0%"), 0


def _cells(result: ClassificationResult) -> tuple[str, str, str, str]:
    first, *others = result.predictions
    also = ", ".join(f"{other.label} {other.score:.1%}" for other in others)
    return result.source, first.label, f"{first.score:.1%}", also


def _unused(folder: Path, source: str, taken: set[Path]) -> Path:
    """Return a new file in `folder` for a result, named after its source; take it."""
    name = Path(urlsplit(source).path if "://" in source else source).name or "picture"
    path = folder / f"{name}.json"
    number = 1
    while path in taken:
        number += 1
        path = folder / f"{name}-{number}.json"
    taken.add(path)
    return path

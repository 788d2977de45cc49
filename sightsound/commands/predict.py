"""Name what pictures show.

INPUT is a file, a folder, a pattern in quotes, a URL, or - for a picture on standard input.

Examples:
  sightsound predict seven.png
  sightsound predict --jsonl 'scans/**/*.png' | jq -r .label
  sightsound predict --preset lenet_modern_fashion_mnist --top-k 1 photos/
  sightsound predict --mc-samples 50 --dropout 0.1 seven.png
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipelines.results import ClassificationResult, SampledResult
from sightsound.arguments import UsageError, as_usage_error, count
from sightsound.console import complain, line, on_terminal, visible
from sightsound.inputs import expand
from sightsound.preset_options import add_engine_option, add_preset_options, open_pipeline

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
    parser.add_argument(
        "--mc-samples",
        type=count,
        metavar="N",
        help="Monte-Carlo dropout: mean and spread over N thinned networks",
    )
    parser.add_argument("--seed", type=int, default=0, help="what they are drawn from (0)")
    parser.add_argument(
        "--dropout",
        type=float,
        metavar="RATE",
        help="add dropout after each activation, for a network that has none",
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="also write a file a result")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document, at the end")
    form.add_argument("--jsonl", action="store_true", help="a line of JSON a result, as it comes")


def run(options: argparse.Namespace) -> int:
    """Print a row a picture; return 1 when one failed."""
    if options.dropout is not None and options.mc_samples is None:
        raise UsageError("--dropout is for --mc-samples: without it nothing would be dropped")
    classify = open_pipeline(options, engine=options.engine)
    sources = list(expand(options.inputs))
    with as_usage_error():
        if options.dropout is not None:
            from models.noise import Noise

            classify = classify.with_noise(Noise(dropout=options.dropout))
        results = _stream(classify, sources, options)
    widths = _widths(sources, classify.labels, options.mc_samples is not None)
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


def _stream(classify: Any, sources: Sequence[Any], options: argparse.Namespace) -> Iterator[Any]:
    """Return the results to come; wrong options are refused at once."""
    results: Iterator[Any] = classify.stream(
        sources,
        top_k=options.top_k,
        batch_size=options.batch_size,
        on_error="raise" if options.on_error == "raise" else "return",
        mc_samples=options.mc_samples,
        seed=options.seed,
        progress=on_terminal(),
    )
    return results


def _widths(
    sources: Sequence[object], labels: Sequence[str], with_spread: bool
) -> tuple[int, int, int, int]:
    """Return column widths that fit most rows, which are printed before all are known."""
    names = [STDIN if isinstance(source, bytes) else visible(str(source)) for source in sources]
    widest_name = max(map(len, (*names, "picture")))
    widest_label = max(map(len, (*labels, "label")))
    score = len("100.0% ±50.0%" if with_spread else "100.0%")
    return min(widest_name, WIDEST_NAME), widest_label, score, 0


def _cells(result: ClassificationResult) -> tuple[str, str, str, str]:
    first, *others = result.predictions
    also = ", ".join(f"{other.label} {other.score:.1%}" for other in others)
    spread = f" ±{result.spread:.1%}" if isinstance(result, SampledResult) else ""
    return result.source, first.label, f"{first.score:.1%}{spread}", also


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

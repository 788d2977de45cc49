"""How a command's sound is drawn: `--temperature`, `--top-k`, `--top-p`, `--guidance`."""

from __future__ import annotations

import argparse
import re
import warnings
from typing import TYPE_CHECKING, Any

from sightsound.arguments import as_usage_error, count
from sightsound.console import complain

if TYPE_CHECKING:
    from pipelines.audio_generation.generator import SoundGenerator


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    parser.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        metavar="T",
        help="below 1, likelier samples become more likely (%(default)s)",
    )
    parser.add_argument(
        "--top-k", type=count, metavar="K", help="draw among the K likeliest levels only"
    )
    parser.add_argument(
        "--top-p",
        type=float,
        default=1.0,
        metavar="P",
        help="draw among the likeliest levels only, whose probabilities sum to P (%(default)s)",
    )
    parser.add_argument(
        "--guidance",
        type=float,
        metavar="G",
        help="how strongly the first label is meant; above 1 more clearly (the preset's)",
    )


def drawing_of(options: argparse.Namespace, generate: SoundGenerator) -> dict[str, Any]:
    """Return what the pipelines call them, checked; a warning becomes one line, here and only here.

    Raises:
        UsageError: One is out of range, or nothing for what generates.
    """
    from pipelines.audio_generation.sampling import Sampling

    drawing = {
        "temperature": options.temperature,
        "top_k": options.top_k,
        "top_p": options.top_p,
    }
    if options.guidance is not None:
        drawing["guidance"] = options.guidance
    with as_usage_error(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Sampling(**drawing).check(generate.labels)
    for warning in caught:
        complain(str(warning.message))
        warnings.filterwarnings("ignore", re.escape(str(warning.message)))
    return drawing

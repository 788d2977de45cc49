"""Say recordings anew: a network makes the sound that their spectrograms have.

INPUT is a file, a folder, a pattern in quotes, or - for a recording on standard input. Each gives a
file of its name in DIR, such as hello_vocoded.wav, as long and as loud as it. No input is ever
overwritten, nor is the file that another input gave.

Examples:
  sightsound vocode hello.wav --out said
  sightsound vocode --convert --format flac 'songs/**/*.mp3' --out said
  sightsound vocode --jsonl recordings/ --out said | jq -r .saved
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sightsound.arguments import UsageError, as_usage_error
from sightsound.console import on_terminal
from sightsound.inputs import expand_audio
from sightsound.outputs import (
    Naming,
    add_writing_options,
    names_of,
    refuse_file,
    targets_of,
    write_results,
)
from sightsound.quiet import quiet_start
from sightsound.sampling_options import add_sampling_options, drawing_of

TASK = "audio-generation"
FORMATS = ("wav", "flac")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    parser.add_argument("inputs", nargs="+", metavar="INPUT")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument(
        "--preset",
        help="a name from `sightsound presets`, a folder, or hf://owner/name (wavenet_vocoder)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of every recording (%(default)s)")
    add_sampling_options(parser)
    parser.add_argument(
        "--convert", action="store_true", help="mix channels and change rates, if need be"
    )
    parser.add_argument(
        "--format", choices=FORMATS, help="of the files (each input's own where it can be, or wav)"
    )
    add_writing_options(parser, item="recording")


def run(options: argparse.Namespace) -> int:
    """Write the files and print a row a recording; return 1 when one failed."""
    refuse_file(options.out)
    vocoder = _open(options)
    drawing = drawing_of(options, vocoder)
    sources = list(expand_audio(options.inputs))
    naming = Naming("_vocoded", "recording", FORMATS, FORMATS[0], options.format)
    targets = targets_of(sources, options.out, naming, overwrite=options.overwrite)
    with as_usage_error():
        results = vocoder.vocode(
            iter(sources),
            seed=options.seed,
            convert=options.convert,
            on_error="raise" if options.on_error == "raise" else "return",
            progress=on_terminal(),
            **drawing,
        )
    options.out.mkdir(parents=True, exist_ok=True)
    return write_results(
        results,
        targets,
        save=lambda result, target: result.save(target),
        header=("recording", "written", "length", "seconds"),
        names=names_of(sources),
        facts=lambda result: (f"{result.seconds:.2f} s", f"{result.timing_ms / 1000:.2f}"),
        widest_fact="1000.00 s",
        options=options,
    )


def _open(options: argparse.Namespace) -> Any:
    """Return the vocoder that the options name.

    Raises:
        UsageError: There is no such preset, or it is for something else.
    """
    from pipelines import DEFAULT_VOCODER, load_preset, pipeline

    preset = options.preset or DEFAULT_VOCODER
    with as_usage_error(), quiet_start():
        load_preset(preset)  # refuses a wrong name before TensorFlow's seconds
        vocoder = pipeline(TASK, preset)
    if vocoder.mel is None:
        raise UsageError(f"{vocoder.preset} is no vocoder; sightsound generate audio opens it")
    return vocoder

"""Generate sound.

KIND is audio: a network says one of its words, or goes on from a recording, as often as --count
says. What is not given is drawn from the seed, and the seed from chance. Each clip is a file that
is named after its labels and its seed, such as seven_theo_12345.wav: the same words and the same
seed give the same clip again.

Examples:
  sightsound generate audio
  sightsound generate audio --label seven --speaker theo --seed 7 --out seven.wav
  sightsound generate audio --count 20 --seconds 2 --format flac --out said
  sightsound generate audio --continue hello.wav --seconds 3 --preset wavenet_speech
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from models.words import suggest
from sightsound.arguments import UsageError, as_usage_error, count
from sightsound.console import on_terminal
from sightsound.outputs import (
    add_form_options,
    is_one_of,
    refuse_existing,
    shortened,
    write_results,
)
from sightsound.quiet import quiet_start
from sightsound.sampling_options import add_sampling_options, drawing_of

KINDS = ("audio",)
TASK = "audio-generation"
FORMATS = ("wav", "flac")
LABELS = ("label", "speaker")  # of the presets that ship with the package


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    parser.add_argument("kind", metavar="KIND", help="what to generate: audio")
    parser.add_argument("--label", metavar="WORD", help="what to say, such as seven (any)")
    parser.add_argument("--speaker", metavar="NAME", help="who says it (anybody)")
    parser.add_argument(
        "--seconds", type=float, default=1.0, metavar="S", help="how long (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, help="of the first clip; the next has the next (a new one for each)"
    )
    parser.add_argument("--count", type=count, default=1, metavar="N", help="clips (%(default)s)")
    add_sampling_options(parser)
    parser.add_argument(
        "--continue", dest="begun", type=Path, metavar="FILE", help="go on from this recording"
    )
    parser.add_argument(
        "--convert", action="store_true", help="mix its channels and change its rate, if need be"
    )
    parser.add_argument(
        "--preset",
        help="a name from `sightsound presets`, a folder, or hf://owner/name (the task's own)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="PATH",
        help="a folder, or the file of one clip (the current folder)",
    )
    parser.add_argument("--format", choices=FORMATS, help="of the files (wav)")
    parser.add_argument("--overwrite", action="store_true", help="replace files, but never FILE")
    add_form_options(parser)
    parser.set_defaults(on_error="raise")  # what fails for one clip fails for all


def run(options: argparse.Namespace) -> int:
    """Write the files and print a row a clip."""
    if options.kind not in KINDS:
        raise UsageError(f"unknown kind {options.kind!r}; {suggest(options.kind, KINDS)}")
    if options.convert and not options.begun:
        raise UsageError("--convert is for --continue: nothing else could need it")
    is_file = _is_file(options)
    generate = _open(options)
    words = _words(options, generate)
    seeds = [options.seed + k if options.seed is not None else None for k in range(options.count)]
    with as_usage_error():
        plan = generate.plan(options.seconds, seed=seeds, **words)
    drawing = drawing_of(options, generate)
    targets = [options.out] if is_file else [_target(clip, generate, options) for clip in plan]
    if options.begun and any(is_one_of(target, [options.begun]) for target in targets):
        raise UsageError(f"--out must not be the recording itself; got {options.begun}")
    refuse_existing(targets, overwrite=options.overwrite)
    folder = options.out.parent if is_file else options.out
    folder.mkdir(parents=True, exist_ok=True)
    return write_results(
        _results(generate, plan, drawing, options),
        targets,
        save=lambda result, target: result.save(target),
        header=("sound", "written", "length", "seconds"),
        names=[" ".join(clip.words.values()) or generate.preset for clip in plan],
        facts=lambda result: (f"{result.seconds:.2f} s", f"{result.timing_ms / 1000:.2f}"),
        widest_fact="1000.00 s",
        options=options,
    )


def _is_file(options: argparse.Namespace) -> bool:
    """Return whether `--out` is the one file to write, rather than a folder.

    Raises:
        UsageError: It is neither, or the other options do not go with it.
    """
    out, ending = options.out, options.out.suffix.lower().lstrip(".")
    if out.is_dir() or (not ending and not out.exists()):
        return False
    if ending not in FORMATS:
        raise UsageError(
            f"--out must be a folder, or a file that ends in .wav or .flac; got {out}; a new "
            "folder with a dot in its name must be made first"
        )
    if options.count > 1:
        raise UsageError(f"{options.count} clips need a folder; --out is the file {out}")
    if options.format not in (None, ending):
        raise UsageError(f"--format {options.format} does not go with --out {out}")
    return True


def _open(options: argparse.Namespace) -> Any:
    """Return the pipeline that the options name.

    Raises:
        UsageError: There is no such preset, or it is for something else.
    """
    from pipelines import load_preset, pipeline

    with as_usage_error(), quiet_start():
        if options.preset:
            load_preset(options.preset)  # refuses a wrong name before TensorFlow's seconds
        return pipeline(TASK, options.preset)


def _words(options: argparse.Namespace, generate: Any) -> dict[str, str]:
    """Return the labels that were named.

    Raises:
        UsageError: The network has no such label.
    """
    named = {name: getattr(options, name) for name in LABELS if getattr(options, name) is not None}
    for name in named:
        if name not in generate.labels:
            has = ", ".join(f"--{label}" for label in generate.labels) or "no labels"
            raise UsageError(f"{generate.preset} takes no --{name}; it has {has}")
    return named


def _target(clip: Any, generate: Any, options: argparse.Namespace) -> Path:
    """Return the file of a clip."""
    named = list(clip.words.values()) or [generate.preset]
    begun = [options.begun.stem] if options.begun else []
    # A preset from elsewhere may call its labels anything.
    stem = "_".join(re.sub(r"[^\w.-]+", "-", word) for word in (*begun, *named))
    name = f"{shortened(stem.lstrip('.'))}_{clip.seed}.{options.format or FORMATS[0]}"
    return Path(options.out, name)


def _results(
    generate: Any, plan: Sequence[Any], drawing: dict[str, Any], options: argparse.Namespace
) -> Iterator[Any]:
    """Yield the clips, each when it is generated."""
    for clip in plan:
        how = {"seed": clip.seed, **clip.words, **drawing, "progress": on_terminal()}
        if options.begun:
            yield generate.continue_from(
                options.begun, options.seconds, convert=options.convert, **how
            )
        else:
            yield generate(options.seconds, **how)

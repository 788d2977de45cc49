"""Measure a preset on pictures whose right answer is known.

TASK is image-classification, if it is left out, super-resolution, inpainting, or audio-generation.

Image classification: DATA is a name (mnist, fashion_mnist, cifar10, digits), a .npz or IDX file, or
a folder that has a folder of pictures a label. Several presets are measured each and as an
ensemble, which averages their probabilities.

Super-resolution: DATA is a name (Set5, Set14, T91, BSDS400) with the folder that holds it, or a
folder of pictures. They are made smaller, enlarged again and compared, as the papers do it: PSNR
and SSIM of the luma, with bicubic enlargement beside them.

Inpainting: DATA is held_out (every eighth picture of BSDS400) or another name, with the folder that
holds the set, or a folder of pictures of 256 x 256 pixels or more. Their middles get holes of each
kind and are filled: PSNR, SSIM and L1 of the holes alone, with classical methods beside them.

Audio generation: DATA is fsdd (the spoken digits, with the folder that holds them) or a folder of
sound. The figure is the bits that the network needs for each sample that it has not heard; simpler
ways of foretelling stand beside it.

Examples:
  sightsound evaluate --data my_digits/ --mistakes mistakes.png
  sightsound evaluate --data digits --preset lenet_modern_mnist lenet5_mnist lenet5_1998_mnist
  sightsound evaluate super-resolution --data Set5 --folder downloads/ --scale 3
  sightsound evaluate super-resolution --data photos/ --method bicubic --markdown
  sightsound evaluate inpainting --data photos/ --masks strokes freeform
  sightsound evaluate inpainting --data held_out --folder downloads/ --method biharmonic
  sightsound evaluate audio-generation --data fsdd --folder downloads/
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from models.spec import SCALES
from models.words import suggest
from sightsound.arguments import UsageError, as_usage_error, count
from sightsound.console import complain, on_terminal, table
from sightsound.preset_options import add_engine_option, add_preset_options, open_pipeline
from sightsound.quiet import quiet_start

CLASSIFICATION, SUPER_RESOLUTION = "image-classification", "super-resolution"
INPAINTING, AUDIO_GENERATION = "inpainting", "audio-generation"
# What each task takes besides --preset, --data, --folder, --json and --markdown.
OPTIONS = {
    CLASSIFICATION: ("engine", "split", "mirror", "batch_size", "mistakes", "confusion"),
    SUPER_RESOLUTION: ("scale", "method"),
    INPAINTING: ("masks", "method"),
    AUDIO_GENERATION: (),
}
METHODS = {
    SUPER_RESOLUTION: ("bicubic",),
    INPAINTING: ("first_fill", "telea", "ns", "biharmonic"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    parser.add_argument("wish", nargs="?", metavar="TASK", help="the same as --task TASK")
    add_preset_options(parser, several=True)
    add_engine_option(parser)
    parser.add_argument("--data", required=True, help="pictures or sound: a name, file or folder")
    parser.add_argument(
        "--folder", help="where a named set lies (else labelled ones are downloaded)"
    )
    parser.add_argument(
        "--split",
        choices=("train", "validation", "test"),
        help="which part (test; all of a folder that has no parts of its own)",
    )
    parser.add_argument(
        "--mirror", action="store_true", help="average with each picture's mirror image"
    )
    parser.add_argument("--batch-size", type=count, help="pictures at once (256)")
    parser.add_argument("--mistakes", type=Path, metavar="PNG", help="draw the worst mistakes")
    parser.add_argument("--confusion", type=Path, metavar="PNG", help="draw what is taken for what")
    parser.add_argument(
        "--scale", type=count, choices=SCALES, help="super-resolution: how many times (2)"
    )
    parser.add_argument(
        "--masks",
        nargs="+",
        choices=("strokes", "freeform", "center"),
        help="inpainting: which kinds of holes (all)",
    )
    parser.add_argument(
        "--method",
        choices=[name for names in METHODS.values() for name in names],
        help="super-resolution and inpainting: measure this, and no preset",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document")
    form.add_argument("--markdown", action="store_true", help="a Markdown table")


def run(options: argparse.Namespace) -> int:
    """Print the figures; return 1 when a picture failed."""
    task = _task(options)
    for other, names in OPTIONS.items():
        for name in names:
            given = getattr(options, name) not in (None, False, "tensorflow")
            if given and name not in OPTIONS[task]:
                raise UsageError(f"--{name.replace('_', '-')} is for {other}; got {task}")
    if options.method and options.method not in METHODS[task]:
        raise UsageError(f"--method {options.method} is not of {task}; choose {METHODS[task]}")
    if options.method and options.preset:
        raise UsageError(f"--method {options.method} takes the place of --preset; give one of them")
    evaluation = MEASURES[task](options)
    for _, error in evaluation.failed:
        complain(error)
    return 1 if evaluation.failed else 0


def _task(options: argparse.Namespace) -> str:
    """Return the task that was asked for, either way."""
    task = str(options.wish or options.task)
    if options.wish and options.task not in (CLASSIFICATION, options.wish):
        raise UsageError(f"one task at a time; got {options.wish} and --task {options.task}")
    if task not in OPTIONS:
        raise UsageError(f"unknown task {task!r}; {suggest(task, OPTIONS)}")
    return task


def _classification(options: argparse.Namespace) -> Any:
    """Print how well a classifier, or an ensemble, tells pictures apart; return the report."""
    from pipelines.classification.data import load_data

    # Keras reports a download on standard output, where only results belong.
    with as_usage_error(), quiet_start(), redirect_stdout(sys.stderr):
        data = load_data(options.data, options.split, folder=options.folder)
    classify = open_pipeline(options, engine=options.engine)
    evaluation = classify.evaluate(
        data, batch_size=options.batch_size or 256, mirror=options.mirror, progress=on_terminal()
    )
    print(json.dumps(evaluation.to_dict(), indent=2) if options.json else evaluation.to_markdown())
    if options.mistakes:
        evaluation.save_mistakes(options.mistakes)
    if options.confusion:
        evaluation.save_confusion(options.confusion)
    return evaluation


def _enlargement(options: argparse.Namespace) -> Any:
    """Print how well a preset, or bicubic resampling, enlarges pictures; return the report."""
    from pipelines.super_resolution.data import load_pictures
    from pipelines.super_resolution.evaluation import evaluate_bicubic

    with as_usage_error():
        data = load_pictures(options.data, options.folder)
    if options.method:
        report = evaluate_bicubic(data, scale=options.scale or SCALES[0], progress=on_terminal())
    else:
        report = _open_one(options, SUPER_RESOLUTION).evaluate(data, progress=on_terminal())
    _print(report, options)
    return report


def _filling(options: argparse.Namespace) -> Any:
    """Print how well a preset, or a classical method, fills holes; return the report."""
    from pipelines.inpainting.data import load_pictures
    from pipelines.inpainting.mask_sets import KINDS

    with as_usage_error():
        data = load_pictures(options.data, options.folder)
    filler, name = (options.method,) * 2 if options.method else _network(options, INPAINTING)
    with quiet_start():
        from pipelines.inpainting.evaluation import evaluate_inpainting
    report = evaluate_inpainting(
        filler, data, method=name, masks=options.masks or KINDS, progress=on_terminal()
    )
    _print(report, options)
    return report


def _foretelling(options: argparse.Namespace) -> Any:
    """Print how many bits a preset needs for samples that it has not heard; return the report."""
    from pipelines.audio_generation.data import DataError

    generator = _open_one(options, AUDIO_GENERATION)
    try:
        report = generator.evaluate(options.data, folder=options.folder, progress=on_terminal())
    except DataError as error:
        raise UsageError(str(error)) from error
    _print(report, options)
    return report


def _print(report: Any, options: argparse.Namespace) -> None:
    """Print a report in the form that was asked for."""
    if options.json:
        print(json.dumps(report.to_dict(), indent=2))
    elif options.markdown:
        print(report.to_markdown())
    else:
        print(f"{report.title}\n\n{table(*report.table())}")


def _open_one(options: argparse.Namespace, task: str) -> Any:
    """Return the pipeline of the preset that was named, or of the task's (or the scale's) own."""
    from pipelines import load_preset, pipeline

    preset = _one_preset(options, task)
    scale = {"scale": options.scale} if options.scale else {}
    with as_usage_error(), quiet_start():
        if preset:
            load_preset(preset)  # refuses a wrong name before TensorFlow's seconds
        return pipeline(task, preset, **scale)


def _network(options: argparse.Namespace, task: str) -> tuple[Any, str]:
    """Return the network of the preset that was named, or of the task's own, and its name.

    Not every one that fills holes makes a pipeline: the context encoder takes one size alone.
    """
    from pipelines import TASKS, load_preset

    name = _one_preset(options, task) or TASKS[task].default_preset
    with as_usage_error(), quiet_start():
        preset = load_preset(name)
        if preset.task != task:
            raise ValueError(f"preset {preset.name!r} must be for {task}; it is for {preset.task}")
        return preset.build(), preset.name


def _one_preset(options: argparse.Namespace, task: str) -> str | None:
    """Return the preset that was named, if one was."""
    presets = options.preset or [None]
    if len(presets) > 1:
        raise UsageError(f"{task} takes one preset; got {', '.join(presets)}")
    name: str | None = presets[0]
    return name


MEASURES = {
    CLASSIFICATION: _classification,
    SUPER_RESOLUTION: _enlargement,
    INPAINTING: _filling,
    AUDIO_GENERATION: _foretelling,
}

"""List the networks, lay open what one costs, or size a convolution.

  sightsound models [PATTERN]          a row a network
  sightsound models explain NAME       a row a layer: shape, memory, parameters, multiply-adds
  sightsound models conv-output SIZE   how many values a window gives along a side of SIZE pixels

Examples:
  sightsound models 'lenet*'
  sightsound models explain vgg16
  sightsound models explain resnet50 --input 288 --batch 32 --blocks --picture cost.png
  sightsound models explain espcn --scale 3 --input 240x320
  sightsound models conv-output 227 --kernel 11 --stride 4
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from models.arithmetic import conv_output
from models.spec import (
    SCALES,
    ClassifierSpec,
    InpainterSpec,
    ModelSpec,
    UpscalerSpec,
    WaveformSpec,
)
from models.words import suggest
from sightsound.arguments import UsageError, as_usage_error, count
from sightsound.console import markdown_table, table
from sightsound.quiet import quiet_start

if TYPE_CHECKING:
    from models.catalog import ModelInfo

HEADER = ("model", "parameters", "input", "classes or scales", "what it is", "paper")
FACTS = ("title", "paper", "params", "input_shape")
# What each form takes besides; no network has the name of one.
OPTIONS = {
    "[PATTERN]": ("json", "markdown"),
    "explain": ("json", "markdown", "csv", "input", "scale", "batch", "dtype", "blocks", "picture"),
    "conv-output": ("kernel", "stride", "padding"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    parser.add_argument("asked", nargs="*", metavar="WORD", help="see below")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document")
    form.add_argument("--markdown", action="store_true", help="a Markdown table")
    form.add_argument("--csv", action="store_true", help="comma-separated values (explain)")
    costs = parser.add_argument_group("explain")
    costs.add_argument("--input", type=_pair, metavar="PX", help="224, or HEIGHTxWIDTH")
    costs.add_argument("--scale", type=count, metavar="N", help="of a network that enlarges (2)")
    costs.add_argument("--batch", type=count, metavar="N", help="images at a time (1)")
    costs.add_argument("--dtype", help="float32, bfloat16, mixed_float16, ... (float32)")
    costs.add_argument("--blocks", action="store_true", help="a row a block of layers")
    costs.add_argument("--picture", metavar="FILE", help="also draw it: .png, .svg or .pdf")
    window = parser.add_argument_group("conv-output")
    window.add_argument("--kernel", type=_pair, metavar="PX", help="3, or HEIGHTxWIDTH")
    window.add_argument("--stride", type=_pair, metavar="PX", help="likewise (1)")
    window.add_argument("--padding", type=_padding, metavar="PX", help="likewise, or valid, same")


def run(options: argparse.Namespace) -> int:
    """Print what the words ask for."""
    match options.asked:
        case ["explain", name]:
            return _explain(name, _only("explain", options))
        case ["conv-output", size]:
            return _conv_output(size, _only("conv-output", options))
        case ["explain" | "conv-output" as form, *words]:
            what = "the name of a network" if form == "explain" else "a size in pixels"
            raise UsageError(f"{form} takes one word, {what}; got {len(words)}")
        case [word, _, *_]:
            raise UsageError(f"sightsound models knows no {word!r}; {suggest(word, OPTIONS)}")
    (pattern,) = options.asked or ["*"]
    return _list(pattern, _only("[PATTERN]", options))


def _only(form: str, options: argparse.Namespace) -> argparse.Namespace:
    """Return the options, none of which belongs to another form."""
    for other, names in OPTIONS.items():
        for name in names:
            if getattr(options, name) not in (None, False) and name not in OPTIONS[form]:
                raise UsageError(f"--{name} goes with `sightsound models {other}`")
    return options


def _list(pattern: str, options: argparse.Namespace) -> int:
    """Print a row a network."""
    with quiet_start():
        from models.catalog import list_models, model_info

    names = list_models(pattern)
    if not names:
        with as_usage_error():
            model_info(pattern)  # an unknown name: the catalog tells the nearest
    infos = [model_info(name) for name in names]
    if options.json:
        print(json.dumps([_facts(info) for info in infos], indent=2))
        return 0
    print(markdown(infos) if options.markdown else table(HEADER, map(_cells, infos)))
    return 0


def markdown(infos: Iterable[ModelInfo]) -> str:
    """Return the table as the README holds it."""
    rows = ((f"`{name}`", *others) for name, *others in map(_cells, infos))
    return markdown_table(HEADER, rows)


def _cells(info: ModelInfo) -> tuple[str, ...]:
    spec = info.spec
    shape = "x".join(map(str, spec.input_shape))
    return info.name, f"{spec.params:,}", shape, _answers(spec), spec.title, spec.paper


def _answers(spec: ModelSpec) -> str:
    """Return how many classes a network tells apart, or levels, or how many times it enlarges.

    One that fills holes has neither.
    """
    if isinstance(spec, InpainterSpec):
        return "-"
    if isinstance(spec, UpscalerSpec):
        return ", ".join(f"x{scale}" for scale in SCALES)
    assert isinstance(spec, ClassifierSpec | WaveformSpec)
    return str(spec.classes)


def _facts(info: ModelInfo) -> dict[str, Any]:
    spec = info.spec
    facts = {fact: getattr(spec, fact) for fact in FACTS}
    if isinstance(spec, ClassifierSpec | WaveformSpec):
        facts["classes"] = spec.classes
    if isinstance(spec, UpscalerSpec):
        facts |= {"scales": SCALES, "enlarged": spec.enlarged}
    if isinstance(spec, InpainterSpec):
        facts["stride"] = spec.stride
    return {"name": info.name, "family": info.family, "task": info.task, **facts}


def _explain(name: str, options: argparse.Namespace) -> int:
    """Print a row a layer, and what needs how much memory."""
    with quiet_start():
        from models.catalog import model_info
        from models.explain import explain

        with as_usage_error():
            info = model_info(name)
            if options.scale and info.task != "super-resolution":
                rule = "--scale is for networks that enlarge"
                raise UsageError(f"{rule}; got --scale {options.scale} for {name}")
            channels = info.spec.input_shape[-1]
            explained = explain(
                name,
                input_shape=options.input and (*_both(options.input), channels),
                batch=options.batch or 1,
                dtype=options.dtype or "float32",
                **({"scale": options.scale} if options.scale else {}),
            )
    shown = explained.by_block() if options.blocks else explained
    if options.picture:
        with as_usage_error():
            shown.save(options.picture)
    forms = {"json": shown.to_json, "markdown": shown.to_markdown, "csv": shown.to_csv}
    chosen = (write for form, write in forms.items() if getattr(options, form))
    print(next(chosen, shown.__str__)().rstrip("\n"))
    return 0


def _conv_output(size: str, options: argparse.Namespace) -> int:
    """Print the number of values along each side."""
    if options.kernel is None:
        raise UsageError("conv-output needs --kernel")
    with as_usage_error():
        try:
            sides = _pair(size)
        except argparse.ArgumentTypeError as error:
            raise UsageError(f"SIZE {error}") from error
        values = conv_output(
            sides,
            options.kernel,
            1 if options.stride is None else options.stride,
            0 if options.padding is None else options.padding,
        )
    print("x".join(map(str, values)) if isinstance(values, tuple) else values)
    return 0


def _pair(text: str) -> int | tuple[int, int]:
    """Return `3` as a number, `3x5` as a pair."""
    sides = text.split("x")
    if len(sides) > 2 or not all(side.isascii() and side.isdigit() for side in sides):
        rule = "must be pixels, such as 224, or HEIGHTxWIDTH, such as 224x320"
        raise argparse.ArgumentTypeError(f"{rule}; got {text!r}")
    return int(text) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


def _padding(text: str) -> int | tuple[int, int] | str:
    return text if text in ("valid", "same") else _pair(text)


def _both(value: int | tuple[int, int]) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)

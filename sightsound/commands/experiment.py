"""Answer an open question with small networks: a table, a conclusion and a picture.

Settings that --list shows can be changed with --set, to come nearer to the papers or to be quicker.

Examples:
  sightsound experiment --list
  sightsound experiment random_labels --out runs/random_labels
  sightsound experiment plain_or_residual --set epochs=40 depths=20,56 --seed 3
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from models.words import suggest
from sightsound.arguments import UsageError, as_usage_error
from sightsound.console import table
from sightsound.quiet import quiet_start


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """State what the command takes."""
    parser.add_argument("name", nargs="?", help="a name from --list")
    parser.add_argument("--list", action="store_true", help="list the experiments")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (runs/NAME)")
    parser.add_argument(
        "--data", help="digits (needs scikit-learn), another known set, or an npz file"
    )
    parser.add_argument("--seed", type=int, default=0, help="determines all that is random (0)")
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="SETTING=VALUE", help="settings to change"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: argparse.Namespace) -> int:
    """Carry the experiment out, and print what it found and where the picture is."""
    if options.name is None and not options.list:
        raise UsageError("name an experiment; `sightsound experiment --list` lists them")
    with quiet_start():
        from pipelines.classification.experiments import EXPERIMENTS, running

        with as_usage_error():
            names = EXPERIMENTS if options.list else (options.name,)
            settings = {name: running.settings_of(name) for name in names}
    if options.list:
        for name, question in EXPERIMENTS.items():
            print(f"{name}: {question}\n    {_line(settings[name])}")
        return 0
    with as_usage_error():
        changes = _changes(options, settings[options.name])
    folder = options.out or Path("runs", options.name)
    # Keras reports a download on standard output, where only results belong.
    with redirect_stdout(sys.stderr), as_usage_error():
        finding = running.run(options.name, out=folder, seed=options.seed, progress=True, **changes)
    if options.json:
        print((folder / running.REPORT).read_text("utf-8"), end="")
        return 0
    print(table(finding.header, finding.rows))
    print(f"\n{finding.conclusion}\n\npicture: {folder / running.PICTURE}")
    return 0


def _changes(options: argparse.Namespace, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the user wants otherwise."""
    changes = {}
    for word in options.set:
        name, equals, text = word.partition("=")
        if not equals:
            raise ValueError(f"--set takes SETTING=VALUE; got {word!r}")
        if name not in settings:
            raise ValueError(f"{options.name} has no setting {name!r}; {suggest(name, settings)}")
        changes[name] = _value(name, text, settings[name])
    if options.data is not None:
        if "data" not in settings:
            raise ValueError(f"{options.name} takes no data; leave --data out")
        changes["data"] = options.data
    return changes


def _value(name: str, text: str, default: Any) -> Any:
    """Return what a text says, as a value of the default's kind: several behind commas, or one."""
    many = isinstance(default, tuple)
    kind = type(default[0] if many else default)
    try:
        values = tuple(kind(part) for part in (text.split(",") if many else [text]))
    except ValueError as error:
        what = "whole numbers" if kind is int else "numbers"
        raise ValueError(f"{name} takes {what}, such as {_text(default)}; got {text!r}") from error
    return values if many else values[0]


def _line(settings: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={_text(value)}" for name, value in settings.items())


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)

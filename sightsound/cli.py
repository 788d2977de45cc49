"""The command line: `sightsound COMMAND`, one file a command in `sightsound/commands/`.

Results go to standard output, everything else to standard error. The exit status is 0 when all went
well, 1 when some inputs failed, 2 when the command could not be carried out as it was asked. A
command only calls what the pipelines offer to everybody, and imports it when it runs: help answers
without starting TensorFlow.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from models.words import suggest
from sightsound.arguments import Parser, UsageError
from sightsound.console import complain

COMMANDS = {
    "models": "list the networks, explain one, size a convolution",
    "presets": "list the trained networks that ship with the package",
    "predict": "name what pictures show",
    "upscale": "enlarge pictures two, three or four times",
    "inpaint": "fill holes in pictures, as their masks say",
    "generate": "generate sound",
    "vocode": "say recordings anew, from their spectrograms",
    "evaluate": "measure a preset on labelled pictures",
    "train": "train a preset by a recipe",
    "search": "search a recipe's best parameters",
    "experiment": "answer an open question with small networks",
    "export": "write a preset for serving",
    "benchmark": "measure latency and throughput on this machine",
    "app": "open the pages in a browser",
    "doctor": "tell what this machine and this installation have",
}

FAILED, MISUSED = 1, 2
INTERRUPTED = 128 + 2  # what a shell reports for a process that Ctrl-C (SIGINT) ended
READER_GONE = 128 + 13  # and for one that wrote to a closed pipe (SIGPIPE)


class Command(Protocol):
    """A module of `sightsound.commands`; its docstring is the command's help."""

    __doc__: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """State what the command takes."""

    def run(self, options: argparse.Namespace) -> int:
        """Carry the command out and return the exit status."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status; never a traceback unless asked for."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    with_traceback = "--traceback" in words or bool(os.environ.get("SIGHTSOUND_TRACEBACK"))
    _write_utf8()
    try:
        status = _run([word for word in words if word != "--traceback"])
        if sys.stdout is not None:  # `>&-` leaves none
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more on its way out: let that go nowhere, quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except Exception as error:
        if with_traceback:
            raise
        return _report(error)
    return status


def _run(words: list[str]) -> int:
    """Import and run the one command that was asked for; return the exit status."""
    if not words:
        raise UsageError("name a command; `sightsound --help` lists them")
    name, *arguments = words
    if name in ("-h", "--help"):
        print(_help())
        return 0
    if name == "--version":
        from sightsound import __version__

        print(f"sightsound {__version__}")
        return 0
    if name not in COMMANDS:
        what = "option" if name.startswith("-") else "command"
        remedy = suggest(name, [*COMMANDS, "--help", "--version"])
        raise UsageError(f"unknown {what} {name!r}; {remedy}")
    command = cast(Command, importlib.import_module(f"sightsound.commands.{name}"))
    summary, _, details = (command.__doc__ or "").partition("\n\n")
    parser = Parser(prog=f"sightsound {name}", description=summary, epilog=details)
    command.add_arguments(parser)
    try:
        options = parser.read(arguments)
    except SystemExit:  # argparse has printed the command's help
        return 0
    return command.run(options)


def _help() -> str:
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:<{width}}  {what}" for name, what in COMMANDS.items())
    return f"""\
usage: sightsound COMMAND ...

Networks for pictures and sound, trained and ready.

commands:
{listing}

options:
  -h, --help   show this; `sightsound COMMAND --help` tells more of one
  --version    show the version
  --traceback  with any command: when it fails, show where (or set SIGHTSOUND_TRACEBACK=1)"""


def _report(error: Exception) -> int:
    """Say what went wrong in one line; return the exit status."""
    what = str(error) or type(error).__name__
    if not isinstance(error, UsageError | ValueError | OSError | ImportError):
        what = f"{type(error).__name__}: {what} (a defect; --traceback shows where)"
    complain(what)
    return MISUSED if isinstance(error, UsageError) else FAILED


def _write_utf8() -> None:
    """Write UTF-8 everywhere, and file names that are not UTF-8 as the bytes that they are."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")

"""Reading a command's arguments: wrong ones get one line that says what would be right."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from models.words import suggest


class UsageError(Exception):
    """The command cannot be carried out as it was asked."""


@contextmanager
def as_usage_error() -> Iterator[None]:
    """Turn the refusal of a name or value that the user gave into a usage error."""
    try:
        yield
    except (ValueError, FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(str(error)) from error


class Parser(argparse.ArgumentParser):
    """An argument parser that suggests the option that was meant, and abbreviates nothing."""

    def __init__(self, **settings: Any) -> None:
        """Take what `argparse.ArgumentParser` takes."""
        layout = argparse.RawDescriptionHelpFormatter
        super().__init__(allow_abbrev=False, formatter_class=layout, **settings)

    def read(self, words: list[str]) -> argparse.Namespace:
        """Return the options; inputs and options may come in any order.

        Raises:
            UsageError: They are wrong; the message names what was probably meant.
        """
        options, unknown = self.parse_known_intermixed_args(words)
        if unknown:
            known = sorted(set(re.findall(r"--[a-z-]+", self.format_help())))
            raise UsageError(f"{self.prog} knows no {unknown[0]!r}; {suggest(unknown[0], known)}")
        options.as_typed = words  # as they were typed, for a command that runs itself again
        return options

    def error(self, message: str) -> NoReturn:
        """Raise what argparse finds wrong."""
        raise UsageError(f"{message}; see `{self.prog} --help`")


def count(text: str) -> int:
    """Return a whole number of at least 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1; got {text!r}")
    return int(text)

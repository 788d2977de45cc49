"""Where a command's results go: a file each, at the cost of no input and no other result."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sightsound.arguments import UsageError
from sightsound.console import complain, line, visible
from sightsound.inputs import Source

STDIN = "<stdin>"  # what the results call it
WIDEST_NAME = 60  # of a file in the table; longer names push their row to the right
NAME_BYTES = 200  # of a file's name, of the 255 that most file systems allow


@dataclass(frozen=True)
class Naming:
    """How the file of a result is called: as its source, with a mark behind.

    Attributes:
        mark: Such as "_x2".
        nameless: What a source without a name is called.
        formats: Endings that can be written, without the dot.
        usual: The one of those for a source that has another.
        wanted: The one that somebody asked for; each source's own when None.
    """

    mark: str
    nameless: str
    formats: Collection[str]
    usual: str
    wanted: str | None = None

    def name(self, source: Source) -> tuple[str, str]:
        """Return what a source's file is called, without ending, and the ending."""
        text = "stdin" if isinstance(source, bytes) else os.fspath(source)
        path = Path(urlsplit(text).path if "://" in text else text)
        ending = path.suffix
        if self.wanted:
            ending = f".{self.wanted}"
        elif ending.lower().lstrip(".") not in self.formats:
            ending = f".{self.usual}"
        return f"{shortened(path.stem or self.nameless)}{self.mark}", ending


def add_writing_options(parser: argparse.ArgumentParser, *, item: str) -> None:
    """Add `--overwrite`, `--on-error`, `--json` and `--jsonl`; `item` is what fails."""
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files in DIR, but never an input"
    )
    parser.add_argument(
        "--on-error",
        choices=("return", "skip", "raise"),
        default="return",
        help=f"a {item} that fails: list it among the results, leave it out, or stop",
    )
    add_form_options(parser)


def add_form_options(parser: argparse.ArgumentParser) -> None:
    """Add `--json` and `--jsonl`."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document, at the end")
    form.add_argument("--jsonl", action="store_true", help="a line of JSON a result, as it comes")


def refuse_file(out: Path) -> None:
    """Refuse `--out` where it is a file, and no folder.

    Raises:
        UsageError: It is.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out must be a folder; {out} is a file")


def targets_of(
    sources: Sequence[Source], folder: Path, naming: Naming, *, overwrite: bool
) -> list[Path]:
    """Return the file of each source: none of them twice, none of them an input.

    Raises:
        UsageError: Files would have to be overwritten.
    """
    inputs = set(_identities(source for source in sources if not isinstance(source, bytes)))
    taken: set[str] = set()
    targets = []
    for source in sources:
        stem, ending = naming.name(source)
        for number in itertools.count(1):
            more = f"-{number}" if number > 1 else ""
            path = folder / f"{stem}{more}{ending}"
            # "A.png" and "a.png" are one file on some systems.
            name = path.name.casefold()
            if name not in taken and not inputs.intersection(_identities([path])):
                break
        taken.add(name)
        targets.append(path)
    refuse_existing(targets, overwrite=overwrite)
    return targets


def refuse_existing(targets: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse to replace files, unless told to.

    Raises:
        UsageError: Some exist already.
    """
    existing = [path for path in targets if os.path.lexists(path)]
    if existing and not overwrite:
        raise UsageError(
            f"{len(existing)} of {len(targets)} files exist already, such as {existing[0]}; "
            "pass --overwrite, or another --out"
        )


def is_one_of(path: Path, sources: Iterable[Source]) -> bool:
    """Return whether a file is one of the inputs, whatever links lead to them."""
    inputs = set(_identities(source for source in sources if not isinstance(source, bytes)))
    return not inputs.isdisjoint(_identities([path]))


def shortened(stem: str) -> str:
    """Return a name that leaves room for an ending and what goes before it."""
    while len(os.fsencode(stem)) > NAME_BYTES:
        stem = stem[:-1]
    return stem


def names_of(sources: Iterable[Source]) -> list[str]:
    """Return what the table calls the sources."""
    return [STDIN if isinstance(source, bytes) else str(source) for source in sources]


def write_results(
    results: Iterable[Any],
    targets: Sequence[Path],
    *,
    save: Callable[[Any, Path], object],
    header: tuple[str, str, str, str],
    names: Sequence[str],
    facts: Callable[[Any], tuple[str, str]],
    widest_fact: str,
    options: argparse.Namespace,
) -> int:
    """Write each result to its file and print a row or a line of JSON of it, as they come.

    Args:
        results: As many as targets.
        targets: Of each.
        save: Writes one.
        header: Of the table: what goes in, "written", and two facts.
        names: The first column.
        facts: The last two of a row.
        widest_fact: The first of them, at its widest.
        options: `--json`, `--jsonl` and `--on-error`.

    Returns:
        The exit status: 1 when one failed.
    """
    widths = (*_widths(names, targets, header), max(len(widest_fact), len(header[2])), 0)
    plain = not (options.json or options.jsonl)
    if plain:
        print(line(header, widths))
    document: list[dict[str, Any]] = []
    failures = 0
    for name, target, found in zip(names, targets, results, strict=True):
        if name == STDIN:
            found = dataclasses.replace(found, source=STDIN)
        result = _written(found, target, save, options.on_error)
        failures += not result.ok
        if not result.ok:
            complain(result.error)
            if options.on_error == "skip":
                continue
        row = {**result.to_dict(), **({"saved": str(target)} if result.ok else {})}
        if options.json:
            document.append(row)
        elif options.jsonl:
            print(json.dumps(row), flush=True)
        elif result.ok:
            print(line((name, str(target), *facts(result)), widths), flush=True)
    if options.json:
        print(json.dumps(document, indent=2))
    return 1 if failures else 0


def _written(result: Any, target: Path, save: Callable[[Any, Path], object], on_error: str) -> Any:
    """Write a result, and return it, or what came in its way."""
    from pipelines.calling import failure

    if not result.ok:
        return result
    try:
        save(result, target)
    except (ValueError, OSError) as error:  # a format that cannot hold it; a full disk
        if on_error == "raise":
            raise
        return failure(result.source, error, result.preset)
    return result


def _identities(paths: Iterable[str | Path]) -> Iterator[tuple[int, int]]:
    """Yield what tells files apart, whatever links lead to them; nothing for what is no file."""
    for path in paths:
        with suppress(OSError, ValueError):  # ValueError: a NUL character
            status = os.stat(path)  # noqa: PTH116 - a hostile name is no Path
            yield status.st_dev, status.st_ino


def _widths(
    names: Sequence[str], targets: Sequence[Path], header: Sequence[str]
) -> tuple[int, int]:
    """Return column widths that fit most rows, which are printed before all are known."""
    columns = (map(visible, names), (visible(str(target)) for target in targets))
    first, second = (
        min(max(map(len, (*column, title))), WIDEST_NAME)
        for column, title in zip(columns, header[:2], strict=True)
    )
    return first, second

"""What labelled pictures are, and how those that are left out are named."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
OnBad = Literal["raise", "skip"]


class DataError(ValueError):
    """Labelled data that is missing, damaged or does not fit."""


class Failure(NamedTuple):
    """A file, or a line of a CSV file, that was left out, and why."""

    source: str
    reason: str


@dataclass(frozen=True)
class LabelledImages:
    """Pictures with their classes.

    Attributes:
        images: (N, H, W) or (N, H, W, C) uint8; or N paths.
        labels: (N,) int, indices into `classes`.
        classes: The classes' names.
        name: What the data is called in reports.
        failures: What was left out when it was loaded with `on_error="skip"`.
    """

    images: np.ndarray | tuple[Path, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    name: str
    failures: tuple[Failure, ...] = ()

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.labels)

    def __post_init__(self) -> None:
        """Check that pictures, labels and classes belong together."""
        if len(self.images) != len(self.labels):
            raise DataError(f"{len(self.images)} images must have as many labels; got {len(self)}")
        if not len(self):
            raise DataError(f"{self.name}: there is nothing in it")
        if self.labels.min() < 0 or self.labels.max() >= len(self.classes):
            raise DataError(
                f"{self.name}: labels must be 0 to {len(self.classes) - 1}; "
                f"got {self.labels.min()} to {self.labels.max()}"
            )

    @property
    def counts(self) -> dict[str, int]:
        """The number of pictures of each class."""
        numbers = np.bincount(self.labels, minlength=len(self.classes))
        return dict(zip(self.classes, numbers.tolist(), strict=True))

    def take(self, count: int, *, start: int = 0) -> LabelledImages:
        """Return `count` pictures from number `start` on."""
        chosen = slice(start, start + count)
        return replace(self, images=self.images[chosen], labels=self.labels[chosen])

    def at(self, places: np.ndarray) -> LabelledImages:
        """Return the pictures at these places, in their order."""
        if isinstance(self.images, np.ndarray):
            images: np.ndarray | tuple[Path, ...] = self.images[places]
        else:
            images = tuple(self.images[place] for place in places)
        return replace(self, images=images, labels=self.labels[places])


def check_on_error(on_error: str) -> None:
    """Refuse what is neither `raise` nor `skip`.

    Raises:
        ValueError: It is neither.
    """
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error must be 'raise' or 'skip'; got {on_error!r}")


def write_failures(failures: Sequence[Failure], path: str | os.PathLike[str]) -> Path:
    """Write what was left out as CSV, `file,reason`; a name that is not UTF-8 as its own bytes."""
    path = Path(path)
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "reason"))
        writer.writerows(failures)
    return path

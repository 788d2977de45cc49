"""Which pictures are trained on, which validate, which test.

Where the data itself does not say, a picture's part follows from a hash of its name (or, in an
array, of its number) and of a seed: adding or removing pictures never moves another one from
training to test. A part is therefore a sample of each class: about its fraction, seldom exactly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.classification.labelled_images import Split


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Fractions of data that has no parts of its own; the rest trains.

    Attributes:
        validation: What a training is watched and chosen by.
        test: What is measured once, at the end.
        seed: Another seed, other parts.
    """

    validation: float = 0.15
    test: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        total = self.validation + self.test
        if not (self.validation >= 0 and self.test >= 0 and total < 1):
            raise ValueError(
                "validation and test must be 0 or more and leave something to train on; "
                f"got {self.validation} and {self.test}"
            )

    def part_of(self, key: bytes) -> Split:
        """Return the part of the picture that `key` names."""
        place = self._place(key)
        if place < self.test:
            return "test"
        return "validation" if place < self.test + self.validation else "train"

    def is_held_out(self, key: bytes) -> bool:
        """Whether a training picture is for validation, where the data has a test part."""
        return self._place(key) < self.validation

    def _place(self, key: bytes) -> float:
        salt = self.seed.to_bytes(8, "little", signed=True)
        return int.from_bytes(hashlib.blake2b(key, digest_size=8, salt=salt).digest()) / 2**64


DEFAULT_PARTS = Parts()


def places_of(
    split: Split | None,
    keys: Sequence[bytes],
    own: Sequence[Split] | None,
    *,
    held_out: bool | None,
    parts: Parts,
) -> np.ndarray:
    """Return the places of a part's pictures, rising.

    Args:
        split: The part. None is what may be measured on: the data's own test part, or everything
            where there is none.
        keys: Each picture's name.
        own: Each picture's part, where the data says it.
        held_out: Whether `train` leaves out what is parted off as `validation`. When None it does
            where nothing is stated, and not where a training part is: that is taken whole.
        parts: How to make the parts that the data does not have.
    """
    if own is None and split is None:
        return np.arange(len(keys))
    wanted = {split or "test"}
    if own is None:
        names = [parts.part_of(key) for key in keys]
    elif "validation" in own:
        names = list(own)
    else:
        names = [
            "validation" if part == "train" and parts.is_held_out(key) else part
            for key, part in zip(keys, own, strict=True)
        ]
    leave_out = own is None if held_out is None else held_out
    if split == "train" and not leave_out and (own is None or "validation" not in own):
        wanted.add("validation")
    return np.flatnonzero([name in wanted for name in names])

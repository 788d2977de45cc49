"""What every row of a family's table states, whatever the family."""

from __future__ import annotations

from dataclasses import dataclass

Shape = tuple[int | None, int | None, int]  # (H, W, C); None where any size will do


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """One network as data; a family subclasses it and adds what its builder needs.

    Attributes:
        title: One line for people: what the network is.
        paper: Where it was published (arXiv id or DOI).
        params: Trainable parameters at the default `input_shape` and `classes`.
        input_shape: Default (H, W, C).
        classes: Default number of classes.
        smallest_px: Smallest height and width at which every layer still has something to read.
    """

    title: str
    paper: str
    params: int
    input_shape: tuple[int, int, int]
    classes: int
    smallest_px: int

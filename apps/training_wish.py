"""What a visitor can have trained: the data, the networks, and how large a training may be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType

WISH = "wish.json"  # in a job's folder
UPLOADED = "upload"  # the data's name, and its file in the job's folder

NETWORKS = ("lenet5", "lenet_modern", "resnet20")  # a core trains each in minutes
SCHEDULES: Mapping[str, str] = MappingProxyType(
    {
        "cosine": "Cosine",
        "one_cycle": "One cycle",
        "linear": "Straight line",
        "step": "Two steps",
        "exponential": "Exponential",
        "constant": "Constant",
    }
)
BATCH_SIZES = (16, 32, 64, 128, 256)
PEAK_RATES = (1e-4, 3e-4, 1e-3, 2e-3, 3e-3, 1e-2, 2e-2, 3e-2)
MOST_EPOCHS = 100
LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class DataChoice:
    """Data that a visitor can choose, and what a first training on it takes.

    Attributes:
        title: What it is, for people.
        epochs: So many that the result is worth looking at.
        cost: How long that takes.
    """

    title: str
    epochs: int
    cost: str


DATA: Mapping[str, DataChoice] = MappingProxyType(
    {
        "digits": DataChoice(
            "Handwritten digits, 1,797 small ones (scikit-learn)", 20, "half a minute"
        ),
        "mnist": DataChoice("Handwritten digits, 70,000 (MNIST)", 3, "some minutes"),
        "fashion_mnist": DataChoice("Clothes and shoes, 70,000 (Fashion-MNIST)", 3, "some minutes"),
        "cifar10": DataChoice("Animals and vehicles, 60,000 (CIFAR-10)", 3, "ten minutes"),
        UPLOADED: DataChoice("Your own pictures", 60, "a minute for 100 pictures"),
    }
)
DOWNLOADED = ("mnist", "fashion_mnist", "cifar10")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A training, as a visitor asks for it.

    Attributes:
        data: A name in `DATA`.
        network: One of `NETWORKS`.
        epochs: Passes over the data.
        batch_size: Pictures a step; fewer where there are fewer; None for the recipe's.
        peak_rate: Highest learning rate; None for the recipe's.
        schedule: A name in `SCHEDULES`.
        seed: Determines first weights, order and changes of the pictures.
        mirror: Whether mirror images of own pictures show the same.
    """

    data: str
    network: str
    epochs: int
    batch_size: int | None
    peak_rate: float | None
    schedule: str
    seed: int
    mirror: bool = True

    def __post_init__(self) -> None:
        """Check the ranges: what a browser sends need not be what its page offered."""
        choices: Mapping[str, object] = {
            "data": DATA,
            "network": NETWORKS,
            "schedule": SCHEDULES,
            "epochs": range(1, MOST_EPOCHS + 1),
            "batch_size": (None, *BATCH_SIZES),
            "peak_rate": (None, *PEAK_RATES),
            "seed": range(LARGEST_SEED + 1),
            "mirror": (True, False),
        }
        for name, allowed in choices.items():
            value = getattr(self, name)
            if value not in allowed:  # type: ignore[operator] # ranges, tables and tuples alike
                raise ValueError(f"{name} must be one that the page offers; got {value!r}")

    def write(self, folder: Path) -> None:
        """Put it into a job's folder."""
        (folder / WISH).write_text(json.dumps(asdict(self)), "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Wish:
        """Read it from a job's folder."""
        values = json.loads((folder / WISH).read_text("utf-8"))
        return cls(**{field.name: values[field.name] for field in fields(cls)})

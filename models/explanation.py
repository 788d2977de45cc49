"""What `models.explain` returns: a row a layer, and the totals."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models import explanation_text
from models.blocks import block_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one layer, or one block of layers, costs.

    Attributes:
        name: The layer's; a layer of a nested network is `network/layer`.
        kind: The layer's class, or how many layers the block has.
        kernel: (height, width) of the window that it reads; None without one.
        stride: From one window to the next.
        padding: "same" or "valid"; of a padding or cropping layer, its pixels.
        dilation: From one pixel of the window to the next; None where that is 1.
        groups: Of channels; None where there is one.
        input_shape: Of what it reads, without the batch axis; of the first, where it reads several.
        output_shape: Likewise.
        activations: Values that it puts into memory for one image.
        activation_bytes: Their memory at the batch and dtype.
        trainable: Parameters that training changes; a layer that is called twice has them once.
        non_trainable: The others, such as a normalisation's moving statistics.
        multiply_adds: For one image; None where they are not known.
        receptive_field: (height, width) of the image on which one value depends, as if the image
            had no edge; None where that is the whole image, or not known.
    """

    name: str
    kind: str
    kernel: tuple[int, ...] | None = None
    stride: tuple[int, ...] | None = None
    padding: str | None = None
    dilation: tuple[int, ...] | None = None
    groups: int | None = None
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    activations: int
    activation_bytes: int
    trainable: int = 0
    non_trainable: int = 0
    multiply_adds: int | None = 0
    receptive_field: tuple[int, ...] | None = None

    @property
    def parameters(self) -> int:
        """All of them, trainable or not."""
        return self.trainable + self.non_trainable


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A network's cost: a row a layer (or, after `by_block`, a row a block), and the totals.

    Attributes:
        name: The network's.
        input_shape: (H, W, C) of the image.
        batch: Images at a time; memory is theirs, values and multiply-adds are one image's.
        dtype: Of the activations, or the policy.
        rows: In the order in which the network runs.
        live_activation_bytes: The most that must be in memory at one moment of a forward pass.
        live_most_at: The layer that runs at that moment.
        uncounted: Layers whose multiply-adds are not known, so that the total leaves them out.
        bytes_a_parameter: Of each weight.
        optimizer_slots: Values that the optimiser keeps for each trainable parameter.
    """

    name: str
    input_shape: tuple[int, ...]
    batch: int
    dtype: str
    rows: tuple[Cost, ...]
    live_activation_bytes: int
    live_most_at: str
    uncounted: tuple[str, ...]
    bytes_a_parameter: int
    optimizer_slots: int

    @property
    def trainable(self) -> int:
        """Parameters that training changes."""
        return sum(row.trainable for row in self.rows)

    @property
    def non_trainable(self) -> int:
        """The other parameters."""
        return sum(row.non_trainable for row in self.rows)

    @property
    def parameters(self) -> int:
        """All of them, trainable or not."""
        return self.trainable + self.non_trainable

    @property
    def parameter_bytes(self) -> int:
        """The weights' memory."""
        return self.parameters * self.bytes_a_parameter

    @property
    def multiply_adds(self) -> int:
        """Of one image, without those of `uncounted`."""
        return sum(row.multiply_adds or 0 for row in self.rows)

    @property
    def activations(self) -> int:
        """Values of all layers' outputs together, for one image: the textbook's sum."""
        return sum(row.activations for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        """The memory of all layers' outputs together, for the batch."""
        return sum(row.activation_bytes for row in self.rows)

    @property
    def forward_bytes(self) -> int:
        """The least memory of a forward pass: weights and live activations."""
        return self.parameter_bytes + self.live_activation_bytes

    @property
    def training_bytes(self) -> int:
        """The memory of a training step: weights, gradients, optimiser slots, all activations."""
        per_trainable = (1 + self.optimizer_slots) * self.bytes_a_parameter
        return self.parameter_bytes + per_trainable * self.trainable + self.activation_bytes

    def by_block(self) -> Explanation:
        """Return the same with a row a block: `stage1_block2`, `inception_3a`, `conv1`.

        Blocks are told from the layers' names; a layer whose name tells none stays by itself.
        """
        rows = tuple(_together(name, rows) for name, rows in self._blocks().items())
        return replace(self, rows=rows)

    def layers_of(self, block: str) -> tuple[Cost, ...]:
        """Return the rows that `by_block` puts together as `block`."""
        return tuple(self._blocks()[block])

    def _blocks(self) -> dict[str, list[Cost]]:
        blocks: dict[str, list[Cost]] = {}
        names = block_names(row.name for row in self.rows)
        for block, row in zip(names, self.rows, strict=True):
            blocks.setdefault(block, []).append(row)
        return blocks

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        totals = (
            *("trainable", "non_trainable", "parameters", "parameter_bytes", "multiply_adds"),
            *("activations", "activation_bytes", "live_activation_bytes", "live_most_at"),
            *("forward_bytes", "training_bytes", "optimizer_slots"),
        )
        return {
            "name": self.name,
            "input_shape": list(self.input_shape),
            "batch": self.batch,
            "dtype": self.dtype,
            "totals": {total: getattr(self, total) for total in totals},
            "uncounted": list(self.uncounted),
            "rows": [{**asdict(row), "parameters": row.parameters} for row in self.rows],
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2)

    def to_csv(self) -> str:
        """Return a line a row under a header, numbers as they are, sizes as `3x3`."""
        return explanation_text.as_csv(self)

    def to_markdown(self) -> str:
        """Return the table and the memory as Markdown."""
        return explanation_text.as_markdown(self)

    def __str__(self) -> str:
        """Return the table and the memory for a terminal."""
        return explanation_text.as_text(self)

    def figure(self) -> Figure:
        """Return a drawing: activations, parameters and multiply-adds, from the image on.

        Raises:
            ImportError: There is no matplotlib.
        """
        from models.explain_figure import draw

        return draw(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a picture (.png, .svg, .pdf) or the table (.md, .csv, .json, .txt).

        Raises:
            ValueError: Another ending.
            ImportError: A picture, and there is no matplotlib.
        """
        path = Path(path)
        texts = {".md": self.to_markdown, ".csv": self.to_csv, ".json": self.to_json}
        match path.suffix.lower():
            case ".png" | ".svg" | ".pdf":
                self.figure().savefig(path, dpi=150)
            case ".txt":
                path.write_text(f"{self}\n", "utf-8")
            case ending if ending in texts:
                path.write_text(texts[ending](), "utf-8")
            case _:
                raise ValueError(
                    "an explanation is saved as .png, .svg, .pdf, .md, .csv, .json or .txt; "
                    f"got {str(path)!r}"
                )
        return path


def _together(name: str, rows: Sequence[Cost]) -> Cost:
    """Return the rows of one block as one; a single layer stays what it is."""
    if len(rows) == 1:
        return replace(rows[0], name=name)
    last = rows[-1]
    return Cost(
        name=name,
        kind=f"{len(rows)} layers",
        input_shape=rows[0].input_shape,
        output_shape=last.output_shape,
        activations=sum(row.activations for row in rows),
        activation_bytes=sum(row.activation_bytes for row in rows),
        trainable=sum(row.trainable for row in rows),
        non_trainable=sum(row.non_trainable for row in rows),
        multiply_adds=sum(row.multiply_adds or 0 for row in rows),
        receptive_field=last.receptive_field,
    )

"""Several labels of one example, such as the digit and who speaks it, as one vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="sightsound")
class LabelEmbeddings(keras.layers.Layer):
    """Map labels (B, n), whole numbers, to (B, dim): the sum of a vector for each of the n.

    Label number i must be at least 0 and below `counts[i]`; who calls must see to that, because the
    vectors stand in one table, of which each label has its own part.
    """

    def __init__(self, counts: Sequence[int], dim: int, **kwargs: Any) -> None:
        """Take how many classes each label has, and the length of a vector.

        Raises:
            ValueError: There are no labels, or one of the numbers is below 1.
        """
        super().__init__(**kwargs)
        if not counts or any(n < 1 for n in (*counts, dim)):
            raise ValueError(
                "there must be a label, and its classes and dim at least 1; "
                f"got counts={tuple(counts)!r}, dim={dim!r}"
            )
        self.counts, self.dim = tuple(map(int, counts)), dim
        self.starts = [sum(self.counts[:place]) for place in range(len(self.counts))]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the table (all classes, dim).

        Raises:
            ValueError: The input has another number of labels.
        """
        if input_shape[-1] != len(self.counts):
            raise ValueError(f"there are {len(self.counts)} labels; got {input_shape[-1]}")
        # Of deviation 1, as everything that the kernels' initialisers expect to read.
        self.embeddings = self.add_weight(
            shape=(sum(self.counts), self.dim),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            name="embeddings",
        )

    def call(self, inputs: Any) -> Any:
        """Return the sums."""
        rows = ops.cast(inputs, "int32") + ops.convert_to_tensor(self.starts, "int32")
        vectors = ops.take(self.embeddings, rows, axis=0)  # (B, n, dim)
        return ops.cast(ops.sum(vectors, axis=1), self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (B, dim)."""
        return (input_shape[0], self.dim)

    def multiply_adds(
        self, input_shape: tuple[int | None, ...], output_shape: tuple[int | None, ...]
    ) -> int:
        """Return 0: vectors are looked up."""
        return 0

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "counts": self.counts, "dim": self.dim}

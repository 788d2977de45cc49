"""Drop-path: in training, a path of the network is left out for some of the examples.

Larsson, Maire, Shakhnarovich: FractalNet, 2016 (arXiv:1605.07648), who named it; NASNet's
ScheduledDropPath (arXiv:1707.07012) raises the rate while training goes on.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def rates_by_depth(rate: float, depth: int) -> tuple[float, ...]:
    """Return one rate a layer, growing linearly to `rate` in the last of `depth` layers.

    Raises:
        ValueError: Nothing would be left with such a rate.
    """
    return tuple(_checked(rate) * number / depth for number in range(1, depth + 1))


def _checked(rate: float) -> float:
    if not 0 <= rate < 1:
        raise ValueError(f"a drop-path rate must be at least 0 and below 1; got {rate!r}")
    return rate


@keras.saving.register_keras_serializable(package="sightsound")
class DropPath(keras.layers.Layer):
    """Zero the whole of an example with probability `rate`, when training.

    Examples that are kept are divided by 1 - `rate`, so that the expectation stays. Otherwise the
    input passes. Input and output (B, ...); no weights.

    The rate is constant. Raising it over the steps is a trainer's matter: set `rate`, then call
    `model.make_train_function(force=True)`, because a compiled step keeps the rate it was made
    with.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        """Take the probability that an example is dropped, from 0 to below 1.

        Raises:
            ValueError: Nothing would be left with such a rate.
        """
        super().__init__(**kwargs)
        self.rate = _checked(rate)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return `inputs` without the examples that were drawn."""
        if not training or self.rate == 0:
            return inputs
        keep = 1 - self.rate
        per_example = (ops.shape(inputs)[0], *(1,) * (len(inputs.shape) - 1))
        drawn = keras.random.uniform(per_example, dtype="float32", seed=self.seed_generator)
        return inputs * ops.cast(ops.where(drawn < keep, 1 / keep, 0.0), inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return input_shape

    def multiply_adds(
        self, input_shape: tuple[int | None, ...], output_shape: tuple[int | None, ...]
    ) -> int:
        """Return 0: the input passes when the network is used."""
        return 0

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}

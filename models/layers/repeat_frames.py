"""What is known frame by frame, such as a spectrogram, at the rate of the samples."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="sightsound")
class RepeatFrames(keras.layers.Layer):
    """Map [frames (B, F, C), maps (B, T, any)] to (B, T, C): each frame `hop` times; no parameters.

    The maps only tell how long the result is; F hop must be at least T, and what is more is left
    out. Place t has frame t // hop.
    """

    def __init__(self, hop: int, **kwargs: Any) -> None:
        """Take how many samples a frame lasts.

        Raises:
            ValueError: It is not a whole number of at least 1.
        """
        super().__init__(**kwargs)
        if not isinstance(hop, int) or hop < 1:
            raise ValueError(f"hop must be a whole number of samples, at least 1; got {hop!r}")
        self.hop = hop

    def call(self, inputs: Any) -> Any:
        """Return the repeated frames."""
        frames, maps = inputs
        self._check(frames.shape[1], maps.shape[1])
        batch, length = ops.shape(maps)[:2]
        repeated = ops.repeat(frames, self.hop, axis=1)[:, :length]
        # Where lengths are known only now, this refuses too few frames; a sum might broadcast them.
        return ops.reshape(repeated, (batch, length, frames.shape[-1]))

    def compute_output_shape(
        self, input_shape: list[tuple[int | None, ...]]
    ) -> tuple[int | None, ...]:
        """Return (B, T, C)."""
        frames, maps = input_shape
        self._check(frames[1], maps[1])
        return (*maps[:2], frames[-1])

    def _check(self, frames: int | None, samples: int | None) -> None:
        if frames is not None and samples is not None and frames * self.hop < samples:
            raise ValueError(
                f"{frames} frames of {self.hop} samples last {frames * self.hop} samples; "
                f"{samples} samples need {-(-samples // self.hop)} frames"
            )

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` takes."""
        return {**super().get_config(), "hop": self.hop}

"""What a network's samples, labels and frames mean: it travels with the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from pipelines.audio import mu_expand
from pipelines.audio_features import MelSpec
from pipelines.audio_generation.requests import Vocabulary
from pipelines.audio_generation.sampling import Sampling
from pipelines.audio_generation.stepping import Stepper
from pipelines.audio_waveform import DEFAULT_AUDIO_LIMITS

KEYS = ("rate_hz", "level_db", "labels", "mel", "guidance")


@dataclass(frozen=True, kw_only=True)
class SoundSpec:
    """How sound is prepared for a network, and what comes out of it.

    Attributes:
        rate_hz: Samples a second.
        level_db: The peak of each recording that it learned from, in dB of full scale; None where
            they were left as they had been recorded.
        vocabulary: Its labels.
        mel: What its frames are made with; None where it takes none.
        levels: Of mu-law, how many there are.
        guidance: What `Sampling.guidance` is where nobody says; 1 where there are no labels.
    """

    rate_hz: int
    level_db: float | None = None
    vocabulary: Vocabulary = field(default_factory=lambda: Vocabulary({}))
    mel: MelSpec | None = None
    levels: int = 256
    guidance: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: A value is out of range, or the frames are for another rate.
        """
        low, high = DEFAULT_AUDIO_LIMITS.min_rate_hz, DEFAULT_AUDIO_LIMITS.max_rate_hz
        if type(self.rate_hz) is not int or not low <= self.rate_hz <= high:
            raise ValueError(f"rate_hz must be {low:,} to {high:,}; got {self.rate_hz!r}")
        level = self.level_db
        number = isinstance(level, int | float) and not isinstance(level, bool)
        if level is not None and not (number and -np.inf < level <= 0):
            raise ValueError(f"level_db must be finite and at most 0, or None; got {level!r}")
        if isinstance(self.guidance, bool) or not isinstance(self.guidance, int | float):
            raise ValueError(f"guidance must be a number; got {self.guidance!r:.80}")
        Sampling(guidance=self.guidance).check(self.vocabulary.classes)
        if self.mel is not None and self.mel.rate_hz != self.rate_hz:
            raise ValueError(
                f"frames must be made at the network's rate, {self.rate_hz:,} Hz; got a mel spec "
                f"of {self.mel.rate_hz:,} Hz"
            )

    @cached_property
    def table(self) -> np.ndarray:
        """The sample that each level stands for, float32 (levels,), read-only."""
        table = mu_expand(np.arange(self.levels), self.levels)
        table.setflags(write=False)
        return table

    def check(self, stepper: Stepper) -> None:
        """Refuse a network that takes something else.

        Raises:
            ValueError: It does.
        """
        counts = tuple(len(words) for words in self.vocabulary.classes.values())
        if counts != stepper.label_counts:
            raise ValueError(
                f"the labels must have the network's numbers of classes, {stepper.label_counts}; "
                f"got {counts} of {tuple(self.vocabulary.classes)}"
            )
        if self.levels != stepper.classes:
            raise ValueError(f"the network has {stepper.classes} levels; got {self.levels}")
        frames = (self.mel.mels, self.mel.hop_samples) if self.mel else (0, 1)
        if self.mel is None and stepper.local_dim:
            raise ValueError(
                f"the network takes frames of {stepper.local_dim} values; pass the mel spec that "
                "they are made with"
            )
        if frames != (stepper.local_dim, stepper.hop if stepper.local_dim else 1):
            takes = (
                f"{stepper.local_dim} values that last {stepper.hop} samples"
                if stepper.local_dim
                else "no frames"
            )
            raise ValueError(
                f"the network takes {takes}; got a mel spec of {frames[0]} bands every {frames[1]} "
                "samples"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return what preprocessor.json holds."""
        return {
            "rate_hz": self.rate_hz,
            "level_db": self.level_db,
            "labels": {name: list(words) for name, words in self.vocabulary.classes.items()},
            "mel": None if self.mel is None else self.mel.to_dict(),
            "guidance": self.guidance,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, levels: int = 256) -> SoundSpec:
        """Take what `to_dict` returned.

        Raises:
            ValueError: A key is missing or unknown, or a value is out of range.
        """
        if set(values) != set(KEYS):
            raise ValueError(f"must state {', '.join(KEYS)}, and no more; got {list(values)}")
        labels, mel = values["labels"], values["mel"]
        if not isinstance(labels, Mapping) or not all(isinstance(w, list) for w in labels.values()):
            raise ValueError(f"labels must map names to lists of words; got {labels!r:.80}")
        return cls(
            rate_hz=values["rate_hz"],
            level_db=values["level_db"],
            vocabulary=Vocabulary({name: tuple(words) for name, words in labels.items()}),
            mel=None if mel is None else MelSpec.from_dict(mel),
            levels=levels,
            guidance=values["guidance"],
        )

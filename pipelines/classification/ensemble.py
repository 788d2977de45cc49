"""Several trained networks as one classifier: the mean of their probabilities.

AlexNet's seven (doi:10.1145/3065386, section 6, table 2) made 18.2 % top-5 errors of one network
into 15.3 %. It needs networks that err differently: other seeds, sizes or data.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.classification.classifier import Classifier
from pipelines.classification.metrics import Evaluation

if TYPE_CHECKING:
    from pipelines.classification.data import LabelledImages
    from pipelines.picture import Picture


@dataclass(frozen=True, kw_only=True)
class EnsembleEvaluation(Evaluation):
    """An ensemble's figures, and each member's on the same pictures."""

    members: tuple[Evaluation, ...] = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {**super().to_dict(), "members": [member.to_dict() for member in self.members]}

    def to_markdown(self) -> str:
        """Return a table of the members and the ensemble, then the ensemble's own figures."""
        rows = [
            f"| {e.preset} | {e.accuracy:.2%} | {e.top5_accuracy:.2%} | {e.ece:.4f} "
            f"| {e.loss:.4f} |"
            for e in (*self.members, self)
        ]
        header = ["| preset | accuracy | top-5 | calibration error | loss, nats |"]
        return "\n".join([*header, "|---|---|---|---|---|", *rows, "", super().to_markdown()])


class Ensemble(Classifier):
    """Classifiers of the same labels whose probabilities are averaged, called as one of them.

    Members that prepare pictures differently have whole pictures waiting for their batch: take
    a small `batch_size` for large photographs.

    Attributes:
        members: The classifiers.
    """

    def __init__(self, members: Sequence[Classifier], *, preset: str | None = None) -> None:
        """Take the members; `preset` is what results call the ensemble.

        Raises:
            ValueError: There are none, or their labels differ.
        """
        self.members = tuple(members)
        if not self.members:
            raise ValueError("an ensemble needs at least one classifier; got none")
        first = self.members[0]
        for other in self.members[1:]:
            if other.labels != first.labels:
                raise ValueError(_difference(first, other))
        self.labels = first.labels
        self.preset = preset or "ensemble of " + ", ".join(m.preset for m in self.members)
        plans = [getattr(member, "preprocessing", None) for member in self.members]
        self._alike = plans[0] is not None and all(plan == plans[0] for plan in plans)

    @classmethod
    def from_presets(cls, names: Sequence[str | os.PathLike[str]], **options: Any) -> Ensemble:
        """Return the ensemble of presets; options as for `ImageClassification.from_preset`.

        Raises:
            PresetError: A preset is unknown, damaged, or made for another task.
            ValueError: Their labels differ.
        """
        from pipelines.classification.pipeline import ImageClassification

        return cls([ImageClassification.from_preset(name, **options) for name in names])

    def scores(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """Map pictures to probabilities (N, classes), as every `Classifier`."""
        return _mean(self.member_scores(pixels))

    def member_scores(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """Map pictures to each member's probabilities (N, members, classes)."""
        return np.stack([member.scores(pixels) for member in self.members], axis=1)

    def evaluate(
        self,
        data: LabelledImages | str | os.PathLike[str],
        *,
        batch_size: int = 256,
        mirror: bool = False,
        progress: bool = False,
    ) -> EnsembleEvaluation:
        """Measure the ensemble and each member in one pass; arguments as of `Classifier`."""
        scored = self._scored(data, self.member_scores, batch_size, mirror, progress)
        whole = scored.evaluation(_mean(scored.scores), preset=self.preset, classes=self.labels)
        each = [
            scored.evaluation(scored.scores[:, i], preset=member.preset, classes=self.labels)
            for i, member in enumerate(self.members)
        ]
        return EnsembleEvaluation(**vars(whole), members=tuple(each))

    def _kept(self, picture: Picture) -> np.ndarray:
        return self.members[0]._kept(picture) if self._alike else super()._kept(picture)


def _mean(scores: np.ndarray) -> np.ndarray:
    """Return the mean over the members of (N, members, classes)."""
    mean: np.ndarray = scores.mean(axis=1)
    return mean


def _difference(first: Classifier, other: Classifier) -> str:
    """Say how two classifiers' labels differ."""
    rule = "the members of an ensemble must have the same labels in the same order"
    if len(first.labels) != len(other.labels):
        return f"{rule}; {first.preset} has {len(first.labels)}, {other.preset} {len(other.labels)}"
    pairs = zip(first.labels, other.labels, strict=True)
    place, (one, two) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
    return f"{rule}; label {place} is {one!r} for {first.preset}, {two!r} for {other.preset}"

"""How good a classifier is: accuracy, confusion, calibration, and its mistakes as a picture."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CALIBRATION_BINS = 15  # Guo et al., arXiv:1706.04599
SHEET_COLUMNS = 8
CELL_PX, CAPTION_PX = 112, 34


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A classifier's figures on labelled pictures.

    Attributes:
        preset: The preset that was evaluated.
        data: The data's name.
        classes: The classes' names.
        count: How many pictures were read.
        accuracy: Fraction whose most probable label is right.
        top5_accuracy: Fraction whose right label is among the five most probable.
        ece: Expected calibration error over 15 bins of equal width, in [0, 1].
        loss: Mean negative log-likelihood of the right label, in nats.
        confusion: (classes, classes) counts; rows are true, columns are predicted.
        failed: Sources that could not be read, with their errors.
        mistakes: (source, true index, predicted index, score), most confident first.
    """

    preset: str
    data: str
    classes: tuple[str, ...]
    count: int
    accuracy: float
    top5_accuracy: float
    ece: float
    loss: float
    confusion: np.ndarray = field(repr=False, compare=False)
    failed: tuple[tuple[str, str], ...] = ()
    mistakes: tuple[tuple[Any, int, int, float], ...] = field(default=(), repr=False, compare=False)

    @property
    def per_class(self) -> dict[str, dict[str, float]]:
        """Precision, recall, F1 and number of pictures of each class."""
        right = np.diag(self.confusion).astype(float)
        predicted, true = self.confusion.sum(axis=0), self.confusion.sum(axis=1)
        precision = right / np.maximum(predicted, 1)
        recall = right / np.maximum(true, 1)
        f1 = 2 * right / np.maximum(predicted + true, 1)
        return {
            name: {
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "count": int(true[i]),
            }
            for i, name in enumerate(self.classes)
        }

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {
            "preset": self.preset,
            "data": self.data,
            "count": self.count,
            "accuracy": self.accuracy,
            "top5_accuracy": self.top5_accuracy,
            "ece": self.ece,
            "loss": self.loss,
            "per_class": self.per_class,
            "confusion": self.confusion.tolist(),
            "failed": [{"source": s, "error": e} for s, e in self.failed],
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON, in ASCII: a file name may hold any byte."""
        return json.dumps(self.to_dict())

    def to_markdown(self) -> str:
        """Return the figures as a Markdown table."""
        head = (
            f"{self.preset} on {self.data}: {self.count} pictures, accuracy {self.accuracy:.2%}, "
            f"top-5 {self.top5_accuracy:.2%}, calibration error {self.ece:.4f}, "
            f"loss {self.loss:.4f} nats"
        )
        rows = [
            f"| {name} | {row['precision']:.2%} | {row['recall']:.2%} | {row['f1']:.2%} "
            f"| {row['count']} |"
            for name, row in self.per_class.items()
        ]
        header = ["| class | precision | recall | F1 | pictures |", "|---|---|---|---|---|"]
        return "\n".join([head, "", *header, *rows])

    def save_mistakes(self, path: str | os.PathLike[str], *, most: int = 64) -> Path:
        """Draw the most confident mistakes, each over `true > predicted score`."""
        shown = self.mistakes[:most]
        rows = max(1, -(-len(shown) // SHEET_COLUMNS))
        cell = (CELL_PX, CELL_PX + CAPTION_PX)
        sheet = Image.new("RGB", (SHEET_COLUMNS * (cell[0] + 8) + 8, rows * (cell[1] + 8) + 8))
        sheet.paste("white", (0, 0, *sheet.size))
        draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
        if not shown:
            draw.text((12, 12), "no mistakes", fill="black", font=font)
        for place, (source, true, predicted, score) in enumerate(shown):
            x = 8 + place % SHEET_COLUMNS * (cell[0] + 8)
            y = 8 + place // SHEET_COLUMNS * (cell[1] + 8)
            sheet.paste(_thumbnail(source), (x, y))
            draw.text((x, y + CELL_PX + 1), self.classes[true][:16], fill="#1a7f37", font=font)
            wrong = f"{self.classes[predicted][:11]} {score:.0%}"
            draw.text((x, y + CELL_PX + 17), wrong, fill="#cf222e", font=font)
        return _save(sheet, path)

    def save_confusion(self, path: str | os.PathLike[str]) -> Path:
        """Draw the confusion matrix, each row scaled to its class's number of pictures."""
        from matplotlib.figure import Figure

        size = max(4.0, 0.5 * len(self.classes) + 2)
        figure = Figure(figsize=(size, size), layout="constrained")
        axes = figure.subplots()
        share = self.confusion / np.maximum(self.confusion.sum(axis=1, keepdims=True), 1)
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        ticks = range(len(self.classes))
        axes.set_xticks(ticks, self.classes, rotation=45, ha="right")
        axes.set_yticks(ticks, self.classes)
        axes.set(xlabel="predicted", ylabel="true", title=f"{self.preset}: {self.accuracy:.2%}")
        for row in ticks if len(self.classes) <= 20 else ():  # beyond, numbers are unreadable
            for column in ticks:
                if self.confusion[row, column]:
                    colour = "white" if share[row, column] > 0.5 else "black"
                    text = str(self.confusion[row, column])
                    axes.text(column, row, text, ha="center", va="center", color=colour, size=7)
        path = Path(path)
        figure.savefig(path, dpi=120)
        return path


def evaluate_scores(
    scores: np.ndarray,
    labels: np.ndarray,
    sources: Sequence[Any],
    *,
    preset: str,
    data: str,
    classes: tuple[str, ...],
    failed: tuple[tuple[str, str], ...] = (),
) -> Evaluation:
    """Return the figures of `scores` (N, classes), probabilities, against `labels` (N,)."""
    predicted = scores.argmax(axis=1)
    right = predicted == labels
    confidence = scores.max(axis=1)
    true_score = scores[np.arange(len(labels)), labels]
    rank = (scores > true_score[:, None]).sum(axis=1)
    confusion = np.zeros((len(classes), len(classes)), int)
    np.add.at(confusion, (labels, predicted), 1)
    wrong = np.flatnonzero(~right)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    return Evaluation(
        preset=preset,
        data=data,
        classes=classes,
        count=len(labels),
        accuracy=float(right.mean()),
        top5_accuracy=float((rank < 5).mean()),
        ece=calibration_error(confidence, right),
        loss=float(-np.log(np.maximum(true_score, 1e-12)).mean()),
        confusion=confusion,
        failed=failed,
        mistakes=tuple(
            (sources[i], int(labels[i]), int(predicted[i]), float(confidence[i]))
            for i in wrong.tolist()
        ),
    )


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Return the mean gap between confidence and accuracy, weighted by the bins' sizes."""
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [
        abs(confidence[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    return float(np.sum(gaps))


def _thumbnail(source: Any) -> Image.Image:
    from pipelines.images import read_image

    image = Image.fromarray(read_image(source).rgb8)
    scale = CELL_PX / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image = image.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BICUBIC)
    cell = Image.new("RGB", (CELL_PX, CELL_PX), "#dddddd")
    cell.paste(image, ((CELL_PX - size[0]) // 2, (CELL_PX - size[1]) // 2))
    return cell


def _save(image: Image.Image, path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    image.save(path)
    return path

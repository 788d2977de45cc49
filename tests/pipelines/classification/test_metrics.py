"""Figures against scikit-learn and by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics as sk

from pipelines.classification.metrics import Evaluation, calibration_error, evaluate_scores

CLASSES = tuple("abcdefgh")


@pytest.fixture(scope="module")
def measured() -> tuple[np.ndarray, np.ndarray, Evaluation]:
    random = np.random.default_rng(0)
    scores = random.dirichlet(np.full(8, 0.5), size=400)
    labels = np.where(random.uniform(size=400) < 0.6, scores.argmax(1), random.integers(0, 8, 400))
    sources = [np.full((4, 6), place % 255, np.uint8) for place in range(400)]
    return (
        scores,
        labels,
        evaluate_scores(scores, labels, sources, preset="p", data="d", classes=CLASSES),
    )


def test_figures_equal_scikit_learns(measured) -> None:
    scores, labels, evaluation = measured
    predicted = scores.argmax(axis=1)
    assert evaluation.accuracy == pytest.approx(sk.accuracy_score(labels, predicted))
    top5 = sk.top_k_accuracy_score(labels, scores, k=5, labels=range(8))
    assert evaluation.top5_accuracy == pytest.approx(top5)
    assert evaluation.loss == pytest.approx(sk.log_loss(labels, scores, labels=range(8)))
    np.testing.assert_array_equal(evaluation.confusion, sk.confusion_matrix(labels, predicted))
    precision, recall, f1, count = sk.precision_recall_fscore_support(labels, predicted)
    for i, row in enumerate(evaluation.per_class.values()):
        expected = (precision[i], recall[i], f1[i], count[i])
        assert tuple(row.values()) == pytest.approx(expected)


def test_calibration_error_by_hand() -> None:
    confidence = np.array([0.95, 0.95, 0.55, 0.55])
    right = np.array([True, False, True, True])
    # Two bins of two: |0.95 - 0.5| and |0.55 - 1|, half the pictures each.
    assert calibration_error(confidence, right) == pytest.approx(0.45)
    assert calibration_error(np.ones(5), np.ones(5, bool)) == 0


def test_mistakes_come_most_confident_first(measured) -> None:
    scores, labels, evaluation = measured
    confidences = [score for *_, score in evaluation.mistakes]
    assert confidences == sorted(confidences, reverse=True)
    assert len(confidences) == (scores.argmax(1) != labels).sum()


def test_pictures_are_written(measured, tmp_path: Path) -> None:
    evaluation = measured[2]
    with Image.open(evaluation.save_mistakes(tmp_path / "m.png", most=10)) as sheet:
        assert sheet.size == (8 * 120 + 8, 2 * 154 + 8)
        assert len(sheet.getcolors(1 << 20) or ()) > 10
    with Image.open(evaluation.save_confusion(tmp_path / "c.png")) as matrix:
        assert min(matrix.size) > 300


def test_report_names_every_class(measured) -> None:
    text = measured[2].to_markdown()
    assert all(f"| {name} |" in text for name in CLASSES)

"""Ensembles: the mean of the members' probabilities, and each member's figures beside it."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from models.catalog import create_model
from pipelines import pipeline
from pipelines.classification.ensemble import Ensemble, EnsembleEvaluation
from pipelines.classification.pipeline import ImageClassification
from pipelines.classification.recipes import MNIST
from tests.sightsound.command_line import call_here

DIGITS = [str(d) for d in range(10)]
NAMES = ["lenet_modern_mnist", "lenet5_mnist", "lenet5_1998_mnist"]  # margins and scales differ


@pytest.fixture(scope="module")
def shipped() -> Ensemble:
    ensemble = pipeline("image-classification", NAMES)
    assert isinstance(ensemble, Ensemble)
    return ensemble


def untrained(seed: int, labels: list[str] = DIGITS) -> ImageClassification:
    keras.utils.set_random_seed(seed)
    network = create_model("lenet_micro", classes=len(labels))
    return ImageClassification(network, preprocessing=MNIST, labels=labels, preset=f"net{seed}")


def test_scores_are_the_mean_of_the_members(shipped: Ensemble, digits) -> None:
    pictures = list(digits.images[:7])
    expected = np.zeros((7, 10))
    for member in shipped.members:
        for row, result in enumerate(member(pictures, top_k=10)):
            expected[row, result.indices] += result.scores / 3
    for row, result in enumerate(shipped(pictures, top_k=10)):
        # The same numbers, but for float32's mean of three.
        np.testing.assert_allclose(result.scores, expected[row][result.indices], rtol=1e-5)
        assert result.preset == f"ensemble of {', '.join(NAMES)}"


def test_evaluate_reports_each_member_and_the_ensemble(shipped: Ensemble, digits) -> None:
    some = digits.take(300)
    whole = shipped.evaluate(some, batch_size=128)
    assert isinstance(whole, EnsembleEvaluation)
    assert [member.preset for member in whole.members] == NAMES
    for member, figures in zip(shipped.members, whole.members, strict=True):
        alone = member.evaluate(some, batch_size=128)
        assert (figures.accuracy, figures.count) == (alone.accuracy, alone.count)
        assert figures.loss == pytest.approx(alone.loss, rel=1e-5)  # float32
        assert figures.ece == pytest.approx(alone.ece, abs=1e-5)
    # The mean's log-likelihood is at least the members' mean (the logarithm is concave).
    assert whole.loss < np.mean([member.loss for member in whole.members])
    accuracies = [member.accuracy for member in whole.members]
    assert whole.accuracy > np.mean(accuracies)  # on these pictures, deterministically
    lines = whole.to_markdown().splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:6]] == [*NAMES, shipped.preset]
    assert [m["preset"] for m in whole.to_dict()["members"]] == NAMES


def test_mirrored_scores_are_averaged_too(digits) -> None:
    members = [untrained(1), untrained(2)]
    some = digits.take(20)
    mirrored = Ensemble(members).evaluate(some, mirror=True)
    for figures, member in zip(mirrored.members, members, strict=True):
        assert figures.loss == pytest.approx(member.evaluate(some, mirror=True).loss, rel=1e-5)


def test_members_that_prepare_alike_share_what_waits(photographs) -> None:
    alike = Ensemble([untrained(1), untrained(2)])
    picture = photographs["china"]
    each = np.mean([m.scores([picture])[0] for m in alike.members], axis=0)
    result = alike(picture, top_k=10)
    # The picture is fitted as float32 once instead of inside one graph: rounding.
    np.testing.assert_allclose(result.scores, each[result.indices], rtol=1e-4)


def test_it_streams_and_a_bad_picture_harms_none(shipped: Ensemble, digits, tmp_path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    inputs = iter([digits.images[0], tmp_path / "bad.png", digits.images[1]])
    results = list(shipped(inputs, on_error="return", batch_size=2))
    assert [result.ok for result in results] == [True, False, True]
    assert results[1].preset == shipped.preset


def test_other_labels_are_refused() -> None:
    swapped = untrained(2, ["1", "0", *DIGITS[2:]])
    with pytest.raises(ValueError, match=r"same order; label 0 is '0' for net1, '1' for net2"):
        Ensemble([untrained(1), swapped])
    with pytest.raises(ValueError, match="net1 has 10, net3 2"):
        Ensemble([untrained(1), untrained(3, ["0", "1"])])
    with pytest.raises(ValueError, match="needs at least one classifier"):
        Ensemble([])


def test_evaluate_takes_several_presets(capsys, digits, tmp_path) -> None:
    np.savez(tmp_path / "few.npz", images=digits.images[:40], labels=digits.labels[:40])
    words = ("evaluate", "--data", tmp_path / "few.npz", "--preset", *NAMES[:2])
    status, out, err = call_here(capsys, *words, "--json")
    assert (status, err) == (0, "")
    document = json.loads(out)
    assert [member["preset"] for member in document["members"]] == NAMES[:2]
    status, out, err = call_here(capsys, *words, "lenet_modern_fashion_mnist")
    assert (status, out) == (2, "")
    assert "must have the same labels in the same order" in err
    status, _, err = call_here(capsys, *words, "lenet_modem_mnist")
    assert (status, "did you mean 'lenet_modern_mnist'?" in err) == (2, True)

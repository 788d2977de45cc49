"""Random labels are memorised, and teach nothing; what is spoilt is spoilt as it is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipelines.classification.experiments import random_labels
from pipelines.classification.experiments.samples import load_sample


@pytest.mark.slow
def test_the_network_memorises_random_labels_and_learns_from_true_ones() -> None:
    settings = random_labels.Settings(
        pictures=200, test_pictures=200, epochs=25, batch_size=25, rate=3e-3
    )
    finding = random_labels.run(settings, seed=1)
    runs = finding.figures["runs"]
    assert runs["random labels"]["accuracies"][-1] >= 0.99
    assert runs["random labels"]["test_accuracy"] < 0.25  # chance is 0.1
    assert runs["true labels"]["test_accuracy"] > 0.75
    assert runs["true labels"]["fitted_in"] < runs["random labels"]["fitted_in"]
    assert runs["random pixels"]["test_accuracy"] < runs["shuffled pixels"]["test_accuracy"]
    assert "The network fits random labels" in finding.conclusion


def test_pixels_are_moved_and_none_is_lost() -> None:
    sample = load_sample("digits", pictures=50, test_pictures=20)
    alike = random_labels.spoil(sample, "shuffled pixels", 3)
    each = random_labels.spoil(sample, "random pixels", 3)
    for spoilt in (alike, each):
        np.testing.assert_array_equal(spoilt.labels, sample.labels)
        for images, before in (
            (spoilt.images, sample.images),
            (spoilt.test_images, sample.test_images),
        ):
            flat, was = images.reshape(len(images), -1), before.reshape(len(before), -1)
            np.testing.assert_array_equal(np.sort(flat, axis=1), np.sort(was, axis=1))
            assert (flat != was).any(axis=1).all()
    # One permutation: columns of pixels stay columns, in the test pictures as in the others.
    columns = {tuple(column) for column in sample.images.reshape(50, -1).T}
    assert {tuple(column) for column in alike.images.reshape(50, -1).T} == columns
    assert {tuple(column) for column in each.images.reshape(50, -1).T} != columns
    # And the same permutation for both.
    whole = random_labels.spoil(
        replace(sample, test_images=sample.images, test_labels=sample.labels), "shuffled pixels", 3
    )
    np.testing.assert_array_equal(whole.images, whole.test_images)


def test_random_labels_say_nothing_of_the_true_ones() -> None:
    sample = load_sample("digits", pictures=1297, test_pictures=20)
    spoilt = random_labels.spoil(sample, "random labels", 3)
    agreeing = np.mean(spoilt.labels == sample.labels)
    assert agreeing == pytest.approx(0.1, abs=5 * np.sqrt(0.09 / 1297))
    np.testing.assert_array_equal(spoilt.test_labels, sample.test_labels)
    again = random_labels.spoil(sample, "random labels", 3)
    np.testing.assert_array_equal(again.labels, spoilt.labels)
    assert (random_labels.spoil(sample, "random labels", 4).labels != spoilt.labels).any()

"""Batch normalisation trains at rates at which the same network without it does not."""

from __future__ import annotations

import pytest
from keras import layers

from pipelines.classification.experiments import batch_normalisation
from pipelines.classification.experiments.samples import load_sample


def test_a_rate_that_only_the_normalised_network_can_take() -> None:
    settings = batch_normalisation.Settings(
        pictures=600, test_pictures=200, epochs=3, batch_size=30, rates=(1.0,)
    )
    finding = batch_normalisation.run(settings, seed=1)
    of = {(one["kind"], one["rate"]): one for one in finding.figures["runs"]}
    assert of["with", 1.0]["accuracy"] > 0.8
    without = of["without", 1.0]
    assert without["diverged"] or without["accuracy"] < 0.3  # chance is 0.1
    assert [row[0] for row in finding.rows] == ["1"]
    assert "Without batch normalisation no rate trains" in finding.conclusion


def test_the_two_networks_differ_by_normalisation_alone() -> None:
    sample = load_sample("digits", pictures=10, test_pictures=10)
    with_it, without = (
        batch_normalisation.network(normalised, 8, sample) for normalised in (True, False)
    )
    kinds = [type(layer) for layer in with_it.layers]
    assert kinds.count(layers.BatchNormalization) == 6
    kept = [kind for kind in kinds if kind is not layers.BatchNormalization]
    assert kept == [type(layer) for layer in without.layers]
    shapes = {w.path: w.shape for w in with_it.weights if w.path.endswith("kernel")}
    assert shapes == {w.path: w.shape for w in without.weights if w.path.endswith("kernel")}
    assert with_it.output_shape == without.output_shape == (None, 10)


def test_a_run_that_diverged_is_marked_in_the_table() -> None:
    one = {"kind": "without", "rate": 3.0, "diverged": True, "loss": None, "test_accuracy": None}
    assert batch_normalisation._cells(one) == ("diverged", "-")


@pytest.mark.parametrize("rates", [(), (0.1, 0.1), (0.2, 0.1), (0.0, 0.1)])
def test_rates_must_rise(rates: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="rates must be above 0 and rise"):
        batch_normalisation.Settings(rates=rates)

"""Activations by depth: what the formulas of the papers promise is what comes out."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.classification.experiments import initialisation
from pipelines.classification.experiments.finding import Finding

LAYERS = 20


@pytest.fixture(scope="module")
def finding() -> Finding:
    settings = initialisation.Settings(layers=LAYERS, width=256, inputs=64)
    return initialisation.run(settings, seed=1)


def deviations(finding: Finding, activation: str, name: str) -> np.ndarray:
    return np.array(finding.figures[activation][name]["deviation"])


def test_he_keeps_what_a_fixed_gaussian_loses(finding) -> None:
    kept = deviations(finding, "relu", "he")
    assert len(kept) == LAYERS
    assert kept.max() < 2 * kept.min()
    assert deviations(finding, "relu", "gaussian")[-1] < 1e-6
    # A layer of 256 inputs halves the variance of a ReLU: 2^-19 after 19 more, half as a deviation.
    lecun = deviations(finding, "relu", "lecun")
    assert lecun[-1] / lecun[0] == pytest.approx(2**-9.5, rel=0.7)  # products of 19 random factors


def test_the_first_layer_is_what_normal_noise_gives(finding) -> None:
    # The positive half of a normal of variance 2: mean 1 / sqrt(pi), mean square 1.
    first = {key: of[0] for key, of in finding.figures["relu"]["he"].items()}
    # 256 units' weights: their 0.06 standard error of the variance is the larger one
    assert first["mean"] == pytest.approx(np.pi**-0.5, rel=0.1)
    assert first["deviation"] == pytest.approx((1 - 1 / np.pi) ** 0.5, rel=0.1)
    assert first["idle"] == 0.0


def test_tanh_saturates_with_more_than_xavier(finding) -> None:
    of = finding.figures["tanh"]
    assert of["he"]["deviation"][-1] > 1.5 * of["xavier"]["deviation"][-1]
    assert of["gaussian"]["deviation"][-1] < 1e-6


def test_the_statistics_of_known_activations() -> None:
    values = np.array([[0.0, 1.0, 0.0, 2.0], [0.0, 0.0, 0.0, 5.0]])
    found = initialisation.statistics(values, "relu")
    assert found["idle"] == 0.5  # two of four units are 0 for both inputs
    assert found["mean"] == 1.0
    assert found["deviation"] == pytest.approx(np.sqrt(30 / 8 - 1))
    assert sum(found["histogram"]) == pytest.approx(7 / 8)  # 5 lies beyond what is shown
    assert initialisation.statistics(np.array([[0.995, -0.999, 0.5, 0.0]]), "tanh")["idle"] == 0.5


def test_the_table_and_the_conclusion_say_the_same(finding) -> None:
    rows = {row[:2]: row for row in finding.rows}
    assert len(rows) == 10
    he = deviations(finding, "relu", "he")
    assert rows["relu", "he"][2:4] == (f"{he[0]:.2g}", f"{he[-1]:.2g}")
    assert "Through ReLU the deviation stays within a factor of 2 over the depth with he." in (
        finding.conclusion
    )

"""Monte-Carlo dropout: mean and spread equal their closed form; a seed determines them."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from models.noise import Noise
from pipelines.classification.ensemble import Ensemble
from pipelines.classification.monte_carlo import MonteCarlo
from pipelines.classification.pipeline import ImageClassification
from pipelines.results import ClassificationResult, SampledResult
from tests.sightsound.command_line import call_here

RANDOM = np.random.default_rng(0)
INPUTS, KEPT = 6, 0.7


@pytest.fixture(scope="module")
def line() -> tuple[keras.Model, np.ndarray]:
    """Dropout and one dense layer of fixed weights: (model, kernel)."""
    kernel = RANDOM.normal(size=(INPUTS, 3)).astype("float32")
    x = image = keras.Input((INPUTS,), name="image")
    x = layers.Dropout(1 - KEPT)(x)
    model = keras.Model(image, layers.Dense(3, use_bias=False, name="logits")(x), name="line")
    model.get_layer("logits").set_weights([kernel])
    return model, kernel


def all_thinned(x: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each of the 2^6 thinned networks' probabilities (64, 3), and how probable it is."""
    masks = np.array(list(itertools.product((0, 1), repeat=INPUTS)), float)
    logits = (masks * x / KEPT) @ kernel.astype(float)
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    weights = (KEPT**masks * (1 - KEPT) ** (1 - masks)).prod(axis=1)
    return scores / scores.sum(axis=1, keepdims=True), weights


def entropy(scores: np.ndarray) -> np.ndarray:
    nats: np.ndarray = -(scores * np.log(scores)).sum(axis=-1)
    return nats


def test_mean_spread_and_entropies_are_those_of_all_thinned_networks(line) -> None:
    model, kernel = line
    pictures = RANDOM.normal(size=(3, INPUTS)).astype("float32")
    samples = 2000
    sampled = MonteCarlo(model)(pictures, samples=samples, seed=1)
    for row, picture in enumerate(pictures):
        scores, weights = all_thinned(picture, kernel)
        mean = weights @ scores
        deviation = np.sqrt(weights @ (scores - mean) ** 2)
        # The mean of n samples has the deviation d / sqrt(n); five of these, for nine figures.
        assert (np.abs(sampled.mean[row] - mean) < 5 * deviation / np.sqrt(samples)).all()
        # The deviation's own is at most d sqrt(kurtosis - 1) / (2 sqrt(n)); kurtosis below 10 here.
        assert (np.abs(sampled.spread[row] / deviation - 1) < 5 * 1.5 / np.sqrt(samples)).all()
        expected = entropy(mean) - weights @ entropy(scores)
        # Entropies are smooth in the mean: their errors are of its size, 1 / sqrt(n) = 0.02.
        assert abs(sampled.entropy[row] - entropy(mean)) < 0.05
        assert abs(sampled.mutual_information[row] - expected) < 0.05


@pytest.fixture(scope="module")
def noisy(micro: ImageClassification) -> ImageClassification:
    return micro.with_noise(Noise(dropout=0.3, additive=0.1))


def test_a_picture_has_the_same_result_alone_and_in_any_batch(noisy, digits) -> None:
    pictures = list(digits.images[:5])
    together = noisy(pictures, mc_samples=8, seed=3)
    apart = noisy(pictures, mc_samples=8, seed=3, batch_size=2)
    alone = noisy(pictures[3], mc_samples=8, seed=3)
    # Float32 sums in another order in batches of another size.
    for a, b in zip([*together, together[3]], [*apart, alone], strict=True):
        assert a.label == b.label
        np.testing.assert_allclose(a.scores, b.scores, atol=1e-5)
        np.testing.assert_allclose(a.spreads, b.spreads, atol=1e-5)
    again = noisy(pictures[3], mc_samples=8, seed=3)
    np.testing.assert_array_equal(again.scores, alone.scores)
    np.testing.assert_array_equal(again.spreads, alone.spreads)
    other = noisy(pictures[3], mc_samples=8, seed=4)
    assert np.abs(other.scores - alone.scores).max() > 1e-4


def test_results_carry_spread_seed_and_entropies(noisy, digits) -> None:
    result = noisy(digits.images[0], mc_samples=8, seed=3, top_k=2)
    assert isinstance(result, SampledResult)
    assert (result.seed, result.samples, len(result.predictions)) == (3, 8, 2)
    assert result.spread == result.predictions[0].spread > 0
    assert 0 <= result.mutual_information <= result.entropy <= np.log(10)
    assert f"±{result.spread:6.2%}" in str(result)
    values = result.to_dict()
    assert values["predictions"][0]["spread"] == values["spread"] == result.spread
    assert (values["mc_samples"], values["seed"]) == (8, 3)


def test_without_samples_nothing_is_random(noisy, micro, digits) -> None:
    plain, expected = noisy(digits.images[0]), micro(digits.images[0])
    assert type(plain) is ClassificationResult
    assert plain.seed is None
    np.testing.assert_allclose(plain.scores, expected.scores, atol=1e-6)  # another graph


def test_it_follows_changed_weights(noisy, micro, digits) -> None:
    before = noisy(digits.images[0], mc_samples=3)
    bias = micro.model.get_layer("logits").bias
    old = np.asarray(bias).copy()
    try:
        bias.assign(old + np.eye(10)[4] * 9)
        assert noisy(digits.images[0], mc_samples=3).label == "4"
    finally:
        bias.assign(old)
    np.testing.assert_array_equal(noisy(digits.images[0], mc_samples=3).scores, before.scores)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mc_samples": 1}, "mc_samples must be a whole number of at least 2; got 1"),
        ({"mc_samples": 2.5}, "mc_samples must be a whole number of at least 2; got 2.5"),
        ({"mc_samples": 5, "seed": -1}, "seed must be a whole number of at least 0; got -1"),
    ],
)
def test_impossible_numbers_are_refused(
    noisy, digits, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        noisy(digits.images[0], **arguments)


def test_without_dropout_the_error_says_how_to_add_it(micro, digits) -> None:
    with pytest.raises(ValueError, match=r"lenet_micro has no random layer .* with_noise\("):
        micro.stream([digits.images[0]], mc_samples=5)
    with pytest.raises(ValueError, match="needs a preset's own network"):
        Ensemble([micro, micro])(digits.images[0], mc_samples=5)


def test_predict_prints_the_spread(tmp_path, capsys, digits) -> None:
    from PIL import Image

    Image.fromarray(digits.images[0]).resize((32, 32)).save(tmp_path / "zero.png")
    words = ("predict", tmp_path / "zero.png", "--top-k", "1", "--mc-samples", "5")
    status, out, err = call_here(capsys, *words, "--dropout", "0.1")
    assert (status, err) == (0, "")
    assert "% ±" in out.splitlines()[1]
    status, out, err = call_here(capsys, *words)
    assert (status, out) == (2, "")
    assert "no random layer" in err
    status, _, err = call_here(capsys, "predict", "x.png", "--dropout", "0.1")
    assert status == 2
    assert "--dropout is for --mc-samples" in err

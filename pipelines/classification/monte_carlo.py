"""Monte-Carlo dropout: how sure a network is, by asking it many times with other values dropped.

Gal, Ghahramani: Dropout as a Bayesian approximation, arXiv:1506.02142. The mean of the samples'
probabilities is the prediction; their spread, the predictive entropy and the mutual information
say how far the samples agree. Only random layers are random: batch normalisation infers.

A sample is one thinned network, determined by (seed, number of the sample), and judges all
pictures alike: a picture's result does not depend on what else is in its batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from models.noise import ActiveNoise, with_active_noise
from pipelines.results import ClassificationResult, SampledResult

if TYPE_CHECKING:
    import keras

LEAST_SAMPLES = 2  # one has no spread


@dataclass(frozen=True)
class Sampled:
    """What the samples say of N pictures.

    Attributes:
        mean: (N, classes), the mean of the probabilities.
        spread: (N, classes), their standard deviation over the samples.
        entropy: (N,), of the mean, in nats.
        mutual_information: (N,), the entropy less the samples' mean entropy, in nats: what is
            unknown about the network rather than in the picture.
        samples: How many there were.
        seed: What they were drawn from.
    """

    mean: np.ndarray
    spread: np.ndarray
    entropy: np.ndarray
    mutual_information: np.ndarray
    samples: int
    seed: int

    def added_to(self, results: Sequence[ClassificationResult]) -> list[SampledResult]:
        """Return the N pictures' results with what is known of their spread."""
        return [
            SampledResult(
                **{**vars(result), "seed": self.seed},
                spreads=self.spread[row, result.indices],
                entropy=float(self.entropy[row]),
                mutual_information=float(self.mutual_information[row]),
                samples=self.samples,
            )
            for row, result in enumerate(results)
        ]


class MonteCarlo:
    """A network with its random layers active, sampled by seed.

    It reads the network's weights at each call.
    """

    def __init__(self, network: keras.Model) -> None:
        """Take a network from prepared pictures (N, H, W, C) to logits.

        Raises:
            ValueError: It has no random layer.
        """
        active = with_active_noise(network)
        states = [layer.seed_state for layer in active.layers if isinstance(layer, ActiveNoise)]
        places = {id(state): place for place, state in enumerate(states)}
        self._random_layers = len(states)

        def probabilities(prepared: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
            fixed = [
                tf.cast(seeds[places[id(v)]], v.dtype) if id(v) in places else v.value
                for v in active.non_trainable_variables
            ]
            trainable = [v.value for v in active.trainable_variables]
            logits, _ = active.stateless_call(trainable, fixed, prepared, training=False)
            return tf.nn.softmax(tf.cast(logits, tf.float32))

        signature = [
            tf.TensorSpec((None, *network.input_shape[1:]), tf.float32, name="prepared"),
            tf.TensorSpec((len(states), 2), tf.int64, name="seeds"),
        ]
        self._probabilities: Callable[[tf.Tensor, np.ndarray], tf.Tensor] = tf.function(
            probabilities, autograph=False, input_signature=signature
        )

    def __call__(self, prepared: tf.Tensor, *, samples: int, seed: int) -> Sampled:
        """Return what `samples` thinned networks say of prepared pictures (N, H, W, C)."""
        total = squares = entropies = np.zeros(())
        for number in range(samples):
            scores = self._probabilities(prepared, self._seeds(seed, number)).numpy()
            scores = scores.astype(np.float64)  # the square of the mean is taken off below
            total, squares = total + scores, squares + scores**2
            entropies = entropies + _entropy(scores)
        mean = total / samples
        variance = np.maximum(squares / samples - mean**2, 0.0) * samples / (samples - 1)
        entropy = _entropy(mean)
        unknown = np.maximum(entropy - entropies / samples, 0.0)  # rounding may leave -1e-17
        return Sampled(mean, np.sqrt(variance), entropy, unknown, samples, seed)

    def _seeds(self, seed: int, sample: int) -> np.ndarray:
        """Return two integers for each random layer."""
        words = np.random.SeedSequence((seed, sample)).generate_state(2 * self._random_layers)
        return (words >> 1).astype(np.int64).reshape(-1, 2)  # int32 would do for any backend


def check_samples(samples: int, seed: int) -> None:
    """Refuse what cannot be sampled.

    Raises:
        ValueError: Too few samples, or a seed that is no whole number of at least 0.
    """
    for name, value, least in (("mc_samples", samples, LEAST_SAMPLES), ("seed", seed, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}; got {value!r}")


def _entropy(scores: np.ndarray) -> np.ndarray:
    """Return (N,) the entropy of (N, classes) in nats."""
    logs: np.ndarray = np.log(np.maximum(scores, np.finfo(np.float64).tiny))
    entropy: np.ndarray = -(scores * logs).sum(axis=-1)
    return entropy

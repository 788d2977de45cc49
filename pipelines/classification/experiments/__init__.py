"""Open questions of the field, answered by small networks while one waits.

Each module holds one question: frozen `Settings`, and `run(settings, *, seed, tell) -> Finding`.
`pipelines.classification.experiments.running` runs one by name and writes what it found.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

EXPERIMENTS: Mapping[str, str] = MappingProxyType(
    {
        "initialisation": "what becomes of activations in a deep stack, by initialisation",
        "plain_or_residual": "why deeper plain networks train worse, and residual ones do not",
        "random_labels": "whether a network can memorise labels that mean nothing",
        "ill_conditioned_bowl": "how optimisers go down a long, narrow valley",
        "batch_normalisation": "which learning rates train with and without batch normalisation",
    }
)

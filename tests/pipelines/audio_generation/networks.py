"""Tiny WaveNets of every kind of condition, and clips for them."""

from __future__ import annotations

from functools import cache
from typing import Any

import keras
import numpy as np

from models.catalog import model_info
from models.generative import wavenet
from pipelines.audio_generation.clips import Clip

# Rings of 1, 2 and 4 steps, or twice as long: a few dozen samples wrap them many times.
CONDITIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "label, kernel 3": {"global_classes": (3,), "global_dim": 5, "kernel": 3},
    "frames": {"local_dim": 3, "hop": 7},
    "labels and frames, kernel 3": {
        **{"kernel": 3, "global_classes": (3, 2), "local_dim": 4, "hop": 5}
    },
}


@cache
def network(condition: str) -> keras.Model:
    """Return a network with weights so large that conditions and the past matter."""
    keras.utils.set_random_seed(7)
    spec = model_info("wavenet_micro").spec
    assert isinstance(spec, wavenet.WaveNetSpec)
    model = wavenet.build(spec, **CONDITIONS[condition])
    random = np.random.default_rng(7)
    model.set_weights([w + random.normal(0, 0.3, w.shape) for w in model.get_weights()])
    return model


@cache
def network_of_any(condition: str) -> keras.Model:
    """Return the same network, told the mean of the first label's classes whatever it is told."""
    model: keras.Model = keras.models.clone_model(network(condition))
    model.set_weights(network(condition).get_weights())
    (rows,) = model.get_layer("labels_embed").get_weights()
    count = CONDITIONS[condition]["global_classes"][0]
    rows[:count] = rows[:count].mean(axis=0)
    model.get_layer("labels_embed").set_weights([rows])
    return model


def clip(condition: str, samples: int, seed: int = 0, prime: np.ndarray | None = None) -> Clip:
    """Return a clip for a network; labels and frames follow from the seed."""
    options, random = CONDITIONS[condition], np.random.default_rng(seed)
    length = samples + (0 if prime is None else len(prime))
    frames = None
    if "hop" in options:
        # More than are needed, so that a primed clip has those of the whole.
        frames = random.normal(size=(length // options["hop"] + 9, options["local_dim"]))
    labels = tuple(int(n) for n in random.integers(options.get("global_classes", ())))
    return Clip(samples=samples, seed=seed, labels=labels, frames=frames, prime=prime)


def heard(clip: Clip, levels: np.ndarray) -> dict[str, np.ndarray]:
    """Return what a network is given so that its logits predict all levels (T,) of a clip."""
    inputs = {"samples": np.concatenate([[128], levels[:-1]]).astype(np.int32)[None]}
    if clip.labels:
        inputs["labels"] = np.array([clip.labels], np.int32)
    if clip.frames is not None:
        inputs["frames"] = clip.frames[None].astype(np.float32)
    return inputs

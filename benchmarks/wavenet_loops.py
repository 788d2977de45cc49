"""Ways to generate with a WaveNet, which must generate the same; `benchmarks/wavenet.py` runs them.

All draw each level with the number that our engine draws it with, so that the levels must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.generative.wavenet import silence
from pipelines.audio_generation import sampling
from pipelines.audio_generation.clips import Clip
from pipelines.audio_generation.engine import Driver, Engine

# Maps a clip's levels so far, silence first, and a number to as many levels more.
Loop = Callable[[np.ndarray, int], np.ndarray]

XLA, GRAPH = "ours, XLA's loop", "ours, a graph's loop"
NAIVE, KINDER = "Keras, `predict` for each sample", "Keras, a `tf.function` for each sample"
LAYERS, FEW = "PyTorch, eager, rings, layer by layer", "PyTorch, eager, rings, few operations"

SEED = 0
CHECKED = 8  # levels that all must generate alike
SAME = 1e-4  # of the largest logit: 20 layers of float32 sums, each in its own order


def all_loops(model: keras.Model, engine: Engine) -> Iterator[tuple[str, Loop]]:
    """Yield every loop that is installed, with its name; name the others."""
    yield XLA, of_engine(engine, "xla")
    yield GRAPH, of_engine(engine, "graph")
    field = engine.stepper.field
    yield NAIVE, of_network(lambda window: model.predict(window, verbose=0), field)
    signature = {"samples": tf.TensorSpec((1, field), tf.int32)}
    graph = tf.function(
        lambda window: model(window, training=False), autograph=False, input_signature=[signature]
    )
    yield KINDER, of_network(lambda window: graph(window).numpy(), field)
    if find_spec("torch"):
        yield from with_torch(model, field)
    else:
        print(f"left out: {LAYERS}; {FEW}; they need: pip install torch")


def numbers_from(place: int, count: int) -> np.ndarray:
    """Return the numbers, float32 (count,), of a clip's places from one on."""
    places = place + tf.range(count)[:, None]
    numbers: np.ndarray = sampling.uniforms(sampling.keys_of([SEED]), places).numpy()[:, 0]
    return numbers


def of_engine(engine: Engine, driver: Driver) -> Loop:
    """Return one of our drivers."""

    def go_on(levels: np.ndarray, count: int) -> np.ndarray:
        clip = Clip(samples=count, seed=SEED, prime=levels[1:])
        (more,) = engine.generate([clip], driver=driver)
        return more

    return go_on


def of_network(logits: Callable[[Any], np.ndarray], field: int) -> Loop:
    """Return the loop that computes the whole receptive field for each sample."""

    def go_on(levels: np.ndarray, count: int) -> np.ndarray:
        before = np.full(field, levels[0], np.int32)  # as the loops do that people write
        window = np.concatenate([before, levels, np.zeros(count, np.int32)])
        end = field + len(levels)
        for place, number in enumerate(numbers_from(len(levels) - 1, count), start=end):
            found = logits({"samples": window[None, place - field : place]})[0, -1]
            weights = np.exp(found - found.max())
            sums = np.cumsum(weights)
            window[place] = np.searchsorted(sums, number * sums[-1], side="right")
        return window[end:]

    return go_on


def with_torch(model: keras.Model, field: int) -> Iterator[tuple[str, Loop]]:
    """Yield PyTorch's loops, after a look at their logits.

    Raises:
        AssertionError: They compute another network.
    """
    import torch

    from benchmarks.torch_wavenet import FewOperations, LayerByLayer, RingLoop

    torch.set_num_threads(1)  # an operation is too small to be shared

    def of_rings(rings: RingLoop) -> Loop:
        def go_on(levels: np.ndarray, count: int) -> np.ndarray:
            rings.begin()
            rings.read(levels[:-1].tolist())
            numbers = numbers_from(len(levels) - 1, count)
            return np.array(rings.generate(int(levels[-1]), numbers))

        return go_on

    # Longer than the rings, so that all of them were written over.
    levels = np.random.default_rng(1).integers(0, model.output_shape[-1], 2 * field, np.int32)
    wanted = np.asarray(model({"samples": levels[None]}, training=False))[0, -1]
    for name, rings in ((LAYERS, LayerByLayer(model)), (FEW, FewOperations(model))):
        apart = float(np.abs(rings.read(levels.tolist()) - wanted).max() / np.abs(wanted).max())
        if not apart <= SAME:
            raise AssertionError(f"{name}: logits must agree to {SAME}; they differ by {apart}")
        print(f"{name}: logits as Keras's, to {apart:.0e} of the largest")
        yield name, of_rings(rings)


def check(model: keras.Model, loops: dict[str, Loop], field: int) -> str:
    """Return how many loops generate the same levels as the Keras network at once, as a line.

    Raises:
        AssertionError: Somebody computes something else.
    """
    start = np.array([silence(model.output_shape[-1])], np.int32)
    levels = np.concatenate([start, loops[XLA](start, field + CHECKED)])
    logits = model({"samples": levels[None, :-1]}, training=False)[0]
    numbers = tf.constant(numbers_from(0, len(levels) - 1))
    as_learned = sampling.Sampling()
    drawn = sampling.draw(as_learned.kind, logits, numbers, as_learned.settings(logits.shape[-1]))
    if not np.array_equal(levels[1:], drawn):
        raise AssertionError(f"{XLA}: not the levels that the network's own logits give")
    for name, go_on in loops.items():
        found = go_on(levels[:-CHECKED], CHECKED)
        if not np.array_equal(found, levels[-CHECKED:]):
            raise AssertionError(f"{name} must go on with {levels[-CHECKED:]}; got {found}")
    return f"All {len(loops)} generate the levels that one pass of the Keras network gives."

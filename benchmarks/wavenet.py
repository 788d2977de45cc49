"""WaveNet's samples a second beside other ways to generate them; time and memory over length.

    python benchmarks/wavenet.py [--quick]

Claims, for one clip of `wavenet_small` with seeded weights: XLA's loop generates at least 25,000
samples a CPU-second, 1,000 times what the naive loop does, which computes the whole receptive field
for each sample, and 15 times what eager PyTorch does with rings, as one writes it and written as
well as we can; time grows as the length does, and memory is flat over ten minutes of sound. First
all must generate the same levels. CPU-seconds are those of all threads. PyTorch is left out, and
named, where it is not installed. It takes some six minutes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `make bench` runs this as a script
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from benchmarks.timing import Cost, machine, measure, table
from benchmarks.wavenet_loops import FEW, GRAPH, KINDER, LAYERS, NAIVE, XLA, all_loops, check
from models.catalog import create_model
from models.generative.wavenet import silence
from pipelines.audio_generation.clips import Clip
from pipelines.audio_generation.compiled_cache import FLAG, VARIABLE
from pipelines.audio_generation.engine import CHUNK, Engine
from pipelines.audio_generation.sampling import Sampling

RATE_HZ = 8_000
LEAST_SPEED, LEAST_OF_NAIVE, LEAST_OF_TORCH = 25_000, 1_000, 15
LINEAR = 1.1  # times a second of the longest clip may take what a second of the shortest takes
FLAT = 1.02  # times the peak of memory after the shortest mark
# Prints what the first two chunks took in seconds, and at each mark the peak of memory in MB.
STREAM = """
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras

from benchmarks.timing import resident_mb
from models.catalog import create_model
from pipelines.audio import AudioWriter, mu_expand
from pipelines.audio_generation.clips import Clip
from pipelines.audio_generation.engine import Engine

name, path, rate_hz, *marks = sys.argv[1:]
places = [int(mark) for mark in marks]
keras.utils.set_random_seed(0)
engine = Engine(create_model(name))
peak, start = 0.0, time.perf_counter()
with AudioWriter(path, int(rate_hz)) as file:
    for number, levels in enumerate(engine.stream(Clip(samples=places[-1]), driver="xla")):
        if number < 2:
            print(time.perf_counter() - start)
        file.write(mu_expand(levels))
        peak = max(peak, resident_mb())
        if file.frames >= places[0]:
            print(peak)
            del places[0]
        start = time.perf_counter()
"""


@dataclass(frozen=True, kw_only=True)
class Size:
    """What is measured.

    Attributes:
        network: In the catalog.
        samples: How many a call generates, of each loop.
        rounds: How often each has its turn.
        lengths_s: Of clips that are timed, rising.
        marks_s: Lengths at which the peak of memory is noted, rising, from the third chunk on.
        restarts: How many processes more are waited for, which keep what XLA compiles.
        products: How often the ceiling's loop multiplies by each of its matrices.
    """

    network: str
    samples: Mapping[str, int]
    rounds: int
    lengths_s: tuple[float, ...]
    marks_s: tuple[float, ...]
    restarts: int
    products: int


FULL = Size(
    network="wavenet_small",
    samples={XLA: 4 * CHUNK, GRAPH: CHUNK, NAIVE: 2, KINDER: 8, LAYERS: 512, FEW: 2048},
    rounds=7,
    lengths_s=(1.024, 2.048, 4.096, 8.192, 16.384, 32.768, 64),  # whole chunks
    marks_s=(60, 300, 600),
    restarts=2,
    products=20_000,
)
QUICK = Size(
    network="wavenet_micro",
    samples={XLA: CHUNK, GRAPH: 16, NAIVE: 2, KINDER: 2, LAYERS: 8, FEW: 8},
    rounds=1,
    lengths_s=(0.256, 0.512),
    marks_s=(0.768, 1.024, 1.28),
    restarts=1,
    products=20,
)


def main() -> int:
    """Measure, and print the tables and which claims hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run: figures mean nothing")
    size = QUICK if parser.parse_args().quick else FULL
    keras.utils.set_random_seed(0)
    model = create_model(size.network)
    engine = Engine(model)
    print(f"{machine()}\n")
    loops = dict(all_loops(model, engine))
    print(f"{check(model, loops, engine.stepper.field)}\n")
    start = np.array([silence(engine.stepper.classes)])
    calls = {name: partial(go_on, start, size.samples[name]) for name, go_on in loops.items()}
    costs = measure(calls, rounds=size.rounds)
    print(speeds(size, costs), "\n")
    print(ceiling(model, engine, size, costs[XLA].core_s / size.samples[XLA]), "\n")
    print(guided(size), "\n")
    by_length = over_length(engine, size)
    print(length_table(by_length), "\n")
    waits, peaks = streamed(size)
    marks = [(f"{s:g} s", f"{mb:,.0f} MB") for s, mb in zip(size.marks_s, peaks, strict=True)]
    print(table(("streamed to a FLAC file", "peak memory so far"), marks), "\n")
    rows = [(what, f"{first:.1f} s", f"{second:.3f} s") for what, (first, second) in waits.items()]
    print(table(("what XLA compiles", "first chunk", "second chunk"), rows), "\n")
    print("\n".join(verdicts(size, costs, by_length, peaks)))
    return 0


def speeds(size: Size, costs: Mapping[str, Cost]) -> str:
    """Return the samples a second as a table."""
    ours = costs[XLA].core_s / size.samples[XLA]
    rows = []
    for name, cost in costs.items():
        samples = size.samples[name]
        per_core, per_wall = samples / cost.core_s, samples / cost.wall_s
        rows.append((name, digits(per_core), digits(per_wall), digits(1 / ours / per_core)))
    header = ("samples a CPU-second", "samples a second", "XLA's loop is, times as fast")
    return table((f"`{size.network}`, one clip", *header), rows)


def digits(value: float) -> str:
    """Return a figure with two digits, or whole."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def ceiling(model: keras.Model, engine: Engine, size: Size, ours_s: float) -> str:
    """Return what bare products of a layer's size would allow, as a line.

    A sample's products wait for one another, so they are measured as a chain that XLA compiles:
    [1, R] by [R, 2R] and [1, 2R] by [2R, R] in turn, as many matrices as there are layers.
    """
    maps, count = engine.stepper.maps, len(engine.stepper.dilations)
    random = np.random.default_rng(0)
    pairs = []
    for _ in range(-(-count // 2)):
        # Of orthonormal columns: there and back again is the same vector, which stays of its size.
        back = np.linalg.qr(random.normal(size=(2 * maps, maps)))[0].astype(np.float32)
        pairs.append((tf.constant(back.T), tf.constant(back)))

    def one(done: Any, x: Any) -> tuple[Any, Any]:
        for there, back in pairs:
            x = x @ there @ back
        return done + 1, x

    @tf.function(autograph=False, jit_compile=True)
    def chain(x: Any) -> Any:
        return tf.while_loop(lambda done, _: done < size.products, one, (tf.constant(0), x))[1]

    x = tf.constant(random.normal(size=(1, maps)), tf.float32)
    cost = measure({"chain": lambda: chain(x).numpy()}, rounds=size.rounds)["chain"]
    per_core_s = size.products * len(pairs) * 4 * maps**2 / cost.core_s
    needed = multiply_adds(model)
    return (
        f"A sample takes {needed:,} multiply-adds. A chain of products [1, {maps}] by [{maps}, "
        f"{2 * maps}] and back makes {per_core_s / 1e9:.1f} billion a CPU-second, enough for "
        f"{per_core_s / needed:,.0f} samples; XLA's loop reaches "
        f"{needed / ours_s / per_core_s:.0%} of that."
    )


def multiply_adds(model: keras.Model) -> int:
    """Return those that one sample takes; what a level adds to the first maps is looked up."""
    kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
    first = model.get_layer("first_conv").kernel
    return sum(int(np.prod(kernel.shape)) for kernel in kernels if kernel is not first)


def guided(size: Size) -> str:
    """Return what being led by a label costs, for which logits are computed twice, as a table."""
    engine = Engine(create_model(size.network, global_classes=[10, 6]))
    clip = Clip(samples=size.samples[XLA], labels=(7, 4))
    calls = {
        name: partial(engine.generate, [clip], Sampling(guidance=guidance), driver="xla")
        for name, guidance in (("as learned", 1.0), ("guided", 1.5))
    }
    costs = measure(calls, rounds=size.rounds)
    rows = [(name, digits(clip.samples / cost.core_s)) for name, cost in costs.items()]
    return table((f"`{size.network}` with labels, one clip", "samples a CPU-second"), rows)


def over_length(engine: Engine, size: Size) -> dict[float, Cost]:
    """Return what clips of each length cost, by their seconds."""

    def run(samples: int) -> None:
        for _ in engine.stream(Clip(samples=samples), driver="xla"):
            pass

    calls = {f"{s}": partial(run, round(s * RATE_HZ)) for s in size.lengths_s}
    costs = measure(calls, rounds=min(2, size.rounds), warm_up=0)
    return {float(seconds): cost for seconds, cost in costs.items()}


def length_table(costs: Mapping[float, Cost]) -> str:
    """Return what clips cost as a table."""
    rows = [
        (f"{s:g} s", f"{cost.core_s:.2f}", f"{cost.wall_s:.2f} s", f"{cost.core_s / s:.3f}")
        for s, cost in costs.items()
    ]
    header = ("CPU-seconds", "wall", "CPU-seconds a second of sound")
    return table((f"one clip at {RATE_HZ:,} Hz, XLA's loop", *header), rows)


def streamed(size: Size) -> tuple[dict[str, tuple[float, float]], list[float]]:
    """Return what processes wait for their first two chunks, and one's peaks of memory in MB."""
    marks = [round(seconds * RATE_HZ) for seconds in size.marks_s]
    with tempfile.TemporaryDirectory() as folder:
        first, second, *peaks = stream(size.network, folder, marks)
        waits = {"nothing is kept": (first, second)}
        for what in ("kept for the next process", "kept by the process before")[: size.restarts]:
            first, second, _ = stream(size.network, folder, [3 * CHUNK], keep=True)
            waits[what] = first, second
    return waits, peaks


def stream(network: str, folder: str, marks: Sequence[int], *, keep: bool = False) -> list[float]:
    """Return what a process prints that streams to a file; what it compiles is kept, or not."""
    flags = [flag for flag in os.environ.get(VARIABLE, "").split() if not flag.startswith(FLAG)]
    flags += [f"{FLAG}{folder}"] if keep else []
    arguments = [network, str(Path(folder, "clip.flac")), str(RATE_HZ), *map(str, marks)]
    done = subprocess.run(
        [sys.executable, "-c", STREAM, *arguments],
        cwd=Path(__file__).resolve().parents[1],
        env={**os.environ, VARIABLE: " ".join(flags)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"a process of its own ended with {done.returncode}: {done.stderr}")
    return [float(number) for number in done.stdout.split()]


def verdicts(
    size: Size, costs: Mapping[str, Cost], by_length: Mapping[float, Cost], peaks: Sequence[float]
) -> Iterator[str]:
    """Yield a line a claim."""
    speed = {name: size.samples[name] / cost.core_s for name, cost in costs.items()}
    yield verdict(speed[XLA] >= LEAST_SPEED, f"{speed[XLA]:,.0f} samples a CPU-second", LEAST_SPEED)
    for name, least in ((NAIVE, LEAST_OF_NAIVE), (LAYERS, LEAST_OF_TORCH), (FEW, LEAST_OF_TORCH)):
        if name in speed:
            times = speed[XLA] / speed[name]
            yield verdict(times >= least, f"{digits(times)} times as fast as {name}", least)
    a_second = [cost.core_s / seconds for seconds, cost in by_length.items()]
    growth = a_second[-1] / a_second[0]
    what = f"one second of {max(by_length):g} takes {growth:.2f} of what one of {min(by_length):g}"
    yield verdict(growth <= LINEAR, f"time grows as the length: {what} takes", LINEAR, "at most")
    times = peaks[-1] / peaks[0]
    what = f"memory is flat: its peak in {max(size.marks_s):g} s of sound is {times:.3f} of that"
    yield verdict(times <= FLAT, f"{what} in {min(size.marks_s):g} s", FLAT, "at most")


def verdict(holds: bool, found: str, bound: float, kind: str = "at least") -> str:
    """Return a claim with whether it holds, as a line."""
    return f"- {'holds' if holds else 'FAILS'}: {found} ({kind} {bound:,})"


if __name__ == "__main__":
    sys.exit(main())

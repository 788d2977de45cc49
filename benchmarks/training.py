"""Steps a second: our `fit` beside a hand-written `Model.fit`; from files; XLA; two workers.

    python benchmarks/training.py [--quick]

Claims: on the same network, data and batch size, `pipelines.fitting.fit` makes at least 0.98 of the
steps a second of Keras's own `fit` on arrays that are prepared already; from JPEG files it is done
before Keras's `image_dataset_from_directory`, whose pictures are decoded anew in every epoch. Each
pair takes turns in one process, in memory after every epoch. What `jit` and a second worker cost or
bring is shown, not claimed: two workers on one machine share its processor.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `make bench` runs this as a script
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from benchmarks.timing import in_turn, machine, ratio, table
from models.catalog import create_model
from pipelines.classification.data import load_data
from pipelines.classification.picture_cache import cached_pictures
from pipelines.devices import Hardware, open_strategy
from pipelines.fitting import fit
from pipelines.preprocessing import ImagePreprocessing
from pipelines.training.launcher import launch
from pipelines.training.plan import TrainingPlan
from pipelines.training.progress import Progress
from pipelines.training.schedules import Schedule

CLAIM = 0.98
CLASSES, BATCH = 10, 64
NETWORKS = {"lenet_modern": (28, 28, 1), "resnet20": (32, 32, 3)}
STEPS = {"lenet_modern": 60, "resnet20": 15}  # an epoch, which takes about two seconds
TURNS = 21
FILE_PX, NETWORK_PX = 160, 32
PLAN = TrainingPlan(
    epochs=1,
    batch_size=BATCH,
    peak_rate=0.01,
    optimizer="momentum",
    schedule=Schedule(kind="constant", warm_up=0.0),
    weight_decay=0.0,
    average=0.0,
)
WORKER = "--as-worker"  # how this script starts itself as one of several workers


def pictures(count: int, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, *shape), dtype=np.uint8)
    return images, random.integers(0, CLASSES, count)


class EpochSeconds:
    """Notes what each epoch takes."""

    def __init__(self) -> None:
        self.begun, self.taken = time.perf_counter(), list[float]()

    def note(self) -> None:
        """Be told that an epoch has ended."""
        self.taken.append(time.perf_counter() - self.begun)
        self.begun = time.perf_counter()

    def monitor(self, progress: Progress) -> bool:
        """Be a `Monitor`."""
        if progress.step == progress.steps:
            self.note()
        return False

    def callback(self) -> keras.callbacks.Callback:
        """Return the same for Keras's own `fit`."""
        return keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: self.note())

    def seconds(self) -> list[float]:
        """Return what each epoch took but the first, which compiles."""
        return self.taken[1:]


class Baton:
    """Lets two trainings, each in a thread of its own, run in turns."""

    def __init__(self) -> None:
        self.free = threading.Condition()
        self.holder, self.left = 0, {0, 1}

    def take(self, runner: int) -> None:
        """Wait for it."""
        with self.free:
            self.free.wait_for(lambda: self.holder == runner)

    def pass_on(self, runner: int, *, for_good: bool = False) -> None:
        """Give it to the other, unless that one is done."""
        with self.free:
            self.left -= {runner} if for_good else set()
            self.holder = 1 - runner if 1 - runner in self.left else runner
            self.free.notify_all()


class EpochsInTurn(EpochSeconds):
    """Notes what each epoch takes, and lets the other training have the next."""

    def __init__(self, baton: Baton, runner: int) -> None:
        super().__init__()
        self.baton, self.runner = baton, runner

    def note(self) -> None:
        """Be told that an epoch has ended; come back when the next may begin."""
        super().note()
        self.baton.pass_on(self.runner)
        self.baton.take(self.runner)
        self.begun = time.perf_counter()

    def run(self, train: Callable[[EpochSeconds], None]) -> None:
        """Train in turns with the other; be a thread's target."""
        self.baton.take(self.runner)
        try:
            train(self)
        finally:
            self.baton.pass_on(self.runner, for_good=True)


def ours(
    name: str, images: np.ndarray, labels: np.ndarray, plan: TrainingPlan, epochs: EpochSeconds
) -> None:
    model = create_model(name, input_shape=images.shape[1:], classes=CLASSES)
    fit(model, images, labels, plan=plan, prepare=lambda x: x, monitor=epochs.monitor)


def by_hand(
    name: str, images: np.ndarray, labels: np.ndarray, plan: TrainingPlan, epochs: EpochSeconds
) -> None:
    model = create_model(name, input_shape=images.shape[1:], classes=CLASSES)
    x, y = images.astype("float32") / 255, keras.utils.to_categorical(labels, CLASSES)
    compile_by_hand(model)
    model.fit(x, y, batch_size=BATCH, epochs=plan.epochs, verbose=0, callbacks=[epochs.callback()])


def compile_by_hand(model: keras.Model) -> None:
    model.compile(
        optimizer=keras.optimizers.SGD(PLAN.peak_rate, momentum=PLAN.momentum),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )


def in_memory(quick: bool) -> tuple[list[list[str]], bool]:
    """Return a row a network, and whether the claim holds for each.

    Both trainings run in turns, an epoch each: what else the machine does meets both alike.
    """
    rows, holds = [], True
    for name, shape in NETWORKS.items():
        steps = 4 if quick else STEPS[name]
        images, labels = pictures(steps * BATCH, shape)
        plan, baton = plan_of(3 if quick else TURNS), Baton()
        runs = [EpochsInTurn(baton, runner) for runner in (0, 1)]
        ways = [partial(way, name, images, labels, plan) for way in (ours, by_hand)]
        threads = [Thread(target=r.run, args=(way,)) for r, way in zip(runs, ways, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        own, hand = (run.seconds() for run in runs)
        part = statistics.median(h / o for o, h in zip(own, hand, strict=True))
        holds &= part >= CLAIM
        speeds = [f"{steps / statistics.median(s):.1f}" for s in (own, hand)]
        rows.append([name, *speeds, f"{part:.3f}"])
    return rows, holds


def plan_of(epochs: int, *, jit: bool = False) -> TrainingPlan:
    return replace(PLAN, epochs=epochs, jit=jit)


def write_files(folder: Path, count: int) -> None:
    random = np.random.default_rng(1)
    for i in range(count):
        coarse = random.integers(0, 256, (10, 10, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((FILE_PX, FILE_PX), Image.Resampling.BICUBIC)
        place = folder / f"class{i % CLASSES}" / f"{i:05}.jpg"
        place.parent.mkdir(exist_ok=True)
        picture.save(place, quality=90)


def from_files(count: int, epochs: int, rounds: int) -> tuple[list[str], float]:
    """Return a row, and our time over Keras's: all epochs, first reading included."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "pictures")
        folder.mkdir()
        write_files(folder, count)
        plan = plan_of(epochs)
        preprocessing = ImagePreprocessing(height_px=NETWORK_PX, width_px=NETWORK_PX)

        def own() -> None:
            with tempfile.TemporaryDirectory() as cache:
                data = load_data(folder, "train")
                kept = cached_pictures(data, preprocessing, folder=cache, on_error="raise")
                ours("lenet_modern", kept.images, kept.labels, plan, EpochSeconds())

        def keras_own() -> None:
            data = keras.utils.image_dataset_from_directory(
                folder,
                label_mode="categorical",
                image_size=(NETWORK_PX, NETWORK_PX),
                batch_size=BATCH,
                verbose=False,
            )
            data = data.map(lambda x, y: (x / 255.0, y)).prefetch(tf.data.AUTOTUNE)
            shape = (NETWORK_PX, NETWORK_PX, 3)
            model = create_model("lenet_modern", input_shape=shape, classes=CLASSES)
            compile_by_hand(model)
            model.fit(data, epochs=epochs, verbose=0)

        contenders: dict[str, Callable[[], None]] = {"ours": own, "keras": keras_own}
        seconds = in_turn(contenders, rounds=rounds, warm_up=1)
    part = ratio(seconds["ours"], seconds["keras"])
    times = [f"{statistics.median(s):.1f} s" for s in seconds.values()]
    return [f"{count:,} JPEG files of {FILE_PX} px, {epochs} epochs", *times, f"{part:.2f}"], part


def with_jit(steps: int, epochs: int) -> list[list[str]]:
    images, labels = pictures(steps * BATCH, NETWORKS["resnet20"])
    rows = []
    for jit in (False, True):
        times = EpochSeconds()
        ours("resnet20", images, labels, plan_of(epochs, jit=jit), times)
        rows.append([f"`jit={jit}`", f"{steps / min(times.seconds()):.1f}"])
    return rows


def worker(steps: int, epochs: int, out: Path) -> None:
    """Train as one of several workers, or alone; the chief writes its milliseconds a step."""
    strategy = open_strategy(Hardware())
    images, labels = pictures(steps * BATCH, NETWORKS["resnet20"])
    with strategy.scope():
        model = create_model("resnet20", classes=CLASSES)
    times = EpochSeconds()
    fit(
        model,
        images,
        labels,
        plan=plan_of(epochs),
        prepare=lambda x: x,
        monitor=times.monitor,
        strategy=strategy,
    )
    if json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))["task"]["index"] == 0:
        out.write_text(str(1000 * min(times.seconds()) / steps))


def two_workers(steps: int, epochs: int) -> list[list[str]]:
    """Return rows: one process with one thread, and two workers with one thread each."""
    rows = []
    one_thread = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    with tempfile.TemporaryDirectory() as name:
        out = Path(name, "ms")
        for count, what in ((0, "one process, one thread"), (2, "two workers, a thread each")):
            line = [sys.executable, __file__, WORKER, str(steps), str(epochs), str(out)]
            if count:
                statuses = launch(line, workers=count, timeout_s=300, environment=one_thread)
            else:
                os.environ.pop("TF_CONFIG", None)
                statuses = [os.spawnve(os.P_WAIT, line[0], line, {**os.environ, **one_thread})]
            if any(statuses):
                raise RuntimeError(f"{what} ended with {statuses}")
            rows.append([what, f"{float(out.read_text()):.0f} ms"])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds, for a first look")
    parser.add_argument(WORKER, nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.as_worker:
        steps, epochs, out = options.as_worker
        worker(int(steps), int(epochs), Path(out))
        return
    steps, rounds, epochs = (4, 1, 3) if options.quick else (30, 2, 5)
    print(machine(), "\n")
    memory, level = in_memory(options.quick)
    print(table(("in memory, steps a second", "ours", "by hand", "ours / by hand"), memory), "\n")
    row, part = from_files(128 if options.quick else 2000, 3 if options.quick else 5, rounds)
    print(table(("from files", "ours", "Keras's loader", "ours / Keras's"), [row]), "\n")
    print(table(("resnet20, steps a second", "ours"), with_jit(steps, epochs)), "\n")
    print(table(("resnet20, 64 pictures a step", "a step"), two_workers(steps, epochs)), "\n")
    claims: list[tuple[bool, str]] = [
        (level, f"in memory at least {CLAIM} of the steps by hand"),
        (part < 1, "from files in less time than Keras's loader"),
    ]
    for holds, claim in claims:
        print(f"- {'holds' if holds else 'FAILS'}: {claim}")


if __name__ == "__main__":
    main()

"""Where a training computes: one device, several GPUs, several machines, a TPU.

Keras 3 trains under TensorFlow's strategies with one gap: under the multi-worker one, `Model.fit`
calls `Strategy.reduce` in two ways that it refuses (github.com/keras-team/keras/issues/20585).
Our subclasses answer them.

TPUStrategy has not been tested by us: TensorFlow 2.21 has no build for TPUs.

TensorFlow's servers listen on all addresses of a machine, with neither password nor encryption:
several workers belong in a private network.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_args

import tensorflow as tf

from models.words import suggest

StrategyName = Literal["auto", "cpu", "gpu", "mirrored", "multiworker", "tpu"]
ADDRESS = re.compile(r"[^\s:]+:\d{1,5}")
TPU_VARIABLES = ("TPU_NAME", "TPU_WORKER_HOSTNAMES")  # what Google's machines set
# Waits for the end of its standard input: the others came, or this process is gone.
WATCH = """
import os, select, signal, sys
if not select.select([0], [], [], float(sys.argv[1]))[0]:
    sys.stderr.write(sys.argv[2])
    os.kill(int(sys.argv[3]), signal.SIGKILL)
"""


class HardwareError(ValueError):
    """Devices or workers that are not there, or that cannot do what is asked of them."""


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """What to train on.

    Attributes:
        strategy: `auto` takes a TPU or workers where the environment names them, else all GPUs,
            else the processor; `mirrored` needs several GPUs, or logical devices of the processor.
        workers: Addresses `host:port` of all workers, for `multiworker`; none to read TF_CONFIG.
        index: Which of them this process is; the first is the chief, who writes the files.
        patience_s: How long a worker waits for the others to start before it gives up.
    """

    strategy: StrategyName = "auto"
    workers: tuple[str, ...] = ()
    index: int = 0
    patience_s: float = 600.0

    def __post_init__(self) -> None:
        """Check that the values belong together."""
        if self.strategy not in get_args(StrategyName):
            hint = suggest(self.strategy, get_args(StrategyName))
            raise HardwareError(f"unknown strategy {self.strategy!r}; {hint}")
        if self.workers and self.strategy not in ("auto", "multiworker"):
            raise HardwareError(f"workers belong to 'multiworker'; got {self.strategy!r} with them")
        if self.workers:
            _check_workers(self.workers, self.index)
        elif self.index:
            raise HardwareError(f"index {self.index} needs the addresses of all workers; got none")
        if not self.patience_s > 0:
            raise HardwareError(f"patience_s must be above 0; got {self.patience_s}")


class _AnswersKeras:
    """A strategy whose `reduce` answers what Keras 3's `fit` asks, too."""

    def reduce(self, reduce_op: Any, value: Any, axis: int | None) -> Any:
        """Reduce as TensorFlow's strategy does; and in two ways that it refuses.

        A structure without an axis is a batch that Keras wants to know the shapes of: the first
        local part stands for it. A number a replica along axis 0 is a metric: it has no axes.
        """
        strategy: Any = self
        if axis is None and isinstance(value, (tuple, list, dict)):
            return tf.nest.map_structure(lambda v: strategy.experimental_local_results(v)[0], value)
        scalar = axis == 0 and strategy.experimental_local_results(value)[0].shape.rank == 0
        parent: Any = super()
        return parent.reduce(reduce_op, value, axis=None if scalar else axis)


class KerasMultiWorker(_AnswersKeras, tf.distribute.MultiWorkerMirroredStrategy):
    """Processes that train one network together; `Model.fit` runs under it."""


class KerasMirrored(_AnswersKeras, tf.distribute.MirroredStrategy):
    """Devices of one process; a batch may have parts of different length, in evaluation say."""


def open_strategy(hardware: Hardware) -> tf.distribute.Strategy:
    """Return the strategy to build and train a network under.

    Call it before anything else computes: TensorFlow can meet other workers at its start alone.

    Raises:
        HardwareError: The devices are not there, or the workers are not described.
    """
    name = hardware.strategy if hardware.strategy != "auto" else _automatic(hardware)
    gpus = tf.config.list_physical_devices("GPU")
    if name == "multiworker":
        return _multi_worker(*_cluster(hardware), hardware.patience_s)
    if name == "tpu":
        return _tpu()
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        if len(devices) < 2:
            raise HardwareError(
                f"strategy 'mirrored' needs two GPUs or more; TensorFlow sees {len(gpus)}; "
                "take 'auto'"
            )
        return KerasMirrored([device.name for device in devices])
    if name == "gpu" and not gpus:
        raise HardwareError(
            "strategy 'gpu' needs a GPU; TensorFlow sees none: "
            "`sightsound doctor` tells what is installed; take 'cpu'"
        )
    if name == "cpu" and gpus:
        return tf.distribute.OneDeviceStrategy("/cpu:0")
    return tf.distribute.get_strategy()  # one device: a GPU if there is one


def _automatic(hardware: Hardware) -> str:
    if hardware.workers or os.environ.get("TF_CONFIG"):
        return "multiworker"
    if any(os.environ.get(name) for name in TPU_VARIABLES):
        return "tpu"
    return "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "gpu or cpu"


def _check_workers(workers: tuple[str, ...], index: int) -> None:
    for address in workers:
        if not ADDRESS.fullmatch(address) or int(address.rpartition(":")[2]) > 65_535:
            raise HardwareError(
                f"a worker must be host:port, such as 10.0.0.5:9000; got {address!r}"
            )
    if len(set(workers)) < len(workers):
        raise HardwareError(f"each worker needs an address of its own; got {', '.join(workers)}")
    if not 0 <= index < len(workers):
        raise HardwareError(f"index must be 0 to {len(workers) - 1}, a worker's; got {index}")


def _cluster(hardware: Hardware) -> tuple[tuple[str, ...], int]:
    """Return all workers' addresses, the chief's first, and which one this process is."""
    if hardware.workers:
        return hardware.workers, hardware.index
    text = os.environ.get("TF_CONFIG")
    if not text:
        raise HardwareError(
            "strategy 'multiworker' needs all workers' addresses and this one's index "
            "(--workers host:port,... --index i), or TF_CONFIG in the environment; got neither"
        )
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        chiefs, others = tuple(cluster.get("chief", ())), tuple(cluster.get("worker", ()))
        kind, number = str(task["type"]), int(task["index"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise HardwareError(
            'TF_CONFIG must be JSON such as {"cluster": {"worker": ["10.0.0.5:9000", '
            f'"10.0.0.6:9000"]}}, "task": {{"type": "worker", "index": 0}}}}; got {text!r}'
        ) from error
    if kind not in ("chief", "worker"):
        raise HardwareError(f"TF_CONFIG's task must be a chief or a worker; got {kind!r}")
    workers, index = chiefs + others, number + (len(chiefs) if kind == "worker" else 0)
    if not workers:
        raise HardwareError(f"TF_CONFIG's cluster must have workers; got {text!r}")
    _check_workers(workers, index)
    return workers, index


def _multi_worker(workers: tuple[str, ...], index: int, patience_s: float) -> KerasMultiWorker:
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(workers)}),
        task_type="worker",
        task_id=index,
        rpc_layer="grpc",
    )
    with _patience(workers, index, patience_s):
        try:
            return KerasMultiWorker(cluster_resolver=resolver)
        except RuntimeError as error:
            if "program startup" not in str(error):
                raise
            raise HardwareError(
                "workers can meet only before TensorFlow computes anything, and it has: "
                "call open_strategy at the start of the program"
            ) from error


@contextmanager
def _patience(workers: tuple[str, ...], index: int, patience_s: float) -> Iterator[None]:
    """End the process when the others do not come: TensorFlow would wait for ever.

    It does so deaf to SIGTERM and without letting another thread run, hence the second process.
    """
    missing = ", ".join(address for i, address in enumerate(workers) if i != index)
    message = (
        f"worker {index} of {len(workers)} has waited {patience_s:.0f} s for {missing} and gives "
        "up: start all workers, and check that they reach each other\n"
    )
    command = [sys.executable, "-I", "-S", "-c", WATCH, str(patience_s), message, str(os.getpid())]
    with subprocess.Popen(command, stdin=subprocess.PIPE):  # its end closes the pipe
        yield


def _tpu() -> tf.distribute.Strategy:
    if not any(os.environ.get(name) for name in TPU_VARIABLES):
        raise HardwareError(
            "strategy 'tpu' needs a TPU that the environment names "
            f"({' or '.join(TPU_VARIABLES)}); got neither; "
            "the networks also train on TPUs with KERAS_BACKEND=jax"
        )
    try:
        name = os.environ.get("TPU_NAME", "local")
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(name)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        raise HardwareError(f"the TPU must answer; it does not: {error}") from error

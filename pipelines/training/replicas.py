"""What it takes that several replicas train as one device would.

The global batch stays the same however many replicas share it, and the random changes of a picture
are those of its place in that batch; so the same plan gives the same training, but for the order in
which floats are added. One thing differs: dropout inside the network has another mask, since each
replica draws for its own rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import keras
import tensorflow as tf

from pipelines.devices import HardwareError


@dataclass(frozen=True)
class Share:
    """The part of each global batch that one process reads and prepares.

    Attributes:
        index: Which part, from 0.
        count: How many there are.
    """

    index: int = 0
    count: int = 1

    def rows(self, total: int) -> tuple[int, int]:
        """Return the first row and the row after the last of a batch of `total`."""
        return total * self.index // self.count, total * (self.index + 1) // self.count


def distributed(make: Callable[[Share], tf.data.Dataset], strategy: tf.distribute.Strategy) -> Any:
    """Return what `Model.fit` takes, where each process makes its own rows only.

    Under several replicas the stream begins anew where it ends, so `fit` must be told the number of
    steps: of an endless one, workers need not ask each other at each step whether all have rows.

    Args:
        make: Returns a share's rows of each global batch, batch after batch. A batch must have a
            row for each replica at least.
        strategy: What the network was built under.
    """
    if strategy.num_replicas_in_sync == 1:
        return make(Share())

    def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        count = context.num_input_pipelines
        rows = make(Share(context.input_pipeline_id, count)).repeat()
        parts = context.num_replicas_in_sync // count
        if parts == 1:
            return rows
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return rows.flat_map(_splitter(parts)).apply(endless)

    return strategy.distribute_datasets_from_function(of_worker)


def _splitter(parts: int) -> Callable[..., tf.data.Dataset]:
    """Return what maps a batch to its parts for a process's replicas, in order."""
    unconverted = tf.autograph.experimental.do_not_convert

    def split(*batch: tf.Tensor) -> tf.data.Dataset:
        def part(index: tf.Tensor) -> tuple[tf.Tensor, ...]:
            return tuple(_rows(values, index, parts) for values in batch)

        return tf.data.Dataset.range(parts).map(unconverted(part))

    made: Callable[..., tf.data.Dataset] = unconverted(split)
    return made


def _rows(values: tf.Tensor, index: tf.Tensor, parts: int) -> tf.Tensor:
    count, known = tf.shape(values, tf.int64)[0], values.shape[0]
    rows = values[count * index // parts : count * (index + 1) // parts]
    even = known // parts if known is not None and known % parts == 0 else None
    return tf.ensure_shape(rows, (even, *values.shape[1:]))


def check_fit(
    model: keras.Model, strategy: tf.distribute.Strategy, *, batch_size: int, jit: bool = False
) -> None:
    """Refuse a training that the strategy's replicas cannot share.

    Raises:
        HardwareError: The network was made elsewhere; the global batch is uneven (the message
            names the nearest that is not); or XLA is wanted, which cannot compile what replicas
            say to each other.
    """
    replicas = strategy.num_replicas_in_sync
    if model.distribute_strategy is not strategy:
        raise HardwareError(
            "a network must be made under the strategy that it is trained under: "
            "`with strategy.scope(): model = create_model(...)`"
        )
    if batch_size % replicas:
        below = batch_size // replicas * replicas
        nearest = f"{below} or {below + replicas}" if below else f"{replicas}"
        raise HardwareError(
            f"{replicas} replicas must share a batch evenly; got {batch_size}; take {nearest}"
        )
    if jit and replicas > 1:
        raise HardwareError(
            f"jit needs a single device; there are {replicas} replicas; leave it out"
        )


def evaluation_batch(count: int, at_most: int, strategy: tf.distribute.Strategy) -> int:
    """Return a batch size that leaves each replica a row of the last batch.

    The mean of no rows is not a number, and would become the loss of the whole set.

    Raises:
        HardwareError: There are fewer rows than replicas.
    """
    replicas = strategy.num_replicas_in_sync
    for size in range(at_most, replicas - 1, -1):
        if count >= replicas and (count % size == 0 or count % size >= replicas):
            return size
    raise HardwareError(f"{replicas} replicas need as many rows at least; got {count}")


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Return whether this process writes the files: every process but the other workers."""
    resolver = strategy.cluster_resolver
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) or resolver is None:
        return True
    first = "chief" if "chief" in resolver.cluster_spec().jobs else "worker"
    return resolver.task_type in (None, first) and not resolver.task_id


def everyones(number: float, strategy: tf.distribute.Strategy) -> list[float]:
    """Return each worker's number, the chief's first; it waits until all have asked."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return [number]
    return [float(n) for n in _exchange(strategy)(tf.constant(number, tf.float64))]


@lru_cache(maxsize=1)  # a process has one such strategy; tracing takes longer than a training step
def _exchange(strategy: tf.distribute.Strategy) -> Callable[[tf.Tensor], tf.Tensor]:
    resolver = strategy.cluster_resolver
    workers = resolver.cluster_spec().num_tasks("worker")
    replicas = strategy.num_replicas_in_sync // workers

    def add_up(number: tf.Tensor) -> tf.Tensor:
        mine = tf.one_hot(resolver.task_id, workers, number, 0.0, dtype=tf.float64) / replicas
        return tf.distribute.get_replica_context().all_reduce("SUM", mine)

    def exchange(number: tf.Tensor) -> tf.Tensor:
        return strategy.experimental_local_results(strategy.run(add_up, args=(number,)))[0]

    graph: Callable[[tf.Tensor], tf.Tensor] = tf.function(exchange, autograph=False)
    return graph


@contextmanager
def synchronised_normalisation(
    model: keras.Model, strategy: tf.distribute.Strategy
) -> Iterator[None]:
    """Let batch normalisation measure the whole global batch, not each replica its part."""
    norms = [n for n in _layers(model) if isinstance(n, keras.layers.BatchNormalization)]
    before = [norm.synchronized for norm in norms]
    for norm in norms:
        norm.synchronized = norm.synchronized or strategy.num_replicas_in_sync > 1
    try:
        yield
    finally:
        for norm, was in zip(norms, before, strict=True):
            norm.synchronized = was


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)

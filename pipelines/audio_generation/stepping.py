"""One step of a WaveNet: from the newest level to the logits of the next, with what is remembered.

A layer of dilation d and kernel k reads its input now and 1 to k - 1 times d steps ago. So its
inputs of the last (k - 1) d steps are kept, in a ring: a new one is written over the oldest, and
nothing is moved. The rings of all layers lie in one array, which one gather reads and one scatter
writes. A step's cost is then that of the network for one sample, whatever the receptive field.

The same functions run one by one, in a graph's loop and in a loop compiled by XLA.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    import keras


class State(NamedTuple):
    """What B clips remember.

    Attributes:
        rings: float32 (slots, B, R), the inputs of all layers.
        recent: int32 (kernel, B), the newest levels, the last one not yet read; `Stepper.nothing`
            where the clip had not begun.
        clock: int32 (), steps since the rings were filled, which says where in them the oldest is.
        positions: int32 (B,), the place in the clip of the level that comes next.
    """

    rings: Any
    recent: Any
    clock: Any
    positions: Any


@dataclass(frozen=True)
class _Layer:
    """A layer's weights: kernel (k R, 2R) on the oldest tap first, residual (R, R) and (R,)."""

    kernel: tf.Tensor
    residual: tuple[tf.Tensor, tf.Tensor] | None


class Stepper:
    """A WaveNet's weights as they were when it was made, and what a step does with them.

    Attributes:
        dilations: Of each layer.
        kernel: Samples that each convolution reads.
        maps: Between the layers, R.
        classes: Levels.
        label_counts: Of each label, how many classes it has.
        local_dim: Values of a frame; 0 where the network takes no frames.
        hop: Samples that a frame lasts.
        ring_lengths: Of each layer, how many of its inputs are kept.
    """

    def __init__(self, model: keras.Model) -> None:
        """Take the weights of a network of `models.generative.wavenet`.

        Raises:
            ValueError: It is another network.
        """
        layers: dict[str, Any] = {layer.name: layer for layer in model.layers}
        if "layer1_gate" not in layers:
            raise ValueError(f"a WaveNet is needed; got {model.name!r}, which has no gated layers")
        count = sum(name.endswith("_gate") for name in layers)
        names = [f"layer{number}" for number in range(1, count + 1)]
        self.dilations = tuple(int(layers[f"{name}_conv"].dilation_rate[0]) for name in names)
        self.kernel, self.maps, _ = map(int, layers["first_conv"].kernel.shape)
        self.classes = int(layers["logits"].kernel.shape[-1])
        self._take_steps(layers, names)
        self._take_conditions(layers, names)
        # Each layer's ring begins where the one before it ends.
        self.ring_lengths = tuple((self.kernel - 1) * dilation for dilation in self.dilations)
        self._lengths = np.array(self.ring_lengths, np.int32)
        self._starts = np.cumsum(self._lengths, dtype=np.int32) - self._lengths
        self._shifts = np.outer(np.arange(self.kernel - 1), self.dilations).astype(np.int32)

    @property
    def field(self) -> int:
        """Samples that a prediction depends on: the receptive field."""
        return self.kernel + sum(self.ring_lengths)

    @property
    def nothing(self) -> int:
        """What stands for a level before the clip begins; it adds nothing to the first maps."""
        return self.classes

    def _take_steps(self, layers: dict[str, Any], names: list[str]) -> None:
        table = _array(layers["samples_embed"].embeddings)
        first = layers["first_conv"]
        # The first convolution of a looked up row is a row of the convolved table.
        taps = [table @ tap for tap in _array(first.kernel)]
        self._table = tf.constant(np.concatenate([np.pad(tap, ((0, 1), (0, 0))) for tap in taps]))
        self._table_starts = np.arange(self.kernel, dtype=np.int32)[:, None] * (self.classes + 1)
        self._first_bias = tf.constant(_array(first.bias))
        self._layers = []
        for name in names:
            kernel = _halved(_array(layers[f"{name}_conv"].kernel))
            residual = layers.get(f"{name}_residual")
            self._layers.append(
                _Layer(
                    tf.constant(kernel.reshape(-1, kernel.shape[-1])),
                    None if residual is None else _dense(residual),
                )
            )
        skips = [layers[f"{name}_skip"] for name in names]
        # The sum of all layers' skips is one product with all gated maps side by side.
        self._skip = (
            tf.constant(np.concatenate([_array(skip.kernel) for skip in skips])),
            tf.constant(np.sum([_array(skip.bias) for skip in skips], axis=0)),
        )
        self._head, self._logits = _dense(layers["head"]), _dense(layers["logits"])

    def _take_conditions(self, layers: dict[str, Any], names: list[str]) -> None:
        def side_by_side(ending: str) -> np.ndarray:
            kernels = [_halved(_array(layers[f"{name}_{ending}"].kernel)) for name in names]
            return np.concatenate(kernels, axis=-1)

        biases = [_halved(_array(layers[f"{name}_conv"].bias)) for name in names]
        self._bias = tf.constant(np.concatenate(biases))
        self.label_counts: tuple[int, ...] = ()
        self._label_tables: list[tf.Tensor] = []
        self.local_dim, self.hop = 0, 1
        if "labels_embed" in layers:
            embed = layers["labels_embed"]
            self.label_counts = embed.counts
            vectors = np.split(_array(embed.embeddings), embed.starts[1:])
            # What each class of each label adds to the gates.
            self._label_tables = [tf.constant(part @ side_by_side("global")) for part in vectors]
            self._label_vectors = vectors
        if "layer1_repeat" in layers:
            self.hop = layers["layer1_repeat"].hop
            local = side_by_side("local")
            self.local_dim = local.shape[0]
            self._local = tf.constant(local)

    def base(self, labels: tf.Tensor, *, of_any: bool = False) -> tf.Tensor:
        """Return what is added before the gates at every step, (B, layers 2R).

        Args:
            labels: int32 (B, n).
            of_any: Whether the mean of the first label's classes stands for its class.
        """
        rows = tf.repeat(self._bias[None], tf.shape(labels)[0], axis=0)
        for place, table in enumerate(self._label_tables):
            if of_any and place == 0:
                rows = rows + tf.reduce_mean(table, axis=0)
            else:
                rows = rows + tf.gather(table, labels[:, place])
        return rows

    def vector(self, labels: Sequence[int], *, of_any: bool = False) -> np.ndarray:
        """Return the sum of the labels' vectors, (global_dim,); `of_any` as for `base`."""
        first, *others = self._label_vectors
        told = first.mean(axis=0) if of_any else first[labels[0]]
        rest = [part[label] for part, label in zip(others, labels[1:], strict=True)]
        vector: np.ndarray = np.stack([told, *rest]).sum(axis=0)
        return vector

    def project(self, frames: tf.Tensor) -> tf.Tensor:
        """Return what frames (B, F, local_dim) add before the gates, (B, F, layers 2R)."""
        return tf.tensordot(frames, self._local, axes=1)

    def advance(self, state: State, bias: tf.Tensor) -> tuple[tf.Tensor, State]:
        """Read the newest level; return logits (B, classes) of the next, and what is remembered.

        The next level is not in the state; `push` puts it there.

        Args:
            state: B clips'.
            bias: (B, layers 2R), what is added before the gates at this step.
        """
        slots = self._starts + (state.clock + self._shifts) % self._lengths  # (k - 1, layers)
        past = tf.gather(state.rings, slots)  # (k - 1, layers, B, R), the oldest first
        logits, inputs = self._step(state.recent, past, bias)
        rings = tf.tensor_scatter_nd_update(state.rings, slots[0, :, None], inputs)
        return logits, state._replace(rings=rings, clock=state.clock + 1)

    def _step(self, recent: Any, past: Any, bias: Any) -> tuple[Any, Any]:
        """Return logits (B, classes), and each layer's input, (layers, B, R)."""
        if bias.shape[0] == 2:
            # XLA hands products of two rows to threads, which takes longer than one by one.
            first = self._step(recent[:, :1], past[:, :, :1], bias[:1])
            second = self._step(recent[:, 1:], past[:, :, 1:], bias[1:])
            return tf.concat([first[0], second[0]], axis=0), tf.concat(
                [first[1], second[1]], axis=1
            )
        rows = tf.gather(self._table, recent + self._table_starts)  # (k, B, R)
        x = tf.reduce_sum(rows, axis=0) + self._first_bias
        inputs, gated = [], []
        for place, layer in enumerate(self._layers):
            inputs.append(x)
            taps = tf.concat([*(past[tap, place] for tap in range(self.kernel - 1)), x], axis=-1)
            start = 2 * self.maps * place
            sums = tf.tanh(taps @ layer.kernel + bias[:, start : start + 2 * self.maps])
            # sigmoid(y) = (1 + tanh(y / 2)) / 2, and the gates' weights are halved already.
            z = sums[:, : self.maps] * (0.5 + 0.5 * sums[:, self.maps :])
            gated.append(z)
            if layer.residual is not None:
                x = x + _affine(z, layer.residual)
        y = tf.nn.relu(_affine(tf.concat(gated, axis=-1), self._skip))
        return _affine(tf.nn.relu(_affine(y, self._head)), self._logits), tf.stack(inputs)

    def push(self, state: State, levels: tf.Tensor) -> State:
        """Return the state after the next levels (B,) were chosen."""
        recent = tf.concat([state.recent[1:], levels[None]], axis=0)
        return state._replace(recent=recent, positions=state.positions + 1)

    def filled(self, inputs: list[np.ndarray], levels: np.ndarray) -> State:
        """Return the state of one clip that has come to its end.

        Args:
            inputs: Of each layer, (T, R), as long as its ring or from the clip's beginning on.
            levels: (P,), all of the clip's, the level before the first among them.
        """
        rings = [
            np.pad(x[-length:], ((max(0, length - len(x)), 0), (0, 0)))
            for x, length in zip(inputs, self.ring_lengths, strict=True)
        ]
        recent = levels[-self.kernel :]
        recent = np.pad(recent, (self.kernel - len(recent), 0), constant_values=self.nothing)
        return State(
            rings=tf.constant(np.concatenate(rings)[:, None], tf.float32),
            recent=tf.constant(recent[:, None], tf.int32),
            clock=tf.constant(0),
            positions=tf.constant([len(levels) - 1]),
        )

    def started(self, level: int) -> State:
        """Return the state of one clip of which there is nothing but the level before the first."""
        nothing = [np.zeros((0, self.maps))] * len(self.dilations)
        return self.filled(nothing, np.array([level]))


def together(states: list[State]) -> State:
    """Return several clips as one state; their clocks must agree, as they do when newly filled."""
    rings, recent = (tf.concat(parts, axis=1) for parts in list(zip(*states, strict=True))[:2])
    positions = tf.concat([state.positions for state in states], axis=0)
    return State(rings, recent, states[0].clock, positions)


def _array(weight: Any) -> np.ndarray:
    return np.asarray(weight, np.float32)


def _halved(wide: np.ndarray) -> np.ndarray:
    """Return what the gates, the last half of the columns, add up, halved."""
    passing, gates = np.split(wide, 2, axis=-1)
    return np.concatenate([passing, gates / 2], axis=-1)


def _dense(layer: Any) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.constant(_array(layer.kernel)), tf.constant(_array(layer.bias))


def _affine(x: tf.Tensor, weights: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
    kernel, bias = weights
    return x @ kernel + bias

"""WaveNet step by step in PyTorch, with the weights of ours; `benchmarks/wavenet.py` runs it.

Both loops are eager, remember each layer's inputs in a ring, and generate one clip without
conditions. `LayerByLayer` is what one writes after reading the paper. `FewOperations` is written
as well as we can: eager PyTorch spends its time on starting operations, so it starts few.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional


class RingLoop(ABC):
    """A network of `models.generative.wavenet` with kernels of 2, and what one clip remembers."""

    def __init__(self, ours: Any) -> None:
        """Take the network that has the weights."""
        self.named = {layer.name: layer for layer in ours.layers}
        count = sum(name.endswith("_gate") for name in self.named)
        self.names = [f"layer{number}" for number in range(1, count + 1)]
        self.convs = [self.named[f"{name}_conv"] for name in self.names]
        self.residuals = [self.named[f"{name}_residual"] for name in self.names[:-1]]
        self.skips = [self.named[f"{name}_skip"] for name in self.names]
        self.dilations = np.array([conv.dilation_rate[0] for conv in self.convs])

    @abstractmethod
    def begin(self) -> None:
        """Forget all levels, and begin a clip."""

    @abstractmethod
    def step(self, level: int) -> torch.Tensor:
        """Read the newest level; return logits (1, classes) of the next."""

    def read(self, levels: Sequence[int]) -> np.ndarray:
        """Read levels, one by one; return logits (classes,) of the next, none of no levels."""
        logits = torch.zeros(1, 0)
        with torch.inference_mode():
            for level in levels:
                logits = self.step(level)
        found: np.ndarray = logits[0].numpy()
        return found

    def generate(self, level: int, numbers: np.ndarray) -> list[int]:
        """Return a level for each number in [0, 1), drawn with it; `level` was the one before."""
        levels = []
        with torch.inference_mode():
            for number in list(torch.tensor(numbers)[:, None]):
                sums = self.step(level).softmax(-1)[0].cumsum(-1)
                level = min(int(torch.searchsorted(sums, number, right=True)), len(sums) - 1)
                levels.append(level)
        return levels


class LayerByLayer(RingLoop):
    """The loop as one writes it: two to three times the operations of `FewOperations`."""

    def __init__(self, ours: Any) -> None:
        """Take the weights, and begin a clip."""
        super().__init__(ours)
        first = self.named["first_conv"]
        self.table = torch.tensor(_array(self.named["samples_embed"].embeddings))
        self.first = _taps(_array(first.kernel), _array(first.bias))
        self.layers = [_taps(_array(conv.kernel), _array(conv.bias)) for conv in self.convs]
        self.to_residual = [_linear(layer) for layer in self.residuals]
        self.to_skip = [_linear(layer) for layer in self.skips]
        self.head, self.logits = _linear(self.named["head"]), _linear(self.named["logits"])
        self.begin()

    def begin(self) -> None:
        """Forget all levels, and begin a clip."""
        maps = self.table.shape[1]
        self.rings = [torch.zeros(int(dilation), 1, maps) for dilation in self.dilations]
        self.clock, self.previous = 0, torch.zeros(1, maps)

    def step(self, level: int) -> torch.Tensor:
        """Read the newest level; return logits (1, classes) of the next."""
        newest = self.table[level : level + 1]
        x = functional.linear(torch.cat([self.previous, newest], dim=-1), *self.first)
        self.previous, total = newest, torch.zeros(1, 1)
        for place, (ring, weights) in enumerate(zip(self.rings, self.layers, strict=True)):
            slot = self.clock % len(ring)
            sums = functional.linear(torch.cat([ring[slot], x], dim=-1), *weights)
            ring[slot] = x
            passing, gate = sums.chunk(2, dim=-1)
            gated = torch.tanh(passing) * torch.sigmoid(gate)
            total = total + functional.linear(gated, *self.to_skip[place])
            if place < len(self.to_residual):
                x = x + functional.linear(gated, *self.to_residual[place])
        self.clock += 1
        y = functional.linear(functional.relu(total), *self.head)
        return functional.linear(functional.relu(y), *self.logits)


class FewOperations(RingLoop):
    """The loop with four operations a layer, and nothing allocated in it.

    The rings of all layers lie in one array; what the layers need of the past is gathered and
    multiplied for all of them at once, and so are the skips. Filter and gate take one hyperbolic
    tangent. Biases that only add up are summed beforehand.
    """

    def __init__(self, ours: Any) -> None:
        """Take the weights, and begin a clip."""
        super().__init__(ours)
        table, first = _array(self.named["samples_embed"].embeddings), self.named["first_conv"]
        older, newest = (np.pad(table @ tap, ((0, 1), (0, 0))) for tap in _array(first.kernel))
        # Row by row, what a level adds to the first maps; the last row: what no level adds.
        self.older = list(torch.tensor(older)[:, None])
        self.newest = list(torch.tensor(newest + _array(first.bias))[:, None])
        self.head, self.logits = _dense(self.named["head"]), _dense(self.named["logits"])
        added = self._take_layers()
        # Where each layer's input of `dilation` steps ago lies, at each step of a longest ring.
        starts = np.cumsum(self.dilations) - self.dilations
        clocks = np.arange(self.dilations.max())[:, None]
        self.slots = list(torch.tensor(starts + clocks % self.dilations))
        self.nothing = torch.tensor(np.repeat(-added, self.dilations, axis=0))  # zeros, that is
        self._make_room(*added.shape)
        self.begin()

    def begin(self) -> None:
        """Forget all levels, and begin a clip."""
        self.rings, self.clock, self.previous = self.nothing.clone(), 0, len(self.older) - 1

    def _take_layers(self) -> np.ndarray:
        """Take the layers' weights; return what is left out of their inputs, (layers, R).

        It is what the residuals' biases have added before each layer, and is in the bias of the
        convolution that reads it.
        """
        kernels = [_halved(_array(conv.kernel)) for conv in self.convs]  # (2, R, 2R)
        self.past_kernels = torch.tensor(np.stack([kernel[0] for kernel in kernels]))
        self.kernels = [torch.tensor(kernel[1]) for kernel in kernels]
        # A gated map is t (1 + g) / 2; the half is in the kernels that read it.
        self.to_residual = [torch.tensor(_array(layer.kernel) / 2) for layer in self.residuals]
        self.skip = (
            torch.tensor(np.sum([_array(layer.bias) for layer in self.skips], axis=0)),
            torch.tensor(np.concatenate([_array(layer.kernel) / 2 for layer in self.skips])),
        )
        nothing = np.zeros(kernels[0].shape[1], np.float32)
        added = np.cumsum([nothing, *(_array(layer.bias) for layer in self.residuals)], axis=0)
        biases = [
            _halved(_array(conv.bias)) + left_out @ kernel.sum(axis=0)
            for conv, kernel, left_out in zip(self.convs, kernels, added, strict=True)
        ]
        self.biases = torch.tensor(np.stack(biases)[:, None])
        return added

    def _make_room(self, count: int, maps: int) -> None:
        """Make what a step writes to."""
        self.past, self.sums = torch.zeros(count, maps), torch.zeros(count, 1, 2 * maps)
        self.inputs, self.gated = torch.zeros(count, maps), torch.zeros(count, maps)
        # A view costs as much as an operation; these are made once.
        self.all_past, self.all_gated = self.past[:, None], self.gated.view(1, -1)
        self.first_input = self.inputs[:1]
        self.layers = [
            (
                self.sums[k],
                self.inputs[k : k + 1],
                self.kernels[k],
                self.sums[k, :, :maps],
                self.sums[k, :, maps:],
                self.gated[k : k + 1],
                (self.to_residual[k], self.inputs[k + 1 : k + 2]) if k + 1 < count else None,
            )
            for k in range(count)
        ]

    def step(self, level: int) -> torch.Tensor:
        """Read the newest level; return logits (1, classes) of the next."""
        slots = self.slots[self.clock]
        torch.index_select(self.rings, 0, slots, out=self.past)
        torch.baddbmm(self.biases, self.all_past, self.past_kernels, out=self.sums)
        torch.add(self.newest[level], self.older[self.previous], out=self.first_input)
        for sums, x, kernel, passing, gate, gated, residual in self.layers:
            sums.addmm_(x, kernel).tanh_()
            torch.addcmul(passing, passing, gate, out=gated)
            if residual is not None:
                torch.addmm(x, gated, residual[0], out=residual[1])
        self.rings.index_copy_(0, slots, self.inputs)
        self.clock, self.previous = (self.clock + 1) % len(self.slots), level
        y = torch.addmm(self.skip[0], self.all_gated, self.skip[1]).relu_()
        y = torch.addmm(self.head[0], y, self.head[1]).relu_()
        return torch.addmm(self.logits[0], y, self.logits[1])


def _array(weight: Any) -> np.ndarray:
    return np.asarray(weight, np.float32)


def _taps(kernel: np.ndarray, bias: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what `linear` takes for a convolution whose two taps lie side by side."""
    return torch.tensor(kernel.reshape(-1, kernel.shape[-1]).T.copy()), torch.tensor(bias)


def _linear(layer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(_array(layer.kernel).T.copy()), torch.tensor(_array(layer.bias))


def _dense(layer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(_array(layer.bias)), torch.tensor(_array(layer.kernel))


def _halved(wide: np.ndarray) -> np.ndarray:
    """Return what the gates, the last half of the columns, add up, halved: sigmoid by tanh."""
    passing, gates = np.split(wide, 2, axis=-1)
    return np.concatenate([passing, gates / 2], axis=-1)

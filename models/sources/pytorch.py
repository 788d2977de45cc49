"""PyTorch's networks, torchvision's and timm's: what they call each of our layers.

Axes differ: their kernels are (out, in, H, W), ours (H, W, in, out), and they flatten maps as
(C, H, W), we as (H, W, C). timm names as torchvision does, but for the top of a VGG.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from types import MappingProxyType

import keras
import numpy as np

from models.sources.translation import HEADS, Origin, Rules, Translation, left_out, renamed
from models.weight_files import Tensor, WeightFile

Naming = Callable[[keras.Model], dict[str, str]]  # our layers' names to theirs

_KIND = {"conv": "conv", "norm": "bn"}
_PART = MappingProxyType(
    {
        "kernel": "weight",
        "gamma": "weight",
        "bias": "bias",
        "beta": "bias",
        "moving_mean": "running_mean",
        "moving_variance": "running_var",
    }
)

_ALEXNET: Rules = (
    (r"conv(\d)", lambda number: f"features.{(0, 3, 6, 8, 10)[int(number) - 1]}"),
    (r"fc6", lambda: "classifier.1"),
    (r"fc7", lambda: "classifier.4"),
    (r"logits", lambda: "classifier.6"),
)
_RESNET: Rules = (
    (r"stem_(conv|norm)", lambda kind: f"{_KIND[kind]}1"),
    (
        r"stage(\d)_block(\d+)_(conv|norm)(\d)",
        lambda stage, block, kind, number: f"layer{stage}.{int(block) - 1}.{_KIND[kind]}{number}",
    ),
    (
        r"stage(\d)_block(\d+)_shortcut_(conv|norm)",
        lambda stage, block, kind: (
            f"layer{stage}.{int(block) - 1}.downsample.{('conv', 'norm').index(kind)}"
        ),
    ),
    (r"logits", lambda: "fc"),
)
_DENSENET: Rules = (
    (r"stem_(conv|norm)", lambda kind: f"features.{kind}0"),
    (
        r"block(\d)_layer(\d+)_(conv|norm)(\d)",
        lambda block, layer, kind, number: (
            f"features.denseblock{block}.denselayer{layer}.{kind}{number}"
        ),
    ),
    (r"transition(\d)_(conv|norm)", lambda number, kind: f"features.transition{number}.{kind}"),
    (r"final_norm", lambda: "features.norm5"),
    (r"logits", lambda: "classifier"),
)
_BRANCH = {
    "1x1": "branch1",
    "3x3_reduce": "branch2.0",
    "3x3": "branch2.1",
    "5x5_reduce": "branch3.0",
    "5x5": "branch3.1",
    "pool_proj": "branch4.1",
}
_GOOGLENET: Rules = (
    (r"conv1(_norm)?", lambda norm: f"conv1.{'bn' if norm else 'conv'}"),
    (r"conv2_reduce(_norm)?", lambda norm: f"conv2.{'bn' if norm else 'conv'}"),
    (r"conv2(_norm)?", lambda norm: f"conv3.{'bn' if norm else 'conv'}"),
    (
        rf"inception_(\d[a-e])_({'|'.join(_BRANCH)})(_norm)?",
        lambda block, branch, norm: (
            f"inception{block}.{_BRANCH[branch]}.{'bn' if norm else 'conv'}"
        ),
    ),
    (r"logits", lambda: "fc"),
)


def _by_rules(rules: Rules, model: keras.Model) -> dict[str, str]:
    return renamed([*(layer.name for layer in model.layers), *HEADS], rules)


def _by_place(top: dict[str, str], model: keras.Model) -> dict[str, str]:
    """Count, as `nn.Sequential` does, what convolves, normalises, rectifies and pools."""
    counted = [
        x.name for x in model.layers if re.fullmatch(r"(conv|norm|relu)\d_\d|pool\d", x.name)
    ]
    return {name: f"features.{place}" for place, name in enumerate(counted)} | top


NAMINGS: MappingProxyType[str, dict[str, Naming]] = MappingProxyType(
    {
        "alexnet": {"torchvision": partial(_by_rules, _ALEXNET)},
        "vgg": {
            "torchvision": partial(
                _by_place, {"fc6": "classifier.0", "fc7": "classifier.3", "logits": "classifier.6"}
            ),
            "timm": partial(
                _by_place, {"fc6": "pre_logits.fc1", "fc7": "pre_logits.fc2", "logits": "head.fc"}
            ),
        },
        "googlenet": {
            "torchvision (whose own GoogLeNet is another: its 5 x 5 kernels are 3 x 3)": partial(
                _by_rules, _GOOGLENET
            )
        },
        "resnet": {"torchvision and timm": partial(_by_rules, _RESNET)},
        "densenet": {"torchvision and timm": partial(_by_rules, _DENSENET)},
    }
)

_STRIDE = "{} has stride 2 in a block's first convolution, as the paper; take {}_v1_5"
# Where names and shapes would fit, and the network is another.
UNFIT = MappingProxyType(
    {
        "resnet50": _STRIDE.format("resnet50", "resnet50"),
        "resnet101": _STRIDE.format("resnet101", "resnet101"),
        "resnet152": _STRIDE.format("resnet152", "resnet152"),
        "alexnet": "alexnet has two groups and local response normalisation; take alexnet_owt",
        "alexnet_micro": "alexnet has two groups and local response normalisation",
        "vgg11_lrn": "vgg11_lrn has local response normalisation; take vgg11",
        "googlenet": "googlenet has local response normalisation; take googlenet_bn",
    }
)


def by_pytorch_names(model: keras.Model, file: WeightFile, family: str) -> Translation:
    """Read a PyTorch state dictionary.

    Raises:
        ValueError: No such file fits the network.
    """
    if model.name in UNFIT:
        raise ValueError(f"{str(file.path)!r} has PyTorch's names, and {UNFIT[model.name]}")
    if family not in NAMINGS:
        raise ValueError(
            f"{str(file.path)!r} has PyTorch's names, which are known for the families "
            f"{', '.join(NAMINGS)}; {model.name!r} is of another"
        )
    tensors = {_today(name): tensor for name, tensor in file.tensors.items()}
    read = [_read(model, tensors, title, name) for title, name in NAMINGS[family].items()]
    return min(read, key=lambda translation: len(translation.missing))


def _read(
    model: keras.Model, tensors: dict[str, Tensor], title: str, naming: Naming
) -> Translation:
    theirs = naming(model)
    origins, missing, used = {}, [], set()
    for variable in model.weights:
        layer, _, part = variable.path.rpartition("/")
        name = f"{theirs.get(layer, layer)}.{_PART.get(part, part)}"
        if name in tensors:
            used.add(name)
            rank = len(variable.shape)
            origins[variable.path] = _origin(model, layer, rank, name, tensors[name])
        else:
            missing.append(f"{name} ({variable.path})")
    layers = [layer.name for layer in model.layers]
    tops = tuple(f"{theirs[head]}." for head in HEADS if head in theirs and left_out(head, layers))
    auxiliary = () if "auxiliary1" in layers else ("aux1.", "aux2.")
    rest = [name for name in tensors if name not in used]
    unknown = [name for name in rest if not name.startswith((*tops, *auxiliary))]
    return Translation(f"the names of {title}", origins, missing, unknown)


def _today(name: str) -> str:
    """Return a name as it is spelt today: old DenseNets have `norm.1` for `norm1`."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.", r"\1\2.", name)


def _origin(model: keras.Model, layer: str, rank: int, name: str, tensor: Tensor) -> Origin:
    """Return how our variable, of that rank, is made; an array that cannot be it stays as it is."""
    shape = tensor.shape
    if rank == len(shape) == 4:
        return Origin(name, tensor, (*shape[2:], shape[1], shape[0]), _with_our_axes)
    if rank == 2 and len(shape) in (2, 4):  # timm has convolutions for fully connected layers
        height, width, channels = _maps(model, layer) or (1, 1, shape[1])
        if len(shape) == 2 or shape[1:] == (channels, height, width):
            maps = (shape[0], channels, height, width)
            return Origin(name, tensor, (math.prod(shape[1:]), shape[0]), partial(_flat, maps))
    return Origin(name, tensor, shape)


def _with_our_axes(kernel: np.ndarray) -> np.ndarray:
    return kernel.transpose(2, 3, 1, 0)


def _flat(maps: tuple[int, ...], kernel: np.ndarray) -> np.ndarray:
    return _with_our_axes(kernel.reshape(maps)).reshape(-1, maps[0])


def _maps(model: keras.Model, layer: str) -> tuple[int, int, int] | None:
    """Return the (H, W, C) that were flattened right before a fully connected layer, if any."""
    dense = [x.name for x in model.layers if isinstance(x, keras.layers.Dense)]
    flat = [x for x in model.layers if x.name == "flatten"]
    if not flat or layer != dense[0]:
        return None
    height, width, channels = flat[0].input.shape[1:]
    return height, width, channels

"""Files of PyTorch: torchvision's and timm's names, PyTorch's axes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import max_pool2d, relu

from models.catalog import create_model
from models.sources.pytorch import NAMINGS
from models.weights import load_weights
from tests.parity.stirring import assert_same_logits, noise_images, stir_torch, torch_logits
from tests.parity.test_densenet import TorchDenseNet
from tests.parity.test_resnet import TorchResNet

State = dict[str, torch.Tensor]


def saved(path: Path, state: State) -> Path:
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    return path


def vgg_micro() -> nn.Sequential:
    """Torchvision's form of our vgg_micro: C with batch normalisation, at 32 x 64 pixels."""
    features, channels = nn.Sequential(), 3
    for kernels, width in zip(
        ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)), (4, 4, 8, 8, 8), strict=True
    ):
        for kernel in kernels:
            features.append(nn.Conv2d(channels, width, kernel, padding=kernel // 2))
            features.append(nn.BatchNorm2d(width)).append(nn.ReLU())
            channels = width
        features.append(nn.MaxPool2d(2))
    return whole(features, [(8 * 1 * 2, 16), (16, 16), (16, 10)], first=nn.Linear)


def whole(features: nn.Sequential, sizes: list[tuple[int, int]], first: type) -> nn.Sequential:
    (a, b), (c, d), (e, f) = sizes
    linear = [nn.Linear(a, b), nn.ReLU(), nn.Dropout(), nn.Linear(c, d), nn.ReLU(), nn.Dropout()]
    if first is nn.Dropout:
        linear = [nn.Dropout(), *linear[:5]]
    classifier = nn.Sequential(*linear, nn.Linear(e, f))
    model = nn.Sequential()
    model.add_module("features", features)
    model.add_module("flatten", nn.Flatten())
    model.add_module("classifier", classifier)
    return model


def alexnet() -> nn.Sequential:
    """Torchvision's AlexNet, whose last maps are 2 x 3 at 97 x 134 pixels."""
    features = nn.Sequential(
        *(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)),
    )
    return whole(features, [(256 * 6, 4096), (4096, 4096), (4096, 12)], first=nn.Dropout)


class Conv(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch1 = Conv(inputs, 2, 1)
        self.branch2 = nn.Sequential(Conv(inputs, 2, 1), Conv(2, 4, 3))
        self.branch3 = nn.Sequential(Conv(inputs, 2, 1), Conv(2, 2, 5))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, padding=1), Conv(inputs, 2, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], 1)


class GoogLeNetMicro(nn.Module):
    """Our googlenet_micro with torchvision's names; it has an auxiliary head that ours lacks."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = Conv(3, 4, 7, 2), Conv(4, 4, 1), Conv(4, 8, 3)
        self.blocks: dict[str, Inception] = {}
        channels = 8
        for block in ("3a", "4a", "4b", "4c", "4d", "5a"):
            self.blocks[block] = Inception(channels)
            self.add_module(f"inception{block}", self.blocks[block])
            channels = 10
        self.aux1 = nn.Linear(10, 10)
        self.fc = nn.Linear(10, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        def pool(maps: torch.Tensor) -> torch.Tensor:
            return max_pool2d(maps, 3, 2, ceil_mode=True)

        x = pool(self.conv3(self.conv2(pool(self.conv1(x)))))
        for name, block in self.blocks.items():
            x = block(pool(x) if name in ("4a", "5a") else x)
        logits: torch.Tensor = self.fc(x.mean(dim=(2, 3)))
        return logits


@pytest.mark.parametrize(
    ("name", "make", "size", "classes"),
    [
        ("alexnet_owt", alexnet, (97, 134), 12),
        ("vgg_micro", vgg_micro, (32, 64), 10),
        ("googlenet_micro", GoogLeNetMicro, (64, 97), 10),
        ("densenet_micro", lambda: TorchDenseNet((2, 3), 4, 8, classes=10), (64, 35), 10),
        pytest.param(
            "resnet50_v1_5",
            lambda: TorchResNet((3, 4, 6, 3), deep=True, classes=12),
            (64, 64),
            12,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_logits_are_the_modules(tmp_path: Path, name: str, make, size, classes: int) -> None:
    theirs, shape = make(), (*size, 3)
    stir_torch(theirs, 100 * noise_images(4, *shape, seed=12))
    path = saved(tmp_path / "w.safetensors", theirs.state_dict())
    ours = create_model(name, input_shape=shape, classes=classes, weights=path)
    images = 100 * noise_images(2, *shape)  # PyTorch's own weights make little of an image
    assert_same_logits(np.asarray(ours(images)), torch_logits(theirs, images))

    headless = create_model(name, input_shape=shape, include_top=False, weights=path)
    assert len(headless.weights) <= len(ours.weights) - 2
    for variable in headless.weights:
        layer, _, part = variable.path.partition("/")
        np.testing.assert_array_equal(variable, getattr(ours.get_layer(layer), part))


@pytest.fixture(scope="module")
def vgg_state() -> State:
    module = vgg_micro()
    stir_torch(module, noise_images(4, 32, 64, 3, seed=12))
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


@pytest.fixture
def vgg() -> keras.Model:
    return create_model("vgg_micro", input_shape=(32, 64, 3))


def test_timms_vgg_has_convolutions_on_top(tmp_path: Path, vgg_state: State, vgg) -> None:
    timm = dict(vgg_state)
    for old, new, maps in (("0", "pre_logits.fc1", (8, 1, 2)), ("3", "pre_logits.fc2", (16, 1, 1))):
        timm[f"{new}.weight"] = timm.pop(f"classifier.{old}.weight").reshape(16, *maps)
        timm[f"{new}.bias"] = timm.pop(f"classifier.{old}.bias")
    timm = {name.replace("classifier.6", "head.fc"): tensor for name, tensor in timm.items()}
    load_weights(vgg, saved(tmp_path / "timm.safetensors", timm), family="vgg")
    expected = [np.asarray(variable).copy() for variable in vgg.weights]
    load_weights(vgg, saved(tmp_path / "torchvision.safetensors", vgg_state), family="vgg")
    for variable, value in zip(vgg.weights, expected, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_float_is_read(tmp_path: Path, vgg_state: State, vgg, dtype) -> None:
    state = {name: tensor.to(dtype) for name, tensor in vgg_state.items()}
    load_weights(vgg, saved(tmp_path / "w.safetensors", state), family="vgg")
    kernel = state["features.0.weight"].permute(2, 3, 1, 0).float().numpy()
    np.testing.assert_array_equal(vgg.get_layer("conv1_1").kernel, kernel)


def test_old_densenets_spell_names_with_a_dot(tmp_path: Path) -> None:
    theirs = TorchDenseNet((2, 3), 4, 8, classes=10)
    stir_torch(theirs, noise_images(4, 64, 64, 3, seed=12))
    new = theirs.state_dict()
    old = {re.sub(r"(layer\d\.(?:norm|conv))(\d)", r"\1.\2", name): new[name] for name in new}
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    one, other = (
        create_model("densenet_micro", weights=saved(tmp_path / f"{number}.safetensors", state))
        for number, state in enumerate((new, old))
    )
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_vggs_places_are_torchvisions() -> None:
    places = NAMINGS["vgg"]["torchvision"]
    plain = places(create_model("vgg16", input_shape=(32, 32, 3), include_top=False))
    convs = [place for name, place in plain.items() if name.startswith("conv")]
    numbers = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # torchvision's vgg16
    assert convs == [f"features.{number}" for number in numbers]
    normalised = places(create_model("vgg11_bn", input_shape=(32, 32, 3), include_top=False))
    norms = [place for name, place in normalised.items() if name.startswith("norm")]
    assert norms == [f"features.{number}" for number in (1, 5, 9, 12, 16, 19, 23, 26)]  # vgg11_bn


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda state: state.pop("features.4.running_var"),
            "missing features.4.running_var (norm1_2/moving_variance)",
        ),
        (
            lambda state: state.update({"features.0.weight": torch.zeros(4, 3, 5, 5)}),
            "conv1_1/kernel is (5, 5, 3, 4) in the file, (3, 3, 3, 4) in the model",
        ),
        (
            lambda state: state.update({"features.0.weight": torch.zeros(3, 4, 3, 3)}),
            "conv1_1/kernel is (3, 3, 4, 3) in the file",
        ),
        (
            lambda state: state.update({"classifier.0.weight": torch.zeros(16, 4)}),
            "fc6/kernel is (4, 16) in the file, (16, 16) in the model",
        ),
        (
            lambda state: state.update({"features.0.weight": torch.zeros(108)}),
            "conv1_1/kernel is (108,) in the file",
        ),
        (lambda state: state.update({"head.weight": torch.zeros(1)}), "unknown head.weight"),
        (
            lambda state: state.update({"features.0.bias": torch.zeros(4, dtype=torch.int64)}),
            "features.0.bias must be floats; got I64",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, vgg_state: State, vgg, change, says: str
) -> None:
    state = dict(vgg_state)
    change(state)
    before = [np.asarray(variable).copy() for variable in vgg.weights]
    with pytest.raises(ValueError, match=re.escape(says)):
        load_weights(vgg, saved(tmp_path / "w.safetensors", state), family="vgg")
    for variable, value in zip(vgg.weights, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("resnet50", "take resnet50_v1_5"),
        ("vgg11_lrn", "take vgg11"),
        ("alexnet", "take alexnet_owt"),
        ("googlenet", "take googlenet_bn"),
        ("lenet5", "known for the families alexnet, vgg, googlenet, resnet, densenet"),
    ],
)
def test_networks_that_only_look_the_same_are_refused(
    tmp_path: Path, vgg_state: State, name: str, says: str
) -> None:
    path = saved(tmp_path / "w.safetensors", vgg_state)
    with pytest.raises(ValueError, match=says):
        create_model(name, include_top=False, weights=path)


def test_torchvisions_googlenet_is_refused_with_the_reason(tmp_path: Path) -> None:
    theirs = GoogLeNetMicro()
    for name, block in theirs.blocks.items():
        block.branch3[1] = Conv(2, 2, 3)
        assert name
    path = saved(tmp_path / "w.safetensors", theirs.state_dict())
    with pytest.raises(ValueError, match=r"5 x 5 kernels are 3 x 3.*inception_3a_5x5/kernel is"):
        create_model("googlenet_micro", weights=path)


def test_without_safetensors_it_says_what_to_install(
    tmp_path: Path, vgg_state: State, vgg, monkeypatch
) -> None:
    path = saved(tmp_path / "w.safetensors", vgg_state)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r"pip install 'sightsound\[safetensors\]'"):
        load_weights(vgg, path, family="vgg")


def test_a_damaged_file_is_refused(tmp_path: Path, vgg_state: State, vgg) -> None:
    path = saved(tmp_path / "w.safetensors", vgg_state)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        load_weights(vgg, path, family="vgg")


@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_are_refused_with_the_way_out(
    tmp_path: Path, vgg_state: State, vgg, zipped: bool
) -> None:
    path = tmp_path / "w.pth"
    torch.save(vgg_state, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match="is a PyTorch pickle") as refusal:
        load_weights(vgg, path, family="vgg")
    line = re.search(r"python -c \"(.*)\" w.pth w.safetensors", str(refusal.value))
    assert line
    safe = tmp_path / "w.safetensors"
    subprocess.run([sys.executable, "-c", line[1], path, safe], check=True, timeout=200)
    load_weights(vgg, safe, family="vgg")

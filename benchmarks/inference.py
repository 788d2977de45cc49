"""ResNet-50 for one picture and for sixteen, beside everything else that could compute it.

    python benchmarks/inference.py [--quick]

Claim: from pixels to labels the pipeline is level with ONNX Runtime's logits, with TensorFlow or
with OpenVINO as its engine. Every contender has the same weights and the settings that it comes
with, and takes its turn in the same process; first all must give the same logits. PyTorch, ONNX
Runtime and OpenVINO are left out, and named, where they are not installed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `make bench` runs this as a script
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from benchmarks.timing import in_turn, machine, ratio, table
from models.catalog import create_model
from pipelines.classification.pipeline import ImageClassification
from pipelines.preprocessing import Convention
from pipelines.presets import load_preset

BATCH = 16
CONVENTION: Convention = "tf"  # the network takes 2 x - 1 of pixels in [0, 1]
PAUSE_S = 0.2  # without it ONNX Runtime's threads take half of its successor's processor time
LEVEL = 1.03  # times of two medians that differ by less are called level
SAME = 1e-4  # of the largest logit: 50 layers of float32 sums, each in its own order
PIPELINE, WITH_OPENVINO = "pipeline, pixels to labels", "pipeline, `engine='openvino'`"
ONNX_RUNTIME = "ONNX Runtime"


@dataclass(frozen=True)
class Contender:
    """Something that computes the network.

    Attributes:
        run: Maps a batch to what its user gets; this is timed.
        logits: Maps a batch to logits, up to a constant that is added to all of a picture's.
        takes_pixels: Whether a batch is (N, H, W, 3) uint8, or float32 as the network takes it.
    """

    run: Callable[[np.ndarray], object]
    logits: Callable[[np.ndarray], np.ndarray]
    takes_pixels: bool = False


def main() -> int:
    """Measure, and print the table and which claims hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run: figures mean nothing")
    quick = parser.parse_args().quick
    side = 64 if quick else 224
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        contenders = dict(all_contenders(Path(folder), side))
        print(f"{machine()}\n")
        print(f"{check(contenders, pixels[:2])}\n")
        one = measure(contenders, pixels[:1], rounds=2 if quick else 40)
        many = measure(contenders, pixels, rounds=1 if quick else 12)
    rows = [
        (
            name,
            f"{statistics.median(one[name]) * 1e3:.1f} ms",
            f"{ratio(one[name], one[PIPELINE]):.2f}",
            f"{BATCH / statistics.median(many[name]):.1f}",
            f"{ratio(many[name], many[PIPELINE]):.2f}",
        )
        for name in contenders
    ]
    header = ("one picture", "time of the pipeline's", f"{BATCH} pictures, a second", "likewise")
    print(table((f"ResNet-50, {side} x {side}", *header), rows), "\n")
    for name in (PIPELINE, WITH_OPENVINO):
        for seconds, what in ((one, "one picture"), (many, f"{BATCH} pictures")):
            if {name, ONNX_RUNTIME} <= set(contenders):
                print(verdict(f"{name}, {what}", ratio(seconds[name], seconds[ONNX_RUNTIME])))
    return 0


def verdict(what: str, share: float) -> str:
    """Return whether it is level with ONNX Runtime, as a line."""
    holds = "holds" if share <= LEVEL else "FAILS"
    return f"- {holds}: {what}: {share:.2f} of ONNX Runtime's time (level: at most {LEVEL})"


def all_contenders(folder: Path, side: int) -> Iterator[tuple[str, Contender]]:
    """Yield every contender that is installed, with its name; name the others."""
    theirs = random_network(side)
    theirs.save_weights(folder / "theirs.weights.h5")
    ours = create_model(
        "resnet50", input_shape=(side, side, 3), weights=folder / "theirs.weights.h5"
    )
    # As everybody loads a network: from a preset. Nobody can change its weights unseen.
    preset = ImageClassification.for_imagenet(ours, CONVENTION).save(folder / "random_resnet50")
    ours = load_preset(preset).build()
    yield PIPELINE, of_pipeline(ImageClassification.from_preset(preset))
    if find_spec("openvino"):
        pipeline = ImageClassification.from_preset(preset, engine="openvino")
        yield WITH_OPENVINO, of_pipeline(pipeline)
    bare = tf.function(lambda x: ours(x, training=False), autograph=False)
    yield "bare `tf.function`", of_network(lambda x: bare(x).numpy())
    yield "keras.applications, `predict`", of_network(lambda x: theirs.predict(x, verbose=0))
    for name, module, install, of in (
        ("PyTorch, eager, channels last", "torch", "torch", with_torch),
        (ONNX_RUNTIME, "onnxruntime", "onnxruntime tf2onnx onnx", with_onnx_runtime),
        ("OpenVINO", "openvino", "openvino", with_openvino),
    ):
        if find_spec(module):
            yield name, of_network(of(ours, folder))
        else:
            print(f"left out: {name}; it needs: pip install {install}")


def random_network(side: int) -> keras.Model:
    """Return keras.applications' ResNet-50 with random weights, each of which counts."""
    keras.utils.set_random_seed(0)
    network: keras.Model = keras.applications.ResNet50(
        weights=None, classifier_activation=None, input_shape=(side, side, 3)
    )
    random = np.random.default_rng(1)
    for variable in network.weights:
        value = np.asarray(variable)
        if variable.path.split("/")[-2].endswith("bn"):
            value = random.uniform(0.5, 1.5, variable.shape)
        # A preset holds its weights in half precision.
        variable.assign(value.astype(np.float16).astype(np.float32))
    return network


def of_pipeline(classify: ImageClassification) -> Contender:
    """Return a pipeline, called with decoded pictures."""
    return Contender(
        run=lambda pixels: classify(pixels, batch_size=len(pixels)),
        logits=lambda pixels: np.log(classify.scores(list(pixels))),
        takes_pixels=True,
    )


def of_network(logits: Callable[[np.ndarray], np.ndarray]) -> Contender:
    """Return what maps a prepared batch to logits."""
    return Contender(run=logits, logits=logits)


def with_torch(ours: keras.Model, _: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return PyTorch's run of the same network."""
    import torch

    from benchmarks.torch_resnet import torch_resnet50

    network = torch_resnet50(ours)

    def logits(prepared: np.ndarray) -> np.ndarray:
        with torch.inference_mode():  # the transposed view is channels last already
            found: np.ndarray = network(torch.from_numpy(prepared.transpose(0, 3, 1, 2))).numpy()
        return found

    return logits


def with_onnx_runtime(ours: keras.Model, folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return ONNX Runtime's run of what Keras exports."""
    import onnxruntime

    file = str(folder / "ours.onnx")
    ours(np.zeros((1, *ours.input_shape[1:]), np.float32))  # Keras refuses what was never called
    ours.export(file, format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()

    def logits(prepared: np.ndarray) -> np.ndarray:
        found: np.ndarray = session.run(None, {image.name: prepared})[0]
        return found

    return logits


def with_openvino(ours: keras.Model, folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return OpenVINO's run of what Keras exports, in float32 like the others."""
    import openvino

    file = str(folder / "ours.xml")
    ours.export(file, format="openvino", verbose=False)
    network = openvino.Core().compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def logits(prepared: np.ndarray) -> np.ndarray:
        found: np.ndarray = network(prepared)[0]
        return found

    return logits


def batch_for(contender: Contender, pixels: np.ndarray) -> np.ndarray:
    """Return the pictures as this contender takes them."""
    return pixels if contender.takes_pixels else pixels.astype(np.float32) / 255 * 2 - 1


def check(contenders: dict[str, Contender], pixels: np.ndarray) -> str:
    """Return how far apart the logits are, as a line.

    Raises:
        AssertionError: Somebody computes another network.
    """
    logits: dict[str, Any] = {}
    for name, contender in contenders.items():
        found = contender.logits(batch_for(contender, pixels))
        logits[name] = found - found.mean(axis=1, keepdims=True)
    first, *others = logits.values()
    worst = max(float(np.abs(other - first).max() / np.abs(first).max()) for other in others)
    if not (worst <= SAME and np.ptp(first) > 0):
        raise AssertionError(f"the logits must agree to {SAME}; got {logits}")
    return f"All {len(logits)} give the same logits, to {worst:.0e} of the largest."


def measure(
    contenders: dict[str, Contender], pixels: np.ndarray, *, rounds: int
) -> dict[str, list[float]]:
    """Return each contender's seconds a batch."""

    def call(contender: Contender) -> Callable[[], object]:
        batch = batch_for(contender, pixels)
        return lambda: contender.run(batch)

    calls = {name: call(each) for name, each in contenders.items()}
    return in_turn(calls, rounds=rounds, pause_s=PAUSE_S)


if __name__ == "__main__":
    sys.exit(main())

"""The networks on Keras's other backends: the same weights give the same logits, or images."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from models.catalog import create_model, list_models
from models.weights import save_weights

MICROS = list_models("*_micro*")
# All of them would take minutes.
TRAINED = ("lenet_micro", "resnet_micro", "speed_net_micro", "fsrcnn_micro", "srresnet_micro")
# JAX compiles each operation of each shape: without optimising, in a fifth of the time.
QUICK_XLA = {
    "XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
}
ANY_SIZE = (9, 12, 1)  # of an image, where a network takes any
# Of sound: what conditions it goes through layers of our own.
OPTIONS: dict[str, dict[str, Any]] = {
    "wavenet_micro": {"global_classes": (3, 2), "local_dim": 4, "hop": 5}
}
HOLED = {"image": (8, 12, 3), "mask": (8, 12, 1)}  # of an image with holes: multiples of a stride
SOUND = {"samples": (10,), "labels": (2,), "frames": (2, 4)}
ROOT = Path(__file__).resolve().parents[2]

# Runs in a process of its own: the backend is chosen when Keras is imported. JAX compiles a program
# for each shape of random weights, which are read from files anyway, and one for each operation of
# a network that is not compiled as a whole.
THERE = """
import json
import sys
import keras
import numpy as np
from models.catalog import create_model, list_models, model_info

def zeros(initializer, shape, dtype=None):
    return np.zeros(shape, dtype or "float32")

def answer(model, x):
    if sys.argv[2] != "jax":
        return model(x, training=False)
    import jax
    parts = model.trainable_variables, model.non_trainable_variables
    values = [[v.value for v in part] for part in parts]
    run = jax.jit(lambda values, x: model.stateless_call(*values, x, training=False)[0])
    return run(values, x)

assert keras.backend.backend() == sys.argv[2]
keras.initializers.VarianceScaling.__call__ = zeros
keras.initializers.RandomNormal.__call__ = zeros
answers = {}
for name in list_models("*_micro*"):
    options = json.loads(sys.argv[3]).get(name, {})
    model = create_model(name, weights=f"{sys.argv[1]}/{name}.weights.h5", **options)
    with np.load(f"{sys.argv[1]}/{name}.npz") as file:
        x = dict(file)
    x = x if len(x) > 1 else x["image"]
    answers[name] = keras.ops.convert_to_numpy(answer(model, x))
    if name in sys.argv[4:]:
        before = [np.array(w) for w in model.get_weights()]
        wanted, loss = np.zeros_like(answers[name]), "mean_squared_error"
        if model_info(name).task == "image-classification":
            wanted = np.arange(len(x))
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss)
        assert np.isfinite(model.train_on_batch(x, wanted)), name
        after = model.get_weights()
        assert all((a != b).any() for a, b in zip(before[-2:], after[-2:], strict=True)), name
np.savez(f"{sys.argv[1]}/{sys.argv[2]}.npz", **answers)
"""


def drawn(model: keras.Model, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Return two examples of each input: numbers from 0 to 1, levels and labels 0 or 1."""
    values = {}
    holed = any(tensor.name == "mask" for tensor in model.inputs)
    for tensor in model.inputs:
        wanted = (HOLED if holed else SOUND).get(tensor.name, ANY_SIZE)
        size = (2, *(n or m for n, m in zip(tensor.shape[1:], wanted, strict=True)))
        numbers = random.uniform(size=size)
        whole = tensor.dtype == "int32"
        values[tensor.name] = (np.rint(numbers) if whole else numbers).astype(tensor.dtype)
    return values


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> tuple[Path, dict[str, np.ndarray]]:
    """Each network's weights and input in a folder, and its answers on TensorFlow."""
    folder = tmp_path_factory.mktemp("weights")
    random = np.random.default_rng(0)
    answers = {}
    for name in MICROS:
        keras.utils.set_random_seed(4)
        model = create_model(name, **OPTIONS.get(name, {}))
        for variable in model.weights:
            value = np.asarray(variable)
            if np.issubdtype(value.dtype, np.floating):
                value = value + random.normal(size=value.shape).astype("float32") * 0.1
                variable.assign(np.abs(value) + 0.1 if "variance" in variable.path else value)
        inputs = drawn(model, random)
        save_weights(model, folder / f"{name}.weights.h5", dtype="float32")
        np.savez(folder / f"{name}.npz", **inputs)  # type: ignore[arg-type]  # names, no flag
        answers[name] = np.asarray(model(inputs if len(inputs) > 1 else inputs["image"]))
    return folder, answers


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_answers_are_those_of_tensorflow(backend: str, here) -> None:
    folder, answers = here
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", **QUICK_XLA}
    subprocess.run(
        [sys.executable, "-c", THERE, str(folder), backend, json.dumps(OPTIONS), *TRAINED],
        cwd=ROOT,
        env=environment,
        check=True,
        timeout=280,
    )
    with np.load(folder / f"{backend}.npz") as there:
        assert set(there.files) == set(MICROS)
        for name, expected in answers.items():
            # Float32 in another order of operations.
            atol = 1e-4 * np.abs(expected).max()
            np.testing.assert_allclose(there[name], expected, atol=atol, err_msg=name)

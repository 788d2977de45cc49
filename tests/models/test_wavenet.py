"""WaveNet: its table rows, its equations in NumPy, and how far it sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import catalog
from models.explain import explain
from models.generative import wavenet
from models.generative.wavenet import WaveNetSpec
from models.weights import load_weights, save_weights

ROWS = catalog.list_models("wavenet*")
CONDITIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "label, kernel 3": {"global_classes": (3,), "global_dim": 5, "kernel": 3},
    "frames": {"local_dim": 3, "hop": 7},
    "labels and frames": {"global_classes": [3, 2], "local_dim": 4, "hop": 5},
}
LENGTH = 24


def spec_of(name: str, **options: Any) -> WaveNetSpec:
    spec = catalog.model_info(name).spec
    assert isinstance(spec, WaveNetSpec)
    if "global_classes" in options:
        options["global_classes"] = tuple(options["global_classes"])
    return replace(spec, **options)


def stirred(**options: Any) -> keras.Model:
    """The micro network with biases, too, away from 0."""
    keras.utils.set_random_seed(3)
    model = catalog.create_model("wavenet_micro", **options)
    random = np.random.default_rng(3)
    model.set_weights([w + random.normal(0, 0.3, w.shape) for w in model.get_weights()])
    return model


def inputs_for(spec: WaveNetSpec, count: int = 2, length: int = LENGTH) -> dict[str, np.ndarray]:
    random = np.random.default_rng(length)
    inputs = {"samples": random.integers(spec.classes, size=(count, length), dtype=np.int32)}
    if spec.global_classes:
        sizes = (count, len(spec.global_classes))
        inputs["labels"] = random.integers(spec.global_classes, size=sizes, dtype=np.int32)
    if spec.local_dim:
        frames = random.normal(size=(count, -(-length // spec.hop), spec.local_dim))
        inputs["frames"] = frames.astype("float32")
    return inputs


def parameters(spec: WaveNetSpec) -> int:
    """Count the weights by hand, from figure 4."""
    r, s, c, k, depth = spec.residual, spec.skip, spec.classes, spec.kernel, len(spec.dilations)
    start = c * r + (k * r * r + r)
    gated = depth * (k * r * 2 * r + 2 * r)
    skips, residuals = depth * (r * s + s), (depth - 1) * (r * r + r)
    head = (s * s + s) + (s * c + c)
    label = sum(spec.global_classes) * spec.global_dim + depth * spec.global_dim * 2 * r
    frame = depth * spec.local_dim * 2 * r
    conditions = (label if spec.global_classes else 0) + frame
    return start + gated + skips + residuals + head + conditions


@pytest.mark.parametrize("name", ROWS)
def test_a_row_states_the_parameters_and_the_receptive_field(name: str) -> None:
    spec = spec_of(name)
    model = catalog.create_model(name)
    assert model.count_params() == spec.params == parameters(spec)
    assert model.output_shape == (None, None, 256)
    assert f"sees {wavenet.receptive_field(spec):,} samples" in spec.title
    keras.utils.clear_session()


@pytest.mark.parametrize("options", CONDITIONS.values(), ids=CONDITIONS)
def test_parameters_of_conditions(options) -> None:
    model = catalog.create_model("wavenet_micro", **options)
    assert model.count_params() == parameters(spec_of("wavenet_micro", **options))


def shifted(x: np.ndarray, steps: int) -> np.ndarray:
    """Return x (B, T, C) `steps` samples later, zeros before."""
    return np.pad(x, ((0, 0), (steps, 0), (0, 0)))[:, : x.shape[1]]


def equations(model: keras.Model, spec: WaveNetSpec, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Return the logits in float64, as sections 2.1 to 2.5 of the paper write them."""
    w = {v.path: np.asarray(v, np.float64) for v in model.weights}

    def affine(x: np.ndarray, name: str) -> np.ndarray:
        return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    def causal(x: np.ndarray, name: str, dilation: int) -> np.ndarray:
        taps = w[f"{name}/kernel"]
        late = range(len(taps) - 1, -1, -1)
        sums = [shifted(x, n * dilation) @ tap for n, tap in zip(late, taps, strict=True)]
        return sum(sums, w[f"{name}/bias"])

    x = causal(w["samples_embed/embeddings"][inputs["samples"]], "first_conv", 1)
    skips: Any = 0.0
    for number, dilation in enumerate(spec.dilations, start=1):
        y = causal(x, f"layer{number}_conv", dilation)
        if "labels" in inputs:
            starts = np.cumsum([0, *spec.global_classes[:-1]])
            vectors = w["labels_embed/embeddings"][inputs["labels"] + starts].sum(axis=1)
            y = y + (vectors @ w[f"layer{number}_global/kernel"])[:, None]
        if "frames" in inputs:
            places = np.arange(x.shape[1]) // spec.hop
            y = y + (inputs["frames"] @ w[f"layer{number}_local/kernel"])[:, places]
        passing, gate = np.split(y, 2, axis=-1)
        z = np.tanh(passing) / (1 + np.exp(-gate))
        skips = skips + affine(z, f"layer{number}_skip")
        if number < len(spec.dilations):
            x = x + affine(z, f"layer{number}_residual")
    return affine(np.maximum(affine(np.maximum(skips, 0), "head"), 0), "logits")


@pytest.mark.parametrize("options", CONDITIONS.values(), ids=CONDITIONS)
def test_logits_are_those_of_the_equations(options) -> None:
    spec = spec_of("wavenet_micro", **options)
    model = stirred(**options)
    inputs = inputs_for(spec)
    logits = np.asarray(model(inputs))
    expected = equations(model, spec, inputs)
    # Float32 against float64 through 16 layers.
    assert np.abs(logits - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("kernel", [2, 3])
def test_the_receptive_field_is_what_changes_a_prediction(kernel: int) -> None:
    field = wavenet.receptive_field(spec_of("wavenet_micro", kernel=kernel))
    assert field == {2: 16, 3: 31}[kernel]  # 1 + (kernel - 1) (1 + 2 (1 + 2 + 4))
    model = stirred(kernel=kernel)
    length = field + 8
    samples = inputs_for(spec_of("wavenet_micro"), 1, length)["samples"]
    changed = np.repeat(samples, length, axis=0)
    changed[np.arange(length), np.arange(length)] ^= 128  # row t differs in sample t
    before, after = (np.asarray(model({"samples": levels})) for levels in (samples, changed))
    # More than what another size of the batch may round otherwise.
    differs = np.abs(after - before).max(axis=-1) > 1e-5 * np.abs(before).max()
    lags = np.arange(-length + 1, length)  # from the sample that changed to the prediction
    reached = [differs.diagonal(lag).any() for lag in lags]
    np.testing.assert_array_equal(reached, (lags >= 0) & (lags < field))


def test_labels_and_frames_reach_every_prediction_that_they_should() -> None:
    options = CONDITIONS["labels and frames"]
    model, inputs = stirred(**options), inputs_for(spec_of("wavenet_micro", **options), 1)
    before = np.asarray(model(inputs))
    for place in range(2):
        labels = inputs["labels"].copy()
        labels[0, place] = (labels[0, place] + 1) % options["global_classes"][place]
        assert (np.asarray(model({**inputs, "labels": labels})) != before).any(axis=-1).all()
    frames = inputs["frames"].copy()
    frames[0, 2] += 1.0  # samples 10 to 14
    differs = (np.asarray(model({**inputs, "frames": frames})) != before).any(axis=-1)[0]
    assert differs.argmax() == 10
    assert differs[10:15].all()


def test_every_weight_learns() -> None:
    options = CONDITIONS["labels and frames"]
    model, inputs = stirred(**options), inputs_for(spec_of("wavenet_micro", **options))
    with tf.GradientTape() as tape:
        logits = model(inputs, training=True)
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(inputs["samples"], logits)
        )
    variables = model.trainable_variables
    for variable, gradient in zip(
        variables, tape.gradient(loss, [v.value for v in variables]), strict=True
    ):
        assert gradient is not None, variable.path
        values = np.asarray(tf.convert_to_tensor(gradient))
        assert np.isfinite(values).all(), variable.path
        assert values.any(), variable.path


def test_network_learns_a_batch_and_survives_as_files(tmp_path) -> None:
    options = CONDITIONS["labels and frames"]
    keras.utils.set_random_seed(1)
    model = catalog.create_model("wavenet_micro", **options)
    inputs = inputs_for(spec_of("wavenet_micro", **options))
    start = np.full((2, 1), wavenet.silence(256), np.int32)
    heard = {**inputs, "samples": np.concatenate([start, inputs["samples"][:, :-1]], axis=1)}
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # Without a graph, which takes longer to make than these few steps.
    model.compile(optimizer=keras.optimizers.Adam(3e-2), loss=loss, run_eagerly=True)
    history = model.fit(heard, inputs["samples"], epochs=5, batch_size=2, verbose=0).history
    first, *_, last = history["loss"]
    assert last < 0.8 * first

    expected = np.asarray(model(heard))
    model.save(tmp_path / "whole.keras")
    again = keras.models.load_model(tmp_path / "whole.keras")
    np.testing.assert_array_equal(again(heard), expected)
    path = save_weights(model, tmp_path / "w.weights.h5", dtype="float32")
    other = catalog.create_model("wavenet_micro", **options, weights=path)
    np.testing.assert_array_equal(other(heard), expected)
    plain = catalog.create_model("wavenet_micro")
    with pytest.raises(ValueError, match="does not fit model 'wavenet_micro'"):
        load_weights(plain, path)


def test_maps_and_logits_under_mixed_precision() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        options = CONDITIONS["labels and frames"]
        spec = spec_of("wavenet_micro", **options)
        model, inputs = catalog.create_model("wavenet_micro", **options), inputs_for(spec)
        assert model(inputs).dtype == "float32"
        maps = catalog.features(model)(inputs)
        assert tuple(maps) == wavenet.feature_names(spec)
        assert {value.dtype.name for value in maps.values()} == {"bfloat16"}
    finally:
        keras.config.set_dtype_policy("float32")


def test_costs_are_counted_for_a_second() -> None:
    costs = explain("wavenet_tiny")
    spec = spec_of("wavenet_tiny")
    assert costs.input_shape == (8000,)
    assert costs.parameters == spec.params
    # Each kernel's weights once for each sample; tables and biases multiply nothing.
    tables = 256 * 32
    biases = 32 + 16 * (64 + 128) + 15 * 32 + 128 + 256
    assert costs.multiply_adds == 8000 * (spec.params - tables - biases)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"kernel": 4}, ValueError, "kernel must be 2 or 3; got 4"),
        ({"hop": 0}, ValueError, "hop must be a whole number of at least 1; got 0"),
        ({"local_dim": -1}, ValueError, "local_dim must be a whole number of at least 0; got -1"),
        ({"global_classes": (10, 0)}, ValueError, "global_classes must say .* got \\(10, 0\\)"),
        ({"classes": 10}, ValueError, "which generates sound; its options: kernel, global_classes"),
        ({"include_top": False}, ValueError, "include_top is for networks that classify"),
        ({"scale": 2}, TypeError, "wavenet_micro has no option 'scale'"),
        ({"input_shape": (8, 8, 1)}, ValueError, "input_shape of sound must be \\(samples,\\)"),
        ({"input_shape": (0,)}, ValueError, "input_shape of sound must be \\(samples,\\); got"),
        ({"weights": "imagenet"}, ValueError, "no published ImageNet weights"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, says: str) -> None:
    with pytest.raises(error, match=says):
        catalog.create_model("wavenet_micro", **arguments)

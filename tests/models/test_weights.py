"""Weight files: exact, checked name by name, and nothing but plain numbers."""

from __future__ import annotations

import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from models.catalog import create_model
from models.weights import load_weights, save_weights


def test_round_trip_is_exact_in_float32_and_to_half_precision_in_float16(tmp_path: Path) -> None:
    model, other = create_model("lenet_micro"), create_model("lenet_micro")
    load_weights(other, save_weights(model, tmp_path / "full.h5", dtype="float32"))
    for a, b in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    load_weights(other, save_weights(model, tmp_path / "half.h5"))
    for a, b in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(a).astype("float16"), b)


def test_names_are_readable(tmp_path: Path) -> None:
    path = save_weights(create_model("lenet5"), tmp_path / "w.h5")
    with h5py.File(path) as file:
        assert file["c1/kernel"].shape == (5, 5, 1, 6)
        assert file["logits/bias"].dtype == np.float16


def test_a_file_of_another_network_says_what_differs(tmp_path: Path) -> None:
    path = save_weights(create_model("lenet5"), tmp_path / "w.h5")
    model = create_model("lenet_micro")
    before = [np.asarray(v) for v in model.weights]
    with pytest.raises(ValueError, match=r"missing conv1/kernel.*and \d+ more"):
        load_weights(model, path)
    with pytest.raises(ValueError, match=r"logits/kernel is \(84, 10\) in the file, \(84, 3\)"):
        load_weights(create_model("lenet5", classes=3), path)
    for old, new in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, new)


def assert_same_as(model: keras.Model, whole: keras.Model) -> None:
    for variable in model.weights:
        layer, _, part = variable.path.partition("/")
        np.testing.assert_array_equal(variable, getattr(whole.get_layer(layer), part))


def test_what_keras_saved_is_read_and_auxiliary_heads_are_left_out(tmp_path: Path) -> None:
    whole = create_model("nasnet_micro", auxiliary=True, drop_path=0.1)
    whole.compile("sgd")  # an optimizer and random seeds are no weights of the network
    whole.save_weights(tmp_path / "w.weights.h5")
    assert_same_as(create_model("nasnet_micro", weights=tmp_path / "w.weights.h5"), whole)


def test_a_network_without_a_top_takes_the_rest_of_a_whole_file(tmp_path: Path) -> None:
    whole = create_model("vgg_micro")
    whole.save_weights(tmp_path / "keras.weights.h5")
    save_weights(whole, tmp_path / "ours.h5", dtype="float32")
    for file in ("keras.weights.h5", "ours.h5"):
        body = create_model("vgg_micro", include_top=False, weights=tmp_path / file)
        assert_same_as(body, whole)
    path = save_weights(body, tmp_path / "body.h5")
    with pytest.raises(ValueError, match=r"missing fc6/kernel; .*; and 1 more"):
        create_model("vgg_micro", weights=path)


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    model = create_model("lenet_micro")
    model.get_layer("logits").bias.assign(np.full(10, 1e6))  # beyond float16
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="logits/bias are not"):
        save_weights(model, tmp_path / "w.h5")
    assert list(tmp_path.iterdir()) == []


def _not_hdf5(path: Path) -> None:
    path.write_bytes(b"not an HDF5 file" * 100)


def _truncated(path: Path) -> None:
    save_weights(create_model("lenet5"), path)
    path.write_bytes(path.read_bytes()[:2000])


def _external_link(path: Path) -> None:
    save_weights(create_model("lenet_micro"), path)
    with h5py.File(path, "a") as file:
        del file["logits/bias"]
        file["logits/bias"] = h5py.ExternalLink("/etc/passwd", "/bias")


def _external_data(path: Path) -> None:
    save_weights(create_model("lenet_micro"), path)
    with h5py.File(path, "a") as file:
        del file["logits/bias"]
        file.create_dataset("logits/bias", (10,), "f4", external=[("/etc/passwd", 0, 40)])


def _whole_model(path: Path) -> None:
    create_model("lenet_micro").save(path.with_suffix(".keras"))
    path.with_suffix(".keras").replace(path)


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no weights")


def _nothing(path: Path) -> None:
    path.write_bytes(b"")


def _unnamed_layers(path: Path) -> None:
    keras_file = path.with_suffix(".weights.h5")
    create_model("lenet_micro").save_weights(keras_file)
    keras_file.replace(path)
    with h5py.File(path, "a") as file:
        del file["layers/conv2d/vars"].attrs["name"]


def _optimizer_only(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"conv1", b"no such group"])
        file.create_group("conv1")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_whole_model, r"is a whole Keras model.*load_model\(file\)\.save_weights"),
        (_zip, "not a readable HDF5 or safetensors file"),
        (_nothing, "not a readable HDF5 or safetensors file"),
        (_unnamed_layers, "does not name its layers"),
        (_optimizer_only, "holds Keras's layers"),
        (_not_hdf5, "not a readable HDF5"),
        (_truncated, "not a readable HDF5"),
        (_external_link, "missing logits/bias"),
        (_external_data, "plain floats stored in the file"),
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, spoil, says: str) -> None:
    path = tmp_path / "w.h5"
    spoil(path)
    with pytest.raises(ValueError, match=says):
        load_weights(create_model("lenet_micro"), path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.h5"):
        load_weights(create_model("lenet_micro"), tmp_path / "nowhere.h5")

"""tensorflow-addons' image operations: what they do, and that they leave Keras 3 alone."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipelines.training.addons import PACKAGE, AddonsChanges, AddonsError, image_operations, why_not
from pipelines.training.augmentation import Augmentation

REASON = why_not(sys.version_info[:2], find_spec(PACKAGE))
BATCH = np.random.default_rng(0).uniform(size=(6, 16, 18, 3)).astype("float32")
CHANGES = {
    "rotate_deg": 20.0,
    "translate_px": 3.0,
    "shear_x": 0.2,
    "shear_y": 0.2,
    "elastic_px": 2.0,
    "equalize": 0.7,
    "sharpness": 0.9,
}


def change(batch=BATCH, rows=None, **limits) -> np.ndarray:
    augment = Augmentation(addons=AddonsChanges(**limits))
    return np.asarray(augment(tf.constant(batch), tf.constant([3, 0]), rows=rows))


@pytest.mark.parametrize("name", CHANGES)
def test_each_changes_pictures_within_range_as_in_a_divided_batch(name: str) -> None:
    limits = {name: CHANGES[name]}
    if REASON:  # no build for this Python: that is what is said
        with pytest.raises(AddonsError, match="tensorflow-addons"):
            change(**limits)
        return
    whole = change(**limits)
    assert whole.min() >= 0
    assert whole.max() <= 1 + 1e-6  # interpolation's rounding
    assert (whole != BATCH).any()
    parts = [change(BATCH[a:b], rows=(a, 6), **limits) for a, b in ((0, 2), (2, 6))]
    # Rounding of sines, and of splines' equations.
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-4)
    assert change(BATCH[..., :1], **limits).shape == (6, 16, 18, 1)


def test_they_work_inside_a_data_set() -> None:
    augment = Augmentation(addons=AddonsChanges(**CHANGES))
    data = tf.data.Dataset.from_tensors(BATCH).map(lambda x: augment(x, tf.constant([3, 0])))
    if REASON:
        with pytest.raises(AddonsError, match="tensorflow-addons"):
            next(iter(data))
        return
    np.testing.assert_allclose(next(iter(data)), change(**CHANGES), atol=1e-4)


def test_elastic_moves_the_inside_and_keeps_the_border() -> None:
    if REASON:
        with pytest.raises(AddonsError, match="tensorflow-addons"):
            change(elastic_px=3.0)
        return
    ramp = np.broadcast_to(np.linspace(0, 1, 33, dtype="float32")[:, None, None], (4, 33, 33, 1))
    moved = (change(ramp, elastic_px=3.0) - ramp)[..., 0] * 32  # in pixels down
    for corner in (moved[:, 0, 0], moved[:, 0, -1], moved[:, -1, 0], moved[:, -1, -1]):
        np.testing.assert_allclose(corner, 0, atol=1e-2)  # the spline's float32 equations
    points = moved[:, 8:25:8, 8:25:8]
    assert 1 < np.abs(points).max() < 6


def test_python_without_a_build_and_a_missing_package_are_told_apart() -> None:
    spec = find_spec("numpy")
    assert why_not((3, 11), spec) == ""
    assert "no build for Python 3.12, only up to 3.11" in why_not((3, 12), spec)
    assert "pip install 'sightsound[addons]'" in why_not((3, 11), None)


@pytest.mark.parametrize(
    ("limits", "says"),
    [({"equalize": 1.5}, "equalize must be at most 1"), ({"shear_x": -1}, "shear_x must be 0 or")],
)
def test_limits_are_checked(limits, says) -> None:
    with pytest.raises(ValueError, match=says):
        AddonsChanges(**limits)


# What changes when tensorflow-addons is loaded is looked at in a process of its own.
LOAD = """
import os, sys
import keras  # which loads OpenCV where it is installed, and that sets a variable
before = dict(os.environ)
from pipelines.training.addons import image_operations
image_operations()
assert dict(os.environ) == before
loaded = [name for name in sys.modules if name.split(".")[0] in ("tensorflow_addons", "tf_keras")]
assert not loaded, loaded
assert "keras.src.engine" not in sys.modules
import numpy, tensorflow
assert tensorflow.keras.Model is keras.Model
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.1), "mse")
x = numpy.random.default_rng(0).normal(size=(64, 3))
losses = model.fit(x, x.sum(axis=1), epochs=5, verbose=0).history["loss"]
assert losses[-1] < 0.5 * losses[0], losses
print("trained")
"""


@pytest.mark.slow
def test_keras_3_trains_as_ever_after_they_are_loaded() -> None:
    if REASON:
        with pytest.raises(AddonsError, match="tensorflow-addons"):
            image_operations()
        return
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.stdout.strip() == "trained", done.stderr
    assert "Warning" not in done.stderr

"""The whitening layer: what leaves it has no correlations, and its kernel is not trained."""

from __future__ import annotations

import keras
import numpy as np

from models.layers.whitening import FLOOR, PatchWhitening


def pictures(photographs) -> np.ndarray:
    """Return 60 standardised pieces, (60, 32, 32, 3), of a real photograph."""
    picture = photographs["flower"].astype("float32")
    pieces = [picture[y : y + 32, x : x + 32] for y in range(0, 192, 32) for x in range(0, 320, 32)]
    stack = np.stack(pieces)
    standard: np.ndarray = (stack - stack.mean(axis=(0, 1, 2))) / stack.std(axis=(0, 1, 2))
    return standard


def test_patches_leave_it_white_and_with_both_signs(photographs) -> None:
    x = pictures(photographs)
    layer = PatchWhitening(2)
    layer.build(x.shape)
    layer.adapt(x)
    maps = np.asarray(layer(x)).astype(float)
    assert maps.shape == (60, 31, 31, 24)
    np.testing.assert_array_equal(maps[..., 12:], -maps[..., :12])
    flat = maps[..., :12].reshape(-1, 12)
    covariance = flat.T @ flat / len(flat)
    # A direction with eigenvalue v leaves with v / (v + FLOOR), a little below 1 for the faint.
    patches = np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(1, 2)).reshape(-1, 12)
    values = np.linalg.eigvalsh(patches.T @ patches / len(patches))[::-1]
    np.testing.assert_allclose(covariance, np.diag(values / (values + FLOOR)), atol=2e-3)


def test_only_its_bias_is_trained_and_it_survives_saving(photographs, tmp_path) -> None:
    image = keras.Input((9, 8, 3), name="image")
    model = keras.Model(image, PatchWhitening(2, name="whiten")(image))
    layer = model.get_layer("whiten")
    assert [v.name for v in layer.trainable_variables] == ["bias"]
    assert model.output_shape == (None, 8, 7, 24)
    assert layer.multiply_adds((None, 9, 8, 3), (None, 8, 7, 24)) == 8 * 7 * 24 * 12
    layer.adapt(pictures(photographs))
    model.save(tmp_path / "m.keras")
    x = pictures(photographs)[:2, :9, :8]
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(x), model(x))

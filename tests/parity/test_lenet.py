"""Every LeNet against the same equations written in NumPy, without Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models.catalog import create_model
from models.classifiers.lenet import C3_TABLE


def conv(x: np.ndarray, kernel: np.ndarray, stride: int = 1, same: bool = False):
    """Cross-correlate (B, H, W, in) with (k, k, in, out) by the definition."""
    k = kernel.shape[0]
    if same:
        pads = []
        for size in x.shape[1:3]:
            total = max((-(-size // stride) - 1) * stride + k - size, 0)
            pads.append((total // 2, total - total // 2))
        x = np.pad(x, ((0, 0), *pads, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))
    return np.einsum("bhwcij,ijco->bhwo", windows[:, ::stride, ::stride], kernel)


def blocks(x: np.ndarray):
    """Split (B, H, W, C) into 2 x 2 blocks: (B, H/2, W/2, 4, C)."""
    b, h, w, c = x.shape
    x = x[:, : h // 2 * 2, : w // 2 * 2].reshape(b, h // 2, 2, w // 2, 2, c)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(b, h // 2, w // 2, 4, c)


def lenet5_1998(w: dict[str, np.ndarray], x: np.ndarray):
    def squash(a: np.ndarray) -> np.ndarray:
        return 1.7159 * np.tanh(2 / 3 * a)

    x = squash(conv(x, w["c1/kernel"]) + w["c1/bias"])
    x = squash(blocks(x).sum(axis=3) * w["s2/coefficient"] + w["s2/bias"])
    kernels, maps, link = w["c3/kernels"].reshape(5, 5, 60), [], 0
    for seen in C3_TABLE:  # one small convolution a connection
        total = np.zeros(())
        for s2 in seen:
            total = total + conv(x[..., s2 : s2 + 1], kernels[:, :, link, None, None])
            link += 1
        maps.append(total)
    x = squash(np.concatenate(maps, axis=-1) + w["c3/bias"])
    x = squash(blocks(x).sum(axis=3) * w["s4/coefficient"] + w["s4/bias"])
    x = squash(conv(x, w["c5/kernel"]) + w["c5/bias"]).reshape(len(x), 120)
    x = squash(x @ w["f6/kernel"] + w["f6/bias"])
    return -((x[:, :, None] - w["logits/code"]) ** 2).sum(axis=1)


def lenet5(w: dict[str, np.ndarray], x: np.ndarray):
    x = blocks(np.maximum(conv(x, w["c1/kernel"], same=True) + w["c1/bias"], 0)).max(axis=3)
    x = blocks(np.maximum(conv(x, w["c3/kernel"]) + w["c3/bias"], 0)).max(axis=3)
    x = x.reshape(len(x), -1)
    for name in ("c5", "f6"):
        x = np.maximum(x @ w[f"{name}/kernel"] + w[f"{name}/bias"], 0)
    return x @ w["logits/kernel"] + w["logits/bias"]


def lenet_modern(w: dict[str, np.ndarray], x: np.ndarray):
    for number, stride in enumerate((1, 2, 1, 2, 1), start=1):
        x = conv(x, w[f"conv{number}/kernel"], stride, same=True)
        n = {k: w[f"norm{number}/{k}"] for k in ("gamma", "beta", "moving_mean", "moving_variance")}
        scale = n["gamma"] / np.sqrt(n["moving_variance"] + 1e-3)
        x = np.maximum((x - n["moving_mean"]) * scale + n["beta"], 0)
    return x.mean(axis=(1, 2)) @ w["logits/kernel"] + w["logits/bias"]


@pytest.mark.parametrize("by_hand", [lenet5_1998, lenet5, lenet_modern])
def test_network_equals_its_equations(by_hand) -> None:
    keras.utils.set_random_seed(3)
    random = np.random.default_rng(3)
    model = create_model(by_hand.__name__)
    for variable in model.weights:
        if variable.path.endswith("code"):
            continue
        # Away from initial values, so that every term counts; variances stay positive.
        noise = random.normal(size=variable.shape) * 0.1
        value = np.asarray(variable) + noise
        variable.assign(np.abs(value) + 0.1 if "variance" in variable.path else value)
    x = random.uniform(-0.1, 1.2, size=(3, *model.input_shape[1:]))
    weights = {v.path: np.asarray(v).astype(float) for v in model.weights}
    expected = by_hand(weights, x)
    # float32 against float64: some 1e-6 relative to the largest logit.
    np.testing.assert_allclose(
        np.asarray(model(x.astype("float32"))), expected, atol=1e-5 * np.abs(expected).max()
    )

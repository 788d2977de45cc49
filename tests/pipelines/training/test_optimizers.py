"""Muon for convolutions, against its formula in NumPy."""

from __future__ import annotations

import keras
import numpy as np

from pipelines.training.optimizers import ConvolutionalMuon


def orthogonal(g: np.ndarray) -> np.ndarray:
    """Five quintic Newton-Schulz steps with Keras's coefficients, rows as patches."""
    x: np.ndarray = g.T if g.shape[0] > g.shape[1] else g
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if g.shape[0] > g.shape[1] else x


def test_a_kernel_moves_as_the_matrix_of_its_patches() -> None:
    random = np.random.default_rng(0)
    start = random.normal(size=(3, 3, 4, 8)).astype("float32")
    kernel = keras.Variable(start, name="kernel")
    bias = keras.Variable(np.zeros(8, "float32"), name="bias")
    optimizer = ConvolutionalMuon(0.1, weight_decay=0.02, adam_weight_decay=0.0)
    optimizer.build([kernel, bias])
    expected, momentum = start.astype(float), np.zeros((36, 8))
    for step in range(4):
        gradient = random.normal(size=start.shape).astype("float32")
        optimizer.apply([gradient, np.ones(8, "float32")], [kernel, bias])
        g = gradient.reshape(36, 8).astype(float)
        momentum = 0.95 * momentum + g
        direction = orthogonal(g + 0.95 * momentum)
        expected = expected * (1 - 0.1 * 0.02)
        expected -= 0.1 * 0.2 * np.sqrt(36) * direction.reshape(start.shape)
        # Float32 against float64 through five cubic iterations.
        np.testing.assert_allclose(np.asarray(kernel), expected, atol=2e-5, err_msg=str(step))
    np.testing.assert_allclose(np.asarray(bias), -0.4, atol=1e-5)  # Adam: a rate a step


def test_an_excluded_kernel_moves_by_adam() -> None:
    kernel = keras.Variable(np.zeros((1, 1, 2, 2), "float32"), name="logits")
    optimizer = ConvolutionalMuon(0.1, exclude_layers=["logits"], adam_weight_decay=0.0)
    optimizer.build([kernel])
    optimizer.apply([np.full((1, 1, 2, 2), 3.0, "float32")], [kernel])
    np.testing.assert_allclose(np.asarray(kernel), -0.1, atol=1e-5)

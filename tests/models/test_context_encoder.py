"""The context encoders: figures 9a and 9b of their paper, and what they look at."""

from __future__ import annotations

import numpy as np
import pytest

from models.catalog import create_model
from models.explain import explain
from models.restoration.context_encoder import build_discriminator, middle_of
from tests.models.test_catalog_inpainters import inputs, stirred


def test_sizes_are_those_of_the_papers_figure() -> None:
    rows = {row.name: row for row in explain("context_encoder").rows}
    convolutions = [rows[name].output_shape for name in rows if name.endswith(("_conv", "_deconv"))]
    down = [(64, 64, 64), (32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512), (1, 1, 4000)]
    up = [(4, 4, 512), (8, 8, 256), (16, 16, 128), (32, 32, 64), (64, 64, 3)]
    assert convolutions == down + up
    pairs = [(3, 64), (64, 64), (64, 128), (128, 256), (256, 512), (512, 4000)]
    pairs += [(4000, 512), (512, 256), (256, 128), (128, 64), (64, 3)]
    normalised = (64, 128, 256, 512, 4000, 512, 256, 128, 64)
    expected = sum(16 * read * made for read, made in pairs) + 2 * sum(normalised)
    assert explain("context_encoder").trainable == expected == 71_124_544


def test_the_adversary_is_that_of_the_papers_figure() -> None:
    found = explain(build_discriminator())
    convolutions = [row.output_shape for row in found.rows if row.name.endswith("_conv")]
    assert convolutions == [(32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512), (1, 1, 1)]
    assert found.trainable == 2_765_568
    with pytest.raises(ValueError, match="2 widths judge 16 pixels a side; got 64"):
        build_discriminator(widths=(4, 4))


def test_it_does_not_look_into_the_holes_and_fills_the_middle_alone() -> None:
    model = stirred("context_encoder_micro")
    given = inputs("context_encoder_micro", 1)
    given["mask"][0, :3, :3] = 1.0  # a hole that is not in the middle
    other = {**given, "image": np.where(given["mask"] == 1, 0.25, given["image"])}
    found, again = (np.asarray(model(x, training=False)) for x in (given, other))
    np.testing.assert_allclose(found[:, 8:24, 8:24], again[:, 8:24, 8:24], atol=1e-6)
    np.testing.assert_array_equal(found[0, :3, :3], given["image"][0, :3, :3])


def test_the_overlap_is_made_too() -> None:
    """Where the mask leaves a band of the middle alone, what was made there is still to be had."""
    model = create_model("context_encoder_micro")
    given = inputs("context_encoder_micro", 1)
    given["mask"][:] = 0.0
    given["mask"][:, 12:20, 12:20] = 1.0
    middle = np.asarray(middle_of(model)(given, training=False))
    filled = np.asarray(model(given, training=False))
    assert middle.shape == (1, 16, 16, 3)
    np.testing.assert_allclose(filled[:, 12:20, 12:20], middle[:, 4:12, 4:12], atol=1e-6)


def test_the_network_for_features_has_the_sizes_of_the_papers_figure() -> None:
    found = explain("context_encoder_227")
    rows = {row.name: row for row in found.rows}
    encoder = {row.name: row for row in explain("alexnet").rows}
    for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "pool5"):
        assert rows[name].output_shape == encoder[name].output_shape
    assert rows["each"].output_shape == rows["across_relu"].output_shape == (6, 6, 256)
    up = [rows[name].output_shape for name in rows if name.endswith("_deconv")]
    assert up == [(11, 11, 128), (21, 21, 64), (41, 41, 64), (81, 81, 32), (161, 161, 3)]
    assert rows["resized"].output_shape == (227, 227, 3)
    pairs = [(256, 128), (128, 64), (64, 64), (64, 32), (32, 3)]
    back = 25 * sum(read * made for read, made in pairs) + 128 + 64 + 64 + 32 + 3
    assert found.trainable == 2_334_080 + 256 * (36**2 + 36) + 256 * 257 + back == 3_921_155


def test_the_network_for_features_does_not_look_into_holes_and_fills_them_anywhere() -> None:
    name = "context_encoder_227_micro"
    model, given = stirred(name), inputs(name, 1)
    given["mask"][:] = 0.0
    given["mask"][0, :9, 50:] = 1.0  # in a corner
    other = {**given, "image": np.where(given["mask"] == 1, 0.25, given["image"])}
    found, again = (np.asarray(model(x, training=False)) for x in (given, other))
    np.testing.assert_allclose(found, again, atol=1e-6)
    assert np.abs(found - given["image"])[0, :9, 50:].min() > 0

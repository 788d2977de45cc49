"""The graph around a network: bicubic as Keys defines it, luma as BT.601, and back to pixels."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipelines.super_resolution import colour, resampling
from pipelines.super_resolution.graph import (
    Enlargement,
    cubic_weights,
    enlarge_bicubic,
    enlarge_pixels,
    studio_luma,
)

SCALES = (2, 3, 4)
RANDOM = np.random.default_rng(0)
SMALL = RANDOM.integers(0, 256, (1, 13, 17, 3), np.uint8)
DEEP = RANDOM.integers(0, 65536, (1, 13, 17, 3), np.uint16)
ROUNDING = 1e-6  # float32 sums in another order


def cubic_network(scale: int):
    """A network that does what bicubic interpolation does."""
    return lambda image: enlarge_bicubic(image, scale)


def unit(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 2), (3, 1), (31, 45)])
def test_bicubic_is_that_of_the_evaluation_at_every_edge(scale: int, size: tuple[int, int]) -> None:
    image = RANDOM.random((*size, 3), np.float32)
    found = enlarge_bicubic(tf.constant(image[None]), scale).numpy()[0]
    np.testing.assert_allclose(found, resampling.enlarge(image, scale), atol=ROUNDING)


def test_weights_are_keys() -> None:
    # Of a = -0.5 at distances of 1.25, 0.25, 0.75 and 1.75, in 128ths.
    first, second = cubic_weights(2)
    assert first == [(-2, -3 / 128), (-1, 29 / 128), (0, 111 / 128), (1, -9 / 128)]
    assert second == [(-at, weight) for at, weight in reversed(first)]
    assert [len(weights) for weights in cubic_weights(3)] == [4, 1, 4]
    for scale in SCALES:
        sums = [sum(weight for _, weight in weights) for weights in cubic_weights(scale)]
        np.testing.assert_allclose(sums, 1, atol=1e-15)


@pytest.mark.parametrize("scale", SCALES)
def test_bicubic_does_not_depend_on_the_place_to_the_bit(scale: int) -> None:
    image = RANDOM.random((1, 60, 70, 2), np.float32)
    whole = enlarge_bicubic(tf.constant(image), scale).numpy()
    for top, left, height, width in ((7, 11, 20, 31), (1, 2, 53, 9), (40, 60, 19, 9)):
        part = image[:, top : top + height, left : left + width]
        alone = enlarge_bicubic(tf.constant(part), scale).numpy()[:, 2 * scale : -2 * scale]
        expected = whole[:, scale * (top + 2) : scale * (top + height - 2)]
        np.testing.assert_array_equal(
            alone[:, :, 2 * scale : -2 * scale],
            expected[:, :, scale * (left + 2) : scale * (left + width - 2)],
        )


def test_luma_is_that_of_the_evaluation() -> None:
    found = studio_luma(tf.constant(unit(SMALL))).numpy()
    np.testing.assert_allclose(found[0, ..., 0], colour.luma(SMALL[0]), atol=ROUNDING)
    ends = studio_luma(tf.constant([[[[0.0], [1.0]]]])).numpy().ravel()
    np.testing.assert_allclose(ends * 255, [16, 235], atol=1e-4)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("pixels", [SMALL, DEEP], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("kind", ["luma", "rgb"])
@pytest.mark.parametrize("enlarged", [False, True])
def test_a_bicubic_network_makes_a_bicubic_picture(
    scale: int, pixels: np.ndarray, kind, enlarged: bool
) -> None:
    network = (lambda image: image) if enlarged else cubic_network(scale)
    found = Enlargement(scale, kind, enlarged)(tf.constant(pixels), network).numpy()
    white = np.iinfo(pixels.dtype).max
    expected = np.clip(resampling.enlarge(unit(pixels)[0], scale), 0, 1) * white
    assert found.dtype == pixels.dtype
    # Half a step of rounding, and as much as float32 holds of 16 bits.
    np.testing.assert_allclose(found[0], expected, atol=0.5 + 0.02 * (white > 255))


@pytest.mark.parametrize("scale", SCALES)
def test_it_is_luma_by_the_network_and_chroma_by_bicubic(scale: int) -> None:
    sharper = cubic_network(scale)
    found = Enlargement(scale)(tf.constant(SMALL), lambda y: 1.5 * sharper(y) - 0.2).numpy()[0]
    space = colour.rgb_to_ycbcr(SMALL[0])
    large = resampling.enlarge(space, scale)
    large[..., 0] = 1.5 * resampling.enlarge(space[..., 0], scale) - 0.2
    expected = np.clip(colour.ycbcr_to_rgb(large), 0, 1) * 255
    np.testing.assert_allclose(found, expected, atol=0.5 + 1e-3)


@pytest.mark.parametrize("kind", ["luma", "rgb"])
def test_grey_is_what_rgb_with_equal_channels_is(kind) -> None:
    enlargement = Enlargement(2, kind)

    def network(image: tf.Tensor) -> tf.Tensor:
        assert image.shape[-1] == enlargement.channels
        return enlarge_bicubic(image, 2) ** 1.1

    grey = SMALL[..., :1]
    found = enlargement(tf.constant(grey), network).numpy()
    coloured = enlargement(tf.constant(grey.repeat(3, axis=-1)), network).numpy()
    assert found.shape == (1, 26, 34, 1)
    # Luma of equal channels is a sum of three, and of grey is one: rounding may turn one step.
    np.testing.assert_allclose(coloured.astype(int), found.repeat(3, axis=-1), atol=1)
    assert (coloured != found).mean() < 0.01


def test_channels_keep_their_order() -> None:
    brighter = Enlargement(2, "rgb")(
        tf.constant(SMALL), lambda image: enlarge_bicubic(image, 2) * [1.0, 0.0, 0.5]
    ).numpy()
    assert (brighter[..., 1] == 0).all()
    assert brighter[..., 0].mean() == pytest.approx(2 * brighter[..., 2].mean(), rel=0.3)


def test_what_overshoots_is_clipped() -> None:
    for value, end in ((2.0, 255), (-1.0, 0)):
        network = lambda image, value=value: enlarge_bicubic(image, 2) * 0 + value  # noqa: E731
        assert (Enlargement(2)(tf.constant(SMALL), network).numpy() == end).all()
        assert (Enlargement(2, "rgb")(tf.constant(SMALL), network).numpy() == end).all()


def test_16_bits_are_not_made_of_8() -> None:
    ramp = np.arange(13 * 17, dtype=np.uint16).reshape(1, 13, 17, 1) + 30_000  # less than one of 8
    found = Enlargement(2)(tf.constant(ramp), cubic_network(2)).numpy()
    assert len(np.unique(found)) > 200
    assert (abs(found[0, ::2, ::2, 0].astype(int) - ramp[0, ..., 0]) <= 9).all()  # half a row apart


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_is_bicubic_and_clipped(dtype) -> None:
    white = np.iinfo(dtype).max
    alpha = np.zeros((1, 8, 8, 1), dtype)
    alpha[:, :, 4:] = white
    found = enlarge_pixels(tf.constant(alpha), 2).numpy()[0, 8, :, 0].astype(float) / white
    assert found.tolist() == sorted(found)
    np.testing.assert_array_equal(found[:5], 0)  # the kernel undershoots there
    np.testing.assert_array_equal(found[-5:], 1)
    assert 0 < found[7] < 0.5 < found[8] < 1


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"scale": 5}, "scale must be one of 2, 3, 4; got 5"),
        ({"scale": 2, "colour": "lab"}, "colour must be one of luma, rgb; got 'lab'"),
    ],
)
def test_unknown_values_are_refused(values, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Enlargement(**values)

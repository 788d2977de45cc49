"""What is measured on training pictures: against NumPy, kept with a preset, inside an export."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.catalog import create_model
from pipelines import load_exported, presets
from pipelines.classification.pipeline import ImageClassification
from pipelines.preprocessing import ImagePreprocessing, scale_pixels
from pipelines.presets import PresetError, load_preset
from pipelines.standardisation import (
    KINDS,
    MOST_INPUTS,
    PixelMap,
    colour_axes,
    fit_standardisation,
)

SIDE = 6
PLAN = ImagePreprocessing(height_px=SIDE, width_px=SIDE)


@pytest.fixture(scope="module")
def patches(photographs) -> np.ndarray:
    """3,000 pieces (6, 6, 3) of two photographs."""
    random = np.random.default_rng(0)
    both = np.stack(list(photographs.values()))
    which = random.integers(0, 2, 3000)
    top, left = random.integers(0, 421, 3000), random.integers(0, 634, 3000)
    rows = top[:, None, None] + np.arange(SIDE)[:, None]
    cut: np.ndarray = both[which[:, None, None], rows, left[:, None, None] + np.arange(SIDE)]
    return cut


def network_input(plan: ImagePreprocessing, images: np.ndarray) -> np.ndarray:
    pixels = tf.constant(images, tf.float32) / 255.0
    return np.asarray(tf.function(lambda: scale_pixels(plan, pixels))(), np.float64)


def covariance(rows: np.ndarray) -> np.ndarray:
    return np.cov(rows.reshape(len(rows), -1), rowvar=False, bias=True)


@pytest.mark.parametrize("kind", ["mean_channel", "mean_image", "standard"])
def test_means_and_deviations_are_numpys(patches, kind) -> None:
    out = network_input(PLAN.standardised(kind, patches), patches)
    pixels = patches / 255
    expected = pixels - pixels.mean(axis=0 if kind == "mean_image" else (0, 1, 2))
    if kind == "standard":
        expected /= pixels.std(axis=(0, 1, 2))
    np.testing.assert_allclose(out, expected, atol=2e-6)  # float32 of numbers up to 3


@pytest.mark.parametrize("kind", ["pca", "zca"])
def test_whitened_training_pictures_have_the_identity_as_covariance(patches, kind) -> None:
    plan = PLAN.standardised(kind, patches, epsilon=0.0)
    out = network_input(plan, patches)
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-3)
    # The smallest deviation is 1/100 of the largest: float32's 6e-8, 100-fold, summed over 108
    # inputs, is some 1e-4.
    np.testing.assert_allclose(covariance(out), np.eye(SIDE * SIDE * 3), atol=1e-3)


def test_epsilon_holds_back_directions_that_hardly_vary(patches) -> None:
    epsilon = 0.1
    out = network_input(PLAN.standardised("pca", patches, epsilon=epsilon), patches)
    plain = covariance(network_input(PLAN.standardised("standard", patches), patches))
    values = np.linalg.eigvalsh(plain)[::-1]
    expected = np.diag(values / (values + epsilon))
    np.testing.assert_allclose(covariance(out), expected, atol=1e-4)  # of float32 sums


def test_zca_is_symmetric_and_nearest_the_pictures_pca_falls(patches) -> None:
    zca = PLAN.standardised("zca", patches).pixel_map
    pca = PLAN.standardised("pca", patches).pixel_map
    assert zca is not None
    assert pca is not None
    assert zca.matrix is not None
    assert pca.matrix is not None
    np.testing.assert_allclose(zca.matrix, zca.matrix.T, atol=1e-5)  # rounding, of up to 10
    plain = network_input(PLAN.standardised("standard", patches), patches).reshape(3000, -1)
    by_zca = network_input(PLAN.standardised("zca", patches), patches).reshape(3000, -1)
    by_pca = network_input(PLAN.standardised("pca", patches), patches).reshape(3000, -1)
    assert np.square(by_zca - plain).sum() < np.square(by_pca - plain).sum()
    variances = by_pca.var(axis=0)
    assert (np.diff(variances) <= 1e-4).all()  # rounding
    assert variances[0] > 0.99
    assert (np.abs(pca.matrix).max(axis=0) == pca.matrix.max(axis=0)).all()  # a sign of its own


def test_pixels_that_never_change_stay_nothing(digits) -> None:
    images = digits.images[..., None]  # some corners of 8 x 8 are always black
    plan = ImagePreprocessing(height_px=8, width_px=8, channels=1)
    out = network_input(plan.standardised("pca", images, epsilon=0.0), images)
    variances = out.reshape(len(out), -1).var(axis=0)
    ranks = np.linalg.matrix_rank(images.reshape(len(images), -1) - images.mean(axis=0).ravel())
    np.testing.assert_allclose(variances[:ranks], 1, atol=1e-3)
    assert (variances[ranks:] < 1e-6).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_memory_map_in_chunks_gives_the_same(patches, tmp_path: Path, monkeypatch, kind) -> None:
    whole = fit_standardisation(kind, patches)
    np.save(tmp_path / "patches.npy", patches)
    mapped = np.load(tmp_path / "patches.npy", mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    monkeypatch.setattr("pipelines.standardisation.CHUNK", 999 * SIDE * SIDE * 3)
    assert fit_standardisation(kind, mapped) == whole  # exact: sums of whole numbers


@pytest.mark.parametrize("kind", ["standard", "zca"])
def test_margin_and_channel_order_are_what_the_network_sees(patches, kind) -> None:
    plan = replace(PLAN, margin_px=1, channel_order="bgr")
    wide = np.pad(patches, ((0, 0), (1, 1), (1, 1), (0, 0)))
    out = network_input(plan.standardised(kind, patches), wide)
    assert out.shape == (3000, 8, 8, 3)
    np.testing.assert_allclose(out.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    if kind == "standard":
        np.testing.assert_allclose(out.std(axis=(0, 1, 2)), 1, atol=1e-5)
        blue = wide[..., 2] / 255
        np.testing.assert_allclose(out[..., 0], (blue - blue.mean()) / blue.std(), atol=1e-5)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return create_model("lenet_micro", input_shape=(SIDE, SIDE, 3), classes=4)


def saved(network: keras.Model, plan: ImagePreprocessing, folder: Path) -> Path:
    return ImageClassification(network, preprocessing=plan, labels=list("abcd")).save(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_a_preset_keeps_it(network, patches, tmp_path: Path, kind) -> None:
    plan = PLAN.standardised(kind, patches)
    folder = saved(network, plan, tmp_path / "p")
    assert (folder / presets.PIXEL_MAP).exists() == (plan.pixel_map is not None)
    assert ImagePreprocessing.from_preset(load_preset(folder)) == plan


@pytest.mark.slow
def test_an_export_of_a_loaded_preset_whitens_as_the_pipeline_does(
    network, patches, photographs, tmp_path: Path
) -> None:
    plan = PLAN.standardised("zca", patches)
    classify = ImageClassification(network, preprocessing=plan, labels=list("abcd"))
    loaded = ImageClassification.from_preset(classify.save(tmp_path / "p"))
    served = load_exported(loaded.export(tmp_path / "served"))
    stack = list(photographs.values())
    # The same numbers in one compiled piece: float32 sums in another order.
    np.testing.assert_allclose(served.scores(stack), loaded.scores(stack), atol=1e-5)
    # Without whitening the answers are others: the comparison could fail.
    plain = ImageClassification(network, preprocessing=PLAN, labels=list("abcd"))
    assert np.abs(plain.scores(stack) - loaded.scores(stack)).max() > 1e-2
    # Both endpoints share one matrix.
    assert plan.pixel_map is not None
    assert plan.pixel_map.matrix is not None
    graph = (tmp_path / "served" / "1" / "saved_model.pb").read_bytes()
    assert graph.count(plan.pixel_map.matrix.tobytes()) == 1


def record(folder: Path, file: str) -> None:
    """Record a changed file's hash, as somebody hostile would."""
    metadata = json.loads((folder / presets.METADATA).read_text())
    metadata["sha256"][file] = presets.sha256(folder / file)
    (folder / presets.METADATA).write_text(json.dumps(metadata))


def test_a_damaged_missing_or_foreign_array_is_refused(network, patches, tmp_path: Path) -> None:
    folder = saved(network, PLAN.standardised("zca", patches), tmp_path / "p")
    array = folder / presets.PIXEL_MAP
    whole = array.read_bytes()
    array.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(PresetError, match=r"is damaged: pixel_map\.npy must have SHA-256"):
        load_preset(folder)
    array.unlink()
    with pytest.raises(PresetError, match="have its array; got 'zca' without one"):
        ImagePreprocessing.from_preset(load_preset(folder))
    np.save(array, np.zeros((3, 108), np.float32))
    record(folder, presets.PIXEL_MAP)
    with pytest.raises(PresetError, match=r"must be float32 \(109, 108\).*got float32 \(3, 108\)"):
        ImagePreprocessing.from_preset(load_preset(folder))


@pytest.mark.parametrize("hostile", ["objects", "huge", "empty", "zip", "nan"])
def test_a_hostile_array_runs_nothing_and_takes_no_memory(
    network, patches, tmp_path: Path, hostile
) -> None:
    folder = saved(network, PLAN.standardised("zca", patches), tmp_path / "p")
    array = folder / presets.PIXEL_MAP
    if hostile == "objects":
        np.save(array, np.array([print], object), allow_pickle=True)
    elif hostile == "huge":
        header = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)}
        with array.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
    elif hostile == "zip":
        with array.open("wb") as file:
            np.savez(file, a=np.zeros(3))
    elif hostile == "nan":
        np.save(array, np.full((109, 108), np.nan, np.float32))
    else:
        array.write_bytes(b"")
    record(folder, presets.PIXEL_MAP)
    named = presets.PREPROCESSOR if hostile == "nan" else presets.PIXEL_MAP  # nan is a plain array
    with pytest.raises(PresetError, match=f"preset 'p': {named}: "):
        ImagePreprocessing.from_preset(load_preset(folder))


@pytest.mark.parametrize(
    ("kind", "shape", "options", "says"),
    [
        ("zcaa", (9, 2, 2, 3), {}, "unknown standardisation 'zcaa'; did you mean 'zca'"),
        ("zca", (9, 64, 64, 3), {}, f"at most {MOST_INPUTS} inputs a picture.*got 12288"),
        ("zca", (9, 36, 36, 3), {"margin_px": 1}, "got 4332"),
        ("pca", (9, 2, 2, 3), {"epsilon": 0.0}, "needs more pictures than the 12 inputs"),
        ("pca", (9, 2, 2, 3), {"epsilon": -1.0}, "epsilon must be 0 or more"),
        ("standard", (0, 2, 2, 3), {}, r"images must be \(N, H, W, C\) uint8"),
        ("standard", (9, 2, 2), {}, r"images must be \(N, H, W, C\) uint8"),
    ],
)
def test_what_cannot_be_is_refused(kind, shape, options, says) -> None:
    with pytest.raises(ValueError, match=says):
        fit_standardisation(kind, np.zeros(shape, np.uint8), **options)


def test_pictures_of_another_size_are_refused(patches) -> None:
    with pytest.raises(ValueError, match=r"images must be fitted to \(6, 6, 3\); got \(5, 6, 3\)"):
        PLAN.standardised("standard", patches[:, 1:])
    pixel_map = PLAN.standardised("mean_image", patches).pixel_map
    with pytest.raises(ValueError, match=r"the pixel map must be for \(7, 6, 3\)"):
        replace(PLAN, height_px=7, pixel_map=pixel_map)


def test_a_pixel_map_is_a_value(patches) -> None:
    one, two = (fit_standardisation("zca", patches).pixel_map for _ in range(2))
    other = fit_standardisation("zca", patches[:2000]).pixel_map
    assert one == two
    assert hash(one) == hash(two)
    assert one != other
    with pytest.raises(ValueError, match="pca and zca have a matrix"):
        PixelMap("zca", np.zeros((2, 2, 1), np.float32))


def test_colour_axes_are_the_principal_ones(photographs) -> None:
    images = np.stack(list(photographs.values()))
    axes = np.array(colour_axes(images))
    pixels = images.reshape(-1, 3) / 255
    # Rows a_i with sum of a_i' a_i the covariance, orthogonal, the longest first.
    np.testing.assert_allclose(axes.T @ axes, np.cov(pixels, rowvar=False), atol=1e-6)
    lengths = np.linalg.norm(axes, axis=1)
    assert (np.diff(lengths) < 0).all()
    np.testing.assert_allclose(axes @ axes.T, np.diag(lengths**2), atol=1e-9)

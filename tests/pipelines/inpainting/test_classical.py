"""The classical methods under one interface: they fill the holes, and nothing else."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from pipelines.inpainting import classical
from pipelines.inpainting.classical import METHODS, is_installed, method
from pipelines.inpainting.mask_sets import draw_mask
from pipelines.inpainting.metrics import compare


@pytest.fixture(scope="module")
def crop(photographs) -> np.ndarray:
    pixels: np.ndarray = photographs["china"][120:184, 180:252]
    return pixels


@pytest.mark.parametrize("name", METHODS)
def test_holes_are_filled_and_nothing_else(name: str, crop: np.ndarray) -> None:
    height, width, _ = crop.shape
    mask = draw_mask("strokes", height, width, 3)
    before = crop.copy(), mask.copy()
    painted = np.where(mask[..., None], np.uint8(255), crop)
    filled = method(name)(painted, mask)
    assert filled.dtype == np.uint8
    np.testing.assert_array_equal(filled[~mask], crop[~mask])
    np.testing.assert_array_equal(crop, before[0])
    np.testing.assert_array_equal(mask, before[1])
    # Far nearer to what was there than the white that was painted over it.
    gain = compare(crop, filled, mask)[0].psnr - compare(crop, painted, mask)[0].psnr
    assert gain > 8


@pytest.mark.parametrize("name", METHODS)
def test_grey_and_hard_masks(name: str, crop: np.ndarray) -> None:
    grey = np.ascontiguousarray(crop[:20, :24, :1])
    for mask in (np.zeros((20, 24), bool), np.eye(20, 24, dtype=bool)):
        filled = method(name)(grey, mask)
        assert filled.shape == grey.shape
        np.testing.assert_array_equal(filled[~mask], grey[~mask])
    border = np.zeros((20, 24), bool)
    border[:, :6] = True
    assert np.abs(method(name)(grey, border)[:, :6].astype(int)).max() <= 255


def test_a_ramp_goes_on_through_a_hole() -> None:
    """All of them know of values that rise in a straight line, give or take a rounding or two."""
    ramp = np.broadcast_to(np.arange(0, 200, 5, dtype=np.uint8), (30, 40))[..., None].copy()
    mask = np.zeros((30, 40), bool)
    mask[12:18, 16:24] = True
    for name, most in (("first_fill", 2), ("biharmonic", 1), ("telea", 10), ("ns", 10)):
        filled = method(name)(ramp, mask).astype(int)
        assert np.abs(filled - ramp).max() <= most, name


def test_an_unknown_method_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="unknown method 'teela'; did you mean 'telea'"):
        method("teela")


@pytest.mark.parametrize(
    ("name", "module"), [("telea", "cv2"), ("biharmonic", "skimage.restoration")]
)
def test_without_its_package_a_method_says_what_to_install(
    name: str, module: str, crop: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_installed(name)
    monkeypatch.setitem(sys.modules, module, None)  # which makes the import fail
    assert not is_installed(name)
    assert is_installed("first_fill")
    with pytest.raises(ImportError, match=r"pip install 'sightsound\[inpaint\]'"):
        classical.METHODS[name](crop, crop[..., 0] > 128)

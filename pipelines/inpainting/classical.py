"""Classical methods of filling holes, all called alike.

first_fill   the smooth fill that our networks start from; needs nothing else
telea        Telea: An image inpainting technique based on the fast marching method, 2004
             (doi:10.1080/10867651.2004.10487596)
ns           Bertalmio, Bertozzi and Sapiro: Navier-Stokes, fluid dynamics, and image and video
             inpainting, 2001 (doi:10.1109/CVPR.2001.990497)
biharmonic   Damelin and Hoang: On surface completion and image inpainting by biharmonic functions,
             2018 (doi:10.1155/2018/3950312)

The second and third are OpenCV's and the last is scikit-image's, which the extra `inpaint` brings.
OpenCV rounds to whole values; the others are rounded to the nearest here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import tensorflow as tf

from models.words import suggest
from pipelines.inpainting.first_fill import first_fill

# Maps an image (H, W, C) uint8 and its mask (H, W) bool, True where to fill, to (H, W, C) uint8.
Method = Callable[[np.ndarray, np.ndarray], np.ndarray]

RADIUS_PX = 3  # of the neighbourhood that OpenCV's two look at, as its tutorial has it


def method(name: str) -> Method:
    """Return a classical method.

    Raises:
        ValueError: There is none of that name; the message names the nearest.
    """
    if name not in METHODS:
        raise ValueError(f"unknown method {name!r}; {suggest(name, METHODS)}")
    return METHODS[name]


def is_installed(name: str) -> bool:
    """Tell whether a method's package is there."""
    try:
        _PACKAGES.get(name, lambda: None)()
    except ImportError:
        return False
    return True


def fill_first(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill as `first_fill` does: each pixel the mean of its neighbours."""
    pixels = tf.constant(image[None], tf.float32) / 255.0
    filled = _first_fill()(pixels, tf.constant(mask[None, ..., None], tf.float32))
    return kept(image, mask, np.rint(np.asarray(filled[0]) * 255.0))


def fill_telea(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill from the rim inwards, each pixel from those around it that are known by then.

    Raises:
        ImportError: OpenCV is not installed.
    """
    cv2 = _opencv()
    return _opencv_fill(image, mask, cv2.INPAINT_TELEA)


def fill_ns(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill so that lines of equal brightness go on as a fluid would flow.

    Raises:
        ImportError: OpenCV is not installed.
    """
    cv2 = _opencv()
    return _opencv_fill(image, mask, cv2.INPAINT_NS)


def fill_biharmonic(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill as a bent plate would: smooth, and its slope on the rim is kept.

    It solves one equation a pixel of the hole: for broad holes in large pictures, take another.

    Raises:
        ImportError: scikit-image is not installed.
    """
    inpaint = _scikit_image()
    unit = image.astype(np.float64) / 255.0
    filled = inpaint.inpaint_biharmonic(unit, mask, channel_axis=-1)
    return kept(image, mask, np.rint(filled.clip(0.0, 1.0) * 255.0))


def kept(image: np.ndarray, mask: np.ndarray, filled: np.ndarray) -> np.ndarray:
    """Return the fill in the holes, and the image itself elsewhere."""
    kept: np.ndarray = np.where(mask[..., None], filled.astype(np.uint8), image)
    return kept


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "first_fill": fill_first,
        "telea": fill_telea,
        "ns": fill_ns,
        "biharmonic": fill_biharmonic,
    }
)


def _opencv_fill(image: np.ndarray, mask: np.ndarray, flags: int) -> np.ndarray:
    """Fill by OpenCV, which takes one channel or three, of neighbours that lie side by side."""
    pixels = np.ascontiguousarray(image[..., 0] if image.shape[2] == 1 else image)
    filled = _opencv().inpaint(pixels, mask.astype(np.uint8), RADIUS_PX, flags)
    return kept(image, mask, filled.reshape(image.shape))


@cache
def _first_fill() -> Callable[..., Any]:
    shapes = [tf.TensorSpec((None, None, None, channels), tf.float32) for channels in (None, 1)]
    graph: Callable[..., Any] = tf.function(first_fill, input_signature=shapes)
    return graph


def _opencv() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise _missing("OpenCV", error) from error
    return cv2


def _scikit_image() -> ModuleType:
    try:
        from skimage.restoration import inpaint
    except ImportError as error:
        raise _missing("scikit-image", error) from error
    module: ModuleType = inpaint
    return module


def _missing(package: str, error: ImportError) -> ImportError:
    return ImportError(
        f"{package} is needed for this method: {error}; pip install 'sightsound[inpaint]', or take "
        "the method 'first_fill'"
    )


_PACKAGES: Mapping[str, Callable[[], Any]] = MappingProxyType(
    {"telea": _opencv, "ns": _opencv, "biharmonic": _scikit_image}
)

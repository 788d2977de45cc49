"""Arrays as pictures: what is taken, what it means, and what is refused."""

from __future__ import annotations

import numpy as np

from pipelines.picture import (
    DEFAULT_LIMITS,
    ImageError,
    Limits,
    Picture,
    check_size,
    refusal,
    rgb_copy,
)

CHANNELS = (1, 3, 4)  # grey, RGB, RGB with alpha
UINT8 = np.dtype(np.uint8)


def picture_from_array(
    array: np.ndarray, *, source: str = "<array>", limits: Limits = DEFAULT_LIMITS
) -> Picture:
    """Copy an array into a `Picture`.

    Args:
        array: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), the last with alpha; uint8, uint16,
            float in [0, 1] (kept in 16 bits), or bool (black and white).
        source: What to call it.
        limits: `max_pixels` counts here too.

    Raises:
        ImageError: Another shape or type, or values out of range; the message gives the remedy.
    """
    shape = array.shape
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in CHANNELS):
        raise _shape_refusal(source, shape)
    check_size(source, shape[0], shape[1], limits)
    if type(array) is not np.ndarray:
        if isinstance(array, np.ma.MaskedArray):
            raise refusal(source, "a masked array lacks some values; pass array.filled(0)")
        array = np.asarray(array)

    values = array if array.dtype == UINT8 else _to_unsigned(source, array)
    if len(shape) == 2:
        values = values[:, :, None]
    alpha = None
    if values.shape[2] == 4:
        alpha = values[:, :, 3].copy()
        alpha.setflags(write=False)
        values = values[:, :, :3]
    return Picture(rgb_copy(values), source, values.shape[2] == 1, alpha)


def _shape_refusal(source: str, shape: tuple[int, ...]) -> ImageError:
    """Return the error for a shape that is no picture's."""
    rule = f"an array must be (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); got {shape}"
    if len(shape) == 4:
        several = "pass list(array)" if shape[0] != 1 else "pass array[0]"
        return refusal(source, f"{rule}; for a batch {several}")
    if len(shape) == 3 and shape[0] in CHANNELS:
        return refusal(source, f"{rule}; channels come last: pass np.moveaxis(array, 0, -1)")
    return refusal(source, rule)


def _to_unsigned(source: str, array: np.ndarray) -> np.ndarray:
    """Return bool, uint16 or float values as uint8 or uint16, full scale."""
    kind = array.dtype.kind
    if kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if kind == "u" and array.dtype.itemsize == 2:
        return array.astype(np.uint16, copy=False)  # drops a foreign byte order
    if kind == "f":
        return _float_to_uint16(source, array)
    rule = f"an array must hold uint8, uint16, bool, or float in [0, 1]; got {array.dtype}"
    if kind not in "iu":
        raise refusal(source, f"{rule}; convert it with array.astype(...)")
    low, high = int(array.min()), int(array.max())
    remedy = "scale the values to 0...255 and pass uint8"
    if low >= 0 and high <= 255:
        remedy = "if white is 255, pass array.astype(np.uint8)"
    elif low >= 0 and high <= 65535:
        remedy = "if white is 65535, pass array.astype(np.uint16)"
    raise refusal(source, f"{rule} with values from {low} to {high}; {remedy}")


def _float_to_uint16(source: str, array: np.ndarray) -> np.ndarray:
    """Return floats in [0, 1] as uint16: fine enough to give every 8-bit value back exactly."""
    low, high = float(array.min()), float(array.max())
    if not (low >= 0.0 and high <= 1.0):  # written so that NaN fails
        raise _float_refusal(source, array, low, high)
    precision = np.float32 if array.dtype.itemsize <= 4 else np.float64
    scaled: np.ndarray = np.rint(array.astype(precision) * 65535).astype(np.uint16)
    return scaled


def _float_refusal(source: str, array: np.ndarray, low: float, high: float) -> ImageError:
    """Return the error for floats that are not all in [0, 1]."""
    finite = np.isfinite(array)
    if not finite.all():
        count = array.size - int(finite.sum())
        return refusal(
            source,
            f"a float array must be finite; got NaN or infinity in {count:,} of {array.size:,}"
            " values; find where they arise, or pass np.nan_to_num(array)",
        )
    remedy = "scale it to [0, 1]"
    if low >= 0 and 2 < high <= 255:
        remedy = "if white is 255, pass array / 255"
    elif -1 <= low < -0.1 and high <= 1:  # below a resampling filter's undershoot
        remedy = "if black is -1, pass (array + 1) / 2"
    elif low >= -0.1 and high <= 1.1:
        remedy = "pass np.clip(array, 0, 1)"
    return refusal(
        source, f"a float array must lie in [0, 1]; got {low:.6g} to {high:.6g}; {remedy}"
    )

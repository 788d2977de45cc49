"""The arithmetic of a convolution's size, without Keras: it answers at once.

`n` pixels with `p` more on either side, read by a window of `k` that moves `s` pixels at a time,
give `(n + 2p - k) / s + 1` values. Frameworks round that down and leave the last pixels unread;
here windows that do not come out even are refused, with the nearest settings that do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, overload

Pair = tuple[int, int]  # height, width
Padding = Literal["valid", "same"]


@overload
def conv_output(size: int, kernel: int, stride: int = 1, padding: int | Padding = 0) -> int: ...


@overload
def conv_output(
    size: int | Pair,
    kernel: int | Pair,
    stride: int | Pair = 1,
    padding: int | Pair | Padding = 0,
) -> int | Pair: ...


def conv_output(
    size: int | Pair,
    kernel: int | Pair,
    stride: int | Pair = 1,
    padding: int | Pair | Padding = 0,
) -> int | Pair:
    """Return how many values a convolution or a pooling gives along each side.

    Args:
        size: Of the image in pixels: one number, or (height, width).
        kernel: Of the window, likewise; a dilation `d` makes `(k - 1) d + 1` out of `k`.
        stride: From one window to the next, likewise.
        padding: Pixels added on either side, likewise. "valid" adds none; "same" as many as
            `ceil(size / stride)` takes, where one side may get one more than the other.

    Returns:
        One number, or (height, width) where any argument is a pair.

    Raises:
        ValueError: The windows do not come out even; the message names settings that do.
    """
    if isinstance(padding, str) and padding not in ("valid", "same"):
        raise ValueError(f"padding must be 'valid', 'same' or pixels; got {padding!r}")
    pixels = 0 if isinstance(padding, str) else padding
    sizes, kernels, strides = _pair("size", size), _pair("kernel", kernel), _pair("stride", stride)
    paddings = _pair("padding", pixels, least=0)
    paired = any(isinstance(value, Sequence) for value in (size, kernel, stride, pixels))
    outputs = []
    for axis, side in enumerate(("height", "width")):
        n, k, s, p = (values[axis] for values in (sizes, kernels, strides, paddings))
        where = f" along the {side}" if paired else ""
        outputs.append(-(-n // s) if padding == "same" else _output(n, k, s, p, where))
    return (outputs[0], outputs[1]) if paired else outputs[0]


def _pair(name: str, value: int | Sequence[int], least: int = 1) -> Pair:
    pair = tuple(value) if isinstance(value, Sequence) else (value, value)
    if len(pair) != 2 or any(type(n) is not int or n < least for n in pair):
        raise ValueError(
            f"{name} must be a whole number of at least {least}, or a pair of them; got {value!r}"
        )
    return pair


def _output(n: int, k: int, s: int, p: int, where: str) -> int:
    """Return the number of values along one side, or refuse."""
    way = n + 2 * p - k  # from the first window to the last
    if _fits(n, k, s, p):
        return way // s + 1
    padded = f"{n} + 2 x {p}" if p else str(n)
    if way < 0:
        rule = "the kernel must not be larger than size + 2 x padding"
        values = f"kernel {k} on {padded}"
    else:
        rule = "(size + 2 x padding - kernel) / stride must be whole"
        values = f"({padded} - {k}) / {s} = {way / s:.4g}"
    fits = nearest_fits(n, k, s, p)
    remedies = "; ".join(f"{name} {_either(choice)}" for name, choice in fits.items() if choice)
    raise ValueError(f"{rule}{where}; got {values}; what fits: {remedies}")


def _fits(n: int, k: int, s: int, p: int) -> bool:
    return n + 2 * p >= k and (n + 2 * p - k) % s == 0


def nearest_fits(size: int, kernel: int, stride: int = 1, padding: int = 0) -> dict[str, list[int]]:
    """Return, for each setting, the nearest values that fit while the others stay.

    A stride of 1 always comes along where the kernel fits into the padded image.
    """
    n, k, s, p = size, kernel, stride, padding
    far = s + max(0, k - n - 2 * p)  # what fits recurs after s steps, once the kernel is inside
    choices = {
        "stride": _nearest(s, 1, far, lambda value: _fits(n, k, value, p)),
        "padding": _nearest(p, 0, far, lambda value: _fits(n, k, s, value)),
        "kernel": _nearest(k, 1, far, lambda value: _fits(n, value, s, p)),
        "size": _nearest(n, 1, far, lambda value: _fits(value, k, s, p)),
    }
    if s > 1 and _fits(n, k, 1, p):
        choices["stride"] = sorted({1, *choices["stride"]})
    return choices


def _nearest(value: int, least: int, far: int, fits: Callable[[int], bool]) -> list[int]:
    """Return the next smaller and the next larger value that fits, where there is one."""
    smaller = range(value - 1, max(least, value - far) - 1, -1)
    larger = range(value + 1, value + far + 1)
    found = (next(filter(fits, values), None) for values in (smaller, larger))
    return [v for v in found if v is not None]


def _either(values: Sequence[int]) -> str:
    *first, last = map(str, values)
    return f"{', '.join(first)} or {last}" if first else last

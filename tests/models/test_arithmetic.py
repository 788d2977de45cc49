"""The arithmetic of a convolution's size, against the textbooks' examples and against NumPy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.arithmetic import conv_output, nearest_fits

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        ((7, 3, 1), 5),  # CS231n's example, with the next
        ((7, 3, 2), 3),
        ((32, 5, 1, 2), 32),
        ((227, 11, 4), 55),  # AlexNet
        ((55, 3, 2), 27),
        ((230, 7, 1, "valid"), 224),
        ((224, 7, 2, "same"), 112),
        ((5, 3, 2, "same"), 3),
        ((3, 5, 1, 1), 1),
        (((28, 30), 3), (26, 28)),
        ((28, (3, 5), 1, (1, 2)), (28, 28)),
        (((9, 7), 3, (3, 2)), (3, 3)),
        (((5, 6), 2, 2, "same"), (3, 3)),
    ],
)
def test_the_output_has_the_textbooks_size(arguments, output) -> None:
    assert conv_output(*arguments) == output


@pytest.mark.parametrize("padding", [0, 1, 3])
def test_what_fits_reads_every_pixel_and_the_rest_is_refused(padding: int) -> None:
    for size, kernel, stride in np.ndindex(9, 7, 5):
        size, kernel, stride = size + 1, kernel + 1, stride + 1
        places = np.arange(size + 2 * padding)
        starts = [start for start in places[::stride] if start + kernel <= len(places)]
        if starts and starts[-1] + kernel == len(places):
            assert conv_output(size, kernel, stride, padding) == len(starts)
        else:
            with pytest.raises(ValueError, match="what fits"):
                conv_output(size, kernel, stride, padding)


def test_every_remedy_fits_and_none_is_nearer() -> None:
    names = ("size", "kernel", "stride", "padding")
    for values in np.ndindex(12, 6, 5, 3):
        settings = dict(zip(names, np.add(values, [1, 1, 1, 0]).tolist(), strict=True))
        found = nearest_fits(**settings)
        for name, value in settings.items():
            # Larger strides than twice the present one are no neighbours of it.
            others = range(name != "padding", 2 * value + 1 if name == "stride" else 40)
            fitting = [v for v in others if v != value and fits(settings | {name: v})]
            below, above = ([v for v in fitting if (v < value) is less] for less in (True, False))
            always = {1} & set(below) if name == "stride" else set()
            assert set(found[name]) == {*below[-1:], *above[:1], *always}, (name, settings)


def fits(settings: dict[str, int]) -> bool:
    """Tell whether `conv_output` takes the settings."""
    try:
        conv_output(**settings)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (7, 3, 3),
            "(size + 2 x padding - kernel) / stride must be whole; got (7 - 3) / 3 = 1.333; "
            "what fits: stride 1, 2 or 4; padding 1; kernel 1 or 4; size 6 or 9",
        ),
        (
            (224, 11, 4),  # what AlexNet's paper prints
            "(size + 2 x padding - kernel) / stride must be whole; got (224 - 11) / 4 = 53.25; "
            "what fits: stride 1 or 3; kernel 8 or 12; size 223 or 227",
        ),
        (
            (5, 9, 1, 1),
            "the kernel must not be larger than size + 2 x padding; got kernel 9 on 5 + 2 x 1; "
            "what fits: padding 2; kernel 7; size 7",
        ),
        (
            ((9, 7), 3, 3),
            "(size + 2 x padding - kernel) / stride must be whole along the width; "
            "got (7 - 3) / 3 = 1.333; "
            "what fits: stride 1, 2 or 4; padding 1; kernel 1 or 4; size 6 or 9",
        ),
        ((7, 0), "kernel must be a whole number of at least 1, or a pair of them; got 0"),
        ((7, 3, 1.0), "stride must be a whole number of at least 1, or a pair of them; got 1.0"),
        ((7, 3, 1, -1), "padding must be a whole number of at least 0, or a pair of them; got -1"),
        (((7, 7, 3), 3), "size must be a whole number of at least 1, or a pair of them; got "),
        ((7, 3, 1, "full"), "padding must be 'valid', 'same' or pixels; got 'full'"),
    ],
)
def test_a_refusal_states_rule_values_and_remedies(arguments, message: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole message is compared
        conv_output(*arguments)
    assert type(refused.value) is ValueError
    assert str(refused.value).startswith(message)


def test_the_answer_needs_no_keras() -> None:
    code = "import sys; import sightsound as ss; ss.conv_output(7, 3); print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"numpy", "keras", "tensorflow"} & set(loaded.split())

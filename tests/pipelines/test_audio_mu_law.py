"""The mu-law's facts, and librosa's beside it."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from pipelines.audio import mu_compress, mu_expand

SAMPLES = np.concatenate([np.linspace(-1, 1, 20_001), np.geomspace(1e-8, 1, 2000)])


@pytest.mark.parametrize("classes", [2, 3, 16, 255, 256, 1024, 65_536])
def test_every_level_comes_back(classes: int) -> None:
    levels = np.arange(classes)
    samples = mu_expand(levels, classes)
    np.testing.assert_array_equal(mu_compress(samples, classes), levels)
    assert (np.diff(samples) > 0).all()
    assert (samples[0], samples[-1]) == (-1, 1)
    assert samples.dtype == np.float32
    assert mu_compress(samples, classes).dtype == np.int32


@pytest.mark.parametrize("classes", [16, 256, 1024])
def test_a_round_trip_errs_by_no_more_than_half_a_level(classes: int) -> None:
    mu = classes - 1
    errors = np.abs(mu_expand(mu_compress(SAMPLES, classes), classes) - SAMPLES)
    # f moves by 1 / mu at most, and x + 1 / mu by the power of it; 1e-7 is float32's rounding.
    bounds = (classes ** (1 / mu) - 1) * (np.abs(SAMPLES) + 1 / mu) + 1e-7
    assert (errors <= bounds).all()
    assert (errors > 0.9 * bounds).any()  # no smaller bound holds


def test_it_is_monotone_and_symmetric() -> None:
    levels = mu_compress(np.sort(SAMPLES))
    assert (np.diff(levels) >= 0).all()
    assert (levels.min(), levels.max()) == (0, 255)
    sounds = SAMPLES[SAMPLES != 0]
    np.testing.assert_array_equal(mu_compress(sounds) + mu_compress(-sounds), 255)
    np.testing.assert_array_equal(mu_expand(np.arange(256)), -mu_expand(np.arange(255, -1, -1)))


def test_silence_is_the_upper_of_the_two_middle_levels() -> None:
    np.testing.assert_array_equal(
        mu_compress(np.array([0.0, -0.0, 1e-9, -1e-5])), [128, 128, 128, 127]
    )
    level_db = 20 * np.log10(mu_expand(np.array([128])))
    assert level_db == pytest.approx(-81.3, abs=0.05)
    np.testing.assert_array_equal(mu_compress(np.zeros(2), 3), 1)  # an odd number has a zero
    assert mu_expand(np.array([1]), 3) == 0


def test_the_curve_is_librosas_and_the_levels_are_not() -> None:
    curve = librosa.mu_compress(SAMPLES, mu=255, quantize=False)
    np.testing.assert_array_equal(mu_compress(SAMPLES), np.floor((curve + 1) * 127.5 + 0.5))
    theirs = librosa.mu_compress(SAMPLES, mu=255, quantize=True)
    assert (theirs.min(), theirs.max()) == (-128, 127)
    # Ours takes the nearest level, librosa's the one above.
    assert set(np.unique(theirs + 128 - mu_compress(SAMPLES))) == {0, 1}


def test_any_shape_will_do() -> None:
    samples = SAMPLES[:24].reshape(2, 3, 4).astype(np.float32)
    levels = mu_compress(samples)
    assert levels.shape == mu_expand(levels).shape == (2, 3, 4)
    assert mu_compress(np.zeros((0, 3))).shape == (0, 3)
    assert mu_expand(np.zeros((0, 3), np.int64)).shape == (0, 3)


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        ([1.5], r"must lie in \[-1, 1\]; got 1.5 to 1.5"),
        ([0.0, np.nan], "must lie in"),
        ([0, 1], "samples must be float in .* got int64"),
    ],
)
def test_what_is_no_sample_is_refused(samples: list[float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        mu_compress(np.array(samples))


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        ([256], "levels must be 0 to 255; got 256 to 256"),
        ([-128, 127], "got -128 to 127; to librosa's, add 128"),
        ([0.0], "levels must be integers from 0 to 255; got float64"),
    ],
)
def test_what_is_no_level_is_refused(levels: list[int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        mu_expand(np.array(levels))


@pytest.mark.parametrize("classes", [1, 0, 65_537])
def test_numbers_of_classes_are_checked(classes: int) -> None:
    for call in (lambda: mu_compress(SAMPLES, classes), lambda: mu_expand(np.arange(2), classes)):
        with pytest.raises(ValueError, match=f"classes must be 2 to 65,536; got {classes}"):
            call()

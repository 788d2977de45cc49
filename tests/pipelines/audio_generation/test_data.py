"""The spoken digits: which files, in which order, and what is said where some are missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.audio_generation.data import DIGITS, SPEAKERS, DataError, fsdd
from tests.conftest import DATA_PACK


def test_the_parts_hold_their_takes_and_no_other(spoken: Path) -> None:
    test, train = fsdd(spoken, "test"), fsdd(spoken, "train")
    assert {one.take for one in test} == {2, 3, 4}
    assert {one.take for one in train} == set(range(5, 50))
    assert len(test) == 10 * 6 * 3
    assert len(train) == 10 * 6 * 45
    assert [one.labels for one in test[:4]] == [(0, 0)] * 3 + [(0, 1)]
    last = train[-1]
    assert last.name == f"9_{SPEAKERS[-1]}_49"
    assert (DIGITS[last.digit], last.rate_hz) == ("nine", 8000)


def test_recordings_are_as_they_are_unless_a_level_is_asked_for(spoken: Path) -> None:
    as_recorded = fsdd(spoken, "test")[0].samples
    expected, _ = soundfile.read(spoken / f"0_{SPEAKERS[0]}_2.wav", dtype="float32")
    np.testing.assert_array_equal(as_recorded, expected)
    levelled = fsdd(spoken, "test", level_db=-6.0)[0].samples
    assert np.abs(levelled).max() == pytest.approx(10 ** (-6 / 20), rel=1e-6)


@pytest.mark.parametrize("inside", ["fsdd", "recordings", "fsdd/recordings"])
def test_the_files_may_lie_in_a_folder_of_a_known_name(
    spoken: Path, tmp_path: Path, inside: str
) -> None:
    (tmp_path / inside).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / inside).symlink_to(spoken)
    assert len(fsdd(tmp_path, "test")) == 180


def test_what_is_missing_is_named(spoken: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no spoken digits; it must hold files such as"):
        fsdd(tmp_path, "test")
    shutil.copy(spoken / "7_theo_3.wav", tmp_path)
    with pytest.raises(DataError, match=r"lacks 179 of 180 files, such as 0_george_2\.wav"):
        fsdd(tmp_path, "test")
    with pytest.raises(ValueError, match="unknown part 'tset'; did you mean 'test'"):
        fsdd(tmp_path, "tset")  # type: ignore[arg-type]


def test_another_rate_is_refused(spoken: Path, tmp_path: Path) -> None:
    for path in spoken.glob("*_[234].wav"):
        shutil.copy(path, tmp_path)
    soundfile.write(tmp_path / "0_george_2.wav", np.zeros(99), 16_000)
    with pytest.raises(DataError, match=r"0_george_2\.wav must have 8,000 Hz; it has 16,000"):
        fsdd(tmp_path, "test")


@pytest.mark.data
def test_the_real_set_is_as_its_authors_say(tmp_path: Path) -> None:
    command = [sys.executable, str(DATA_PACK / "unpack.py"), str(tmp_path), "fsdd"]
    subprocess.run(command, check=True, capture_output=True)
    test = fsdd(tmp_path, "test")
    assert len(test) == 180
    assert sum(len(one.samples) for one in test) == 616_257

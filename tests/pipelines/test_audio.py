"""The door: files, bytes, arrays, and everything that must be refused."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.audio import (
    Audio,
    AudioError,
    AudioLimits,
    MissingAudioError,
    audio_from_samples,
    describe_audio,
    list_audio,
    read_audio,
)
from tests.pipelines.encoded_audio import RATE_HZ, encode, sound, wav
from tests.pipelines.hostile_audio import HOSTILE_AUDIO, HostileSound
from tests.pipelines.python_process import run_python


@pytest.mark.parametrize("hostile", HOSTILE_AUDIO, ids=lambda hostile: hostile.id)
@pytest.mark.filterwarnings("error")
def test_hostile_input_is_refused(hostile: HostileSound, tmp_path: Path) -> None:
    source = hostile.make(tmp_path)
    with pytest.raises(hostile.error, match=re.escape(hostile.says)) as caught:
        read_audio(source)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 800


def test_hostile_inputs_are_named_apart() -> None:
    names = [hostile.id for hostile in HOSTILE_AUDIO]
    assert len(names) == len(set(names)) >= 50


def test_importing_starts_nothing_heavy() -> None:
    heavy = ("tensorflow", "keras", "librosa", "soundfile", "soxr", "PIL")
    script = "import pipelines.audio as a; print(a.mu_compress(a.np.zeros(1))[0])"
    assert run_python(script, without=heavy).strip() == "128"


def test_what_lacks_soundfile_says_how_to_get_it() -> None:
    script = """
import numpy as np
from pipelines.audio import AudioWriter, read_audio, resample
calls = (
    lambda: read_audio(bytes.fromhex("664c6143") + bytes(18) + bytes(range(20))),
    lambda: AudioWriter("a.wav", 8000),
    lambda: resample(read_audio((np.zeros(9), 8000)), 16000),
)
for call in calls:
    try:
        call()
    except ImportError as error:
        print(error)
"""
    lines = run_python(script, without=("soundfile", "soxr")).splitlines()
    remedy = "pip install 'sightsound[audio]'"
    assert lines == [
        f"audio files need soundfile; {remedy}",
        f"audio files need soundfile; {remedy}",
        f"resampling needs soxr; {remedy}",
    ]


@pytest.mark.parametrize("as_source", [str, Path, Path.read_bytes])
def test_all_kinds_of_file_give_the_same_samples(
    as_source: Callable[[Any], Any], tmp_path: Path
) -> None:
    levels = np.round(sound(channels=2) * 32768).astype(np.int16)
    path = tmp_path / "a.wav"
    path.write_bytes(encode(levels))
    source = as_source(path)
    audio = read_audio(source)
    np.testing.assert_array_equal(audio.samples, read_audio((levels, RATE_HZ)).samples)
    assert audio.source == describe_audio(source)
    assert (audio.rate_hz, audio.frames, audio.channels) == (RATE_HZ, 4000, 2)
    assert (audio.seconds, audio.format, audio.clipped) == (0.25, "WAV", 0)
    assert read_audio(audio) is audio


def test_sources_are_described() -> None:
    audio = Audio(np.zeros((1, 1), np.float32), 8000, "seven.wav")
    sources = ["a/b.wav", Path("a/b.wav"), b"x", np.zeros(3), (np.zeros(3), 8000), audio, None]
    described = ["a/b.wav", "a/b.wav", "<bytes>", "<array>", "<array>", "seven.wav", "<NoneType>"]
    assert [describe_audio(source) for source in sources] == described


@pytest.mark.parametrize(
    ("dtype", "levels", "expected"),
    [
        ("int16", (-32768, 0, 16384, 32767), (-1, 0, 0.5, 32767 / 32768)),
        ("int32", (-(2**31), 0, 2**30, 2**24), (-1, 0, 0.5, 2**-7)),
        ("int8", (-128, 0, 64, 127), (-1, 0, 0.5, 127 / 128)),
        ("uint8", (0, 128, 192, 255), (-1, 0, 0.5, 127 / 128)),
        ("float16", (-1, 0, 0.5, 1), (-1, 0, 0.5, 1)),
        ("float64", (-1, 0, 0.5, 1), (-1, 0, 0.5, 1)),
        (">i2", (-32768, 0, 16384, 32767), (-1, 0, 0.5, 32767 / 32768)),
        # One level of 16 bits beyond full scale, and a rate divided by 32,767.
        ("float32", (-32768 / 32767, 0, 0.5, 1 + 2**-15), (-1, 0, 0.5, 1)),
    ],
)
def test_arrays_are_scaled_by_their_type(
    dtype: str, levels: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    samples = np.array(levels, dtype)
    before = samples.copy()
    for layout in (samples, samples[:, None], np.asfortranarray(np.stack([samples] * 3, axis=1))):
        audio = audio_from_samples(layout, np.int64(8000))  # type: ignore[arg-type] # as NumPy gives it
        assert audio.samples.dtype == np.float32
        assert audio.samples.flags.c_contiguous
        assert type(audio.rate_hz) is int
        np.testing.assert_array_equal(audio.samples, np.array([expected] * audio.channels).T)
    np.testing.assert_array_equal(samples, before)


def test_audio_is_nobody_elses() -> None:
    given = sound().astype(np.float32)
    audio = read_audio((given, RATE_HZ))
    given[:] = 0
    assert audio.peak > 0.4
    with pytest.raises(ValueError, match="read-only"):
        audio.samples[0] = 1


def test_mono_mixes_nothing() -> None:
    audio = read_audio((sound(channels=2), RATE_HZ))
    with pytest.raises(AudioError, match=r"must have one channel; got 2; pass downmix\(audio\)"):
        _ = audio.mono
    one = read_audio((sound(), RATE_HZ))
    np.testing.assert_array_equal(one.mono, one.samples[:, 0])


def test_what_is_made_by_hand_is_checked() -> None:
    with pytest.raises(AudioError, match=r"got \(4,\) float32 at 8000; pass audio_from_samples"):
        Audio(np.zeros(4, np.float32), 8000)
    unheard = Audio(np.full((4, 1), np.nan, np.float32), 8000, "net")
    with pytest.raises(AudioError, match="net: samples must be finite"):
        read_audio(unheard)


def test_limits_hold(tmp_path: Path) -> None:
    data = encode(sound(channels=2))
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    for source in (data, path, read_audio(data), (sound(channels=2), RATE_HZ)):
        for limits, says in (
            (AudioLimits(max_samples=7999), "at most 7,999 samples; got 4,000 x 2 = 8,000"),
            (AudioLimits(max_channels=1), "at most 1 channels; got 2"),
            (AudioLimits(min_rate_hz=16_001), "16,001 to 384,000 Hz; got 16,000"),
            (AudioLimits(max_rate_hz=15_999), "1,000 to 15,999 Hz; got 16,000"),
        ):
            with pytest.raises(AudioError, match=says):
                read_audio(source, limits=limits)
        just = AudioLimits(8000, len(data), 2, RATE_HZ, RATE_HZ)
        assert read_audio(source, limits=just).frames == 4000
    for encoded in (data, path):
        with pytest.raises(AudioError, match=f"at most 100 bytes; got {len(data):,}"):
            read_audio(encoded, limits=AudioLimits(max_bytes=100))


@pytest.mark.parametrize("name", ["max_samples", "max_bytes", "max_channels", "min_rate_hz"])
def test_limits_are_checked(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1; got 0"):
        AudioLimits(**{name: 0})
    with pytest.raises(ValueError, match="max_rate_hz must be at least min_rate_hz"):
        AudioLimits(min_rate_hz=9000, max_rate_hz=8000)


def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.wav"
    path.write_bytes(encode(sound()))
    tmp_path.chmod(0o700)
    path.chmod(0)
    user = os.geteuid()
    if user == 0:  # who may read everything
        os.seteuid(65534)
    try:
        with pytest.raises(AudioError, match=r"secret\.wav: cannot be read: Permission denied"):
            read_audio(path)
    finally:
        os.seteuid(user)


def test_a_file_that_grows_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(bytes(64)))
    unwatched_open = os.open

    def open_and_append(name: str, flags: int) -> int:
        with path.open("ab") as file:
            file.write(b"more")
        return unwatched_open(name, flags)

    monkeypatch.setattr(os, "open", open_and_append)
    with pytest.raises(AudioError, match="must not change while it is read"):
        read_audio(path)


def test_a_folder_is_listed_without_what_is_hidden(tmp_path: Path) -> None:
    names = ("b.WAV", "a.flac", "deep/c.mp3", ".hidden.wav", ".hid/d.wav", "notes.txt", "deep/e")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    listed = [tmp_path / name for name in ("a.flac", "b.WAV", "deep/c.mp3")]
    assert list_audio(tmp_path) == listed
    assert list_audio(str(tmp_path), recursive=False) == listed[:2]
    with pytest.raises(AudioError, match=r"a\.flac: is a file; pass a folder"):
        list_audio(tmp_path / "a.flac")
    with pytest.raises(MissingAudioError, match="no such file; did you mean deep"):
        list_audio(tmp_path / "deeep")
